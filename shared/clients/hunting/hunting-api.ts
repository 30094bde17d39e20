/** One hunting call, the same for every generation of the API: a turn, a request, rows while they stream in, a reply. */
import type { HuntColumn } from "../../contracts/compiled-hunt.ts";
import type { HuntingOptions, HuntingPort, HuntingReply, RowSink } from "../../hunts/ports.ts";
import type { ApiResponse, ApiClient, StreamedResponse } from "../../http-pipeline/api-client.ts";
import type { Quota, Permit } from "../../http-pipeline/quota/quota.ts";
import { createRowShape } from "../../rows/column.ts";
import { MalformedRows } from "../../rows/malformed-rows.ts";
import { readRows, type ReadRowsResult } from "../../rows/read-rows.ts";
import type { Clock } from "../../runtime/time.ts";
import { readColumns, readExecutionMs } from "./columns.ts";
import { huntingPresets, type HuntingPreset } from "./presets.ts";
import {
  toFailureReply,
  isRetired,
  expectedStatuses,
  classifyRefusal,
  toRetiredReply,
} from "./refusals.ts";

/** What a back-end works with. The quota is the one the pipe takes its turns from. */
export interface HuntingApiDeps {
  readonly client: ApiClient;
  readonly quota: Quota;
  readonly clock: Clock;
}

/** The body of a request. */
export type BodyBuilder = (
  query: string,
  options: HuntingOptions,
) => Readonly<Record<string, unknown>>;

/** A back-end of the given generation. */
export function createHuntingApi(
  api: HuntingPort["api"],
  deps: HuntingApiDeps,
  buildBody: BodyBuilder,
): HuntingPort {
  const preset = huntingPresets[api];
  return {
    api,
    caps: preset.caps,
    runQuery: async (query, options, sink) => {
      const permitRequest = {
        maxWaitMs: options.maxWaitMs,
        ...(options.signal ? { signal: options.signal } : {}),
      };
      const outcome = await deps.quota.acquirePermit(permitRequest);
      if (outcome.kind === "later")
        return {
          kind: "later",
          retryAfterMs: outcome.retryAfterMs,
          cause: `no permit: ${outcome.reason}`,
        };
      return runOnce(preset, deps, buildBody(query, options), options, sink, outcome.permit);
    },
  };
}

async function runOnce(
  preset: HuntingPreset,
  { clock, client, quota }: HuntingApiDeps,
  json: Readonly<Record<string, unknown>>,
  options: HuntingOptions,
  sink: RowSink,
  permit: Permit,
): Promise<HuntingReply> {
  const startedMs = clock.now();
  const guardedSink = trackSinkFailure(sink);
  try {
    const response = await client.stream(
      {
        method: "POST",
        path: preset.path,
        json,
        deadlineMs: options.deadlineMs,
        maxWaitMs: options.maxWaitMs,
        permit,
        ...(options.signal ? { signal: options.signal } : {}),
      },
      expectedStatuses,
    );
    const elapsedMs = clock.now() - startedMs;
    if (!isStreamedResponse(response)) {
      await quota.report({ kind: "ok", runTimeMs: elapsedMs });
      return classifyRefusal(preset, response.status, response.body, clock.now());
    }
    const { columns, rowsRead } = await readResponse(preset, response, options, guardedSink.sink);
    await quota.report({ kind: "ok", runTimeMs: readExecutionMs(rowsRead.envelope) ?? elapsedMs });
    return toReply(preset, rowsRead, columns, clock.now(), clock.now() - startedMs);
  } catch (error) {
    if (guardedSink.hasFailed()) throw error;
    options.signal?.throwIfAborted();
    if (clock.now() - startedMs >= options.deadlineMs)
      return { kind: "too-heavy", cause: "timed-out" };
    if (error instanceof MalformedRows)
      return { kind: "failed", message: `${preset.title}: ${error.message}` };
    return toFailureReply(preset, error, clock.now());
  }
}

const isStreamedResponse = (
  response: StreamedResponse | ApiResponse,
): response is StreamedResponse => response.status >= 200 && response.status < 300;

/** A sink that remembers whether it failed itself: such an error is the caller's, not the service's. */
function trackSinkFailure(sink: RowSink): {
  readonly sink: RowSink;
  readonly hasFailed: () => boolean;
} {
  let hasFailed = false;
  return {
    hasFailed: () => hasFailed,
    sink: {
      ...(sink.columns ? { columns: sink.columns } : {}),
      writeRows: async (lines, count) => {
        hasFailed = true;
        await sink.writeRows(lines, count);
        hasFailed = false;
      },
    },
  };
}

async function readResponse(
  { hasTypeAnnotations }: HuntingPreset,
  response: StreamedResponse,
  { columns: compiled }: HuntingOptions,
  sink: RowSink,
): Promise<{ readonly rowsRead: ReadRowsResult; readonly columns: readonly HuntColumn[] }> {
  const rowsRead = await readRows(response.body, {
    createShape: (head) => {
      const columns = readColumns(head, compiled);
      if (columns) sink.columns?.(columns);
      return createRowShape(columns ?? compiled ?? [], hasTypeAnnotations);
    },
    onLines: sink.writeRows,
  });
  return { rowsRead, columns: readColumns(rowsRead.envelope, compiled) ?? compiled ?? [] };
}

function toReply(
  preset: HuntingPreset,
  { envelope: around, bytes, rows }: ReadRowsResult,
  columns: readonly HuntColumn[],
  nowMs: number,
  durationMs: number,
): HuntingReply {
  if ("error" in around) return classifyRefusal(preset, 400, around, nowMs);
  // A retired API is announced to give no data; taken at its word, every window would be committed as empty. An answer
  // that names its columns did evaluate the query.
  const hasNoData = rows === 0 && readColumns(around) === undefined;
  if (hasNoData && isRetired(preset, nowMs))
    return toRetiredReply(preset, `${preset.title} answered without data`);
  return { kind: "answer", columns, rows, bytes, durationMs };
}
