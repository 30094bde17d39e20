/** The columns of one attempt: those of its file, and those that all of its rows have. */
import type { HuntColumn } from "../../contracts/compiled-hunt.ts";
import type { HuntFormat } from "../ports.ts";
import { findColumn, findSharedColumns } from "./shared-columns.ts";

export class StagedColumns {
  readonly #format: HuntFormat;
  #file: readonly HuntColumn[];
  #seen: readonly HuntColumn[];
  #rows: readonly HuntColumn[] | undefined;
  #areIncomplete = false;

  /**
   * @param columns - the columns of the file until an answer names others
   * @param known - columns that the file has in any case
   */
  constructor(format: HuntFormat, columns: readonly HuntColumn[], known: readonly HuntColumn[]) {
    this.#format = format;
    this.#file = mergeColumns(columns, known);
    this.#seen = known;
  }

  /** The columns that the file is opened with. */
  get ofFile(): readonly HuntColumn[] {
    return this.#file;
  }

  /** The known columns and every column that was added. */
  get seen(): readonly HuntColumn[] {
    return this.#seen;
  }

  /** True when rows have a column that the file cannot hold. NDJSON holds every member. */
  get areIncomplete(): boolean {
    return this.#areIncomplete && this.#format !== "ndjson";
  }

  /** The columns that all rows have, with the types as which the file holds them. */
  get ofAllRows(): readonly HuntColumn[] {
    const rows = this.#rows;
    if (rows === undefined || this.#format === "ndjson") return rows ?? this.#file;
    return this.#file.filter(({ name }) => findColumn(rows, name) !== undefined);
  }

  /** Takes the schema of an answer for the file; call it only before the file is opened. */
  addAnswer(columns: readonly HuntColumn[]): void {
    this.#file = mergeColumns(columns, this.#seen);
    this.#seen = mergeColumns(this.#seen, columns);
  }

  /** Adds the columns that the rows of one answer have. */
  addRows(columns: readonly HuntColumn[]): void {
    this.#rows = this.#rows ? findSharedColumns(this.#rows, [columns]).columns : columns;
    this.#seen = mergeColumns(this.#seen, columns);
    this.#areIncomplete ||= columns.some(({ name, type }) => {
      const column = findColumn(this.#file, name);
      return column === undefined || (column.type !== type && column.type !== "string");
    });
  }
}

/** Returns the columns of both. A column that has two types becomes a string, which holds both. */
function mergeColumns(
  first: readonly HuntColumn[],
  second: readonly HuntColumn[],
): readonly HuntColumn[] {
  const merged = first.map((column): HuntColumn => {
    const other = findColumn(second, column.name);
    return other === undefined || other.type === column.type
      ? column
      : { ...column, type: "string" };
  });
  return [...merged, ...second.filter(({ name }) => findColumn(first, name) === undefined)];
}
