/**
 * Parses the subset of Bicep that `infra/` uses. Anything else is an error with its line and is
 * never skipped: an assertion on half a template would prove nothing.
 */
import type { Declaration, Expression, Lambda, ResourceDeclaration } from "./syntax.ts";

/** A position in one file. */
interface Reader {
  readonly file: string;
  readonly text: string;
  at: number;
  /** Resources declared inside the object being read, innermost last. */
  readonly nestedStack: ResourceDeclaration[][];
}

/** @throws Error with file and line of an unsupported construct */
export function parseBicep(file: string, text: string): readonly Declaration[] {
  const reader: Reader = { file, text, at: 0, nestedStack: [] };
  const declarations: Declaration[] = [];
  for (skipBlanks(reader); reader.at < text.length; skipBlanks(reader))
    declarations.push(parseDeclaration(reader));
  return declarations;
}

function throwExpected(reader: Reader, expected: string): never {
  const line = reader.text.slice(0, reader.at).split("\n").length;
  throw new Error(
    `${reader.file}:${line} want ${expected}, have ${JSON.stringify(reader.text.slice(reader.at, reader.at + 30))}`,
  );
}

function matchPattern(reader: Reader, pattern: RegExp): RegExpExecArray | undefined {
  const sticky = new RegExp(pattern.source, "y");
  sticky.lastIndex = reader.at;
  const result = sticky.exec(reader.text);
  if (result) reader.at = sticky.lastIndex;
  return result ?? undefined;
}

const skipSpaces = (reader: Reader) => matchPattern(reader, /[ \t]*/);
/** Skips blanks, line ends, comments and directives. */
const skipBlanks = (reader: Reader) =>
  matchPattern(reader, /(?:\s+|\/\/[^\n]*|\/\*[\s\S]*?\*\/|#[^\n]*)*/);

function takeSymbol(reader: Reader, symbol: string): boolean {
  const start = reader.at;
  skipBlanks(reader);
  if (reader.text.startsWith(symbol, reader.at)) {
    reader.at += symbol.length;
    return true;
  }
  reader.at = start;
  return false;
}

function requireSymbol(reader: Reader, symbol: string): void {
  if (!takeSymbol(reader, symbol)) throwExpected(reader, symbol);
}

/** Requires a comma or a line end between items, unless `end` follows. */
function requireSeparator(reader: Reader, end: string): void {
  skipSpaces(reader);
  if (/[\n\r/]/.test(reader.text[reader.at] ?? "") || reader.text.startsWith(end, reader.at))
    return;
  requireSymbol(reader, ",");
}

function readWord(reader: Reader): string {
  skipBlanks(reader);
  return matchPattern(reader, /[A-Za-z_]\w*/)?.[0] ?? throwExpected(reader, "a name");
}

function parseDeclaration(reader: Reader): Declaration {
  const decorators: Expression[] = [];
  while (takeSymbol(reader, "@")) decorators.push(parseExpression(reader));
  const keyword = readWord(reader);
  switch (keyword) {
    case "param": {
      const name = readWord(reader);
      const type = readTypeText(reader);
      return {
        kind: "param",
        decorators,
        name,
        type,
        value: takeSymbol(reader, "=") ? parseExpression(reader) : undefined,
      };
    }
    case "var":
    case "output": {
      const name = readWord(reader);
      readTypeText(reader);
      requireSymbol(reader, "=");
      return { kind: keyword, decorators, name, value: parseExpression(reader) };
    }
    case "func":
      return { kind: "func", decorators, name: readWord(reader), value: parseFunctionBody(reader) };
    case "resource":
      return { decorators, ...parseResource(reader) };
    case "module": {
      const name = readWord(reader);
      const file = parseQuoted(reader);
      requireSymbol(reader, "=");
      return { kind: "module", decorators, name, file, value: parseExpression(reader) };
    }
    case "type":
    case "metadata":
    case "targetScope":
    case "import":
    case "using":
    case "extension":
      return { kind: "other", decorators, name: skipStatement(reader) };
    default:
      return throwExpected(reader, `a declaration, not ${keyword}`);
  }
}

/** Reads a type up to its `=` or the end of its line; brackets may span lines. */
function readTypeText(reader: Reader): string {
  const start = reader.at;
  let depth = 0;
  for (; reader.at < reader.text.length; reader.at++) {
    while (matchPattern(reader, /'(?:\\.|[^'\\\n])*'/));
    const character = reader.text[reader.at] ?? "\n";
    if ("{[(".includes(character)) depth++;
    else if ("}])".includes(character)) depth--;
    else if (depth === 0 && (character === "=" || character === "\n")) break;
  }
  return reader.text.slice(start, reader.at).trim();
}

/** Skips a statement to the end of its line, brackets closed. Returns its first word. */
function skipStatement(reader: Reader): string {
  skipSpaces(reader);
  const first = matchPattern(reader, /\w+/)?.[0] ?? "";
  readTypeText(reader);
  if (matchPattern(reader, /=/)) readTypeText(reader);
  return first;
}

function parseFunctionBody(reader: Reader): Lambda {
  requireSymbol(reader, "(");
  const params: string[] = [];
  while (!takeSymbol(reader, ")")) {
    params.push(readWord(reader));
    matchPattern(reader, /[^,)]*/);
    takeSymbol(reader, ",");
  }
  matchPattern(reader, /[^=]*/);
  requireSymbol(reader, "=>");
  return { kind: "lambda", params, body: parseExpression(reader) };
}

function parseResource(reader: Reader): ResourceDeclaration {
  const name = readWord(reader);
  const type = parseQuoted(reader);
  const start = reader.at;
  skipSpaces(reader);
  const existing = matchPattern(reader, /existing\b/) !== undefined;
  if (!existing) reader.at = start;
  requireSymbol(reader, "=");
  const nested: ResourceDeclaration[] = [];
  reader.nestedStack.push(nested);
  const value = parseExpression(reader);
  reader.nestedStack.pop();
  return { kind: "resource", name, type, existing, value, nested };
}

function parseQuoted(reader: Reader): string {
  const node = parseExpression(reader);
  return node.kind === "literal" && typeof node.value === "string"
    ? node.value
    : throwExpected(reader, "a plain string");
}

const levels = [
  ["??"],
  ["||"],
  ["&&"],
  ["==", "!="],
  ["<=", ">=", "<", ">"],
  ["+", "-"],
  ["*", "/", "%"],
] as const;

function parseExpression(reader: Reader): Expression {
  const condition = parseBinary(reader, 0);
  if (!takeOperator(reader, "?", "?.")) return condition;
  const yes = parseExpression(reader);
  requireSymbol(reader, ":");
  return { kind: "choose", condition, yes, no: parseExpression(reader) };
}

function takeOperator(reader: Reader, operator: string, ...longer: string[]): boolean {
  const start = reader.at;
  skipBlanks(reader);
  const rest = reader.text.slice(reader.at, reader.at + 2);
  if (rest.startsWith(operator) && !longer.includes(rest)) {
    reader.at += operator.length;
    return true;
  }
  reader.at = start;
  return false;
}

function parseBinary(reader: Reader, level: number): Expression {
  const operators = levels[level];
  if (!operators) return parseUnary(reader);
  let left = parseBinary(reader, level + 1);
  for (;;) {
    const operator = operators.find((each) => takeOperator(reader, each, "//", "/*"));
    if (operator === undefined) return left;
    left = { kind: "binary", operator, left, right: parseBinary(reader, level + 1) };
  }
}

function parseUnary(reader: Reader): Expression {
  if (takeOperator(reader, "!", "!=")) return { kind: "not", of: parseUnary(reader) };
  return parsePostfix(reader, parsePrimary(reader));
}

function parsePostfix(reader: Reader, start: Expression): Expression {
  let of = start;
  for (;;) {
    const link = matchPattern(reader, /!?(::|\.\?|\.(?!\.)|\[\??|!(?!=))/)?.[1];
    if (link === undefined) return of;
    if (link === "!") continue;
    if (link.startsWith("[")) {
      of = { kind: "index", of, at: parseExpression(reader) };
      requireSymbol(reader, "]");
    } else {
      of = { kind: "member", of, name: readWord(reader), nested: link === "::" };
    }
  }
}

function parsePrimary(reader: Reader): Expression {
  skipBlanks(reader);
  const next = reader.text[reader.at] ?? "";
  if (next === "'") return parseText(reader);
  if (next === "{") return parseObject(reader);
  if (next === "[") return parseArray(reader);
  const digits = matchPattern(reader, /-?\d+/)?.[0];
  if (digits !== undefined) return { kind: "literal", value: Number(digits) };
  const lambda = matchPattern(reader, /(?:\(([\w\s,]*)\)|(\w+))\s*=>/);
  if (lambda) {
    const params = (lambda[1] ?? lambda[2] ?? "").split(",").map((each) => each.trim());
    return { kind: "lambda", params, body: parseExpression(reader) };
  }
  if (takeSymbol(reader, "(")) {
    const inside = parseExpression(reader);
    requireSymbol(reader, ")");
    return inside;
  }
  return parseNamed(reader, readWord(reader));
}

const constants: Readonly<Record<string, boolean | null>> = {
  true: true,
  false: false,
  null: null,
};

function parseNamed(reader: Reader, name: string): Expression {
  const constant = constants[name];
  if (constant !== undefined) return { kind: "literal", value: constant };
  if (name === "if") {
    const condition = parsePrimary(reader);
    return { kind: "when", condition, body: parseExpression(reader) };
  }
  if (reader.text[reader.at] !== "(") return { kind: "name", name };
  reader.at++;
  const args: Expression[] = [];
  while (!takeSymbol(reader, ")")) {
    args.push(parseExpression(reader));
    if (takeSymbol(reader, ")")) break;
    requireSymbol(reader, ",");
  }
  return { kind: "call", name, args };
}

const escapes: Readonly<Record<string, string>> = { n: "\n", r: "\r", t: "\t" };

function parseText(reader: Reader): Expression {
  const raw = matchPattern(reader, /'''\n?([\s\S]*?)'''/);
  if (raw) return { kind: "literal", value: raw[1] ?? "" };
  reader.at++;
  const parts: (string | Expression)[] = [];
  let plain = "";
  for (;;) {
    const chunk =
      matchPattern(reader, /\\u\{([0-9a-f]+)\}|\\(.)|\$\{|'|[^\\'$\n]+|\$/) ??
      throwExpected(reader, "the end of the string");
    if (chunk[0] === "'") break;
    if (chunk[0] === "${") {
      parts.push(plain, parseExpression(reader));
      plain = "";
      requireSymbol(reader, "}");
    } else if (chunk[1] !== undefined) plain += String.fromCodePoint(Number.parseInt(chunk[1], 16));
    else plain += chunk[2] === undefined ? chunk[0] : (escapes[chunk[2]] ?? chunk[2]);
  }
  return parts.length === 0
    ? { kind: "literal", value: plain }
    : { kind: "text", parts: [...parts, plain] };
}

function parseObject(reader: Reader): Expression {
  requireSymbol(reader, "{");
  const entries: (readonly [Expression, Expression])[] = [];
  while (!takeSymbol(reader, "}")) {
    skipBlanks(reader);
    if (matchPattern(reader, /resource\s+(?=\w)/)) {
      (reader.nestedStack.at(-1) ?? throwExpected(reader, "no resource here")).push(
        parseResource(reader),
      );
      continue;
    }
    const key: Expression =
      reader.text[reader.at] === "'"
        ? parseText(reader)
        : { kind: "literal", value: readWord(reader) };
    requireSymbol(reader, ":");
    entries.push([key, parseExpression(reader)]);
    requireSeparator(reader, "}");
  }
  return { kind: "object", entries };
}

function parseArray(reader: Reader): Expression {
  requireSymbol(reader, "[");
  skipBlanks(reader);
  if (matchPattern(reader, /for\s+/)) return parseLoop(reader);
  const items: Expression[] = [];
  while (!takeSymbol(reader, "]")) {
    items.push(parseExpression(reader));
    requireSeparator(reader, "]");
  }
  return { kind: "array", items };
}

function parseLoop(reader: Reader): Expression {
  const [, pair, index, single] =
    matchPattern(reader, /\((\w+),\s*(\w+)\)|(\w+)/) ?? throwExpected(reader, "a loop variable");
  skipBlanks(reader);
  if (!matchPattern(reader, /in\b/)) throwExpected(reader, "in");
  const list = parseExpression(reader);
  requireSymbol(reader, ":");
  const body = parseExpression(reader);
  requireSymbol(reader, "]");
  return { kind: "for", item: pair ?? single ?? "", index, list, body };
}
