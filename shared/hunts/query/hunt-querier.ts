/**
 * Sends the queries of one hunt within the run's budget, in the form of the window that the service
 * accepts.
 */
import type { CompiledHunt, HuntColumn } from "../../contracts/compiled-hunt.ts";
import { dayMs, ticksFromMs, type Span, type Ticks } from "../../runtime/time.ts";
import type { HuntDeps, HuntingReply, RowSink } from "../ports.ts";
import { callDeadlineMs, type Budget } from "./budget.ts";
import {
  buildCountQuery,
  buildHistogramQuery,
  buildRowsQuery,
  buildShardQuery,
  buildSuppressedQuery,
  type QueryForm,
  type QuerySpan,
  type Shard,
} from "./query-text.ts";
import {
  collectLines,
  parseBins,
  parseCount,
  type CountAnswer,
  type HistogramAnswer,
} from "./small-answers.ts";

/** The run can send no further query. */
export type RunStop = Extract<HuntingReply, { kind: "later" | "refused" | "failed" }>;

/** The service aborted this query; a smaller one may succeed. */
export type QueryTooLarge = Extract<HuntingReply, { kind: "too-big" | "too-heavy" }>;

export type CountResult = CountAnswer | QueryTooLarge | RunStop;
export type HistogramResult = HistogramAnswer | QueryTooLarge | RunStop;

const outOfTime: RunStop = { kind: "later", retryAfterMs: 0, cause: "budget" };

/** What one query reads, and where its rows go. */
interface QueryTask {
  readonly span: QuerySpan;
  readonly sink: RowSink;
  /** The columns of an answer that names none. */
  readonly columns?: readonly HuntColumn[];
}

/** The querier of one run. */
export class HuntQuerier {
  readonly #deps: HuntDeps;
  readonly #hunt: CompiledHunt;
  readonly #budget: Budget;
  #form: QueryForm;
  #isAccepted: boolean;
  #callCount = 0;

  /** @param knownForm - the form that the service accepted in an earlier run */
  constructor(
    deps: HuntDeps,
    hunt: CompiledHunt,
    budget: Budget,
    knownForm: QueryForm | undefined,
  ) {
    this.#deps = deps;
    this.#hunt = hunt;
    this.#budget = budget;
    this.#form = knownForm ?? "prelude";
    this.#isAccepted = knownForm !== undefined;
  }

  /** The number of calls so far. */
  get callCount(): number {
    return this.#callCount;
  }

  /** The form that the service has accepted; undefined before its first answer. */
  get acceptedForm(): QueryForm | undefined {
    return this.#isAccepted ? this.#form : undefined;
  }

  readRows(span: QuerySpan, sink: RowSink): Promise<HuntingReply> {
    const { columns } = this.#hunt;
    return this.#tryForms((form) => buildRowsQuery(this.#hunt, form, span), {
      span,
      sink,
      columns,
    });
  }

  /** Reads one shard; undefined when the hunt's result has no reliable shard key. */
  async readShard(span: QuerySpan, shard: Shard, sink: RowSink): Promise<HuntingReply | undefined> {
    const text = buildShardQuery(this.#hunt, this.#form, span, shard);
    if (text === undefined) return undefined;
    const { columns } = this.#hunt;
    return this.#tryForms((form) => buildShardQuery(this.#hunt, form, span, shard) ?? text, {
      span,
      sink,
      columns,
    });
  }

  async countRows(span: QuerySpan): Promise<CountResult> {
    const { sink, parseLines } = collectLines();
    const reply = await this.#tryForms((form) => buildCountQuery(this.#hunt, form, span), {
      span,
      sink,
    });
    return reply.kind === "answer" ? parseCount(parseLines()) : reply;
  }

  /** Counts the rows that are left out as known; undefined when the hunt knows none. */
  async countSuppressed(span: QuerySpan): Promise<CountResult | undefined> {
    const text = buildSuppressedQuery(this.#hunt, this.#form, span);
    if (text === undefined) return undefined;
    const { sink, parseLines } = collectLines();
    const reply = await this.#sendQuery(text, { span, sink });
    return reply.kind === "answer" ? parseCount(parseLines()) : reply;
  }

  async readHistogram(span: QuerySpan, step: Ticks): Promise<HistogramResult> {
    const text = buildHistogramQuery(this.#hunt, this.#form, span, step);
    if (text === undefined)
      return { kind: "refused", cause: "query", message: "The hunt has no time column." };
    const { sink, parseLines } = collectLines();
    const reply = await this.#tryForms(
      (form) => buildHistogramQuery(this.#hunt, form, span, step) ?? text,
      { span, sink },
    );
    return reply.kind === "answer" ? parseBins(parseLines(), span, step) : reply;
  }

  /** A service that refuses one form may accept the other; the accepted form is remembered. */
  async #tryForms(buildQuery: (form: QueryForm) => string, task: QueryTask): Promise<HuntingReply> {
    const reply = await this.#sendQuery(buildQuery(this.#form), task);
    const isRefused =
      (reply.kind === "refused" && reply.cause === "query") ||
      (reply.kind === "failed" && reply.isUnknownRefusal === true);
    const shouldTryOther = !this.#isAccepted && isRefused;
    if (!shouldTryOther) {
      this.#isAccepted ||= reply.kind === "answer";
      return reply;
    }
    const otherForm = this.#form === "prelude" ? "inPlace" : "prelude";
    const secondReply = await this.#sendQuery(buildQuery(otherForm), task);
    if (secondReply.kind !== "answer")
      return secondReply.kind === reply.kind || secondReply.kind === "refused"
        ? reply
        : secondReply;
    this.#form = otherForm;
    this.#isAccepted = true;
    return secondReply;
  }

  async #sendQuery(query: string, { span, sink, columns }: QueryTask): Promise<HuntingReply> {
    if (!this.#budget.hasTimeLeft()) return outOfTime;
    this.#callCount += 1;
    await this.#deps.failpoint("E4 request sent");
    return this.#deps.hunting.runQuery(
      query,
      {
        timespan: widenSpan(span),
        deadlineMs: callDeadlineMs,
        maxWaitMs: this.#budget.remainingWaitMs(),
        ...(columns ? { columns } : {}),
      },
      withFailpoint(this.#deps, sink),
    );
  }
}

/** Widens a span past every look-back (30 days), so that `Timespan` does not narrow the query. */
const widenSpan = (span: QuerySpan): Span => ({
  from: span.clock - ticksFromMs(31 * dayMs),
  to: span.clock + ticksFromMs(dayMs),
});

/** Adds the failpoint at the first rows of an answer. */
function withFailpoint(deps: Pick<HuntDeps, "failpoint">, sink: RowSink): RowSink {
  let hasStarted = false;
  const { columns, rowColumns } = sink;
  return {
    ...(columns ? { columns } : {}),
    ...(rowColumns ? { rowColumns } : {}),
    writeRows: async (lines, count, substitutes) => {
      if (!hasStarted) await deps.failpoint("E5 headers in");
      hasStarted = true;
      await sink.writeRows(lines, count, substitutes);
    },
  };
}
