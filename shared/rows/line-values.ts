/** Finds the values of a line by column, without parsing the others. */
import { decodeUtf8, lineFeed } from "./bytes.ts";
import type { RowShape } from "./column.ts";
import { ColumnMatcher } from "./column-matcher.ts";
import { MalformedRows } from "./malformed-rows.ts";
import { forEachMember, incomplete } from "./scan.ts";

/**
 * The range `[starts[i], ends[i])` of each column's value; a start below 0 means that the line has
 * none.
 */
export interface ValueOffsets {
  readonly starts: Int32Array;
  readonly ends: Int32Array;
}

/**
 * Visits every line of a batch with the offsets of its values. The offsets are reused from line to
 * line.
 *
 * @throws MalformedRows when a line is not an object or lacks its LF
 */
export function forEachLine(
  shape: RowShape,
  lines: Uint8Array,
  visit: (offsets: ValueOffsets) => void,
): void {
  const offsets = {
    starts: new Int32Array(shape.columns.length),
    ends: new Int32Array(shape.columns.length),
  };
  const matcher = new ColumnMatcher(shape);
  let at = 0;
  while (at < lines.length) {
    offsets.starts.fill(-1);
    matcher.startRow();
    const end = forEachMember(lines, at, lines.length, (key, keyEnd, value, valueEnd) => {
      const columnIndex = matcher.findIndex(lines, key, keyEnd);
      if (columnIndex < 0) return;
      offsets.starts[columnIndex] = value;
      offsets.ends[columnIndex] = valueEnd;
    });
    if (end === incomplete || lines[end] !== lineFeed)
      throw new MalformedRows("a line that is not a whole row");
    visit(offsets);
    at = end + 1;
  }
}

/** Decodes the JSON string `[from, to)`, quotes included. */
export const decodeString = (bytes: Uint8Array, from: number, to: number): string =>
  String(JSON.parse(decodeUtf8(bytes, from, to)));
