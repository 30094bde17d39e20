/** Several queries in one text, set apart by blank lines as the portal's editor does it. */

/**
 * Takes a text apart at its blank lines. Comments alone and `let`s alone go with the query after them, what begins with a
 * pipe with the one before.
 *
 * @returns each part with the line it begins at in the text, from 0
 */
export function blocksOf(
  text: string,
): readonly { readonly query: string; readonly line: number }[] {
  const blocks: { query: string; line: number }[] = [];
  let open: { lines: string[]; line: number } | undefined;
  const close = (): void => {
    if (open && !isPreparation(open.lines)) {
      blocks.push({ query: open.lines.join("\n").trimEnd(), line: open.line });
      open = undefined;
    }
  };
  for (const [index, line] of text.split("\n").entries()) {
    if (line.trim() === "") close();
    if (!open && goesOn(line)) open = reopened(blocks);
    if (open) open.lines.push(line);
    else if (line.trim() !== "") open = { lines: [line], line: index };
  }
  close();
  return blocks;
}

const goesOn = (line: string): boolean => /^\s*\|/.test(line);

function reopened(
  blocks: { query: string; line: number }[],
): { lines: string[]; line: number } | undefined {
  const last = blocks.pop();
  return last && { lines: [...last.query.split("\n"), ""], line: last.line };
}

/** Nothing but comments and finished `let` statements so far: the query they prepare is still to come. */
function isPreparation(lines: readonly string[]): boolean {
  const code = lines
    .map((line) => line.replace(/^\s*\/\/.*$/, "").trim())
    .filter((line) => line !== "");
  return (
    code.length === 0 ||
    (/^(?:let|set|declare)\b/.test(code[0] ?? "") && (code.at(-1) ?? "").endsWith(";"))
  );
}
