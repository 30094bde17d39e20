/** How a command speaks to the person who runs it: lines, tables, and a bar that only a terminal sees. */

/** Where output goes. */
export interface Output {
  readonly line: (text: string) => void;
  readonly error: (text: string) => void;
  /** Shows how far a long piece of work is; nothing is left of it when it is done. */
  readonly progress: (done: number, all: number, what: string) => void;
}

interface Stream {
  readonly write: (text: string) => unknown;
  readonly isTTY?: boolean;
  readonly columns?: number;
}

/** Output to a terminal or a file. The bar goes to standard error, and elsewhere a plain line stands for every tenth of the way. */
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
    progress: (done, all, what) => {
      if (err.isTTY === true) {
        err.write(`\r\u001B[K${formatBar(done, all, what, err.columns ?? 80)}`);
        isBarShown = true;
        if (done >= all) clearBar();
      } else if (all >= 50 && done > 0 && done % Math.ceil(all / 10) === 0)
        err.write(`${done} of ${all}\n`);
    },
  };
}

const barWidth = 24;

function formatBar(done: number, all: number, what: string, columns: number): string {
  const filledWidth = all === 0 ? barWidth : Math.round((barWidth * done) / all);
  return `[${"#".repeat(filledWidth)}${"-".repeat(barWidth - filledWidth)}] ${done}/${all} ${what}`.slice(
    0,
    columns - 1,
  );
}

/** Rows as columns of text, each as wide as its widest cell; the last column is left as it is. */
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
