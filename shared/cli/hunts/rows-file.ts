/** Reads rows of a file for tests of hunts: JSON, NDJSON, CSV, Parquet, and Huntline's exports. */
import { existsSync, readFileSync } from "node:fs";
import { extname } from "node:path";
import * as zlib from "node:zlib";
import { parquetMetadataAsync, parquetReadObjects, type AsyncBuffer } from "hyparquet";
import type { NamedValues } from "../../kql/evaluate/context.ts";
import { parseJson } from "../../kql/evaluate/values.ts";
import { TestCaseError } from "../../kql/testing/test-rows.ts";
import { createCsvReader, cellToJson } from "../../rows/csv.ts";
import { columnsKey } from "../../rows/parquet.ts";
import { readParquetSlice } from "../../rows/parquet-slice.ts";

const readers: Readonly<
  Record<string, (bytes: Buffer) => readonly NamedValues[] | Promise<readonly NamedValues[]>>
> = {
  ".json": (bytes) => toRows(parseJson(decodeText(bytes))),
  ".ndjson": (bytes) => parseLines(splitLines(decodeText(bytes))),
  ".jsonl": (bytes) => parseLines(splitLines(decodeText(bytes))),
  ".csv": (bytes) => parseCsv(decodeText(bytes)),
  ".parquet": readParquet,
};

/**
 * Reads the rows of a file by its extension; `.gz` may follow it. Whole numbers stay exact.
 *
 * @param label - the file's path as the user wrote it, for errors
 * @throws TestCaseError
 */
export async function readRowsFile(file: string, label: string): Promise<readonly NamedValues[]> {
  if (!existsSync(file)) throw new TestCaseError(`/rows: there is no file ${label}`);
  const isGzip = file.endsWith(".gz");
  const read = readers[extname(isGzip ? file.slice(0, -".gz".length) : file)];
  if (read === undefined)
    throw new TestCaseError(
      `/rows: ${label} must be a .json, .ndjson, .csv or .parquet file, or one with .gz`,
    );
  try {
    const bytes = readFileSync(file);
    return await read(isGzip ? zlib.gunzipSync(bytes) : bytes);
  } catch (error) {
    if (error instanceof TestCaseError) throw error;
    const reason = error instanceof Error ? error.message : String(error);
    throw new TestCaseError(`/rows: ${label} cannot be read: ${reason}`);
  }
}

const decodeText = (bytes: Buffer): string => bytes.toString("utf8").replace(/^\uFEFF/, "");

const splitLines = (text: string): readonly string[] =>
  text.split(/\r?\n/).filter((line) => line.trim() !== "");

const isRow = (value: unknown): value is NamedValues =>
  value !== null && typeof value === "object" && !Array.isArray(value);

/** Takes a list of objects, or the answer of a hunting API with its rows in `results`. */
function toRows(value: unknown): readonly NamedValues[] {
  const answer = isRow(value) ? (value["results"] ?? value["Results"]) : value;
  if (!Array.isArray(answer)) throw new TestCaseError("/rows: must be a list of objects");
  return (answer as readonly unknown[]).map((row, index) => {
    if (!isRow(row)) throw new TestCaseError(`/rows/${index}: must be an object`);
    return row;
  });
}

const parseLines = (lines: readonly string[]): readonly NamedValues[] =>
  toRows(lines.map(parseJson));

/** Reads CSV with a header; an empty cell without quotes is a missing value. */
function parseCsv(text: string): readonly NamedValues[] {
  const [header, ...records] = createCsvReader()(text.endsWith("\n") ? text : `${text}\n`);
  const names = header?.cells ?? [];
  return records.map(({ cells, isQuoted }) =>
    Object.fromEntries(
      names.flatMap((name, index) => {
        const cell = cells[index] ?? "";
        const isQuotedCell = isQuoted[index] === true;
        if (cell === "" && !isQuotedCell) return [];
        return [[name, isQuotedCell ? parseJson(cellToJson(cell, true)) : cell] as const];
      }),
    ),
  );
}

async function readParquet(bytes: Buffer): Promise<readonly NamedValues[]> {
  const file: AsyncBuffer = {
    byteLength: bytes.length,
    slice: (start, end = bytes.length) => new Uint8Array(bytes.subarray(start, end)).buffer,
  };
  const metadata = await parquetMetadataAsync(file);
  const isOwn = metadata.key_value_metadata?.some(({ key }) => key === columnsKey) ?? false;
  if (isOwn) {
    const top = Number(metadata.num_rows);
    return parseLines(await readParquetSlice(file, { skip: 0, top }));
  }
  const rows = await parquetReadObjects({
    file,
    metadata,
    compressors: {
      GZIP: (input) => zlib.gunzipSync(input),
      ZSTD: (input) => zlib.zstdDecompressSync(input),
    },
  });
  return rows.map((row) =>
    Object.fromEntries(Object.entries(row).map(([name, value]) => [name, toPlainValue(value)])),
  );
}

/** Converts a value of a Parquet file of another writer to JSON. */
function toPlainValue(value: unknown): unknown {
  if (value instanceof Date) return value.toISOString();
  if (value instanceof Uint8Array) return Buffer.from(value).toString("utf8");
  if (Array.isArray(value)) return value.map(toPlainValue);
  if (!isRow(value)) return value ?? null;
  return Object.fromEntries(Object.entries(value).map(([key, one]) => [key, toPlainValue(one)]));
}
