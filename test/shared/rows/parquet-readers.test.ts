import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DuckDBInstance } from "@duckdb/node-api";
import { tableFromIPC } from "apache-arrow";
import { readParquet } from "parquet-wasm";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { encodeUtf8 } from "../../../shared/rows/bytes.ts";
import type { Column } from "../../../shared/rows/column.ts";
import { createParquetEncoder } from "../../../shared/rows/parquet.ts";

/** DuckDB, and arrow-rs (parquet-wasm) with apache-arrow, read the files that Huntline writes. */
const folder = mkdtempSync(join(tmpdir(), "parquet-"));
let database: DuckDBInstance;

beforeAll(async () => {
  database = await DuckDBInstance.create(":memory:");
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

let files = 0;
async function writeParquet(columns: readonly Column[], lines: readonly string[]): Promise<string> {
  const pieces: Buffer[] = [];
  const encoder = createParquetEncoder(
    columns,
    async (bytes) => void pieces.push(Buffer.from(bytes)),
  );
  if (lines.length > 0) await encoder.write(encodeUtf8(`${lines.join("\n")}\n`));
  await encoder.finish();
  const path = join(folder, `${(files += 1)}.parquet`);
  writeFileSync(path, Buffer.concat(pieces));
  return path;
}

async function queryDuckDb(sql: string): Promise<unknown[]> {
  const connection = await database.connect();
  const reader = await connection.runAndReadAll(sql);
  return reader.getRowObjectsJson();
}

async function readWithArrow(path: string) {
  const { readFileSync } = await import("node:fs");
  return tableFromIPC(readParquet(new Uint8Array(readFileSync(path))).intoIPCStream());
}

const columns: readonly Column[] = [
  { name: "Timestamp", type: "datetime" },
  { name: "ReportId", type: "long" },
  { name: "Port", type: "int" },
  { name: "Score", type: "real" },
  { name: "Price", type: "decimal" },
  { name: "IsX", type: "bool" },
  { name: "Text", type: "string" },
  { name: "Bag", type: "dynamic" },
];
const row =
  '{"Timestamp":"2026-01-05T06:38:35.7664356Z","ReportId":9007199254740993,"Port":443,"Score":0.5,' +
  '"Price":12345678901234567890.12,"IsX":true,"Text":"Größe","Bag":{"a":9007199254740993}}';
const emptyRow = `{${columns.map(({ name }) => `"${name}":null`).join(",")}}`;

describe("DuckDB", () => {
  test("reads every type as documented, dynamic as JSON", async () => {
    const path = await writeParquet(columns, [row, emptyRow]);
    const types = await queryDuckDb(`DESCRIBE SELECT * FROM read_parquet('${path}')`);
    expect(
      (types as { column_name: string; column_type: string }[]).map((column) => [
        column.column_name,
        column.column_type,
      ]),
    ).toEqual([
      ["Timestamp", "TIMESTAMP WITH TIME ZONE"],
      ["ReportId", "BIGINT"],
      ["Port", "INTEGER"],
      ["Score", "DOUBLE"],
      ["Price", "VARCHAR"],
      ["IsX", "BOOLEAN"],
      ["Text", "VARCHAR"],
      ["Bag", "JSON"],
    ]);
    expect(
      await queryDuckDb(`SELECT ReportId, "Text", Bag->>'a' AS a FROM read_parquet('${path}')`),
    ).toEqual([
      { ReportId: "9007199254740993", Text: "Größe", a: "9007199254740993" },
      { ReportId: null, Text: null, a: null },
    ]);
  });

  test.each<[string, readonly Column[], readonly string[], string]>([
    ["no rows", columns, [], "0"],
    ["no columns and no rows", [], [], "0"],
    ["no columns and two rows", [], ["{}", "{}"], "2"],
  ])("counts a file with %s", async (_, fileColumns, lines, rows) => {
    const path = await writeParquet(fileColumns, lines);
    expect(await queryDuckDb(`SELECT count(*) AS rows FROM read_parquet('${path}')`)).toEqual([
      { rows },
    ]);
  });

  test("reads files with and without rows in one glob", async () => {
    await writeParquet([{ name: "n", type: "long" }], []);
    const path = await writeParquet([{ name: "n", type: "long" }], ['{"n":1}']);
    const previous = join(folder, `${files - 1}.parquet`);
    expect(
      await queryDuckDb(`SELECT sum(n) AS sum FROM read_parquet(['${previous}', '${path}'])`),
    ).toEqual([{ sum: "1" }]);
  });

  test("reads times at the end of the range", async () => {
    const path = await writeParquet(
      [{ name: "T", type: "datetime" }],
      ['{"T":"0001-01-01T00:00:00.0000000Z"}', '{"T":"9999-12-31T00:00:00.0000000Z"}'],
    );
    expect(await queryDuckDb(`SELECT year(T) AS y FROM read_parquet('${path}')`)).toEqual([
      { y: "1677" },
      { y: "2262" },
    ]);
  });
});

describe("arrow-rs with apache-arrow", () => {
  test("reads every type as documented, dynamic as text", async () => {
    const table = await readWithArrow(await writeParquet(columns, [row, emptyRow]));
    expect(table.schema.fields.map(({ name, type }) => `${name} ${String(type)}`)).toEqual([
      "Timestamp Timestamp<NANOSECOND, UTC>",
      "ReportId Int64",
      "Port Int32",
      "Score Float64",
      "Price Utf8",
      "IsX Bool",
      "Text Utf8",
      "Bag Utf8",
    ]);
    expect(table.getChild("Bag")?.get(0)).toBe('{"a":9007199254740993}');
    expect(table.getChild("ReportId")?.get(0)).toBe(9_007_199_254_740_993n);
    expect(table.numRows).toBe(2);
  });

  test.each<[string, readonly Column[], readonly string[], number]>([
    ["no rows", columns, [], 0],
    ["no columns and no rows", [], [], 0],
    ["no columns and two rows", [], ["{}", "{}"], 2],
  ])("counts a file with %s", async (_, fileColumns, lines, rows) => {
    const table = await readWithArrow(await writeParquet(fileColumns, lines));
    expect(table.numRows).toBe(rows);
  });
});
