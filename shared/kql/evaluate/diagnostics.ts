/** The parser's findings in the words of the service. */
import {
  findPath,
  type KqlDiagnostic,
  type KqlNode,
  type ParsedQuery,
} from "../language/parser.ts";
import { QueryError, createUnknownTableError } from "./query-error.ts";

const fixHint = "Fix semantic errors in your query.";
const unknownNamePattern = /^The name '(.*)' does not refer to any known (.*)\.$/;

/** The error the service would answer with, or `undefined` for a sound query. Syntax comes before meaning. */
export function findQueryError(parsed: ParsedQuery): QueryError | undefined {
  const [first] = parsed.diagnostics.toSorted(
    (one, other) => rankDiagnostic(one) - rankDiagnostic(other) || one.start - other.start,
  );
  return first && toQueryError(parsed.root, first);
}

const rankDiagnostic = (diagnostic: KqlDiagnostic): number => (isSyntax(diagnostic) ? 0 : 1);

/** Microsoft's codes under 100 are of the scanner and the parser; the rest is of the binder, but for a few on missing parts. */
const isSyntax = ({ code, message }: KqlDiagnostic): boolean =>
  Number(code.slice(2)) < 100 || message.endsWith(" expected.");

function toQueryError(root: KqlNode, diagnostic: KqlDiagnostic): QueryError {
  if (isSyntax(diagnostic))
    return new QueryError(
      "syntax",
      `The query contains syntax errors: ${diagnostic.message} at position ${diagnostic.start}`,
    );
  const [, name, kinds = ""] = unknownNamePattern.exec(diagnostic.message) ?? [];
  if (name === undefined)
    return new QueryError(
      "semantic",
      `The query has a semantic error: ${diagnostic.message} ${fixHint}`,
    );
  if (kinds === "function")
    return new QueryError(
      "semantic",
      `The query has a semantic error: Unknown function: '${name}'. ${fixHint}`,
    );
  const path = findPath(root, diagnostic.start, diagnostic.end);
  const operator = findOperatorName(path);
  if (isTabular(path, kinds)) return createUnknownTableError(name, operator);
  return new QueryError(
    "semantic",
    `${formatPrefix(operator)}Failed to resolve scalar expression named '${name}'. ${fixHint}`,
  );
}

const formatPrefix = (operator: string | undefined): string =>
  operator === undefined ? "" : `'${operator}' operator: `;

const isTabular = (path: readonly KqlNode[], kinds: string): boolean =>
  kinds.includes("table,") && !kinds.includes("column")
    ? true
    : !path.some(({ kind }) => kind.endsWith("Operator"));

/** The operator a name stands in; at the head of a pipe, the one that reads it. */
function findOperatorName(path: readonly KqlNode[]): string | undefined {
  const enclosing = path.findLast(
    ({ kind, children }) => kind.endsWith("Operator") && children[0]?.isToken === true,
  );
  const head = path.find(({ kind }) => kind === "PipeExpression");
  const reader =
    enclosing ??
    path
      .findLast(({ kind, role }) => kind === "PipeExpression" && role !== "Operator")
      ?.children.at(-1);
  return (reader ?? head)?.children[0]?.text;
}
