/** Reads a slice of rows back out of a compressed export, in bounded memory. */
import { Readable } from "node:stream";
import { createGunzip } from "node:zlib";
import { csvReader, jsonOfCell, type CsvRecord } from "./csv.ts";

/** Which rows: `top` of them after `skip`. */
export interface Slice {
  readonly skip: number;
  readonly top: number;
}

/** Rows of gzip-compressed NDJSON as JSON texts. The stream is left as soon as the slice is complete. */
export async function ndjsonSlice(
  file: AsyncIterable<Uint8Array>,
  slice: Slice,
): Promise<string[]> {
  return taken(ndjsonLines(unzipped(file)), slice);
}

/** Rows of gzip-compressed CSV, as `csvEncoder` wrote it, as JSON objects. Dynamic values stay text. */
export async function csvSlice(file: AsyncIterable<Uint8Array>, slice: Slice): Promise<string[]> {
  return taken(csvRows(unzipped(file)), slice);
}

async function taken(rows: AsyncIterable<() => string>, { skip, top }: Slice): Promise<string[]> {
  const found: string[] = [];
  let seen = 0;
  if (top <= 0) return found;
  for await (const row of rows) {
    seen += 1;
    if (seen > skip) found.push(row());
    if (found.length === top) break;
  }
  return found;
}

/** The unzipped text, in pieces that never split a character; errors of the source come out here. */
async function* unzipped(file: AsyncIterable<Uint8Array>): AsyncIterable<string> {
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

async function* ndjsonLines(pieces: AsyncIterable<string>): AsyncIterable<() => string> {
  let rest = "";
  for await (const piece of pieces) {
    const lines = (rest + piece).split("\n");
    rest = lines.pop() ?? "";
    for (const line of lines) yield () => line;
  }
}

async function* csvRows(pieces: AsyncIterable<string>): AsyncIterable<() => string> {
  const read = csvReader();
  let names: readonly string[] | undefined;
  for await (const piece of pieces) {
    for (const record of read(piece)) {
      const known = names;
      if (known) yield () => objectOf(known, record);
      else names = record.cells.map((cell, at) => jsonOfCell(cell, record.quoted[at] === true));
    }
  }
}

const objectOf = (names: readonly string[], { cells, quoted }: CsvRecord): string =>
  `{${names.map((name, at) => `${name}:${jsonOfCell(cells[at] ?? "", quoted[at] === true)}`).join(",")}}`;
