/** Tables that a tenant declares beside the published ones, and windows over their time columns. */
import fc from "fast-check";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { checkCatalog } from "../../../../shared/kql/compile/compile-catalog.ts";
import { compileHunt } from "../../../../shared/kql/compile/compile-hunt.ts";
import {
  parseDeclarations,
  readDeclaredTables,
} from "../../../../shared/kql/compile/declared-tables.ts";
import { parseQuery } from "../../../../shared/kql/language/parser.ts";
import { runHuntTest } from "../../../../shared/kql/testing/run-hunt-test.ts";

beforeAll(() => void parseQuery("print 1"), 120_000);

const ownTables = `
product: The product
tables:
  Signal_CL:
    columns: { TimeGenerated: datetime, Name: string, Size: long }
  Visit_CL:
    timeColumn: SeenAt
    columns: { SeenAt: datetime, TimeGenerated: datetime, Name: string, Size: long }
  Note_CL:
    columns: { Name: string }
  DeviceEvents:
    columns: { NewColumn: string }
functions:
  SavedList:
    parameters: "(alias: string)"
    columns: { Name: string }
`;

let folder = "";
let catalog = "";
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "declared-"));
  catalog = join(folder, "catalog");
  mkdirSync(catalog);
  mkdirSync(join(folder, "tables"));
  writeFileSync(join(folder, "tables", "own.yaml"), ownTables);
});
afterEach(() => rmSync(folder, { recursive: true }));

const compileQuery = (query: string, keys: Record<string, unknown> = {}) =>
  compileHunt(
    "a.yaml",
    "a-hunt",
    JSON.stringify({ query, lookBack: "6h", ...keys }),
    readDeclaredTables(catalog).schema,
  );

describe("a hunt over declared tables", () => {
  test.each([
    ["Signal_CL | where TimeGenerated > ago(1d)", "window", "TimeGenerated"],
    ["Visit_CL | where SeenAt > ago(1d)", "window", "SeenAt"],
    ["Visit_CL | project At = SeenAt, Name", "window", "At"],
    ["Visit_CL | where TimeGenerated > ago(1d)", "snapshot", undefined],
    ["Note_CL | where Name == 'a'", "snapshot", undefined],
    ["DeviceEvents | where NewColumn == 'a'", "window", "Timestamp"],
    ["Signal_CL | join kind=inner (SavedList('x')) on Name", "snapshot", undefined],
    ["union Signal_CL, DeviceEvents", "window", undefined],
  ])("compiles %s as a %s with the time column %s", (query, mode, timeColumn) => {
    const { hunt, problems } = compileQuery(query, { lookBack: undefined });
    expect(problems).toEqual([]);
    expect(hunt).toMatchObject({ mode, timeColumn });
  });

  test("restricts each table by its own time column", () => {
    const { hunt } = compileQuery("union Signal_CL, Visit_CL, DeviceEvents");
    const text = JSON.stringify(hunt?.query.prelude);
    for (const [table, time] of [
      ["Signal_CL", "TimeGenerated"],
      ["Visit_CL", "SeenAt"],
      ["DeviceEvents", "Timestamp"],
    ])
      expect(text).toContain(`let ${table} = ${table} | where ${time} >= `);
  });

  test("names the nearest column of a declared table", () => {
    const { problems } = compileQuery("Signal_CL | where Nmae == 'a'");
    expect(problems[0]?.message).toContain('Did you mean "Name"?');
  });

  test("returns the same rows in windows as in one call, for each time column", () => {
    const names = fc.constantFrom("a", "b", "c");
    const rowTimes = fc.integer({ min: 0, max: 6 * 3_600_000 - 1 });
    const rows = fc.array(fc.record({ at: rowTimes, Name: names, Size: fc.nat(9) }), {
      minLength: 1,
      maxLength: 5,
    });
    const tables = [
      ["Signal_CL", "TimeGenerated"],
      ["Visit_CL", "SeenAt"],
      ["DeviceEvents", "Timestamp"],
    ] as const;
    const { schema } = readDeclaredTables(catalog);
    const hunts = [
      ...tables.map(([table, time]) => `${table} | where ${time} > ago(7h) and Name != 'c'`),
      "union Signal_CL, Visit_CL | where Size > 2",
    ].map(
      (query) =>
        compileQuery(
          query.replace(
            "DeviceEvents | where",
            "DeviceEvents | extend Name = FileName, Size = FileSize | where",
          ),
        ).hunt,
    );
    fc.assert(
      fc.property(rows, rows, rows, (first, second, third) => {
        const caseRows = Object.fromEntries(
          [first, second, third].map((drawn, index) => {
            const [table, time] = tables[index] ?? ["", ""];
            return [
              table,
              drawn.map(({ at, Name, Size }) => ({
                [time]: new Date(Date.UTC(2026, 0, 5, 6) + at).toISOString(),
                ...(table === "DeviceEvents" ? { FileName: Name, FileSize: Size } : { Name, Size }),
              })),
            ];
          }),
        );
        const counts = [
          first.filter(({ Name }) => Name !== "c").length,
          second.filter(({ Name }) => Name !== "c").length,
          third.filter(({ Name }) => Name !== "c").length,
          [...first, ...second].filter(({ Size }) => Size > 2).length,
        ];
        for (const [index, hunt] of hunts.entries()) {
          if (hunt?.mode !== "window") throw new Error("must be a window hunt");
          const expected = { count: counts[index] ?? -1 };
          const huntTest = { name: "x", now: "2026-01-05T12:00:00Z", rows: caseRows };
          expect(
            runHuntTest(hunt, { ...huntTest, expect: expected }, () => [], schema),
            hunt.source,
          ).toMatchObject({ kind: "passed", rows: expected.count });
        }
      }),
      { numRuns: 8, seed: 19 },
    );
  }, 60_000);
});

describe("a file of table declarations", () => {
  test.each([
    ["a table without columns", "tables: { A_CL: {} }", "/tables/A_CL/columns: must be"],
    [
      "an unknown type",
      "tables: { A_CL: { columns: { a: text } } }",
      "/tables/A_CL/columns/a: must be one of string",
    ],
    ["an unknown key", "table: {}", "/table: "],
    [
      "a time column that is no datetime",
      "tables: { A_CL: { timeColumn: a, columns: { a: string } } }",
      "/tables/A_CL/timeColumn: must be the name of a datetime column",
    ],
    ["a list", "tables: []", "/tables: must be a mapping of table names to tables"],
    ["broken YAML", "tables: {", ""],
  ])("is refused with a pointer for %s", (_, text, message) => {
    const { declarations, problems } = parseDeclarations("t.yaml", Buffer.from(text));
    expect(declarations).toBeUndefined();
    expect(problems[0]).toMatchObject({ file: "t.yaml", line: 1 });
    expect(problems[0]?.message).toContain(message);
  });

  test("fails the check of the catalog beside it when it is invalid", () => {
    writeFileSync(join(folder, "tables", "own.yaml"), "tables: 3");
    writeFileSync(join(catalog, "one-hunt.yaml"), "query: DeviceEvents | count");
    const checked = checkCatalog(catalog);
    expect(checked.flatMap(({ problems }) => problems)).toHaveLength(1);
    expect(checked[0]?.problems[0]?.message).toContain("/tables: must be");
  });

  test("is used by the catalog beside it instead of the shipped declarations", () => {
    writeFileSync(join(catalog, "one-hunt.yaml"), "query: Signal_CL | count");
    writeFileSync(join(catalog, "two-hunt.yaml"), "query: SigninLogs | count");
    const problems = checkCatalog(catalog).map((file) => file.problems.length);
    expect(problems).toEqual([0, 1]);
  });
});

test("the shipped declarations are valid, and each table has a time column", () => {
  const { schema, problems } = readDeclaredTables("shared/hunts/catalog");
  expect(problems).toEqual([]);
  expect(schema.products).toMatchObject({ SigninLogs: "Microsoft Sentinel" });
  const timeless = Object.keys(schema.products ?? {}).filter(
    (table) => schema.tables[table]?.["TimeGenerated"] !== "datetime",
  );
  expect(timeless).toEqual([]);
});
