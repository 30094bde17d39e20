/** The export formats by name. */
import type { Column } from "./column.ts";
import { createCsvEncoder } from "./csv.ts";
import type { Encoder, ByteSink } from "./encoder.ts";
import { createGzipEncoder } from "./gzip.ts";

/** NDJSON and CSV are compressed as one gzip member. */
export type ExportFormat = "ndjson" | "csv" | "parquet";

/**
 * Creates the writer of one file. NDJSON holds the lines as they are, the other formats these
 * columns.
 */
export async function createEncoder(
  format: ExportFormat,
  columns: readonly Column[],
  put: ByteSink,
): Promise<Encoder> {
  if (format === "ndjson") return createGzipEncoder(put);
  if (format === "csv") return createCsvEncoder(columns, put);
  const { createParquetEncoder: parquetEncoder } = await import("./parquet.ts");
  return parquetEncoder(columns, put);
}
