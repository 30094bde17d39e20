/** Makes one line of one row, whatever order, spacing and encoding it came in. */
import {
  appendBytes,
  appendByte,
  closeBrace,
  comma,
  colon,
  decodeUtf8,
  lineFeed,
  openBrace,
  startsWith,
  type ByteBuffer,
} from "./bytes.ts";
import { isAnnotation, writeNull, writeValue } from "./canonical.ts";
import type { RowShape } from "./column.ts";
import { MalformedRows } from "./malformed-rows.ts";
import { forEachMember, incomplete } from "./scan.ts";

/** Rewrites rows of one answer; keeps its scratch space between rows. */
export interface RowRewriter {
  /**
   * Appends the line of the row that begins at `from`, ended by LF: columns in the schema's order, absent ones null,
   * members that no column names behind them.
   *
   * @returns index after the row, or `incomplete` with `out` as it was
   */
  readonly rewriteRow: (out: ByteBuffer, bytes: Uint8Array, from: number, to: number) => number;
}

/** A rewriter for answers of one shape. */
export function createRowRewriter(shape: RowShape): RowRewriter {
  const starts = new Int32Array(shape.columns.length);
  const ends = new Int32Array(shape.columns.length);
  const unknownMembers: number[] = [];

  const createMemberVisitor = (bytes: Uint8Array) => {
    let expected = 0;
    return (key: number, keyEnd: number, value: number, end: number): void => {
      const columnIndex = findColumnIndex(shape, bytes, key, keyEnd, expected);
      if (columnIndex >= 0) {
        starts[columnIndex] = value;
        ends[columnIndex] = end;
        expected = columnIndex + 1;
      } else if (columnIndex === unknownColumn) unknownMembers.push(key, keyEnd, value, end);
    };
  };

  return {
    rewriteRow: (out, bytes, from, to) => {
      if (bytes[from] !== openBrace) throw new MalformedRows("a row that is no object");
      starts.fill(-1);
      unknownMembers.length = 0;
      const end = forEachMember(bytes, from, to, createMemberVisitor(bytes));
      if (end === incomplete) return incomplete;
      writeColumns(out, shape, bytes, { starts, ends });
      writeUnknownMembers(out, shape, bytes, unknownMembers);
      appendByte(out, closeBrace);
      appendByte(out, lineFeed);
      return end;
    },
  };
}

/** The answers of `placeOf` for a key that names no column, and for one that is no data. */
export const unknownColumn = -1;
const ignoredMember = -2;

/** Which column the key with quotes `[key, keyEnd)` names: mostly the one expected next. Annotations are dropped. */
export function findColumnIndex(
  shape: RowShape,
  bytes: Uint8Array,
  key: number,
  keyEnd: number,
  expected: number,
): number {
  const next = shape.columns[expected];
  if (next && keyEnd - key === next.key.length && startsWith(bytes, key, keyEnd, next.key))
    return expected;
  if (shape.hasAnnotations && isAnnotation(bytes, key, keyEnd)) return ignoredMember;
  return (
    shape.columnIndexes.get(String(JSON.parse(decodeUtf8(bytes, key, keyEnd)))) ?? unknownColumn
  );
}

function writeColumns(
  out: ByteBuffer,
  shape: RowShape,
  bytes: Uint8Array,
  { starts, ends }: { starts: Int32Array; ends: Int32Array },
): void {
  if (shape.columns.length === 0) appendByte(out, openBrace);
  for (let columnIndex = 0; columnIndex < shape.columns.length; columnIndex += 1) {
    const column = shape.columns[columnIndex];
    const start = starts[columnIndex] ?? -1;
    if (!column) continue;
    appendBytes(out, column.lead);
    if (start < 0) writeNull(out);
    else
      writeValue(out, column.type, bytes, start, ends[columnIndex] ?? start, shape.hasAnnotations);
  }
}

/** Members without a column: four numbers each. Kept, because dropping what a service sends would lose data. */
function writeUnknownMembers(
  out: ByteBuffer,
  shape: RowShape,
  bytes: Uint8Array,
  unknownMembers: readonly number[],
): void {
  let members = shape.columns.length;
  for (let at = 0; at < unknownMembers.length; at += 4) {
    const [key = 0, keyEnd = 0, value = 0, end = 0] = unknownMembers.slice(at, at + 4);
    if (members++ > 0) appendByte(out, comma);
    writeValue(out, "string", bytes, key, keyEnd, false);
    appendByte(out, colon);
    writeValue(out, "string", bytes, value, end, shape.hasAnnotations);
  }
}
