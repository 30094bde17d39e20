/**
 * One hunting call, the same for every back-end: a permit, a request, rows while they stream in, a
 * reply.
 */
import type { HuntColumn } from "../../contracts/compiled-hunt.ts";
import type { HuntingOptions, HuntingPort, HuntingReply, RowSink } from "../../hunts/ports.ts";
import type {
  ApiCall,
  ApiResponse,
  ApiClient,
  StreamedResponse,
} from "../../http-pipeline/api-client.ts";
import type { Quota, QuotaReport, Permit } from "../../http-pipeline/quota/quota.ts";
import { createRowShape } from "../../rows/column.ts";
import { MalformedRows } from "../../rows/malformed-rows.ts";
import { readRows, type ReadRowsResult } from "../../rows/read-rows.ts";
import type { Clock } from "../../runtime/time.ts";
import { findRowColumns, readColumns, readExecutionMs } from "./columns.ts";
import { huntingPresets, type HuntingPreset } from "./presets.ts";
import {
  toFailureReply,
  isRetired,
  expectedStatuses,
  classifyRefusal,
  toRetiredReply,
} from "./refusals.ts";

/** What a back-end works with. The quota is the one of the client. */
export interface HuntingApiDeps {
  readonly client: ApiClient;
  readonly quota: Quota;
  readonly clock: Clock;
}

/** Builds the body of a request. */
export type BodyBuilder = (
  query: string,
  options: HuntingOptions,
) => Readonly<Record<string, unknown>>;

/** One query on its way. */
interface QueryRun {
  readonly preset: HuntingPreset;
  readonly deps: HuntingApiDeps;
  readonly options: HuntingOptions;
  readonly startedMs: number;
}

/** Creates the back-end of the given API. */
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
      const { maxWaitMs, signal } = options;
      const outcome = await deps.quota.acquirePermit(
        signal ? { maxWaitMs, signal } : { maxWaitMs },
      );
      if (outcome.kind === "later") {
        const { reason, retryAfterMs } = outcome;
        return { kind: "later", retryAfterMs, cause: `no permit: ${reason}` };
      }
      const run = { preset, deps, options, startedMs: deps.clock.now() };
      return sendQuery(run, buildCall(run, buildBody(query, options), outcome.permit), sink);
    },
  };
}

const buildCall = (
  { preset, options }: QueryRun,
  json: Readonly<Record<string, unknown>>,
  permit: Permit,
): ApiCall => ({
  method: "POST",
  path: preset.path,
  json,
  deadlineMs: options.deadlineMs,
  maxWaitMs: options.maxWaitMs,
  permit,
  ...(options.signal ? { signal: options.signal } : {}),
});

async function sendQuery(run: QueryRun, call: ApiCall, sink: RowSink): Promise<HuntingReply> {
  const { client, clock, quota } = run.deps;
  const guardedSink = trackSinkFailure(sink);
  try {
    const response = await client.stream(call, expectedStatuses);
    const elapsedMs = clock.now() - run.startedMs;
    if (!isStreamedResponse(response)) {
      const reply = classifyRefusal(run.preset, response.status, response.body, clock.now());
      await quota.report(toQuotaReport(reply, elapsedMs));
      return reply;
    }
    const rows = await readResponse(run, response, guardedSink.sink);
    const runTimeMs = readExecutionMs(rows.rowsRead.envelope) ?? elapsedMs;
    await quota.report({ kind: "ok", runTimeMs });
    return toReply(run, rows);
  } catch (error) {
    if (guardedSink.hasFailed()) throw error;
    return toErrorReply(run, error);
  }
}

/** A used-up budget pauses all instances, whatever the status of the response that names it. */
const toQuotaReport = (reply: HuntingReply, runTimeMs: number): QuotaReport =>
  reply.kind === "later"
    ? { kind: "throttled", retryAfterMs: reply.retryAfterMs, cause: "run-time" }
    : { kind: "ok", runTimeMs };

function toErrorReply({ preset, deps, options, startedMs }: QueryRun, error: unknown) {
  options.signal?.throwIfAborted();
  const nowMs = deps.clock.now();
  if (nowMs - startedMs >= options.deadlineMs)
    return { kind: "too-heavy", cause: "timed-out" } as const;
  return error instanceof MalformedRows
    ? ({ kind: "failed", message: `${preset.title}: ${error.message}` } as const)
    : toFailureReply(preset, error, nowMs);
}

const isStreamedResponse = (
  response: StreamedResponse | ApiResponse,
): response is StreamedResponse => response.status >= 200 && response.status < 300;

/** Wraps the sink so that its own failure can be distinguished from the service's. */
function trackSinkFailure(sink: RowSink): {
  readonly sink: RowSink;
  readonly hasFailed: () => boolean;
} {
  let hasFailed = false;
  return {
    hasFailed: () => hasFailed,
    sink: {
      ...(sink.columns ? { columns: sink.columns } : {}),
      ...(sink.rowColumns ? { rowColumns: sink.rowColumns } : {}),
      writeRows: async (lines, count, substitutes) => {
        hasFailed = true;
        await sink.writeRows(lines, count, substitutes);
        hasFailed = false;
      },
    },
  };
}

/** The rows of a response, and the columns that they have. */
interface ResponseRows {
  readonly rowsRead: ReadRowsResult;
  readonly columns: readonly HuntColumn[];
}

async function readResponse(
  { preset, options: { columns: compiled } }: QueryRun,
  response: StreamedResponse,
  sink: RowSink,
): Promise<ResponseRows> {
  let firstColumns: readonly HuntColumn[] | undefined;
  const rowsRead = await readRows(response.body, {
    createShape: (head) => {
      firstColumns = readColumns(head, compiled);
      if (firstColumns) sink.columns?.(firstColumns);
      return createRowShape(firstColumns ?? compiled ?? [], preset.hasTypeAnnotations);
    },
    onLines: sink.writeRows,
  });
  const named = readColumns(rowsRead.envelope, compiled);
  if (rowsRead.rows === 0) return { rowsRead, columns: named ?? compiled ?? [] };
  const columns = findRowColumns(rowsRead.memberNames, { first: firstColumns, named, compiled });
  sink.rowColumns?.(columns);
  return { rowsRead, columns };
}

function toReply(
  { preset, deps, startedMs }: QueryRun,
  { columns, rowsRead: { envelope, bytes, rows } }: ResponseRows,
): HuntingReply {
  const nowMs = deps.clock.now();
  if ("error" in envelope) return classifyRefusal(preset, 400, envelope, nowMs);
  // A retired API is announced to return no data; believing that would commit every window as
  // empty. A response that names its columns did evaluate the query.
  const hasNoData = rows === 0 && readColumns(envelope) === undefined;
  if (hasNoData && isRetired(preset, nowMs))
    return toRetiredReply(preset, `${preset.title} answered without data`);
  const durationMs = nowMs - startedMs;
  return { kind: "answer", columns, rows, bytes, durationMs };
}
