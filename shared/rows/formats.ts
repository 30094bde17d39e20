/** The export formats by name. */
import type { Column } from "./column.ts";
import { csvEncoder } from "./csv.ts";
import type { Encoder, Put } from "./encoder.ts";
import { gzipEncoder } from "./gzip.ts";

/** NDJSON and CSV are gzip-compressed, one member. */
export type Format = "ndjson" | "csv" | "parquet";

/** A writer of one file. NDJSON takes lines as they are; the others write these columns. */
export async function openEncoder(
  format: Format,
  columns: readonly Column[],
  put: Put,
): Promise<Encoder> {
  if (format === "ndjson") return gzipEncoder(put);
  if (format === "csv") return csvEncoder(columns, put);
  const { parquetEncoder } = await import("./parquet.ts");
  return parquetEncoder(columns, put);
}
