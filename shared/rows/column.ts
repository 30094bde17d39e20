/** Columns of rows: their KQL scalar types, and the bytes with which each begins in a line. */
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
  /** The bytes before the value in a line: `{"A":` for the first column, `,"B":` for the others. */
  readonly lead: Uint8Array;
  /** The same bytes, four to a number; a remainder of one to three is left out. */
  readonly leadWords: Int32Array;
}

/** All columns of an answer, ready for comparing bytes. */
export interface RowShape {
  readonly columns: readonly ShapedColumn[];
  /** The distinct names, in order. */
  readonly names: readonly string[];
  /** The index of the column with this name, else of the first one that differs only by case. */
  readonly indexOf: (name: string) => number | undefined;
  /** True when the service adds `@odata.` annotations, which are not data. */
  readonly hasAnnotations: boolean;
}

/**
 * Prepares columns for comparison. A name that comes twice counts once.
 *
 * @param hasAnnotations - true for Graph, whose values carry `@odata.type` annotations
 */
export function createRowShape(columns: readonly Column[], hasAnnotations: boolean): RowShape {
  const types = new Map<string, ColumnType>();
  for (const { name, type } of columns) if (!types.has(name)) types.set(name, type);
  const names = [...types.keys()];
  const shapedColumns = [...types].map(([name, type], index) => {
    const key = JSON.stringify(name);
    const lead = encodeUtf8(`${index === 0 ? "{" : ","}${key}:`);
    return { type, key: encodeUtf8(key), lead, leadWords: toInt32Words(lead) };
  });
  return { columns: shapedColumns, names, indexOf: createNameIndex(names), hasAnnotations };
}

/** Microsoft's documentation shows rows whose keys differ from the schema by case. */
function createNameIndex(names: readonly string[]): RowShape["indexOf"] {
  const exact = new Map(names.map((name, index) => [name, index]));
  const folded = new Map(
    names.map((name, index) => [name.toLowerCase(), index] as const).toReversed(),
  );
  return (name) => exact.get(name) ?? folded.get(name.toLowerCase());
}

function toInt32Words(bytes: Uint8Array): Int32Array {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  return Int32Array.from({ length: bytes.length >> 2 }, (_, index) =>
    view.getInt32(index * 4, true),
  );
}
