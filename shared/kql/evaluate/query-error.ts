/** Errors of queries: refusals in the service's words, and the evaluator's own limits. */
import type { KqlNode } from "../language/parser.ts";

/**
 * `syntax`, `semantic` and `table` (an unknown table) are refusals of the service; `unsupported` is
 * valid KQL that the evaluator does not implement.
 */
export type QueryErrorKind = "syntax" | "semantic" | "table" | "unsupported";

/** Thrown while a query is compiled or read; `evaluate` returns it as a refusal. */
export class QueryError extends Error {
  override readonly name = "QueryError";
  readonly kind: QueryErrorKind;
  /** Offset in the query, once it is known. */
  start: number | undefined;
  constructor(kind: QueryErrorKind, message: string, start?: number) {
    super(message);
    this.kind = kind;
    this.start = start;
  }
}

/** Creates an error of a query that the service refuses; `text` is a sentence. */
export const createSemanticError = (text: string): QueryError =>
  new QueryError(
    "semantic",
    `The query has a semantic error: ${text} Fix semantic errors in your query.`,
  );

/** Creates an error of a construct that the evaluator does not implement. */
export const createUnsupportedError = (construct: string): QueryError =>
  new QueryError("unsupported", `${construct} is not supported by the evaluator.`);

/** Creates an error of an unknown table name. */
export const createUnknownTableError = (name: string, operator: string | undefined): QueryError =>
  new QueryError(
    "table",
    [
      operator === undefined ? "" : `'${operator}' operator: `,
      `Failed to resolve table or column expression named '${name}'. `,
      "Fix semantic errors in your query.",
    ].join(""),
  );

/** Runs a step of the compiler and adds the node's position to an error that has none. */
export function locateErrors<T>(node: KqlNode, compile: () => T): T {
  try {
    return compile();
  } catch (error) {
    if (error instanceof QueryError) error.start ??= node.start;
    throw error;
  }
}
