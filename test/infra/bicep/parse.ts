/**
 * Reads the part of Bicep that `infra/` is written in. Whatever it does not know is an error with its line, never
 * skipped: an assertion on half a template would prove nothing.
 */
import type { Declaration, Expression, Lambda, ResourceDeclaration } from "./syntax.ts";

/** One reading position over one file. */
interface Reader {
  readonly file: string;
  readonly text: string;
  at: number;
  /** Resources declared inside the object being read, innermost last. */
  readonly inner: ResourceDeclaration[][];
}

/** @throws Error naming file and line of what cannot be read */
export function parseBicep(file: string, text: string): readonly Declaration[] {
  const reader: Reader = { file, text, at: 0, inner: [] };
  const declarations: Declaration[] = [];
  for (blank(reader); reader.at < text.length; blank(reader))
    declarations.push(declaration(reader));
  return declarations;
}

function fail(reader: Reader, wanted: string): never {
  const line = reader.text.slice(0, reader.at).split("\n").length;
  throw new Error(
    `${reader.file}:${line} want ${wanted}, have ${JSON.stringify(reader.text.slice(reader.at, reader.at + 30))}`,
  );
}

function match(reader: Reader, pattern: RegExp): RegExpExecArray | undefined {
  const sticky = new RegExp(pattern.source, "y");
  sticky.lastIndex = reader.at;
  const found = sticky.exec(reader.text);
  if (found) reader.at = sticky.lastIndex;
  return found ?? undefined;
}

const space = (reader: Reader) => match(reader, /[ \t]*/);
/** Blanks, line ends, comments and directives. */
const blank = (reader: Reader) => match(reader, /(?:\s+|\/\/[^\n]*|\/\*[\s\S]*?\*\/|#[^\n]*)*/);

function take(reader: Reader, symbol: string): boolean {
  const start = reader.at;
  blank(reader);
  if (reader.text.startsWith(symbol, reader.at)) {
    reader.at += symbol.length;
    return true;
  }
  reader.at = start;
  return false;
}

function need(reader: Reader, symbol: string): void {
  if (!take(reader, symbol)) fail(reader, symbol);
}

function word(reader: Reader): string {
  blank(reader);
  return match(reader, /[A-Za-z_]\w*/)?.[0] ?? fail(reader, "a name");
}

function declaration(reader: Reader): Declaration {
  const decorators: Expression[] = [];
  while (take(reader, "@")) decorators.push(expression(reader));
  const keyword = word(reader);
  switch (keyword) {
    case "param": {
      const name = word(reader);
      const type = typeText(reader);
      return {
        kind: "param",
        decorators,
        name,
        type,
        value: take(reader, "=") ? expression(reader) : undefined,
      };
    }
    case "var":
    case "output": {
      const name = word(reader);
      typeText(reader);
      need(reader, "=");
      return { kind: keyword, decorators, name, value: expression(reader) };
    }
    case "func":
      return { kind: "func", decorators, name: word(reader), value: functionBody(reader) };
    case "resource":
      return { decorators, ...resource(reader) };
    case "module": {
      const name = word(reader);
      const file = quoted(reader);
      need(reader, "=");
      return { kind: "module", decorators, name, file, value: expression(reader) };
    }
    case "type":
    case "metadata":
    case "targetScope":
    case "import":
    case "using":
    case "extension":
      return { kind: "other", decorators, name: skipStatement(reader) };
    default:
      return fail(reader, `a declaration, not ${keyword}`);
  }
}

/** A type up to its `=` or the end of its line; brackets may span lines. */
function typeText(reader: Reader): string {
  const start = reader.at;
  let depth = 0;
  for (; reader.at < reader.text.length; reader.at++) {
    while (match(reader, /'(?:\\.|[^'\\\n])*'/));
    const character = reader.text[reader.at] ?? "\n";
    if ("{[(".includes(character)) depth++;
    else if ("}])".includes(character)) depth--;
    else if (depth === 0 && (character === "=" || character === "\n")) break;
  }
  return reader.text.slice(start, reader.at).trim();
}

/** A statement we do not look into: to the end of its line, brackets closed. Returns its first word. */
function skipStatement(reader: Reader): string {
  space(reader);
  const first = match(reader, /\w+/)?.[0] ?? "";
  typeText(reader);
  if (match(reader, /=/)) typeText(reader);
  return first;
}

function functionBody(reader: Reader): Lambda {
  need(reader, "(");
  const params: string[] = [];
  while (!take(reader, ")")) {
    params.push(word(reader));
    match(reader, /[^,)]*/);
    take(reader, ",");
  }
  match(reader, /[^=]*/);
  need(reader, "=>");
  return { kind: "lambda", params, body: expression(reader) };
}

function resource(reader: Reader): ResourceDeclaration {
  const name = word(reader);
  const type = quoted(reader);
  const start = reader.at;
  space(reader);
  const existing = match(reader, /existing\b/) !== undefined;
  if (!existing) reader.at = start;
  need(reader, "=");
  const nested: ResourceDeclaration[] = [];
  reader.inner.push(nested);
  const value = expression(reader);
  reader.inner.pop();
  return { kind: "resource", name, type, existing, value, nested };
}

function quoted(reader: Reader): string {
  const read = expression(reader);
  return read.kind === "literal" && typeof read.value === "string"
    ? read.value
    : fail(reader, "a plain string");
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

function expression(reader: Reader): Expression {
  const condition = binary(reader, 0);
  if (!takeOperator(reader, "?", "?.")) return condition;
  const yes = expression(reader);
  need(reader, ":");
  return { kind: "choose", condition, yes, no: expression(reader) };
}

function takeOperator(reader: Reader, operator: string, ...longer: string[]): boolean {
  const start = reader.at;
  blank(reader);
  const rest = reader.text.slice(reader.at, reader.at + 2);
  if (rest.startsWith(operator) && !longer.includes(rest)) {
    reader.at += operator.length;
    return true;
  }
  reader.at = start;
  return false;
}

function binary(reader: Reader, level: number): Expression {
  const operators = levels[level];
  if (!operators) return unary(reader);
  let left = binary(reader, level + 1);
  for (;;) {
    const operator = operators.find((each) => takeOperator(reader, each, "//", "/*"));
    if (operator === undefined) return left;
    left = { kind: "binary", operator, left, right: binary(reader, level + 1) };
  }
}

function unary(reader: Reader): Expression {
  if (takeOperator(reader, "!", "!=")) return { kind: "not", of: unary(reader) };
  return postfix(reader, primary(reader));
}

function postfix(reader: Reader, start: Expression): Expression {
  let of = start;
  for (;;) {
    const link = match(reader, /!?(::|\.\?|\.(?!\.)|\[\??|!(?!=))/)?.[1];
    if (link === undefined) return of;
    if (link === "!") continue;
    if (link.startsWith("[")) {
      of = { kind: "index", of, at: expression(reader) };
      need(reader, "]");
    } else {
      of = { kind: "member", of, name: word(reader), nested: link === "::" };
    }
  }
}

function primary(reader: Reader): Expression {
  blank(reader);
  const next = reader.text[reader.at] ?? "";
  if (next === "'") return text(reader);
  if (next === "{") return object(reader);
  if (next === "[") return array(reader);
  const digits = match(reader, /-?\d+/)?.[0];
  if (digits !== undefined) return { kind: "literal", value: Number(digits) };
  const lambda = match(reader, /(?:\(([\w\s,]*)\)|(\w+))\s*=>/);
  if (lambda) {
    const params = (lambda[1] ?? lambda[2] ?? "").split(",").map((each) => each.trim());
    return { kind: "lambda", params, body: expression(reader) };
  }
  if (take(reader, "(")) {
    const inside = expression(reader);
    need(reader, ")");
    return inside;
  }
  return named(reader, word(reader));
}

const constants: Readonly<Record<string, boolean | null>> = {
  true: true,
  false: false,
  null: null,
};

function named(reader: Reader, name: string): Expression {
  const constant = constants[name];
  if (constant !== undefined) return { kind: "literal", value: constant };
  if (name === "if") {
    const condition = primary(reader);
    return { kind: "when", condition, body: expression(reader) };
  }
  if (reader.text[reader.at] !== "(") return { kind: "name", name };
  reader.at++;
  const args: Expression[] = [];
  while (!take(reader, ")")) {
    args.push(expression(reader));
    take(reader, ",");
  }
  return { kind: "call", name, args };
}

const escapes: Readonly<Record<string, string>> = { n: "\n", r: "\r", t: "\t" };

function text(reader: Reader): Expression {
  const raw = match(reader, /'''\n?([\s\S]*?)'''/);
  if (raw) return { kind: "literal", value: raw[1] ?? "" };
  reader.at++;
  const parts: (string | Expression)[] = [];
  let plain = "";
  for (;;) {
    const chunk =
      match(reader, /\\u\{([0-9a-f]+)\}|\\(.)|\$\{|'|[^\\'$\n]+|\$/) ??
      fail(reader, "the end of the string");
    if (chunk[0] === "'") break;
    if (chunk[0] === "${") {
      parts.push(plain, expression(reader));
      plain = "";
      need(reader, "}");
    } else if (chunk[1] !== undefined) plain += String.fromCodePoint(Number.parseInt(chunk[1], 16));
    else plain += chunk[2] === undefined ? chunk[0] : (escapes[chunk[2]] ?? chunk[2]);
  }
  return parts.length === 0
    ? { kind: "literal", value: plain }
    : { kind: "text", parts: [...parts, plain] };
}

function object(reader: Reader): Expression {
  need(reader, "{");
  const entries: (readonly [Expression, Expression])[] = [];
  while (!take(reader, "}")) {
    blank(reader);
    if (match(reader, /resource\s+(?=\w)/)) {
      (reader.inner.at(-1) ?? fail(reader, "no resource here")).push(resource(reader));
      continue;
    }
    const key: Expression =
      reader.text[reader.at] === "'" ? text(reader) : { kind: "literal", value: word(reader) };
    need(reader, ":");
    entries.push([key, expression(reader)]);
    take(reader, ",");
  }
  return { kind: "object", entries };
}

function array(reader: Reader): Expression {
  need(reader, "[");
  blank(reader);
  if (match(reader, /for\s+/)) return loop(reader);
  const items: Expression[] = [];
  while (!take(reader, "]")) {
    items.push(expression(reader));
    take(reader, ",");
  }
  return { kind: "array", items };
}

function loop(reader: Reader): Expression {
  const [, pair, index, single] =
    match(reader, /\((\w+),\s*(\w+)\)|(\w+)/) ?? fail(reader, "a loop variable");
  blank(reader);
  if (!match(reader, /in\b/)) fail(reader, "in");
  const list = expression(reader);
  need(reader, ":");
  const body = expression(reader);
  need(reader, "]");
  return { kind: "for", item: pair ?? single ?? "", index, list, body };
}
