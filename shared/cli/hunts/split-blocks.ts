/** Several queries in one text, set apart by blank lines as the portal's editor does it. */

/**
 * Takes a text apart at its blank lines. Comments alone and `let`s alone go with the query after them, what begins with a
 * pipe with the one before.
 *
 * @returns each part with the line it begins at in the text, from 0
 */
export function splitBlocks(
  text: string,
): readonly { readonly query: string; readonly line: number }[] {
  const blocks: { query: string; line: number }[] = [];
  let openBlock: { lines: string[]; line: number } | undefined;
  const closeBlock = (): void => {
    if (openBlock && !isPreparation(openBlock.lines)) {
      blocks.push({ query: openBlock.lines.join("\n").trimEnd(), line: openBlock.line });
      openBlock = undefined;
    }
  };
  for (const [index, line] of text.split("\n").entries()) {
    if (line.trim() === "") closeBlock();
    if (!openBlock && isContinuation(line)) openBlock = reopenBlock(blocks);
    if (openBlock) openBlock.lines.push(line);
    else if (line.trim() !== "") openBlock = { lines: [line], line: index };
  }
  closeBlock();
  return blocks;
}

const isContinuation = (line: string): boolean => /^\s*\|/.test(line);

function reopenBlock(
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
