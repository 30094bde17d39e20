/** Shows how an export's format stores rows: what a reader of the export gets back. */
import type { HuntColumn } from "../../contracts/compiled-hunt.ts";
import { createEncoder } from "../../rows/formats.ts";
import { readCsvSlice } from "../../rows/slice.ts";
import type { HuntFormat } from "../ports.ts";

/** Splits whole NDJSON lines into rows. */
export const splitLines = (lines: Uint8Array): string[] =>
  Buffer.from(lines).toString("utf8").split("\n").slice(0, -1);

/**
 * Returns the rows, in order, as JSON objects with these columns in the way that the format stores
 * them. NDJSON stores every member as it is.
 */
export async function toStoredRows(
  format: HuntFormat,
  columns: readonly HuntColumn[],
  lines: Uint8Array,
): Promise<readonly string[]> {
  if (format === "ndjson") return splitLines(lines);
  if (columns.length === 0) return splitLines(lines).map(() => "{}");
  const chunks: Uint8Array[] = [];
  const encoder = await createEncoder(format, columns, async (bytes) => void chunks.push(bytes));
  await encoder.write(lines);
  await encoder.finish();
  return readBack(format, chunks);
}

async function readBack(
  format: "csv" | "parquet",
  chunks: readonly Uint8Array[],
): Promise<readonly string[]> {
  const allRows = { skip: 0, top: Number.MAX_SAFE_INTEGER };
  const file = Buffer.concat(chunks);
  if (format === "csv") return readCsvSlice(toAsyncIterable(file), allRows);
  const { readParquetSlice } = await import("../../rows/parquet-slice.ts");
  const slice = (from: number, to?: number): ArrayBuffer =>
    new Uint8Array(file.subarray(from, to)).buffer;
  return readParquetSlice({ byteLength: file.byteLength, slice }, allRows);
}

async function* toAsyncIterable(file: Uint8Array): AsyncIterable<Uint8Array> {
  yield file;
}
