/** The interface between hunting and a KQL evaluator. */
import type { KqlType } from "../../../shared/contracts/compiled-hunt.ts";
import type { Span, Ticks } from "../../../shared/runtime/time.ts";

export type { KqlType };

export interface Column {
  readonly name: string;
  readonly type: KqlType;
}

/**
 * A query's result. Reading its rows evaluates the query and may throw a `QueryFailure`. Cells:
 * string; long, datetime and timespan as bigint (the latter two in ticks); int and real as number;
 * bool as boolean; dynamic as JSON value; guid and decimal as string; null.
 */
export type Evaluation =
  | {
      readonly kind: "table";
      readonly columns: readonly Column[];
      readonly rows: Iterable<readonly unknown[]>;
    }
  | {
      readonly kind: "error";
      readonly class: "syntax" | "semantic" | "unsupported" | "table";
      readonly message: string;
    };

/** Parameters of an evaluation. */
export interface EvaluationContext {
  readonly now: Ticks;
  /** Rows outside are never visible to the query. */
  readonly timespan: Span;
  /** Rows ingested later are not visible yet. */
  readonly visibleAt: Ticks;
}

/** Evaluates queries over one dataset. */
export type Evaluate = (query: string, context: EvaluationContext) => Evaluation;

/** An error of the query that occurs only while its rows are read. */
export interface QueryFailure extends Error {
  readonly name: "QueryError";
  readonly kind: string;
}

export const isQueryFailure = (error: unknown): error is QueryFailure =>
  error instanceof Error && error.name === "QueryError" && "kind" in error;
