/** The seam to the KQL evaluator and the world: the only file of the tenant that knows both. */
import type { KqlType } from "../../../shared/messages/compiled-hunt.ts";
import type { Span, Ticks } from "../../../shared/time.ts";

export type { KqlType };

export interface Column {
  readonly name: string;
  readonly type: KqlType;
}

/**
 * A query's answer. Cells: string; long, datetime and timespan as bigint (the latter two in ticks); int and real as
 * number; bool as boolean; dynamic as JSON value; guid and decimal as string; null.
 */
export type Evaluation =
  | { readonly kind: "table"; readonly columns: readonly Column[]; readonly rows: Iterable<readonly unknown[]> }
  | {
      readonly kind: "error";
      readonly class: "syntax" | "semantic" | "unsupported" | "table";
      readonly message: string;
    };

/** How a query is asked. */
export interface Asked {
  readonly now: Ticks;
  /** Rows outside are not seen, whatever the query says. */
  readonly timespan: Span;
  /** Rows ingested later are not seen yet. */
  readonly visibleAt: Ticks;
}

/** Evaluates queries over one world. */
export type Evaluate = (query: string, asked: Asked) => Evaluation;
