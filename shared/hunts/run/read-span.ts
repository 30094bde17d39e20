/** Reads one span into an attempt and proves that the result is complete. */
import type { HuntColumn } from "../../contracts/compiled-hunt.ts";
import { findTimeColumnFault } from "../query/time-column.ts";
import { createStaging, type StagedExport, type Staging } from "../log/staging.ts";
import type { HuntFormat } from "../ports.ts";
import type { QueryTooLarge, RunStop } from "../query/hunt-querier.ts";
import type { QuerySpan } from "../query/query-text.ts";
import { computeShardCount, isSuspicious } from "../query/slicing.ts";
import type { RunContext } from "./run-context.ts";

/** The result of reading a span. Only a `complete` one may be committed. */
export type ReadResult =
  | { readonly kind: "complete"; readonly staged: StagedExport; readonly bytes: number }
  /** The service returned `rows` rows, but `count` exist. */
  | { readonly kind: "truncated"; readonly rows: number; readonly count: number }
  /** No sequence of calls can complete the span; the hunt is paused. */
  | { readonly kind: "degraded"; readonly reason: string }
  | QueryTooLarge
  | RunStop;

/** What to read, and the export that the rows are staged for. */
export interface ReadTarget {
  readonly span: QuerySpan;
  readonly path: string;
  readonly format: HuntFormat;
}

/** How often a result that differs between two calls is read again. */
const maxAttempts = 3;

const stageTarget = (
  { deps, hunt }: RunContext,
  { path, format }: ReadTarget,
  knownColumns: readonly HuntColumn[],
): Staging => createStaging(deps, hunt, { path, format, knownColumns });

/** Reads a span in one call and counts a suspicious result. */
export async function readSpan(run: RunContext, target: ReadTarget): Promise<ReadResult> {
  let knownColumns: readonly HuntColumn[] = [];
  for (let attempt = 1; attempt <= maxAttempts; attempt += 1) {
    const staging = stageTarget(run, target, knownColumns);
    const result = await abandonUnlessComplete(staging, readOnce(run, target.span, staging));
    if (result !== "again") return result;
    knownColumns = staging.seenColumns();
  }
  return {
    kind: "degraded",
    reason: "The service counts fewer rows than it returns, or returns other columns each time.",
  };
}

async function readOnce(
  run: RunContext,
  span: QuerySpan,
  staging: Staging,
): Promise<ReadResult | "again"> {
  const reply = await run.querier.readRows(span, staging.sink);
  if (reply.kind !== "answer") return reply;
  await run.deps.failpoint("E6 body parsed");
  const reason = findTimeColumnFault(run.hunt, reply.columns);
  if (reason !== undefined) return { kind: "degraded", reason };
  if (staging.mustReadAgain()) return "again";
  if (reply.rows !== staging.countRows())
    throw new Error(`An answer of ${reply.rows} rows wrote ${staging.countRows()} rows.`);
  if (isSuspicious(reply, run.caps)) {
    const countResult = await run.querier.countRows(span);
    if (countResult.kind !== "count") return countResult;
    if (countResult.count > reply.rows)
      return { kind: "truncated", rows: reply.rows, count: countResult.count };
    // Rows are only ever added: a smaller count means that one of the two answers was wrong.
    if (countResult.count < reply.rows) return "again";
  }
  await run.deps.failpoint("E7 completeness proven");
  const staged = await staging.finish();
  return { kind: "complete", staged, bytes: reply.bytes };
}

/** Abandons an attempt that will not be committed, also when reading throws. */
async function abandonUnlessComplete<T extends ReadResult | "again">(
  staging: Staging,
  result: Promise<T>,
): Promise<T> {
  let isComplete = false;
  try {
    const outcome = await result;
    isComplete = typeof outcome === "object" && outcome.kind === "complete";
    return outcome;
  } finally {
    if (!isComplete) await staging.abandon();
  }
}

/** More shards do not fit into one run. */
const maxShards = 512;

/**
 * Reads a span that no single call can return, shard by shard into one attempt. It is complete only
 * if the shards' rows equal a count before and a count after.
 *
 * @param minRowCap - the lowest row limit seen
 */
export async function readShards(
  run: RunContext,
  target: ReadTarget,
  minRowCap: number,
): Promise<ReadResult> {
  let knownColumns: readonly HuntColumn[] = [];
  for (let attempt = 0; attempt <= maxAttempts; attempt += 1) {
    const countBefore = await run.querier.countRows(target.span);
    if (countBefore.kind !== "count") return countBefore;
    const { count } = countBefore;
    const shards = computeShardCount(count, minRowCap, attempt);
    if (shards > maxShards)
      return {
        kind: "degraded",
        reason: `${count} rows need ${shards} shards, more than the limit of ${maxShards}.`,
      };
    const staging = stageTarget(run, target, knownColumns);
    const result = await abandonUnlessComplete(
      staging,
      readAllShards(run, target.span, staging, { shards, count }),
    );
    if (result !== "again" && result.kind !== "truncated" && result.kind !== "too-big")
      return result;
    knownColumns = staging.seenColumns();
  }
  return {
    kind: "degraded",
    reason: "The shards change while they are read: rows do not add up, or columns differ.",
  };
}

async function readAllShards(
  run: RunContext,
  span: QuerySpan,
  staging: Staging,
  plan: { readonly shards: number; readonly count: number },
): Promise<ReadResult | "again"> {
  const { shards } = plan;
  let bytes = 0;
  for (let shard = 0; shard < shards; shard += 1) {
    const reply = await run.querier.readShard(span, { shard, shards }, staging.sink);
    if (reply === undefined)
      return {
        kind: "degraded",
        reason: "The result exceeds the service's limit and has no reliable shard key.",
      };
    if (reply.kind === "later" && reply.cause === "budget")
      return { kind: "degraded", reason: `${shards} shards do not fit into one run.` };
    if (reply.kind !== "answer") return reply;
    const reason = findTimeColumnFault(run.hunt, reply.columns);
    if (reason !== undefined) return { kind: "degraded", reason };
    bytes += reply.bytes;
  }
  await run.deps.failpoint("E6 body parsed");
  if (staging.mustReadAgain()) return "again";
  const rows = staging.countRows();
  if (rows !== plan.count) return { kind: "truncated", rows, count: plan.count };
  const countAfter = await run.querier.countRows(span);
  if (countAfter.kind !== "count") return countAfter;
  if (countAfter.count !== rows) return { kind: "truncated", rows, count: countAfter.count };
  await run.deps.failpoint("E7 completeness proven");
  return { kind: "complete", staged: await staging.finish(), bytes };
}
