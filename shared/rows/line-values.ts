/** The values of a line, by column, without parsing what is not asked for. */
import { decode, lineFeed } from "./bytes.ts";
import type { Shape } from "./column.ts";
import { MalformedRows } from "./malformed.ts";
import { placeOf } from "./rewrite-row.ts";
import { eachMember, incomplete } from "./scan.ts";

/** Where each column's value lies: `[starts[i], ends[i])`; a start below 0 means that the line has none. */
export interface ValuePlaces {
  readonly starts: Int32Array;
  readonly ends: Int32Array;
}

/**
 * Visits every line of a batch with the places of its values. The places are reused from line to line.
 *
 * @throws MalformedRows when a line is no object or lacks its LF
 */
export function eachLine(
  shape: Shape,
  lines: Uint8Array,
  visit: (places: ValuePlaces) => void,
): void {
  const places = {
    starts: new Int32Array(shape.columns.length),
    ends: new Int32Array(shape.columns.length),
  };
  let at = 0;
  while (at < lines.length) {
    places.starts.fill(-1);
    let expected = 0;
    const end = eachMember(lines, at, lines.length, (key, keyEnd, value, valueEnd) => {
      const place = placeOf(shape, lines, key, keyEnd, expected);
      if (place < 0) return;
      places.starts[place] = value;
      places.ends[place] = valueEnd;
      expected = place + 1;
    });
    if (end === incomplete || lines[end] !== lineFeed)
      throw new MalformedRows("a line that is no whole row");
    visit(places);
    at = end + 1;
  }
}

/** The text of the JSON string `[from, to)`, quotes included. */
export const textOf = (bytes: Uint8Array, from: number, to: number): string =>
  String(JSON.parse(decode(bytes, from, to)));
