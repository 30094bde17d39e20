import { expect, test } from "vitest";
import {
  allSources,
  functionNames,
  hasVerb,
  retiredNames,
  testTitles,
  unknownNames,
} from "./rules.ts";
import type { Located } from "./sources.ts";

const sources = allSources();
const show = (places: readonly Located[]): string[] =>
  places.map(({ file, line, text }) => `${file}:${line} ${text}`);

test("identifiers have no retired word", () => {
  expect(show(sources.flatMap(retiredNames))).toEqual([]);
});

test("names in backticks in comments exist in the code", () => {
  expect(show(unknownNames(sources))).toEqual([]);
});

test("at most 12 % of the functions have a name of one word", () => {
  const { all, oneWord } = functionNames(sources);
  expect(oneWord.length / all.length).toBeLessThanOrEqual(0.12);
});

test("at most 5 % of the test titles are without a verb", () => {
  const titles = testTitles(sources);
  const verbless = titles.filter(({ text }) => !hasVerb(text));
  expect(verbless.length / titles.length).toBeLessThanOrEqual(0.05);
});
