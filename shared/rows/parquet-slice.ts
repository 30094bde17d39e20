/**
 * Reads a slice of rows back out of a Parquet export. Loaded at first use; reads only the row
 * groups it needs.
 */
import * as zlib from "node:zlib";
import {
  parquetMetadataAsync,
  parquetReadObjects,
  type AsyncBuffer,
  type FileMetaData,
} from "hyparquet";
import { formatInstant } from "../runtime/time.ts";
import type { ColumnType } from "./column.ts";
import { columnsKey } from "./parquet.ts";
import type { RowSlice } from "./slice.ts";

/** A file of which any range can be read. */
export type RangedFile = AsyncBuffer;

/**
 * Rows of a file that `parquetEncoder` wrote, as JSON objects with exact number text.
 *
 * @throws Error when the file is not one of ours
 */
export async function readParquetSlice(
  file: RangedFile,
  { skip, top }: RowSlice,
): Promise<string[]> {
  const metadata = await parquetMetadataAsync(file);
  const columns = readColumns(metadata);
  const rowEnd = Math.min(skip + top, Number(metadata.num_rows));
  if (skip >= rowEnd) return [];
  const rows = await parquetReadObjects({
    file,
    metadata,
    rowStart: skip,
    rowEnd,
    compressors: { ZSTD: (input) => zlib.zstdDecompressSync(input) },
    parsers: { timestampFromNanoseconds: (nanos) => formatInstant(nanos / 100n) },
  });
  return rows.map(
    (row) =>
      `{${columns.map(([name, type]) => `${JSON.stringify(name)}:${valueToJson(type, row[name])}`).join(",")}}`,
  );
}

function readColumns(metadata: FileMetaData): readonly (readonly [string, ColumnType])[] {
  const storedColumns = metadata.key_value_metadata?.find(({ key }) => key === columnsKey)?.value;
  if (storedColumns === undefined) throw new Error("a Parquet file that Huntline did not write");
  return JSON.parse(storedColumns) as [string, ColumnType][]; // written by parquetEncoder
}

/** A value as it stood in the line: dynamic and decimal were kept as text. */
function valueToJson(type: ColumnType, value: unknown): string {
  if (value === null || value === undefined) return "null";
  if (typeof value === "bigint") return value.toString();
  if (typeof value === "number" && !Number.isFinite(value)) return `"${value}"`;
  if (
    typeof value === "string" &&
    (type === "dynamic" || (type === "decimal" && numberPattern.test(value)))
  )
    return value;
  return JSON.stringify(value);
}

const numberPattern = /^-?\d/;
