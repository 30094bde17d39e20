/** Shows how an export's format stores rows: what a reader of the export gets back. */
import type { HuntColumn } from "../../contracts/compiled-hunt.ts";
import { createRowShape } from "../../rows/column.ts";
import { forEachLine } from "../../rows/line-values.ts";
import { toStoredText } from "../../rows/stored-value.ts";
import type { HuntFormat } from "../ports.ts";

/** Splits whole NDJSON lines into rows. */
export const splitLines = (lines: Uint8Array): string[] =>
  Buffer.from(lines).toString("utf8").split("\n").slice(0, -1);

/**
 * Returns the rows, in order, as JSON objects with these columns in the way that the format stores
 * them. NDJSON stores every member as it is.
 */
export function toStoredRows(
  format: HuntFormat,
  columns: readonly HuntColumn[],
  lines: Uint8Array,
): readonly string[] {
  if (format === "ndjson") return splitLines(lines);
  const shape = createRowShape(columns, false);
  const keys = shape.names.map((name) => JSON.stringify(name));
  const text = Buffer.from(lines.buffer, lines.byteOffset, lines.byteLength);
  const rows: string[] = [];
  forEachLine(shape, lines, ({ starts, ends }) => {
    const members = shape.columns.map(({ type }, index) => {
      const start = starts[index] ?? -1;
      const value = start < 0 ? "null" : text.toString("utf8", start, ends[index]);
      return `${keys[index]}:${toStoredText(format, type, value)}`;
    });
    rows.push(`{${members.join(",")}}`);
  });
  return rows;
}
