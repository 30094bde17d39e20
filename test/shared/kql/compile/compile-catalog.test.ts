import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { compileHunt } from "../../../../shared/kql/compile/compile-hunt.ts";
import { compileCatalog, maxEnabledHunts } from "../../../../shared/kql/compile/compile-catalog.ts";
import { parseQuery } from "../../../../shared/kql/language/parser.ts";
import { dayMs, hourMs, minuteMs } from "../../../../shared/runtime/time.ts";

/** A text that contains this one. */
const textContaining = (text: string): string => expect.stringContaining(text) as string;

/** A text that matches. */
const textMatching = (pattern: RegExp): string => expect.stringMatching(pattern) as string;

/** An object that has these values, whatever else. */
const objectIncluding = (values: object): object => expect.objectContaining(values) as object;

beforeAll(() => void parseQuery("print 1"), 120_000);

const validHunt = {
  name: "A hunt",
  description: "Finds things.",
  query: "DeviceEvents | where FileName == 'a' | project Timestamp, SHA1, FileSize",
};
const compileChanged = (change: object): ReturnType<typeof compileHunt> =>
  compileHunt("a-hunt.yaml", "a-hunt", JSON.stringify({ ...validHunt, ...change }));

describe("compileHunt fills in defaults", () => {
  test("compiles a row-wise query to windows with the default intervals", () => {
    expect(compileChanged({}).hunt).toMatchObject({
      name: "a-hunt",
      title: "A hunt",
      mode: "window",
      modeReason: "every operator works row by row: Filter, Project",
      intervalMs: hourMs,
      lookBackMs: dayMs,
      lagMs: 15 * minuteMs,
      settleMs: 4 * hourMs,
      format: "ndjson",
      enrich: undefined,
      enabled: true,
      tables: ["DeviceEvents"],
      timeColumn: "Timestamp",
      tactics: [],
      severity: undefined,
    });
  });

  test("compiles a summary to a daily snapshot", () => {
    expect(
      compileChanged({ query: "DeviceEvents\n| summarize count() by FileName" }).hunt,
    ).toMatchObject({
      mode: "snapshot",
      modeReason: "it summarizes (line 2)",
      intervalMs: dayMs,
      lookBackMs: 30 * dayMs,
      settleMs: 3 * dayMs,
      timeColumn: undefined,
    });
  });

  test.each([
    [
      "takes the schedule from queryFrequency",
      { queryFrequency: "15m" },
      { intervalMs: 15 * minuteMs },
    ],
    [
      "keeps schedule and computes its interval",
      { schedule: "0 0 */6 * * *" },
      { schedule: "0 0 */6 * * *", intervalMs: 6 * hourMs },
    ],
    [
      "accepts a setting as the schedule",
      { schedule: "%HUNT_SCHEDULE%", queryFrequency: "PT2H" },
      { schedule: "%HUNT_SCHEDULE%", intervalMs: 2 * hourMs },
    ],
    ["takes the look-back from queryPeriod", { queryPeriod: "P14D" }, { lookBackMs: 14 * dayMs }],
    [
      "prefers lookBack to queryPeriod",
      { queryPeriod: "14d", lookBack: "PT3H" },
      { lookBackMs: 3 * hourMs },
    ],
    [
      "takes the look-back from the longest ago",
      { query: "DeviceEvents | where Timestamp > ago(7d)" },
      { lookBackMs: 7 * dayMs, widestMs: 7 * dayMs - 1 },
    ],
    [
      "limits the look-back to what the service keeps",
      { query: "DeviceEvents | where Timestamp > ago(90d)" },
      { lookBackMs: 30 * dayMs },
    ],
    [
      "sets settle to three intervals if these are longer",
      { queryFrequency: "6h" },
      { settleMs: 18 * hourMs },
    ],
    [
      "accepts mode snapshot",
      { mode: "snapshot" },
      { mode: "snapshot", modeReason: "the file says so", timeColumn: undefined },
    ],
    [
      "accepts mode window in spite of the clock",
      { query: "DeviceEvents | extend Age = now() - Timestamp", mode: "window" },
      { mode: "window" },
    ],
    [
      "ignores unknown keys",
      { id: "x", kind: "Scheduled", tags: ["a"], entityMappings: [{}] },
      { mode: "window" },
    ],
    [
      "reads one word as a list of one",
      { tactics: "Impact", relevantTechniques: null },
      { tactics: ["Impact"], techniques: [] },
    ],
    ["accepts enrich with a text column", { enrich: "SHA1" }, { enrich: "SHA1" }],
  ])("compileHunt: %s", (_, change, expected) => {
    const outcome = compileChanged(change);
    expect(outcome.problems).toEqual([]);
    expect(outcome.hunt).toMatchObject(expected);
  });
});

test("compileHunt reports the obstacle that the file cannot overrule first", () => {
  const query = "DeviceEvents\n| where Timestamp < ago(1h)\n| summarize count()";
  expect(compileChanged({ query }).hunt?.modeReason).toBe("it summarizes (line 3), and 1 more");
});

describe("a snapshot", () => {
  const query = "DeviceEvents | summarize count() by FileName";
  test("reads a span only when its file has a lookBack", () => {
    const listSlots = (change: object): readonly string[] =>
      (compileChanged({ query, ...change }).hunt?.query.prelude ?? []).flatMap((piece) =>
        typeof piece === "string" ? [] : [piece.slot],
      );
    expect(listSlots({ queryPeriod: "1d" })).toEqual([]);
    expect(listSlots({ lookBack: "1d" })).toEqual(["from", "to"]);
  });
});

describe("the query hash, which starts a log version,", () => {
  const hashOf = (change: object): string | undefined => compileChanged(change).hunt?.queryHash;
  test.each([
    ["query", { query: "DeviceEvents | project SHA1" }],
    ["mode", { mode: "snapshot" }],
    ["format", { format: "csv" }],
    ["enrich", { enrich: "SHA1" }],
  ])("changes with the %s", (_, change) => {
    expect(hashOf(change)).not.toBe(hashOf({}));
  });

  test("does not change with anything else", () => {
    expect(
      hashOf({ name: "B", schedule: "0 1 * * * *", lag: "1h", query: `${validHunt.query}\r\n` }),
    ).toBe(hashOf({}));
  });
});

describe("compileHunt", () => {
  test.each([
    ["a duration", "lag", "5 bananas", "must be a duration such as PT1H or 1h"],
    ["a mode", "mode", "stream", "must be auto, window or snapshot"],
    ["a format", "format", "xml", "must be ndjson, csv or parquet"],
    ["enabled", "enabled", "yes please", "must be true or false"],
    ["a schedule", "schedule", "0 99 * * * *", '"99" is not a minute'],
    [
      "an enrich column that is missing",
      "enrich",
      "Sha1",
      "must be a text column of the result (SHA1), not Sha1",
    ],
    [
      "an enrich column that holds no text",
      "enrich",
      "FileSize",
      "must be a text column of the result (SHA1), not FileSize",
    ],
    ["a look-back longer than the service keeps", "lookBack", "40d", "must be at most P30D"],
  ])("refuses %s", (_, key, value, words) => {
    const yaml = `name: A hunt\nquery: ${validHunt.query}\n${key}: ${value}\n`;
    expect(compileHunt("a.yaml", "a-hunt", yaml).problems).toEqual([
      { file: "a.yaml", line: 3, column: key.length + 3, message: textContaining(words) },
    ]);
  });

  test.each([
    [
      "windows that would change the result",
      "mode: window\nquery: DeviceEvents | count",
      1,
      "it counts (line 1)",
    ],
    [
      "a look-back that cannot be applied",
      "query: union Device* | count\nlookBack: 1d",
      2,
      "wildcard Device*",
    ],
    ["no query", "name: A hunt", 1, "/query: must be the KQL text"],
    ["broken YAML", "name: 'A\nquery: |\n  x", 1, ""],
    ["a list", "- a\n- b", 1, "must be a YAML mapping"],
    ["an empty file", "", 1, "must be a YAML mapping"],
  ])("refuses %s", (_, yaml, line, words) => {
    const { hunt, problems } = compileHunt("a.yaml", "a-hunt", yaml);
    expect(hunt).toBeUndefined();
    expect(problems.length).toBeGreaterThan(0);
    expect(problems[0]?.message).toContain(words);
    if (words !== "") expect(problems[0]?.line).toBe(line);
  });
});

describe("compileHunt reports an error in the KQL at its position in the file", () => {
  test.each([
    ["in a block", "name: A\nquery: |\n  DeviceEvents\n  | where Nmae == 1\nversion: 1", 4, 11],
    [
      "in a block indented by four, after an empty line",
      "query: |\n\n    DeviceEvents\n    | where Nmae == 1\n",
      4,
      13,
    ],
    ["in a block with a hint", "query: |2-\n   DeviceEvents\n   | where Nmae == 1\n", 3, 12],
    [
      "in a block with CRLF",
      "name: A\r\nquery: |\r\n  DeviceEvents\r\n  | where Nmae == 1\r\n",
      4,
      11,
    ],
    ["on the key's line", "query: DeviceEvents | where Nmae == 1\n", 1, 29],
    ["in quotes", "query: 'DeviceEvents | where Nmae == 1'\n", 1, 30],
    ["in a folded text: at its beginning", "query: >\n  DeviceEvents\n  | where Nmae == 1\n", 1, 8],
  ])("finds the position %s", (_, yaml, line, column) => {
    const { problems } = compileHunt("a.yaml", "a", yaml);
    expect(problems).toEqual([{ file: "a.yaml", line, column, message: textContaining("'Nmae'") }]);
  });
});

describe("compileCatalog", () => {
  const folders: string[] = [];
  afterAll(() => {
    for (const folder of folders) rmSync(folder, { recursive: true });
  });
  const compileFiles = (
    files: Readonly<Record<string, string>>,
    maxEnabled?: number,
  ): ReturnType<typeof compileCatalog> => {
    const folder = mkdtempSync(join(tmpdir(), "huntline-catalog-"));
    folders.push(folder);
    for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text);
    return compileCatalog(folder, maxEnabled);
  };
  const query = "query: DeviceEvents";

  test("compiles every YAML file by name and ignores other files", () => {
    const result = compileFiles({
      "b-hunt.yml": query,
      "a-hunt.yaml": `${query}\nenabled: false`,
      "readme.md": "# no",
    });
    expect("catalog" in result && result.catalog).toMatchObject({
      version: 1,
      hunts: [{ name: "a-hunt" }, { name: "b-hunt" }],
    });
  });

  test("returns a catalog that JSON can represent", () => {
    const result = compileFiles({ "a-hunt.yaml": query });
    if ("problems" in result) throw new Error("problems");
    expect(JSON.parse(JSON.stringify(result.catalog))).toEqual(
      JSON.parse(JSON.stringify(result.catalog)),
    );
    expect(JSON.stringify(result.catalog)).toContain('{"slot":"from"}');
  });

  test("names both files when two give one name", () => {
    const result = compileFiles({ "Same Hunt.yaml": query, "same-hunt.yaml": query });
    expect("problems" in result && result.problems[0]).toMatchObject({
      file: textContaining("same-hunt.yaml"),
      message: textMatching(/gives the hunt name same-hunt, which .*Same Hunt\.yaml gives already/),
    });
  });

  test("names the file whose name is too short for a hunt", () => {
    const result = compileFiles({ "a.yaml": query });
    expect("problems" in result && result.problems[0]?.message).toContain(
      "at least three letters or digits",
    );
  });

  test("refuses more enabled hunts than the maximum", () => {
    const files = {
      "a-hunt.yaml": query,
      "b-hunt.yaml": query,
      "spare.yaml": `${query}\nenabled: false`,
    };
    expect(maxEnabledHunts).toBe(100);
    expect(compileFiles(files, 2)).toHaveProperty("catalog");
    const result = compileFiles(files, 1);
    expect("problems" in result && result.problems).toEqual([
      objectIncluding({
        file: textContaining("b-hunt.yaml"),
        message: textContaining("2 hunts are enabled; must be at most 1"),
      }),
    ]);
  });
});

test("refuses a column that readers would take from the path of the export", () => {
  const query = "DeviceEvents | project Timestamp, hl_tenant = DeviceName";
  expect(compileChanged({ query }).problems).toEqual([
    objectIncluding({
      message: textMatching(/^\/query: the column hl_tenant must have another name/),
    }),
  ]);
});
