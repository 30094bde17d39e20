/** The parser's findings in the words of the service. */
import { pathTo, type KqlDiagnostic, type KqlNode, type ParsedQuery } from "../language/parser.ts";
import { QueryError, unknownTable } from "./query-error.ts";

const fix = "Fix semantic errors in your query.";
const unknownName = /^The name '(.*)' does not refer to any known (.*)\.$/;

/** The error the service would answer with, or `undefined` for a sound query. Syntax comes before meaning. */
export function errorIn(parsed: ParsedQuery): QueryError | undefined {
  const [first] = parsed.diagnostics.toSorted(
    (one, other) => rank(one) - rank(other) || one.start - other.start,
  );
  return first && errorOf(parsed.root, first);
}

const rank = (found: KqlDiagnostic): number => (isSyntax(found) ? 0 : 1);

/** Microsoft's codes under 100 are of the scanner and the parser; the rest is of the binder, but for a few on missing parts. */
const isSyntax = ({ code, message }: KqlDiagnostic): boolean =>
  Number(code.slice(2)) < 100 || message.endsWith(" expected.");

function errorOf(root: KqlNode, found: KqlDiagnostic): QueryError {
  if (isSyntax(found))
    return new QueryError(
      "syntax",
      `The query contains syntax errors: ${found.message} at position ${found.start}`,
    );
  const [, name, kinds = ""] = unknownName.exec(found.message) ?? [];
  if (name === undefined)
    return new QueryError("semantic", `The query has a semantic error: ${found.message} ${fix}`);
  if (kinds === "function")
    return new QueryError(
      "semantic",
      `The query has a semantic error: Unknown function: '${name}'. ${fix}`,
    );
  const path = pathTo(root, found.start, found.end);
  const operator = operatorAround(path);
  if (isTabular(path, kinds)) return unknownTable(name, operator);
  return new QueryError(
    "semantic",
    `${prefix(operator)}Failed to resolve scalar expression named '${name}'. ${fix}`,
  );
}

const prefix = (operator: string | undefined): string =>
  operator === undefined ? "" : `'${operator}' operator: `;

const isTabular = (path: readonly KqlNode[], kinds: string): boolean =>
  kinds.includes("table,") && !kinds.includes("column")
    ? true
    : !path.some(({ kind }) => kind.endsWith("Operator"));

/** The operator a name stands in; at the head of a pipe, the one that reads it. */
function operatorAround(path: readonly KqlNode[]): string | undefined {
  const inside = path.findLast(
    ({ kind, children }) => kind.endsWith("Operator") && children[0]?.isToken === true,
  );
  const head = path.find(({ kind }) => kind === "PipeExpression");
  const reader =
    inside ??
    path
      .findLast(({ kind, role }) => kind === "PipeExpression" && role !== "Operator")
      ?.children.at(-1);
  return (reader ?? head)?.children[0]?.text;
}
