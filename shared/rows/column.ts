/** Columns as this folder knows them: the KQL scalar types, and the bytes with which each column begins in a line. */
import { encode } from "./bytes.ts";

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
export interface Shape {
  readonly columns: readonly ShapedColumn[];
  readonly placeOf: ReadonlyMap<string, number>;
  /** True when the service adds `@odata.` annotations that are no data. */
  readonly annotated: boolean;
}

/**
 * Prepares columns for comparing. A name that comes twice counts once.
 *
 * @param annotated - true for Graph, whose values carry `@odata.type` annotations
 */
export function shapeOf(columns: readonly Column[], annotated: boolean): Shape {
  const placeOf = new Map<string, number>();
  const distinct = columns.filter(
    ({ name }) => !placeOf.has(name) && placeOf.set(name, placeOf.size),
  );
  const shaped = distinct.map(({ name, type }, index) => {
    const key = JSON.stringify(name);
    const lead = encode(`${index === 0 ? "{" : ","}${key}:`);
    return { type, key: encode(key), lead, leadWords: wordsOf(lead) };
  });
  return { columns: shaped, placeOf, annotated };
}

function wordsOf(bytes: Uint8Array): Int32Array {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  return Int32Array.from({ length: bytes.length >> 2 }, (_, index) =>
    view.getInt32(index * 4, true),
  );
}
