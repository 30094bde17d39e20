/** The published tables of advanced hunting, with their columns in order. */
import { tables } from "../../../shared/kql/language/schema.ts";
import type { HuntColumn, KqlType } from "../../../shared/contracts/compiled-hunt.ts";

export type Columns = readonly HuntColumn[];

/** Every table that a dataset can have, by name. */
export const publishedTables: ReadonlyMap<string, Columns> = new Map(
  Object.entries(tables).map(([name, columns]) => [name, toColumns(columns)]),
);

function toColumns(columns: Readonly<Record<string, string>>): Columns {
  return Object.entries(columns).map(([name, type]) => ({ name, type: type as KqlType }));
}

/** The empty value of a column: strings are never null. */
export const getEmptyValue = (type: KqlType): unknown => (type === "string" ? "" : null);
