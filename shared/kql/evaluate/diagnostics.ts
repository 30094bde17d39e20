/** Translates the parser's diagnostics to the service's messages. */
import {
  findPath,
  type KqlDiagnostic,
  type KqlNode,
  type ParsedQuery,
} from "../language/parser.ts";
import { createSemanticError, createUnknownTableError, QueryError } from "./query-error.ts";

const unknownNamePattern = /^The name '(.*)' does not refer to any known (.*)\.$/;

/** Returns the service's error, syntax before semantics, or `undefined` for a valid query. */
export function findQueryError(parsed: ParsedQuery): QueryError | undefined {
  const [first] = parsed.diagnostics.toSorted(
    (one, other) => rankDiagnostic(one) - rankDiagnostic(other) || one.start - other.start,
  );
  if (first === undefined) return undefined;
  const error = toQueryError(parsed.root, first);
  error.start = first.start;
  return error;
}

const rankDiagnostic = (diagnostic: KqlDiagnostic): number => (isSyntax(diagnostic) ? 0 : 1);

/** Microsoft's codes below 100 and messages on missing parts are syntax; others are semantic. */
const isSyntax = ({ code, message }: KqlDiagnostic): boolean =>
  Number(code.slice(2)) < 100 || message.endsWith(" expected.");

function toQueryError(root: KqlNode, diagnostic: KqlDiagnostic): QueryError {
  if (isSyntax(diagnostic))
    return new QueryError(
      "syntax",
      `The query contains syntax errors: ${diagnostic.message} at position ${diagnostic.start}`,
    );
  const [, name, kinds = ""] = unknownNamePattern.exec(diagnostic.message) ?? [];
  if (name === undefined) return createSemanticError(diagnostic.message);
  if (kinds === "function") return createSemanticError(`Unknown function: '${name}'.`);
  const path = findPath(root, diagnostic.start, diagnostic.end);
  const operator = findOperatorName(path);
  if (isTabular(path, kinds)) return createUnknownTableError(name, operator);
  const prefix = operator === undefined ? "" : `'${operator}' operator: `;
  return new QueryError(
    "semantic",
    [
      `${prefix}Failed to resolve scalar expression named '${name}'.`,
      "Fix semantic errors in your query.",
    ].join(" "),
  );
}

const isTabular = (path: readonly KqlNode[], kinds: string): boolean =>
  kinds.includes("table,") && !kinds.includes("column")
    ? true
    : !path.some(({ kind }) => kind.endsWith("Operator"));

/** Returns the operator around a name; at the head of a pipe, the one that reads it. */
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
