/** Shows how far long work is: one bar that moves on a terminal, plain lines elsewhere. */

export interface Progress {
  /** Says what is being done now; `done` of `total` steps are behind. */
  readonly step: (done: number, total: number, label: string) => void;
  /** Ends the bar, leaving a line of what was done. */
  readonly end: (label: string) => void;
}

const width = 24;

/** @param out - where to write; a bar only where it is a terminal */
export function createProgress(out: NodeJS.WriteStream = process.stdout): Progress {
  const formatBar = (done: number, total: number): string => {
    const filled = Math.round((width * done) / Math.max(1, total));
    return `[${"#".repeat(filled)}${".".repeat(width - filled)}]`;
  };
  const writeLine = (text: string): void =>
    void out.write(out.isTTY ? `\r\u001B[K${text}` : `${text}\n`);
  return {
    step: (done, total, label) =>
      writeLine(out.isTTY ? `${formatBar(done, total)} ${label}` : `(${done}/${total}) ${label}`),
    end: (label) => void out.write(out.isTTY ? `\r\u001B[K${label}\n` : `${label}\n`),
  };
}
