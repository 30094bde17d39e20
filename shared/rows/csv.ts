/**
 * Writes CSV that is safe in a spreadsheet (RFC 4180: comma, double quotes, CRLF; a header row).
 *
 * Every text is quoted; numbers, `true` and `false` are not; null is an empty cell and empty text
 * is `""`. Text that a spreadsheet could take for a formula gets an apostrophe in front of each
 * `=`, `+`, `-`, `@`, tab, CR or LF that begins the text or follows a semicolon, tab, vertical bar,
 * CR or LF: where one of these is the separator, a spreadsheet splits a text in spite of its
 * quotes. An apostrophe in these places gets another one in front, so that removing one apostrophe
 * from each of them gives the value back. Dynamic values are JSON text.
 */
import {
  appendBytes,
  appendByte,
  backslash,
  comma,
  decodeUtf8,
  encodeUtf8,
  createByteBuffer,
  bytesOf,
  quote,
  startsWith,
  type ByteBuffer,
} from "./bytes.ts";
import { createRowShape, type Column, type ColumnType, type RowShape } from "./column.ts";
import type { Encoder, ByteSink } from "./encoder.ts";
import { createGzipEncoder } from "./gzip.ts";
import { forEachLine, decodeString, type ValueOffsets } from "./line-values.ts";

const lineEnd = encodeUtf8("\r\n");
const nullWord = 0x6e; // the n of null
const apostrophe = 0x27;
/** Bytes of = + - @ and the apostrophe; tab, CR and LF are escaped in a line. */
const formulaStarts = new Set(encodeUtf8("=+-@'"));
const numericTypes: ReadonlySet<ColumnType> = new Set(["long", "int", "real", "decimal"]);
/** As negative numbers, it has no apostrophe in front in a column of numbers: readers know it. */
const minusInfinity = encodeUtf8('"-Infinity"');
const [semicolon, bar] = [0x3b, 0x7c];
const guardedPlace = /(?=[=+\-@\t\r\n'])(?<=^|[;\t|\r\n])/g;
const guard = /'(?<=(?:^|[;\t|\r\n])')/g;

/** Writes gzip-compressed CSV with these columns; other members of a row are left out. */
export function createCsvEncoder(columns: readonly Column[], put: ByteSink): Encoder {
  const shape = createRowShape(columns, false);
  const gzip = createGzipEncoder(put);
  let isHeaderWritten = false;

  const writeHeader = async (): Promise<void> => {
    if (isHeaderWritten) return;
    isHeaderWritten = true;
    await gzip.write(encodeUtf8(`${shape.names.map(quoteCell).join(",")}\r\n`));
  };
  return {
    write: async (lines) => {
      await writeHeader();
      await gzip.write(linesToCsv(shape, lines));
    },
    finish: async () => {
      await writeHeader();
      return gzip.finish();
    },
  };
}

function linesToCsv(shape: RowShape, lines: Uint8Array): Uint8Array {
  const out = createByteBuffer(lines.length);
  const isNumeric = shape.columns.map(({ type }) => numericTypes.has(type));
  forEachLine(shape, lines, (offsets) => writeRecord(out, lines, offsets, isNumeric));
  return bytesOf(out);
}

function writeRecord(
  out: ByteBuffer,
  lines: Uint8Array,
  { ends, starts }: ValueOffsets,
  isNumeric: readonly boolean[],
): void {
  for (let columnIndex = 0; columnIndex < starts.length; columnIndex += 1) {
    if (columnIndex > 0) appendByte(out, comma);
    const from = starts[columnIndex] ?? -1;
    const to = ends[columnIndex] ?? from;
    if (from < 0) continue;
    if (isNumeric[columnIndex] && startsWith(lines, from, to, minusInfinity))
      appendBytes(out, minusInfinity);
    else writeCell(out, lines, from, to);
  }
  appendBytes(out, lineEnd);
}

function writeCell(out: ByteBuffer, lines: Uint8Array, from: number, to: number): void {
  const first = lines[from];
  if (first === nullWord) return;
  if (first !== quote) {
    const isNested = first === 0x7b || first === 0x5b;
    if (isNested) appendBytes(out, encodeUtf8(quoteCell(decodeUtf8(lines, from, to))));
    else appendBytes(out, lines, from, to);
  } else if (needsDecoding(lines, from, to))
    appendBytes(out, encodeUtf8(quoteCell(decodeString(lines, from, to))));
  else writePlainText(out, lines, from, to);
}

/** Text without escapes and separators holds no quote: its bytes are the cell. */
function writePlainText(out: ByteBuffer, lines: Uint8Array, from: number, to: number): void {
  appendByte(out, quote);
  if (formulaStarts.has(lines[from + 1] ?? 0)) appendByte(out, apostrophe);
  appendBytes(out, lines, from + 1, to);
}

function needsDecoding(lines: Uint8Array, from: number, to: number): boolean {
  for (let at = from; at < to; at += 1) {
    const byte = lines[at];
    if (byte === backslash || byte === semicolon || byte === bar) return true;
  }
  return false;
}

const quoteCell = (text: string): string =>
  `"${text.replaceAll(guardedPlace, "'").replaceAll('"', '""')}"`;

/** Returns the value of a cell of `createCsvEncoder` as JSON text. */
export function cellToJson(cell: string, isQuoted: boolean): string {
  if (!isQuoted) return cell === "" ? "null" : cell;
  return JSON.stringify(cell.replaceAll(guard, ""));
}

/** One record: its cells, and whether each was quoted. */
export interface CsvRecord {
  readonly cells: readonly string[];
  readonly isQuoted: readonly boolean[];
}

/**
 * Reads CSV in pieces: each call returns the records that end in its text. The last must end with a
 * line break.
 */
export function createCsvReader(): (text: string) => CsvRecord[] {
  let cells: string[] = [];
  let quotedFlags: boolean[] = [];
  let cell = "";
  let state: "start" | "bare" | "quoted" | "after-quote" = "start";

  const endCell = (): void => {
    cells.push(cell);
    quotedFlags.push(state === "after-quote");
    cell = "";
    state = "start";
  };
  return (text) => {
    const records: CsvRecord[] = [];
    for (const char of text) {
      if (state === "quoted") {
        if (char === '"') state = "after-quote";
        else cell += char;
      } else if (char === '"') {
        if (state === "after-quote") cell += '"';
        state = "quoted";
      } else if (char === ",") endCell();
      else if (char === "\n") {
        endCell();
        records.push({ cells, isQuoted: quotedFlags });
        cells = [];
        quotedFlags = [];
      } else if (char !== "\r") {
        cell += char;
        state = "bare";
      }
    }
    return records;
  };
}
