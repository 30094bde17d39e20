/** Returns the value that a format gives back for the value of a line. */
import { decodeUtf8, encodeUtf8 } from "./bytes.ts";
import type { ColumnType } from "./column.ts";
import { formatNanos, readParquetValue, storedValueToJson, Substitute } from "./parquet-values.ts";
import type { ExportFormat } from "./formats.ts";

/**
 * Returns the JSON text that reading an export of this format gives for a value written as `text`.
 * Two rows are equal in an export exactly when these texts of all their columns are.
 *
 * @param text - the JSON text of the value in a line
 */
export function toStoredText(format: ExportFormat, type: ColumnType, text: string): string {
  if (format === "ndjson" || text === "null") return text;
  if (format === "csv") return /^[[{]/.test(text) ? JSON.stringify(text) : text;
  const line = encodeUtf8(text);
  const read = readParquetValue(type, line, 0, line.length);
  const value = read instanceof Substitute ? read.value : read;
  if (value instanceof Uint8Array) return decodeUtf8(value);
  const isTime = type === "datetime" && typeof value === "bigint";
  return storedValueToJson(type, isTime ? formatNanos(value) : value);
}
