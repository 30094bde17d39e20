/** One hunting call and its answer: within the run's budget, in the form of the window that the service accepts. */
import type { CompiledHunt, HuntColumn } from "../../contracts/compiled-hunt.ts";
import { dayMs, parseInstant, ticksFromMs, type Span, type Ticks } from "../../runtime/time.ts";
import { callDeadlineMs, type Budget } from "./budget.ts";
import type { Bin } from "./density.ts";
import type { HuntingReply, HuntDeps, RowSink } from "../ports.ts";
import {
  buildCountQuery,
  buildHistogramQuery,
  buildRowsQuery,
  buildShardQuery,
  type QueryForm,
  type QuerySpan,
  type Shard,
} from "./query-text.ts";

/** Nothing more can be asked in this run. */
export type RunStop = Extract<HuntingReply, { kind: "later" | "refused" | "failed" }>;

/** The service gave up on this query; a smaller one may pass. */
export type QueryTooLarge = Extract<HuntingReply, { kind: "too-big" | "too-heavy" }>;

export type CountResult =
  | { readonly kind: "count"; readonly count: number }
  | QueryTooLarge
  | RunStop;
export type HistogramResult =
  | { readonly kind: "bins"; readonly bins: readonly Bin[] }
  | QueryTooLarge
  | RunStop;

/** Asks one hunt's questions of the service; one asker per run. */
export interface HuntQuerier {
  readonly readRows: (span: QuerySpan, sink: RowSink) => Promise<HuntingReply>;
  /** `undefined` when the hunt's result cannot be sharded soundly. */
  readonly readShard: (
    span: QuerySpan,
    shard: Shard,
    sink: RowSink,
  ) => Promise<HuntingReply | undefined>;
  readonly countRows: (span: QuerySpan) => Promise<CountResult>;
  readonly readHistogram: (span: QuerySpan, step: Ticks) => Promise<HistogramResult>;
  /** Calls so far. */
  readonly countCalls: () => number;
  /** The form that the service has taken; `undefined` before it has taken one. */
  readonly acceptedForm: () => QueryForm | undefined;
}

const outOfTime: RunStop = { kind: "later", retryAfterMs: 0, cause: "budget" };

export function createHuntQuerier(
  deps: HuntDeps,
  hunt: CompiledHunt,
  budget: Budget,
  knownForm: QueryForm | undefined,
): HuntQuerier {
  let form: QueryForm = knownForm ?? "prelude";
  let isProven = knownForm !== undefined;
  let callCount = 0;

  const sendQuery = async (
    query: string,
    span: QuerySpan,
    sink: RowSink,
  ): Promise<HuntingReply> => {
    if (!budget.hasTimeLeft()) return outOfTime;
    callCount += 1;
    await deps.failpoint("E4 request sent");
    return deps.hunting.runQuery(
      query,
      {
        timespan: widenSpan(span),
        deadlineMs: callDeadlineMs,
        maxWaitMs: budget.remainingWaitMs(),
      },
      withFailpoint(deps, sink),
    );
  };

  /** A service that refuses one form may take the other; which one it takes is kept. */
  const tryForms = async (
    buildQuery: (form: QueryForm) => string,
    span: QuerySpan,
    sink: RowSink,
  ): Promise<HuntingReply> => {
    const reply = await sendQuery(buildQuery(form), span, sink);
    const isUnproven = !isProven && reply.kind === "refused" && reply.cause === "query";
    if (!isUnproven) {
      isProven ||= reply.kind === "answer";
      return reply;
    }
    const otherForm = form === "prelude" ? "inPlace" : "prelude";
    const secondReply = await sendQuery(buildQuery(otherForm), span, sink);
    if (secondReply.kind !== "answer") return secondReply.kind === "refused" ? reply : secondReply;
    form = otherForm;
    isProven = true;
    return secondReply;
  };

  return {
    readRows: (span, sink) =>
      tryForms((queryForm) => buildRowsQuery(hunt, queryForm, span), span, sink),
    readShard: async (span, shard, sink) => {
      const text = buildShardQuery(hunt, form, span, shard);
      return text === undefined
        ? undefined
        : tryForms(
            (queryForm) => buildShardQuery(hunt, queryForm, span, shard) ?? text,
            span,
            sink,
          );
    },
    countRows: async (span) => {
      const { sink, parseLines } = collectLines();
      const reply = await tryForms(
        (queryForm) => buildCountQuery(hunt, queryForm, span),
        span,
        sink,
      );
      return reply.kind === "answer" ? parseCount(parseLines()) : reply;
    },
    readHistogram: async (span, step) => {
      const text = buildHistogramQuery(hunt, form, span, step);
      if (text === undefined)
        return { kind: "refused", cause: "query", message: "this hunt has no time column" };
      const { sink, parseLines } = collectLines();
      const reply = await tryForms(
        (queryForm) => buildHistogramQuery(hunt, queryForm, span, step) ?? text,
        span,
        sink,
      );
      return reply.kind === "answer" ? parseBins(parseLines(), span, step) : reply;
    },
    countCalls: () => callCount,
    acceptedForm: () => (isProven ? form : undefined),
  };
}

/** Wider than anything a hunt can ask for: the service keeps 30 days, and must not narrow the query. */
const widenSpan = (span: QuerySpan): Span => ({
  from: span.clock - ticksFromMs(31 * dayMs),
  to: span.clock + ticksFromMs(dayMs),
});

/** Marks the kill point of the first bytes of an answer. */
function withFailpoint(deps: Pick<HuntDeps, "failpoint">, sink: RowSink): RowSink {
  let hasStarted = false;
  const columns = sink.columns;
  return {
    ...(columns && {
      columns: (answerColumns: readonly HuntColumn[]): void => columns(answerColumns),
    }),
    writeRows: async (lines, count) => {
      if (!hasStarted) await deps.failpoint("E5 headers in");
      hasStarted = true;
      await sink.writeRows(lines, count);
    },
  };
}

/** Collects a small answer: a count or a histogram. */
function collectLines(): { readonly sink: RowSink; readonly parseLines: () => readonly unknown[] } {
  const chunks: Uint8Array[] = [];
  return {
    sink: { writeRows: (lines) => void chunks.push(lines.slice()) },
    parseLines: () =>
      Buffer.concat(chunks)
        .toString("utf8")
        .split("\n")
        .filter((line) => line !== "")
        .map((line) => JSON.parse(line) as unknown),
  };
}

const toFailure = (message: string): RunStop => ({ kind: "failed", message });

function parseCount(lines: readonly unknown[]): CountResult {
  const [row] = lines;
  const count = Number(
    typeof row === "object" && row !== null ? Object.values(row)[0] : Number.NaN,
  );
  return lines.length === 1 && Number.isSafeInteger(count) && count >= 0
    ? { kind: "count", count }
    : toFailure("a count that is no whole number");
}

function parseBins(lines: readonly unknown[], span: Span, step: Ticks): HistogramResult {
  const bins: Bin[] = [];
  for (const line of lines) {
    const { Bin: text, Rows: count } = line as { readonly Bin?: unknown; readonly Rows?: unknown };
    const start = typeof text === "string" ? parseInstant(text) : undefined;
    if (start === undefined || !Number.isSafeInteger(Number(count)))
      return toFailure("a histogram with another shape");
    const [from, to] = [
      start > span.from ? start : span.from,
      start + step < span.to ? start + step : span.to,
    ];
    if (to > from) bins.push({ from, to, rows: Number(count) });
  }
  return { kind: "bins", bins: bins.toSorted((a, b) => (a.from < b.from ? -1 : 1)) };
}
