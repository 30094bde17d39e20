/** A position in a text; lines and columns count from 1. */
export interface LineColumn {
  readonly line: number;
  readonly column: number;
}

/** Converts an offset to line and column; a line ends at LF, CRLF or CR. */
export function toLineColumn(text: string, offset: number): LineColumn {
  const linesBefore = text.slice(0, offset).split(/\r\n|\n|\r/);
  return { line: linesBefore.length, column: (linesBefore.at(-1)?.length ?? 0) + 1 };
}
