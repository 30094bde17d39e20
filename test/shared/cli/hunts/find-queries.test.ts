import { describe, expect, test } from "vitest";
import { splitBlocks } from "../../../../shared/cli/hunts/split-blocks.ts";
import { findQueries } from "../../../../shared/cli/hunts/find-queries.ts";

const markdown = [
  "# Rare things",
  "",
  "Finds what is rare.",
  "It is rare.",
  "",
  "## First",
  "```Kusto",
  "A | take 1",
  "```",
  "## Second",
  "~~~~C",
  "```",
  "B | take 1",
  "~~~~",
  "| Execution | v | |",
  "| Impact |  | |",
  "See T1059.001.",
].join("\r\n");

describe("queriesIn", () => {
  test("finds every fence of Markdown, whatever its label, and what is said about it", () => {
    const metadata = {
      description: "Finds what is rare. It is rare.",
      tactics: ["Execution"],
      techniques: ["T1059.001"],
    };
    expect(findQueries("x/rare.md", markdown)).toEqual([
      { query: "A | take 1", line: 8, title: "Rare things: First", ...metadata },
      { query: "```\nB | take 1", line: 12, title: "Rare things: Second", ...metadata },
    ]);
  });

  test("reads a fence within a list, and one that is never closed", () => {
    const queries = findQueries("a.md", "- see\n  ```\n  A\n  | take 1\n  ```\n```\nB");
    expect(queries.map(({ query }) => query)).toEqual(["A\n| take 1", "B"]);
  });

  test("takes a text as one query, its first comments as the description", () => {
    expect(
      findQueries("x/Rare things.kql", "\uFEFF// Finds things.\n// ----\nA // T1003\n| take 1\n"),
    ).toEqual([
      {
        query: "// Finds things.\n// ----\nA // T1003\n| take 1",
        line: 1,
        title: "Rare things",
        description: "Finds things.",
        tactics: [],
        techniques: ["T1003"],
      },
    ]);
  });

  test.each([
    ["empty.txt", " \n"],
    ["prose.md", "# No query here"],
    ["empty-fence.md", "```\n\n```"],
  ])("%s has none", (file, text) => {
    expect(findQueries(file, text)).toEqual([]);
  });
});

describe("blocksOf", () => {
  test.each([
    ["two queries", "A\n| take 1\n\nB", ["A\n| take 1", "B"]],
    [
      "comments and lets go with what follows",
      "// one\n\nlet x = 1;\n\nA\n\nB",
      ["// one\n\nlet x = 1;\n\nA", "B"],
    ],
    ["a pipe after a blank line goes on", "A\n\n| take 1\n\nB", ["A\n\n| take 1", "B"]],
    ["comments at the end are no query", "A\n\n// the end\n", ["A"]],
    ["nothing", "\n\n", []],
  ])("%s", (_, text, queries) => {
    expect(splitBlocks(text).map(({ query }) => query)).toEqual(queries);
  });

  test("tells the line each begins at", () => {
    expect(splitBlocks("\nA\n\n\nB").map(({ line }) => line)).toEqual([1, 4]);
  });
});
