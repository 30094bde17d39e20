/** Reads a slice of rows from a compressed export, in bounded memory. */
import { Readable } from "node:stream";
import { createGunzip } from "node:zlib";
import { createCsvReader, cellToJson, type CsvRecord } from "./csv.ts";

/** The rows to read: `top` of them after `skip`. */
export interface RowSlice {
  readonly skip: number;
  readonly top: number;
}

/** Reads rows of gzip-compressed NDJSON as JSON texts. Stops as soon as the slice is complete. */
export async function readNdjsonSlice(
  file: AsyncIterable<Uint8Array>,
  slice: RowSlice,
): Promise<string[]> {
  return takeSlice(readNdjsonLines(unzipText(file)), slice);
}

/** Reads rows of the CSV of `createCsvEncoder` as JSON objects. Dynamic values stay text. */
export async function readCsvSlice(
  file: AsyncIterable<Uint8Array>,
  slice: RowSlice,
): Promise<string[]> {
  return takeSlice(readCsvRows(unzipText(file)), slice);
}

async function takeSlice(
  rows: AsyncIterable<() => string>,
  { skip, top }: RowSlice,
): Promise<string[]> {
  const slice: string[] = [];
  let rowCount = 0;
  if (top <= 0) return slice;
  for await (const row of rows) {
    rowCount += 1;
    if (rowCount > skip) slice.push(row());
    if (slice.length === top) break;
  }
  return slice;
}

/** Unzips text, in pieces that never split a character; throws the errors of the source. */
async function* unzipText(file: AsyncIterable<Uint8Array>): AsyncIterable<string> {
  const source = Readable.from(file);
  const unzip = createGunzip();
  source.once("error", (error) => unzip.destroy(error));
  source.pipe(unzip).setEncoding("utf8");
  try {
    // A readable with an encoding gives strings.
    for await (const piece of unzip as AsyncIterable<string>) yield piece;
  } finally {
    source.destroy();
    unzip.destroy();
  }
}

async function* readNdjsonLines(pieces: AsyncIterable<string>): AsyncIterable<() => string> {
  let rest = "";
  for await (const piece of pieces) {
    const lines = (rest + piece).split("\n");
    rest = lines.pop() ?? "";
    for (const line of lines) yield () => line;
  }
}

async function* readCsvRows(pieces: AsyncIterable<string>): AsyncIterable<() => string> {
  const readRecords = createCsvReader();
  let names: readonly string[] | undefined;
  for await (const piece of pieces) {
    for (const record of readRecords(piece)) {
      const columnNames = names;
      if (columnNames) yield () => toJsonObject(columnNames, record);
      else names = record.cells.map((cell, at) => cellToJson(cell, record.isQuoted[at] === true));
    }
  }
}

const toJsonObject = (names: readonly string[], { cells, isQuoted }: CsvRecord): string =>
  `{${names.map((name, at) => `${name}:${cellToJson(cells[at] ?? "", isQuoted[at] === true)}`).join(",")}}`;
