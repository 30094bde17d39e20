/**
 * Reads a slice of rows from a Parquet export; reads only the row groups it needs. Loaded at first
 * use.
 */
import * as zlib from "node:zlib";
import {
  parquetMetadataAsync,
  parquetReadObjects,
  type AsyncBuffer,
  type FileMetaData,
} from "hyparquet";
import { decodeUtf8 } from "./bytes.ts";
import type { ColumnType } from "./column.ts";
import { columnsKey } from "./parquet.ts";
import { formatNanos, storedValueToJson } from "./parquet-values.ts";
import type { RowSlice } from "./slice.ts";

/** A file whose ranges can be read. */
export type RangedFile = AsyncBuffer;

/**
 * Reads rows of a file of `createParquetEncoder` as JSON objects with exact number text.
 *
 * @throws Error when Huntline did not write the file
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
    parsers: {
      timestampFromNanoseconds: formatNanos,
      // The exact text of dynamic values, numbers included.
      jsonFromBytes: (bytes) => decodeUtf8(bytes),
    },
  });
  const writeRow = (row: Record<string, unknown>): string => {
    const members = columns.map(
      ([name, type]) => `${JSON.stringify(name)}:${storedValueToJson(type, row[name])}`,
    );
    return `{${members.join(",")}}`;
  };
  return rows.map(writeRow);
}

function readColumns(metadata: FileMetaData): readonly (readonly [string, ColumnType])[] {
  const storedColumns = metadata.key_value_metadata?.find(({ key }) => key === columnsKey)?.value;
  if (storedColumns === undefined) throw new Error("Huntline did not write this Parquet file.");
  return JSON.parse(storedColumns) as [string, ColumnType][]; // written by createParquetEncoder
}
