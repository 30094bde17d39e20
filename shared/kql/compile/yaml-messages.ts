/** Rewrites errors of the YAML parser in the terms of the person who wrote the file. */

/** An error of the parser: its code, message and offset in the file. */
interface ParserError {
  readonly code: string;
  readonly message: string;
  readonly pos: readonly [number, number];
}

/** An error at its cause; `offset` is in the file. */
export interface YamlError {
  readonly message: string;
  readonly offset: number;
}

/** Describes the first error of a file; later ones are mostly its side effects. */
export function describeYamlError(text: string, error: ParserError): YamlError {
  const [offset] = error.pos;
  return (
    findTab(text, offset) ??
    findOpenQuote(text, error) ??
    findUnquotedColon(text, error) ?? { message: error.message, offset }
  );
}

const startOfLine = (text: string, offset: number): number =>
  text.lastIndexOf("\n", Math.max(0, offset - 1)) + 1;

const lineAt = (text: string, start: number): string => text.slice(start).split("\n", 1)[0] ?? "";

function findTab(text: string, offset: number): YamlError | undefined {
  const start = startOfLine(text, offset + 1);
  const indent = /^[ \t]*/.exec(lineAt(text, start))?.[0] ?? "";
  return indent.includes("\t")
    ? {
        message: "the indentation must be blanks; this line has a tab",
        offset: start + indent.indexOf("\t"),
      }
    : undefined;
}

function findOpenQuote(text: string, { message }: ParserError): YamlError | undefined {
  const [, quote] = /Missing closing (["'])quote/.exec(message) ?? [];
  if (quote === undefined) return undefined;
  let start = 0;
  for (const line of text.split("\n")) {
    const opening = new RegExp(`^\\s*(?:- )?(?:[\\w-]+:\\s+)?${quote}`).exec(line);
    const isOpen = (line.split(quote).length - 1) % 2 === 1;
    if (opening && isOpen)
      return {
        message: `the text must end with the quote ${quote} that begins here`,
        offset: start + opening[0].length - 1,
      };
    start += line.length + 1;
  }
  return undefined;
}

function findUnquotedColon(
  text: string,
  { code, pos: [offset] }: ParserError,
): YamlError | undefined {
  if (code !== "BLOCK_AS_IMPLICIT_KEY") return undefined;
  const [key = "", value = ""] = lineAt(text, startOfLine(text, offset)).split(/:\s+(.*)/s);
  return value.includes(": ")
    ? { message: `${key.trim()} must be in quotes, because it contains a colon`, offset }
    : undefined;
}
