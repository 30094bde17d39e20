/** A place in a text as people count it: lines and columns from 1. */
export interface LineColumn {
  readonly line: number;
  readonly column: number;
}

/** Offset to line and column; a line ends at LF, CRLF or CR. */
export function lineColumn(text: string, offset: number): LineColumn {
  const before = text.slice(0, offset).split(/\r\n|\n|\r/);
  return { line: before.length, column: (before.at(-1)?.length ?? 0) + 1 };
}
