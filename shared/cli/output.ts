/** Prints lines, tables and a progress bar. The bar appears on terminals only. */

/** Where output goes. */
export interface Output {
  readonly line: (text: string) => void;
  readonly error: (text: string) => void;
  /** Shows the progress of long work; the bar disappears when `done` reaches `total`. */
  readonly progress: (done: number, total: number, label: string) => void;
}

interface Stream {
  readonly write: (text: string) => unknown;
  readonly isTTY?: boolean;
  readonly columns?: number;
}

const defaultColumns = 80;

/** Creates output to a terminal, file or pipe. The bar goes to standard error, or nowhere. */
export function createOutput(out: Stream, err: Stream): Output {
  let isBarShown = false;
  const clearBar = (): void => {
    if (isBarShown) err.write("\r\u001B[K");
    isBarShown = false;
  };
  return {
    line: (text) => {
      clearBar();
      out.write(`${text}\n`);
    },
    error: (text) => {
      clearBar();
      err.write(`${text}\n`);
    },
    progress: (done, total, label) => {
      if (err.isTTY !== true) return;
      err.write(`\r\u001B[K${formatBar(done, total, label, err.columns ?? defaultColumns)}`);
      isBarShown = true;
      if (done >= total) clearBar();
    },
  };
}

const barWidth = 24;

function formatBar(done: number, total: number, label: string, columns: number): string {
  const filledWidth = total === 0 ? barWidth : Math.round((barWidth * done) / total);
  const bar = `${"#".repeat(filledWidth)}${"-".repeat(barWidth - filledWidth)}`;
  return `[${bar}] ${done}/${total} ${label}`.slice(0, columns - 1);
}

/** Formats rows as columns, each as wide as its widest cell; the last column is not padded. */
export function formatTable(
  head: readonly string[],
  rows: readonly (readonly string[])[],
): readonly string[] {
  const all = [head, ...rows];
  const widths = head.map((_, column) => Math.max(...all.map((row) => row[column]?.length ?? 0)));
  return all.map((row) =>
    row
      .map((cell, column) => (column === head.length - 1 ? cell : cell.padEnd(widths[column] ?? 0)))
      .join("  ")
      .trimEnd(),
  );
}

/** Formats a count with its noun: "1 hunt", "2 hunts". */
export const formatCount = (count: number, noun: string): string =>
  `${count} ${noun}${count === 1 ? "" : "s"}`;
