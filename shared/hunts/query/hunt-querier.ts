/** One hunting call and its answer: within the run's budget, in the form of the window that the service accepts. */
import type { CompiledHunt, HuntColumn } from "../../contracts/compiled-hunt.ts";
import { dayMs, parseInstant, ticksFromMs, type Span, type Ticks } from "../../runtime/time.ts";
import { callDeadlineMs, type Budget } from "./budget.ts";
import type { Bin } from "./density.ts";
import type { HuntingReply, HuntPorts, RowSink } from "../ports.ts";
import {
  countQuery,
  histogramQuery,
  rowsQuery,
  shardQuery,
  type QueryForm,
  type QuerySpan,
  type Shard,
} from "./query-text.ts";

/** Nothing more can be asked in this run. */
export type Stop = Extract<HuntingReply, { kind: "later" | "refused" | "failed" }>;

/** The service gave up on this query; a smaller one may pass. */
export type Halve = Extract<HuntingReply, { kind: "too-big" | "too-heavy" }>;

export type Counted = { readonly kind: "count"; readonly count: number } | Halve | Stop;
export type Histogram = { readonly kind: "bins"; readonly bins: readonly Bin[] } | Halve | Stop;

/** Asks one hunt's questions of the service; one asker per run. */
export interface Asker {
  readonly rows: (span: QuerySpan, sink: RowSink) => Promise<HuntingReply>;
  /** `undefined` when the hunt's result cannot be sharded soundly. */
  readonly shard: (
    span: QuerySpan,
    part: Shard,
    sink: RowSink,
  ) => Promise<HuntingReply | undefined>;
  readonly count: (span: QuerySpan) => Promise<Counted>;
  readonly histogram: (span: QuerySpan, step: Ticks) => Promise<Histogram>;
  /** Calls so far. */
  readonly calls: () => number;
  /** The form that the service has taken; `undefined` before it has taken one. */
  readonly form: () => QueryForm | undefined;
}

const outOfTime: Stop = { kind: "later", retryAfterMs: 0, cause: "budget" };

export function openAsker(
  ports: HuntPorts,
  hunt: CompiledHunt,
  budget: Budget,
  known: QueryForm | undefined,
): Asker {
  let form: QueryForm = known ?? "prelude";
  let proven = known !== undefined;
  let calls = 0;

  const send = async (query: string, span: QuerySpan, sink: RowSink): Promise<HuntingReply> => {
    if (!budget.left()) return outOfTime;
    calls += 1;
    await ports.reach("E4 request sent");
    return ports.hunting.run(
      query,
      { timespan: wide(span), deadlineMs: callDeadlineMs, waitForTurnMs: budget.waitMs() },
      watched(ports, sink),
    );
  };

  /** A service that refuses one form may take the other; which one it takes is kept. */
  const ask = async (
    text: (form: QueryForm) => string,
    span: QuerySpan,
    sink: RowSink,
  ): Promise<HuntingReply> => {
    const reply = await send(text(form), span, sink);
    const unproven = !proven && reply.kind === "refused" && reply.cause === "query";
    if (!unproven) {
      proven ||= reply.kind === "answer";
      return reply;
    }
    const other = form === "prelude" ? "inPlace" : "prelude";
    const second = await send(text(other), span, sink);
    if (second.kind !== "answer") return second.kind === "refused" ? reply : second;
    form = other;
    proven = true;
    return second;
  };

  return {
    rows: (span, sink) => ask((as) => rowsQuery(hunt, as, span), span, sink),
    shard: async (span, part, sink) => {
      const text = shardQuery(hunt, form, span, part);
      return text === undefined
        ? undefined
        : ask((as) => shardQuery(hunt, as, span, part) ?? text, span, sink);
    },
    count: async (span) => {
      const { sink, lines } = collect();
      const reply = await ask((as) => countQuery(hunt, as, span), span, sink);
      return reply.kind === "answer" ? asCount(lines()) : reply;
    },
    histogram: async (span, step) => {
      const text = histogramQuery(hunt, form, span, step);
      if (text === undefined)
        return { kind: "refused", cause: "query", message: "this hunt has no time column" };
      const { sink, lines } = collect();
      const reply = await ask((as) => histogramQuery(hunt, as, span, step) ?? text, span, sink);
      return reply.kind === "answer" ? asBins(lines(), span, step) : reply;
    },
    calls: () => calls,
    form: () => (proven ? form : undefined),
  };
}

/** Wider than anything a hunt can ask for: the service keeps 30 days, and must not narrow the query. */
const wide = (span: QuerySpan): Span => ({
  from: span.clock - ticksFromMs(31 * dayMs),
  to: span.clock + ticksFromMs(dayMs),
});

/** Marks the kill point of the first bytes of an answer. */
function watched(ports: Pick<HuntPorts, "reach">, sink: RowSink): RowSink {
  let seen = false;
  const columns = sink.columns;
  return {
    ...(columns && { columns: (named: readonly HuntColumn[]): void => columns(named) }),
    rows: async (lines, count) => {
      if (!seen) await ports.reach("E5 headers in");
      seen = true;
      await sink.rows(lines, count);
    },
  };
}

/** Collects a small answer: a count or a histogram. */
function collect(): { readonly sink: RowSink; readonly lines: () => readonly unknown[] } {
  const parts: Uint8Array[] = [];
  return {
    sink: { rows: (lines) => void parts.push(lines.slice()) },
    lines: () =>
      Buffer.concat(parts)
        .toString("utf8")
        .split("\n")
        .filter((line) => line !== "")
        .map((line) => JSON.parse(line) as unknown),
  };
}

const unexpected = (message: string): Stop => ({ kind: "failed", message });

function asCount(lines: readonly unknown[]): Counted {
  const [row] = lines;
  const count = Number(
    typeof row === "object" && row !== null ? Object.values(row)[0] : Number.NaN,
  );
  return lines.length === 1 && Number.isSafeInteger(count) && count >= 0
    ? { kind: "count", count }
    : unexpected("a count that is no whole number");
}

function asBins(lines: readonly unknown[], span: Span, step: Ticks): Histogram {
  const bins: Bin[] = [];
  for (const line of lines) {
    const { Bin: text, Rows: count } = line as { readonly Bin?: unknown; readonly Rows?: unknown };
    const start = typeof text === "string" ? parseInstant(text) : undefined;
    if (start === undefined || !Number.isSafeInteger(Number(count)))
      return unexpected("a histogram with another shape");
    const [from, to] = [
      start > span.from ? start : span.from,
      start + step < span.to ? start + step : span.to,
    ];
    if (to > from) bins.push({ from, to, rows: Number(count) });
  }
  return { kind: "bins", bins: bins.toSorted((a, b) => (a.from < b.from ? -1 : 1)) };
}
