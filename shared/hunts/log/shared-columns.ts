/** Finds the columns over which rows of different schemas can be compared. */
import type { HuntColumn } from "../../contracts/compiled-hunt.ts";

/** A column of a schema; `type` is undefined when only names are known. */
export interface NamedColumn {
  readonly name: string;
  readonly type: HuntColumn["type"] | undefined;
}

/** The columns that all schemas share, and the shared column of each column name. */
export interface SharedColumns {
  readonly columns: readonly HuntColumn[];
  /** Returns the shared column for a name of any of the schemas; undefined for other columns. */
  readonly find: (name: string) => HuntColumn | undefined;
}

/**
 * Returns the columns that every schema has with the same type. Names that differ only by case are
 * the same column unless a schema has both. A column whose type changed is not shared: its values
 * cannot be compared.
 */
export function findSharedColumns(
  first: readonly HuntColumn[],
  others: readonly (readonly NamedColumn[])[],
): SharedColumns {
  const columns = first.filter(({ name, type }) =>
    others.every((schema) => {
      const match = findColumn(schema, name);
      return match !== undefined && (match.type === undefined || match.type === type);
    }),
  );
  const found = new Map<string, HuntColumn | undefined>();
  const find = (name: string): HuntColumn | undefined => {
    if (!found.has(name)) found.set(name, findColumn(columns, name));
    return found.get(name);
  };
  return { columns, find };
}

/** Finds a column by its name, else the only one whose name differs by case alone. */
export function findColumn<T extends NamedColumn>(
  schema: readonly T[],
  name: string,
): T | undefined {
  const exact = schema.find((column) => column.name === name);
  if (exact) return exact;
  const lowerName = name.toLowerCase();
  const matches = schema.filter((column) => column.name.toLowerCase() === lowerName);
  return matches.length === 1 ? matches[0] : undefined;
}
