/** Rows that a test added, by table, ordered by time and then by insertion. */
import type { Ticks } from "../../../shared/runtime/time.ts";

/** A row with its time and the time at which it became visible. */
export interface AddedRow {
  readonly at: Ticks;
  readonly ingestedAt: Ticks;
  readonly row: readonly unknown[];
}

export interface AddedRows {
  readonly add: (table: string, addedRow: AddedRow) => void;
  /** Returns the table's rows with `from <= at < to`, in order. */
  readonly listBetween: (table: string, from: Ticks, to: Ticks) => readonly AddedRow[];
}

export function createAddedRows(): AddedRows {
  const rowsByTable = new Map<string, AddedRow[]>();
  return {
    add: (table, addedRow) => {
      const rows = rowsByTable.get(table) ?? [];
      rows.splice(findFirstAfter(rows, addedRow.at), 0, addedRow);
      rowsByTable.set(table, rows);
    },
    listBetween: (table, from, to) => {
      const rows = rowsByTable.get(table) ?? [];
      return rows.slice(findFirstAfter(rows, from - 1n), findFirstAfter(rows, to - 1n));
    },
  };
}

/** Index of the first row later than `at`. */
function findFirstAfter(rows: readonly AddedRow[], at: Ticks): number {
  let low = 0;
  let high = rows.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((rows[middle]?.at ?? at) <= at) low = middle + 1;
    else high = middle;
  }
  return low;
}
