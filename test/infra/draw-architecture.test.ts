import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { expect, test } from "vitest";
import { drawArchitecture } from "./draw-architecture.ts";

test("the architecture picture equals its text", async () => {
  const picture = drawArchitecture(readFileSync("infra/architecture.txt", "utf8"));
  await expect(picture).toMatchFileSnapshot(resolve("infra/architecture.svg"));
});

test.each([
  ["an unknown line", "bax a 0 0 A", "neither box nor arrow: bax a 0 0 A"],
  ["an arrow to nowhere", "box a 0 0 A\narrow a b word", "no box b above: arrow a b word"],
])("%s is named", (_, text, problem) => {
  expect(() => drawArchitecture(text)).toThrow(problem);
});
