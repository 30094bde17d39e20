/**
 * CSV that a spreadsheet may open (RFC 4180: comma, double quotes, CRLF; a header row).
 *
 * Every text is quoted; numbers, `true` and `false` are not; null is an empty cell and empty text is `""`. Text that a
 * spreadsheet could take for a formula, because it begins with `=`, `+`, `-`, `@`, tab, CR or LF, gets an apostrophe in
 * front; so does text that begins with an apostrophe. So one leading apostrophe is always ours, and dropping it gives
 * the value back. Dynamic values are JSON text.
 */
import {
  append,
  appendByte,
  backslash,
  comma,
  decode,
  encode,
  gather,
  gathered,
  quote,
  type Gathered,
} from "./bytes.ts";
import { shapeOf, type Column, type Shape } from "./column.ts";
import type { Encoder, Put } from "./encoder.ts";
import { gzipEncoder } from "./gzip.ts";
import { eachLine, textOf, type ValuePlaces } from "./line-values.ts";

const lineEnd = encode("\r\n");
const nullWord = 0x6e; // the n of null
const apostrophe = 0x27;
/** = + - @ tab CR LF, and the apostrophe itself. */
const risky = new Set(encode("=+-@\t\r\n'"));
const riskyText = /^[=+\-@\t\r\n']/;

/** Writes gzip-compressed CSV with these columns; members of a row that are none of them are left out. */
export function csvEncoder(columns: readonly Column[], put: Put): Encoder {
  const shape = shapeOf(columns, false);
  const gzip = gzipEncoder(put);
  let headed = false;

  const head = async (): Promise<void> => {
    if (headed) return;
    headed = true;
    await gzip.write(encode(`${[...shape.placeOf.keys()].map(quoted).join(",")}\r\n`));
  };
  return {
    write: async (lines) => {
      await head();
      await gzip.write(csvOf(shape, lines));
    },
    finish: async () => {
      await head();
      return gzip.finish();
    },
  };
}

function csvOf(shape: Shape, lines: Uint8Array): Uint8Array {
  const out = gather(lines.length);
  eachLine(shape, lines, (places) => writeRecord(out, lines, places));
  return gathered(out);
}

function writeRecord(out: Gathered, lines: Uint8Array, { ends, starts }: ValuePlaces): void {
  for (let place = 0; place < starts.length; place += 1) {
    if (place > 0) appendByte(out, comma);
    const from = starts[place] ?? -1;
    if (from >= 0) writeCell(out, lines, from, ends[place] ?? from);
  }
  append(out, lineEnd);
}

function writeCell(out: Gathered, lines: Uint8Array, from: number, to: number): void {
  const first = lines[from];
  if (first === nullWord) return;
  if (first !== quote) {
    const isNested = first === 0x7b || first === 0x5b;
    if (isNested) append(out, encode(quoted(decode(lines, from, to))));
    else append(out, lines, from, to);
  } else if (hasEscape(lines, from, to)) append(out, encode(quoted(textOf(lines, from, to))));
  else writePlainText(out, lines, from, to);
}

/** Text without escapes holds no quote either: its bytes are the cell. */
function writePlainText(out: Gathered, lines: Uint8Array, from: number, to: number): void {
  appendByte(out, quote);
  if (risky.has(lines[from + 1] ?? 0)) appendByte(out, apostrophe);
  append(out, lines, from + 1, to);
}

function hasEscape(lines: Uint8Array, from: number, to: number): boolean {
  for (let at = from; at < to; at += 1) if (lines[at] === backslash) return true;
  return false;
}

const quoted = (text: string): string =>
  `"${riskyText.test(text) ? "'" : ""}${text.replaceAll('"', '""')}"`;

/** The value of a cell that `csvEncoder` wrote, as JSON text. */
export function jsonOfCell(cell: string, isQuoted: boolean): string {
  if (!isQuoted) return cell === "" ? "null" : cell;
  return JSON.stringify(cell.startsWith("'") ? cell.slice(1) : cell);
}

/** One record: its cells, and which of them were quoted. */
export interface CsvRecord {
  readonly cells: readonly string[];
  readonly quoted: readonly boolean[];
}

/** Reads CSV in pieces. Each push gives the records that ended in it; the last record must end with a line break. */
export function csvReader(): (text: string) => CsvRecord[] {
  let cells: string[] = [];
  let marks: boolean[] = [];
  let cell = "";
  let state: "start" | "bare" | "quoted" | "after-quote" = "start";

  const endCell = (): void => {
    cells.push(cell);
    marks.push(state === "after-quote");
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
        records.push({ cells, quoted: marks });
        cells = [];
        marks = [];
      } else if (char !== "\r") {
        cell += char;
        state = "bare";
      }
    }
    return records;
  };
}
