import { expect, test } from "vitest";
import {
  allSources,
  documentLines,
  functionNames,
  hasVerb,
  quaintIn,
  retiredNames,
  retiredWords,
  testTitles,
  unknownNames,
} from "./rules.ts";
import type { Located } from "./sources.ts";

const sources = allSources();
const comments = sources.flatMap((source) => source.comments);
const show = (places: readonly Located[]): string[] =>
  places.map(({ file, line, text }) => `${file}:${line} ${text}`);

test("comments and documents have none of the phrases that the project does not use", () => {
  expect(show([...comments, ...documentLines()].flatMap(quaintIn))).toEqual([]);
});

test("identifiers and texts have no retired word", () => {
  const texts = [...sources.flatMap(({ strings }) => strings), ...comments, ...documentLines()];
  expect(show(sources.flatMap(retiredNames))).toEqual([]);
  expect(show(texts.flatMap(retiredWords))).toEqual([]);
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
