/** Rows a test added by hand, by table, kept by time and then as inserted. */
import type { Ticks } from "../../../shared/runtime/time.ts";

/** A row with the time it happened and the time it could first be read. */
export interface Added {
  readonly at: Ticks;
  readonly ingestedAt: Ticks;
  readonly row: readonly unknown[];
}

export interface Ledger {
  readonly add: (table: string, added: Added) => void;
  /** The table's rows with `from <= at < to`, in order. */
  readonly between: (table: string, from: Ticks, to: Ticks) => readonly Added[];
}

export function createLedger(): Ledger {
  const kept = new Map<string, Added[]>();
  return {
    add: (table, added) => {
      const rows = kept.get(table) ?? [];
      rows.splice(firstAfter(rows, added.at), 0, added);
      kept.set(table, rows);
    },
    between: (table, from, to) => {
      const rows = kept.get(table) ?? [];
      return rows.slice(firstAfter(rows, from - 1n), firstAfter(rows, to - 1n));
    },
  };
}

/** Index of the first row later than `at`. */
function firstAfter(rows: readonly Added[], at: Ticks): number {
  let low = 0;
  let high = rows.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((rows[middle]?.at ?? at) <= at) low = middle + 1;
    else high = middle;
  }
  return low;
}
