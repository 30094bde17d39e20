/** Reads identifiers, comments and texts of the project's files with their lines. */
import { execFileSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { parseSync } from "oxc-parser";

/** A word, comment or text and its place. */
export interface Located {
  readonly file: string;
  /** 1-based. */
  readonly line: number;
  readonly text: string;
}

/** One function: a declaration, a method, or a constant that holds an arrow function. */
type NamedFunction = Located;

/** Content of one TypeScript file. */
export interface SourceFile {
  readonly file: string;
  readonly code: string;
  readonly identifiers: readonly Located[];
  readonly comments: readonly Located[];
  readonly strings: readonly Located[];
  readonly functions: readonly NamedFunction[];
}

interface Node {
  readonly type: string;
  readonly start: number;
  readonly [member: string]: unknown;
}

/** Lists files that git tracks or would track, without fixtures. */
export function projectFiles(pattern: RegExp): string[] {
  const listed = execFileSync("git", ["ls-files", "--cached", "--others", "--exclude-standard"], {
    encoding: "utf8",
  });
  return listed
    .trim()
    .split("\n")
    .filter((file) => pattern.test(file) && !file.includes("/fixtures/") && existsSync(file))
    .toSorted();
}

/** Parses one TypeScript file. @throws Error with the parser's message */
export function readSource(file: string): SourceFile {
  const code = readFileSync(file, "utf8");
  const { comments, errors, program } = parseSync(file, code);
  if (errors[0]) throw new Error(`${file}: ${errors[0].message}`);
  const lineAt = lineFinder(code);
  const located = (start: number, text: string): Located => ({ file, line: lineAt(start), text });
  const found = { identifiers: [], strings: [], functions: [] } as {
    [kind in "identifiers" | "strings" | "functions"]: Located[];
  };
  visitNodes(program as unknown as Node, (node) => {
    if (node.type === "Identifier" || node.type === "PrivateIdentifier")
      found.identifiers.push(located(node.start, String(node["name"])));
    if (node.type === "Literal" && typeof node["value"] === "string")
      found.strings.push(located(node.start, node["value"]));
    if (node.type === "TemplateElement")
      found.strings.push(located(node.start, (node["value"] as { raw: string }).raw));
    const name = functionName(node);
    if (name !== undefined) found.functions.push(located(node.start, name));
  });
  return {
    file,
    code,
    ...found,
    comments: comments.map(({ start, value }) => located(start, value)),
  };
}

function lineFinder(code: string): (offset: number) => number {
  const starts = [0];
  for (let at = code.indexOf("\n"); at !== -1; at = code.indexOf("\n", at + 1)) starts.push(at + 1);
  return (offset) => {
    let [low, high] = [0, starts.length - 1];
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if ((starts[middle] ?? 0) <= offset) low = middle;
      else high = middle - 1;
    }
    return low + 1;
  };
}

function visitNodes(node: Node, onNode: (node: Node) => void): void {
  onNode(node);
  for (const value of Object.values(node))
    for (const child of Array.isArray(value) ? (value as unknown[]) : [value])
      if (typeof child === "object" && child !== null && "type" in child)
        visitNodes(child as Node, onNode);
}

const isFunction = (value: unknown): boolean =>
  typeof value === "object" &&
  value !== null &&
  "type" in value &&
  (value.type === "ArrowFunctionExpression" || value.type === "FunctionExpression");

const nameOf = (value: unknown): string | undefined =>
  typeof value === "object" && value !== null && "name" in value ? String(value.name) : undefined;

/** Returns the name of a function's declaration; undefined for other nodes. */
function functionName(node: Node): string | undefined {
  switch (node.type) {
    case "FunctionDeclaration":
      return nameOf(node["id"]);
    case "VariableDeclarator":
      return isFunction(node["init"]) ? nameOf(node["id"]) : undefined;
    case "MethodDefinition":
      return node["kind"] === "method" ? nameOf(node["key"]) : undefined;
    default:
      return undefined;
  }
}
