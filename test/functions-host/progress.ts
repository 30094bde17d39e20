/** Shows the progress of long work: one moving bar on a terminal, plain lines elsewhere. */

export interface Progress {
  /** Shows the current work; `done` of `total` steps are finished. */
  readonly step: (done: number, total: number, label: string) => void;
  /** Removes the bar and prints a line. */
  readonly end: (label: string) => void;
}

type Terminal = Pick<NodeJS.WriteStream, "write"> & {
  readonly isTTY?: boolean;
  readonly columns?: number;
};

const width = 24;
const defaultColumns = 80;
/** The bar shows the elapsed seconds of the current step, so that it moves while the step runs. */
const tickMs = 1_000;

/** Creates progress on `out`. The bar never exceeds the terminal's width. */
export function createProgress(out: Terminal = process.stdout): Progress {
  let timer: NodeJS.Timeout | undefined;
  const stopTimer = (): void => clearInterval(timer);
  const writeBar = (text: string): void =>
    void out.write(`\r\u001B[K${text.slice(0, (out.columns ?? defaultColumns) - 1)}`);
  return {
    step: (done, total, label) => {
      stopTimer();
      if (out.isTTY !== true) {
        out.write(`(${done}/${total}) ${label}\n`);
        return;
      }
      const startMs = Date.now();
      const filled = Math.round((width * done) / Math.max(1, total));
      const bar = `[${"#".repeat(filled)}${".".repeat(width - filled)}]`;
      const draw = (): void => {
        const seconds = Math.floor((Date.now() - startMs) / 1_000);
        writeBar(`${bar} ${done}/${total} ${seconds} s  ${label}`);
      };
      draw();
      timer = setInterval(draw, tickMs).unref();
    },
    end: (label) => {
      stopTimer();
      out.write(out.isTTY === true ? `\r\u001B[K${label}\n` : `${label}\n`);
    },
  };
}
