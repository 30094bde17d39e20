/** Finds the fenced code blocks of a Markdown text. */

/** A block between ``` or ~~~ marks. */
export interface Fence {
  /** Index of the line with the opening mark. */
  readonly openLine: number;
  /**
   * Index of the line with the closing mark; the number of lines when the block is never closed.
   */
  readonly closeLine: number;
  /** The language after the opening mark, in lower case; empty when there is none. */
  readonly label: string;
  readonly code: readonly string[];
}

interface FenceMark {
  readonly indent: number;
  readonly mark: string;
  readonly label: string;
}

/** Finds all blocks in order. A closing mark may follow code on its line. */
export function findFences(lines: readonly string[]): readonly Fence[] {
  const fences: Fence[] = [];
  let openLine = -1;
  let open: FenceMark | undefined;
  for (const [index, line] of [...lines, ""].entries()) {
    if (!open) {
      open = readMark(line);
      openLine = index;
      continue;
    }
    const isEnd = index === lines.length;
    const lastLine = isEnd ? [] : readLastLine(line, open);
    if (!lastLine) continue;
    const code = dedentLines([...lines.slice(openLine + 1, index), ...lastLine], open.indent);
    fences.push({ openLine, closeLine: index, label: open.label, code });
    open = undefined;
  }
  return fences;
}

function readMark(line: string): FenceMark | undefined {
  const [, indent = "", mark, label = ""] = /^(\s*)(`{3,}|~{3,})\s*\{?\.?([\w-]*)/.exec(line) ?? [];
  return mark === undefined
    ? undefined
    : { indent: indent.length, mark, label: label.toLowerCase() };
}

/**
 * The code before the closing mark, in a list of at most one line; undefined when no mark is there.
 */
function readLastLine(line: string, { mark }: FenceMark): readonly string[] | undefined {
  const text = line.trimEnd();
  if (/^\s*(?:`{3,}|~{3,})$/.test(text)) return text.trim().startsWith(mark) ? [] : undefined;
  return text.endsWith(mark) ? [text.slice(0, -mark.length)] : undefined;
}

const dedentLines = (lines: readonly string[], indent: number): readonly string[] =>
  lines.map((line) => (line.slice(0, indent).trim() === "" ? line.slice(indent) : line));
