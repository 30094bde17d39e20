/** Splits one text into queries at blank lines, as the portal's editor does. */

/**
 * Splits a text at its blank lines. A part of comments and `let` statements belongs to the next
 * query; a part that begins with a pipe belongs to the previous one.
 *
 * @returns each part with its first line in the text, from 0
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

/** Tells whether there are only comments and finished `let` statements so far. */
function isPreparation(lines: readonly string[]): boolean {
  const code = lines
    .map((line) => line.replace(/^\s*\/\/.*$/, "").trim())
    .filter((line) => line !== "");
  return (
    code.length === 0 ||
    (/^(?:let|set|declare)\b/.test(code[0] ?? "") && (code.at(-1) ?? "").endsWith(";"))
  );
}
