/** One hunting call, the same for every generation of the API: a turn, a request, rows while they stream in, a reply. */
import type { HuntColumn } from "../../contracts/compiled-hunt.ts";
import type { HuntingOptions, HuntingPort, HuntingReply, RowSink } from "../../hunts/ports.ts";
import type { Answer, Pipe, StreamedAnswer } from "../../http-pipeline/api-client.ts";
import type { Quota, Turn } from "../../http-pipeline/quota/quota.ts";
import { shapeOf } from "../../rows/column.ts";
import { MalformedRows } from "../../rows/malformed.ts";
import { readRows, type RowsRead } from "../../rows/read-rows.ts";
import type { Clock } from "../../runtime/time.ts";
import { columnsOf, executionMs } from "./columns.ts";
import { huntingPresets, type HuntingPreset } from "./presets.ts";
import { failureOf, isRetired, readStatuses, refusalOf, retiredReply } from "./refusals.ts";

/** What a back-end works with. The quota is the one the pipe takes its turns from. */
export interface HuntingParts {
  readonly pipe: Pipe;
  readonly quota: Quota;
  readonly clock: Clock;
}

/** The body of a request. */
export type RequestBody = (
  query: string,
  options: HuntingOptions,
) => Readonly<Record<string, unknown>>;

/** A back-end of the given generation. */
export function huntingApi(
  api: HuntingPort["api"],
  parts: HuntingParts,
  body: RequestBody,
): HuntingPort {
  const preset = huntingPresets[api];
  return {
    api,
    caps: preset.caps,
    run: async (query, options, sink) => {
      const wait = {
        waitMs: options.waitForTurnMs,
        ...(options.signal ? { signal: options.signal } : {}),
      };
      const outcome = await parts.quota.take(wait);
      if (outcome.kind === "later")
        return {
          kind: "later",
          retryAfterMs: outcome.retryAfterMs,
          cause: `no turn: ${outcome.reason}`,
        };
      return runOnce(preset, parts, body(query, options), options, sink, outcome.turn);
    },
  };
}

async function runOnce(
  preset: HuntingPreset,
  { clock, pipe, quota }: HuntingParts,
  json: Readonly<Record<string, unknown>>,
  options: HuntingOptions,
  sink: RowSink,
  turn: Turn,
): Promise<HuntingReply> {
  const startedMs = clock.now();
  const taker = guarded(sink);
  try {
    const answer = await pipe.stream(
      {
        method: "POST",
        path: preset.path,
        json,
        deadlineMs: options.deadlineMs,
        waitForTurnMs: options.waitForTurnMs,
        turn,
        ...(options.signal ? { signal: options.signal } : {}),
      },
      readStatuses,
    );
    const ranMs = clock.now() - startedMs;
    if (!isStreamed(answer)) {
      await quota.report({ kind: "ok", runTimeMs: ranMs });
      return refusalOf(preset, answer.status, answer.body, clock.now());
    }
    const { columns, read } = await readAnswer(preset, answer, options, taker.sink);
    await quota.report({ kind: "ok", runTimeMs: executionMs(read.around) ?? ranMs });
    return replyOf(preset, read, columns, clock.now(), clock.now() - startedMs);
  } catch (error) {
    if (taker.failed()) throw error;
    options.signal?.throwIfAborted();
    if (clock.now() - startedMs >= options.deadlineMs)
      return { kind: "too-heavy", cause: "timed-out" };
    if (error instanceof MalformedRows)
      return { kind: "failed", message: `${preset.title}: ${error.message}` };
    return failureOf(preset, error, clock.now());
  }
}

const isStreamed = (answer: StreamedAnswer | Answer): answer is StreamedAnswer =>
  answer.status >= 200 && answer.status < 300;

/** A sink that remembers whether it failed itself: such an error is the caller's, not the service's. */
function guarded(sink: RowSink): { readonly sink: RowSink; readonly failed: () => boolean } {
  let failed = false;
  return {
    failed: () => failed,
    sink: {
      ...(sink.columns ? { columns: sink.columns } : {}),
      rows: async (lines, count) => {
        failed = true;
        await sink.rows(lines, count);
        failed = false;
      },
    },
  };
}

async function readAnswer(
  { annotated }: HuntingPreset,
  answer: StreamedAnswer,
  { columns: compiled }: HuntingOptions,
  sink: RowSink,
): Promise<{ readonly read: RowsRead; readonly columns: readonly HuntColumn[] }> {
  const read = await readRows(answer.body, {
    shape: (head) => {
      const columns = columnsOf(head, compiled);
      if (columns) sink.columns?.(columns);
      return shapeOf(columns ?? compiled ?? [], annotated);
    },
    lines: sink.rows,
  });
  return { read, columns: columnsOf(read.around, compiled) ?? compiled ?? [] };
}

function replyOf(
  preset: HuntingPreset,
  { around, bytes, rows }: RowsRead,
  columns: readonly HuntColumn[],
  nowMs: number,
  durationMs: number,
): HuntingReply {
  if ("error" in around) return refusalOf(preset, 400, around, nowMs);
  // A retired API is announced to give no data; taken at its word, every window would be committed as empty. An answer
  // that names its columns did evaluate the query.
  const isHollow = rows === 0 && columnsOf(around) === undefined;
  if (isHollow && isRetired(preset, nowMs))
    return retiredReply(preset, `${preset.title} answered without data`);
  return { kind: "answer", columns, rows, bytes, durationMs };
}
