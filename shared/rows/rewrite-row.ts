/** Makes one line of one row, whatever order, spacing and encoding it came in. */
import {
  append,
  appendByte,
  closeBrace,
  comma,
  colon,
  decode,
  lineFeed,
  openBrace,
  startsWith,
  type Gathered,
} from "./bytes.ts";
import { isAnnotation, writeNull, writeValue } from "./canonical.ts";
import type { Shape } from "./column.ts";
import { MalformedRows } from "./malformed.ts";
import { eachMember, incomplete } from "./scan.ts";

/** Rewrites rows of one answer; keeps its scratch space between rows. */
export interface RowRewriter {
  /**
   * Appends the line of the row that begins at `from`, ended by LF: columns in the schema's order, absent ones null,
   * members that no column names behind them.
   *
   * @returns index after the row, or `incomplete` with `out` as it was
   */
  readonly rewrite: (out: Gathered, bytes: Uint8Array, from: number, to: number) => number;
}

/** A rewriter for answers of one shape. */
export function rowRewriter(shape: Shape): RowRewriter {
  const starts = new Int32Array(shape.columns.length);
  const ends = new Int32Array(shape.columns.length);
  const strangers: number[] = [];

  const note = (bytes: Uint8Array) => {
    let expected = 0;
    return (key: number, keyEnd: number, value: number, end: number): void => {
      const place = placeOf(shape, bytes, key, keyEnd, expected);
      if (place >= 0) {
        starts[place] = value;
        ends[place] = end;
        expected = place + 1;
      } else if (place === unnamed) strangers.push(key, keyEnd, value, end);
    };
  };

  return {
    rewrite: (out, bytes, from, to) => {
      if (bytes[from] !== openBrace) throw new MalformedRows("a row that is no object");
      starts.fill(-1);
      strangers.length = 0;
      const end = eachMember(bytes, from, to, note(bytes));
      if (end === incomplete) return incomplete;
      writeColumns(out, shape, bytes, { starts, ends });
      writeStrangers(out, shape, bytes, strangers);
      appendByte(out, closeBrace);
      appendByte(out, lineFeed);
      return end;
    },
  };
}

/** The answers of `placeOf` for a key that names no column, and for one that is no data. */
export const unnamed = -1;
const dropped = -2;

/** Which column the key with quotes `[key, keyEnd)` names: mostly the one expected next. Annotations are dropped. */
export function placeOf(
  shape: Shape,
  bytes: Uint8Array,
  key: number,
  keyEnd: number,
  expected: number,
): number {
  const next = shape.columns[expected];
  if (next && keyEnd - key === next.key.length && startsWith(bytes, key, keyEnd, next.key))
    return expected;
  if (shape.annotated && isAnnotation(bytes, key, keyEnd)) return dropped;
  return shape.placeOf.get(String(JSON.parse(decode(bytes, key, keyEnd)))) ?? unnamed;
}

function writeColumns(
  out: Gathered,
  shape: Shape,
  bytes: Uint8Array,
  { starts, ends }: { starts: Int32Array; ends: Int32Array },
): void {
  if (shape.columns.length === 0) appendByte(out, openBrace);
  for (let place = 0; place < shape.columns.length; place += 1) {
    const column = shape.columns[place];
    const start = starts[place] ?? -1;
    if (!column) continue;
    append(out, column.lead);
    if (start < 0) writeNull(out);
    else writeValue(out, column.type, bytes, start, ends[place] ?? start, shape.annotated);
  }
}

/** Members without a column: four numbers each. Kept, because dropping what a service sends would lose data. */
function writeStrangers(
  out: Gathered,
  shape: Shape,
  bytes: Uint8Array,
  strangers: readonly number[],
): void {
  let members = shape.columns.length;
  for (let at = 0; at < strangers.length; at += 4) {
    const [key = 0, keyEnd = 0, value = 0, end = 0] = strangers.slice(at, at + 4);
    if (members++ > 0) appendByte(out, comma);
    writeValue(out, "string", bytes, key, keyEnd, false);
    appendByte(out, colon);
    writeValue(out, "string", bytes, value, end, shape.annotated);
  }
}
