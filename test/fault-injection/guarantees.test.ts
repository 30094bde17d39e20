import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { expect, test } from "vitest";

const explained = [
  ...readFileSync(new URL("guarantees.md", import.meta.url), "utf8").matchAll(
    /^- \*\*([PXF]\d+)\*\*/gm,
  ),
].map(([, number = ""]) => number);

/** Numbers that tests use; `F1 permit acquired` and the like are failpoints. */
const usedNumbers = new Set(
  execFileSync("git", ["grep", "-ohE", "\\b[PXF][0-9]{1,2}\\b( [a-z])?", "--", "test/*.ts"], {
    encoding: "utf8",
  })
    .split("\n")
    .filter((match) => match !== "" && !/^F[1-9]\b/.test(match))
    .map((match) => match.split(" ")[0] ?? ""),
);

test("guarantees.md explains each number that a test uses", () => {
  expect([...usedNumbers].filter((number) => !explained.includes(number)).toSorted()).toEqual([]);
});

test("guarantees.md lists only numbers that a test uses, each once", () => {
  expect(explained.filter((number) => !usedNumbers.has(number))).toEqual([]);
  expect(explained).toHaveLength(new Set(explained).size);
});
