/** The values of a line, by column, without parsing what is not asked for. */
import { decodeUtf8, lineFeed } from "./bytes.ts";
import type { RowShape } from "./column.ts";
import { MalformedRows } from "./malformed-rows.ts";
import { findColumnIndex } from "./rewrite-row.ts";
import { forEachMember, incomplete } from "./scan.ts";

/** Where each column's value lies: `[starts[i], ends[i])`; a start below 0 means that the line has none. */
export interface ValueOffsets {
  readonly starts: Int32Array;
  readonly ends: Int32Array;
}

/**
 * Visits every line of a batch with the places of its values. The places are reused from line to line.
 *
 * @throws MalformedRows when a line is no object or lacks its LF
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
  let at = 0;
  while (at < lines.length) {
    offsets.starts.fill(-1);
    let expected = 0;
    const end = forEachMember(lines, at, lines.length, (key, keyEnd, value, valueEnd) => {
      const columnIndex = findColumnIndex(shape, lines, key, keyEnd, expected);
      if (columnIndex < 0) return;
      offsets.starts[columnIndex] = value;
      offsets.ends[columnIndex] = valueEnd;
      expected = columnIndex + 1;
    });
    if (end === incomplete || lines[end] !== lineFeed)
      throw new MalformedRows("a line that is no whole row");
    visit(offsets);
    at = end + 1;
  }
}

/** The text of the JSON string `[from, to)`, quotes included. */
export const decodeString = (bytes: Uint8Array, from: number, to: number): string =>
  String(JSON.parse(decodeUtf8(bytes, from, to)));
