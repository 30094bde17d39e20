/**
 * Evaluates KQL over rows in memory. The query is compiled once into closures; rows are computed as
 * they are read.
 */
import type { HuntColumn } from "../../contracts/compiled-hunt.ts";
import { parseQuery, type ParsedQuery } from "../language/parser.ts";
import { toLineColumn, type LineColumn } from "../language/position.ts";
import { compiler } from "./compile.ts";
import type { EvaluationContext, Row } from "./context.ts";
import type { QuerySchema } from "../language/schema.ts";
import { findSchema } from "./context-schema.ts";
import { findQueryError } from "./diagnostics.ts";
import { createNames, type Binding, type Scope } from "./plan.ts";
import { QueryError, type QueryErrorKind } from "./query-error.ts";
import { compileBlock, statementsOf } from "./tabular.ts";

/** A query's result table. */
interface QueryResult {
  readonly columns: readonly HuntColumn[];
  /**
   * Rows, computed as they are read. Values: string, guid and decimal as string; long as bigint;
   * datetime and timespan as bigint ticks; int and real as number; bool as boolean; dynamic as
   * JSON; null. Reading may throw a `QueryError`.
   */
  readonly rows: Iterable<Row>;
}

/** Why a query is not evaluated. */
export interface Refusal {
  /** `service`: the service refuses the query too. `evaluator`: only the evaluator does. */
  readonly refusedBy: "service" | "evaluator";
  readonly cause: QueryErrorKind;
  /** The service's text, or the evaluator's. */
  readonly message: string;
  /** Position in the query, if known. */
  readonly at: LineColumn | undefined;
}

export type Evaluation = QueryResult | Refusal;

/** Compiles a query and returns its rows, or a refusal. Reading the rows does the work. */
export function evaluate(query: string, context: EvaluationContext): Evaluation {
  try {
    const parsed = parseSafely(query, findSchema(context));
    const queryError = findQueryError(parsed);
    if (queryError !== undefined) throw queryError;
    const scope: Scope = {
      context,
      compile: compiler,
      columns: [],
      names: createNames(),
      options: new Map(),
    };
    return toResult(compileBlock(statementsOf(parsed.root), scope));
  } catch (error) {
    return toRefusal(query, toQueryError(error));
  }
}

/** Microsoft's parser fails on a few queries, such as some of graphs, with an error of its own. */
function parseSafely(query: string, schema?: QuerySchema): ParsedQuery {
  try {
    return parseQuery(query, schema);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new QueryError("unsupported", `The query exceeds Microsoft's parser: ${reason}.`);
  }
}

/** Converts an error of a query to a refusal. */
export function toRefusal(query: string, { kind, message, start }: QueryError): Refusal {
  return {
    refusedBy: kind === "unsupported" ? "evaluator" : "service",
    cause: kind,
    message,
    at: start === undefined ? undefined : toLineColumn(query, start),
  };
}

/** Nested too deeply, or a value beyond a limit of JavaScript: the evaluator's own limits. */
function toQueryError(error: unknown): QueryError {
  if (error instanceof QueryError) return error;
  if (error instanceof RangeError)
    return new QueryError("unsupported", `The query exceeds the evaluator: ${error.message}.`);
  throw error;
}

function toResult(result: Binding | undefined): QueryResult {
  if (result?.kind === "table")
    return {
      columns: result.table.columns,
      rows: { [Symbol.iterator]: () => readRows(result.table.rows()) },
    };
  if (result?.kind === "scalar")
    return {
      columns: [{ name: "print_0", type: result.scalar.type }],
      rows: [[result.scalar.run([])]],
    };
  throw new QueryError(
    "syntax",
    "The query contains syntax errors: no tabular expression statement found",
    0,
  );
}

function* readRows(rows: Iterable<Row>): Generator<Row> {
  try {
    yield* rows;
  } catch (error) {
    throw toQueryError(error);
  }
}
