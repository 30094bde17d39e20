/**
 * KQL over the tenant's world: the query is compiled once into closures and rows are made as they are read.
 * What is not known is refused in the service's own words.
 */
import { parse } from "../language/parser.ts";
import type { HuntColumn } from "../../contracts/compiled-hunt.ts";
import { compile } from "./compile.ts";
import { errorIn } from "./diagnostics.ts";
import { namesWithin, type Binding, type QueryContext, type Row, type Scope } from "./plan.ts";
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
export function evaluate(query: string, context: QueryContext): Evaluation {
  try {
    const parsed = parse(query);
    const fault = errorIn(parsed);
    if (fault !== undefined) throw fault;
    const scope: Scope = { context, compile, columns: [], names: namesWithin() };
    return answerOf(compileBlock(statementsOf(parsed.root), scope));
  } catch (error) {
    if (error instanceof QueryError)
      return { kind: "error", class: error.kind, message: error.message };
    throw error;
  }
}

function answerOf(result: Binding | undefined): Evaluation {
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
