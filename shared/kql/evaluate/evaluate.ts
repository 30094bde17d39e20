/**
 * KQL over the tenant's world: the query is compiled once into closures and rows are made as they are read.
 * What is not known is refused in the service's own words.
 */
import { parseQuery } from "../language/parser.ts";
import type { HuntColumn } from "../../contracts/compiled-hunt.ts";
import { compiler } from "./compile.ts";
import { findQueryError } from "./diagnostics.ts";
import { createNames, type Binding, type QueryContext, type Row, type Scope } from "./plan.ts";
import { QueryError, type QueryErrorKind } from "./query-error.ts";
import { compileBlock, statementsOf } from "./tabular.ts";

export type { QueryContext } from "./plan.ts";

/** What came of a query. */
export type Evaluation =
  /** Columns in order, rows as they are read: string, long → bigint, int/real → number, bool, datetime/timespan → bigint ticks, dynamic → JSON, guid/decimal → string, null. */
  | {
      readonly kind: "table";
      readonly columns: readonly HuntColumn[];
      readonly rows: Iterable<Row>;
    }
  /** `message` is the service's text. `table`: a table the tenant does not have. `unsupported`: real KQL that the tenant does not evaluate. */
  | { readonly kind: "error"; readonly class: QueryErrorKind; readonly message: string };

/** Compiles a query and gives its rows; reading them does the work. A fault met while reading is thrown there as `QueryError`. */
export function evaluateQuery(query: string, context: QueryContext): Evaluation {
  try {
    const parsed = parseQuery(query);
    const queryError = findQueryError(parsed);
    if (queryError !== undefined) throw queryError;
    const scope: Scope = { context, compile: compiler, columns: [], names: createNames() };
    return toEvaluation(compileBlock(statementsOf(parsed.root), scope));
  } catch (error) {
    if (error instanceof QueryError)
      return { kind: "error", class: error.kind, message: error.message };
    throw error;
  }
}

function toEvaluation(result: Binding | undefined): Evaluation {
  if (result?.kind === "table")
    return {
      kind: "table",
      columns: result.table.columns,
      rows: { [Symbol.iterator]: () => Iterator.from(result.table.rows()) },
    };
  if (result?.kind === "scalar")
    return {
      kind: "table",
      columns: [{ name: "print_0", type: result.scalar.type }],
      rows: [[result.scalar.run([])]],
    };
  throw new QueryError(
    "syntax",
    "The query contains syntax errors: no tabular expression statement found",
  );
}
