/** Columns as this folder knows them: the KQL scalar types, and the bytes with which each column begins in a line. */
import { encodeUtf8 } from "./bytes.ts";

/** KQL scalar types. */
export type ColumnType =
  | "string"
  | "long"
  | "int"
  | "real"
  | "bool"
  | "datetime"
  | "timespan"
  | "guid"
  | "decimal"
  | "dynamic";

/** A column of rows. */
export interface Column {
  readonly name: string;
  readonly type: ColumnType;
}

/** A column with the bytes that are compared and written for every row. */
export interface ShapedColumn {
  readonly type: ColumnType;
  /** The key with its quotes. */
  readonly key: Uint8Array;
  /** What stands before the value in a line: `{"A":` for the first column, `,"B":` for the others. */
  readonly lead: Uint8Array;
  /** The same bytes, four to a number, without the last ones that make no four. */
  readonly leadWords: Int32Array;
}

/** All columns of an answer, ready for comparing bytes. */
export interface RowShape {
  readonly columns: readonly ShapedColumn[];
  readonly columnIndexes: ReadonlyMap<string, number>;
  /** True when the service adds `@odata.` annotations that are no data. */
  readonly hasAnnotations: boolean;
}

/**
 * Prepares columns for comparing. A name that comes twice counts once.
 *
 * @param hasAnnotations - true for Graph, whose values carry `@odata.type` annotations
 */
export function createRowShape(columns: readonly Column[], hasAnnotations: boolean): RowShape {
  const columnIndexes = new Map<string, number>();
  const distinctColumns = columns.filter(
    ({ name }) => !columnIndexes.has(name) && columnIndexes.set(name, columnIndexes.size),
  );
  const shapedColumns = distinctColumns.map(({ name, type }, index) => {
    const key = JSON.stringify(name);
    const lead = encodeUtf8(`${index === 0 ? "{" : ","}${key}:`);
    return { type, key: encodeUtf8(key), lead, leadWords: toInt32Words(lead) };
  });
  return { columns: shapedColumns, columnIndexes, hasAnnotations };
}

function toInt32Words(bytes: Uint8Array): Int32Array {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  return Int32Array.from({ length: bytes.length >> 2 }, (_, index) =>
    view.getInt32(index * 4, true),
  );
}
