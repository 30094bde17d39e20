/** Reads one span into an attempt and proves the result complete, or says why it is not. */
import type { CompiledHunt } from "../../contracts/compiled-hunt.ts";
import type { HuntQuerier, QueryTooLarge, RunStop } from "../query/hunt-querier.ts";
import type { HuntFormat, HuntDeps } from "../ports.ts";
import type { QuerySpan } from "../query/query-text.ts";
import { isSuspicious, computeShardCount, type Caps } from "../query/slicing.ts";
import { createStaging, type StagedExport, type Staging } from "../log/staging.ts";

/** What came of reading a span. Only a `complete` one may be committed. */
export type ReadResult =
  | { readonly kind: "complete"; readonly staged: StagedExport; readonly bytes: number }
  /** `rows` came, but `countRows` are there. */
  | { readonly kind: "truncated"; readonly rows: number; readonly count: number }
  /** Cannot be completed, whatever is asked; the hunt is set aside. */
  | { readonly kind: "degraded"; readonly reason: string }
  | QueryTooLarge
  | RunStop;

/** What a reading needs besides the span. */
export interface RunContext {
  readonly deps: HuntDeps;
  readonly hunt: CompiledHunt;
  readonly querier: HuntQuerier;
  readonly caps: Caps;
}

/** How often a result that changes between two looks is read again. */
const maxAttempts = 3;

/** Reads a span in one call; a suspicious result is counted. */
export async function readSpan(
  run: RunContext,
  span: QuerySpan,
  path: string,
  format: HuntFormat,
): Promise<ReadResult> {
  for (let attempt = 1; attempt <= maxAttempts; attempt += 1) {
    const staging = createStaging(run.deps, run.hunt, path, format);
    const result = await abandonUnlessComplete(staging, readOnce(run, span, staging));
    if (result !== "again") return result;
  }
  return { kind: "degraded", reason: "the service counts fewer rows than it returns" };
}

async function readOnce(
  run: RunContext,
  span: QuerySpan,
  staging: Staging,
): Promise<ReadResult | "again"> {
  const reply = await run.querier.readRows(span, staging.sink);
  if (reply.kind !== "answer") return reply;
  await run.deps.failpoint("E6 body parsed");
  if (reply.rows !== staging.countRows())
    throw new Error(`an answer of ${reply.rows} rows gave ${staging.countRows()}`);
  if (isSuspicious(reply, run.caps)) {
    const countResult = await run.querier.countRows(span);
    if (countResult.kind !== "count") return countResult;
    if (countResult.count > reply.rows)
      return { kind: "truncated", rows: reply.rows, count: countResult.count };
    // Rows only ever arrive: a smaller count means that one of the two answers was wrong.
    if (countResult.count < reply.rows) return "again";
  }
  await run.deps.failpoint("E7 completeness proven");
  return { kind: "complete", staged: await staging.finish(), bytes: reply.bytes };
}

/** Whatever is not going to be committed is dropped, also when the reading throws. */
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

/** More shards than this do not fit into one run. */
const maxShards = 512;

/**
 * Reads a span that no single call can return, shard by shard into one attempt. Complete only if the shards' rows equal
 * a count taken before and one taken after.
 *
 * @param minRowCap - the lowest row limit seen
 */
export async function readShards(
  run: RunContext,
  span: QuerySpan,
  path: string,
  format: HuntFormat,
  minRowCap: number,
): Promise<ReadResult> {
  for (let attempt = 0; attempt <= maxAttempts; attempt += 1) {
    const countBefore = await run.querier.countRows(span);
    if (countBefore.kind !== "count") return countBefore;
    const shards = computeShardCount(countBefore.count, minRowCap, attempt);
    if (shards > maxShards)
      return {
        kind: "degraded",
        reason: `${countBefore.count} rows would need ${shards} shards, more than ${maxShards}`,
      };
    const staging = createStaging(run.deps, run.hunt, path, format);
    const result = await abandonUnlessComplete(
      staging,
      readAllShards(run, span, staging, { shards, count: countBefore.count }),
    );
    if (result.kind !== "truncated" && result.kind !== "too-big") return result;
  }
  return {
    kind: "degraded",
    reason: "the shards' rows do not add up to the count, however many there are",
  };
}

async function readAllShards(
  run: RunContext,
  span: QuerySpan,
  staging: Staging,
  plan: { readonly shards: number; readonly count: number },
): Promise<ReadResult> {
  const { shards } = plan;
  let bytes = 0;
  for (let shard = 0; shard < shards; shard += 1) {
    const reply = await run.querier.readShard(span, { shard, shards }, staging.sink);
    if (reply === undefined)
      return {
        kind: "degraded",
        reason: "the result is above the service's limit and cannot be sharded soundly",
      };
    if (reply.kind === "later" && reply.cause === "budget")
      return { kind: "degraded", reason: `${shards} shards do not fit into one run` };
    if (reply.kind !== "answer") return reply;
    bytes += reply.bytes;
  }
  await run.deps.failpoint("E6 body parsed");
  const rows = staging.countRows();
  if (rows !== plan.count) return { kind: "truncated", rows, count: plan.count };
  const countAfter = await run.querier.countRows(span);
  if (countAfter.kind !== "count") return countAfter;
  if (countAfter.count !== rows) return { kind: "truncated", rows, count: countAfter.count };
  await run.deps.failpoint("E7 completeness proven");
  return { kind: "complete", staged: await staging.finish(), bytes };
}
