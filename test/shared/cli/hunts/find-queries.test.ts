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

describe("finding queries", () => {
  test("finds the KQL fences of Markdown and what their section says", () => {
    const description = "Finds what is rare. It is rare.";
    expect(findQueries("x/rare.md", markdown)).toEqual([
      {
        query: "A | take 1",
        line: 8,
        title: "Rare things: First",
        description,
        tactics: [],
        techniques: [],
        severity: undefined,
      },
      {
        query: "```\nB | take 1",
        line: 12,
        title: "Rare things: Second",
        description,
        tactics: ["Execution"],
        techniques: ["T1059.001"],
        severity: undefined,
      },
    ]);
  });

  test.each(["PowerShell", "json", "bash", "spl", "yaml", "python"])(
    "passes over a fence that is labelled %s",
    (label) => {
      const text = `\`\`\`${label}\nGet-Process\n\`\`\`\n\`\`\`kusto\nA | take 1\n\`\`\`\n`;
      expect(findQueries("a.md", text).map(({ query }) => query)).toEqual(["A | take 1"]);
    },
  );

  test("ends a fence whose mark follows the last line of code", () => {
    const [query] = findQueries("a.md", "```\nA\n| take 1```\n\nSome prose.");
    expect(query?.query).toBe("A\n| take 1");
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
        severity: undefined,
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

describe("metadata of a Markdown text", () => {
  const readOne = (...lines: readonly string[]) =>
    findQueries("a.md", [...lines, "```kql", "A | take 1", "```"].join("\n"))[0];

  test.each([
    ["a row", ["| Tactic | Credential Access |"]],
    ["a line", ["**Tactics**: Credential Access"]],
    ["a word", ["Tactic: credential-access"]],
    ["a column", ["| ID | Tactic |", "|---|---|", "| T1003 | Credential Access |"]],
    ["a ticked row", ["| Credential access | x | |"]],
  ])("finds a tactic in %s", (_, lines) => {
    expect(readOne("# Title", ...lines)?.tactics).toEqual(["Credential Access"]);
  });

  test("prefers the paragraph under a heading Description", () => {
    const lines = ["# Title", "", "An intro text.", "", "## Description", "", "What it finds."];
    expect(readOne(...lines)?.description).toBe("What it finds.");
  });

  test("passes over rules, badges, an author's line and N/A", () => {
    const lines = [
      "----",
      "",
      "![badge](x.svg)",
      "",
      "**Author:** A B",
      "",
      "N/A",
      "",
      "Finds it all.",
    ];
    expect(readOne("# Title", "", ...lines, "")?.description).toBe("Finds it all.");
  });

  test("takes emphasis and links out of the title", () => {
    expect(readOne("# *Detect* [device](https://a.example) `token`", "")?.title).toBe(
      "Detect device token",
    );
  });

  test("gives each query the techniques of its own section", () => {
    const text = [
      "# All",
      "## One",
      "T1003.003",
      "```",
      "A",
      "```",
      "## Two",
      "T1552.006",
      "```",
      "B",
      "```",
    ].join("\n");
    expect(findQueries("a.md", text).map(({ techniques }) => techniques)).toEqual([
      ["T1003.003"],
      ["T1552.006"],
    ]);
  });

  test("gives every query the techniques of a section without a query", () => {
    const text = [
      "# All",
      "## MITRE",
      "T1003",
      "## One",
      "```",
      "A",
      "```",
      "## Two",
      "```",
      "B",
      "```",
    ];
    expect(findQueries("a.md", text.join("\n")).map(({ techniques }) => techniques)).toEqual([
      ["T1003"],
      ["T1003"],
    ]);
  });

  test("reads YAML front matter", () => {
    const lines = [
      "---",
      "description: From the front",
      "tactics: [Impact]",
      "severity: High",
      "---",
    ];
    expect(readOne(...lines, "# Title", "", "Some prose here.")).toMatchObject({
      description: "From the front",
      tactics: ["Impact"],
      severity: "high",
      line: 10,
    });
  });
});

describe("splitting a text", () => {
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
