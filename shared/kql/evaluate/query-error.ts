/** Why a query got no rows, in the words of the service. */
export type QueryErrorKind = "syntax" | "semantic" | "unsupported" | "table";

/** Thrown while a query is compiled; `evaluate` turns it into its answer. */
export class QueryError extends Error {
  override readonly name = "QueryError";
  readonly kind: QueryErrorKind;
  constructor(kind: QueryErrorKind, message: string) {
    super(message);
    this.kind = kind;
  }
}

/** What the tenant does not evaluate, said as the service says it of what it does not know. */
export const createUnsupportedError = (construct: string): QueryError =>
  new QueryError(
    "unsupported",
    `The query has a semantic error: ${construct} is not supported. Fix semantic errors in your query.`,
  );

/** A name that stands for no table. */
export const createUnknownTableError = (name: string, operator: string | undefined): QueryError =>
  new QueryError(
    "table",
    `${operator === undefined ? "" : `'${operator}' operator: `}Failed to resolve table or column expression named '${name}'. Fix semantic errors in your query.`,
  );
