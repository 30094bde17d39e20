/** Reads one span into an attempt and proves the result complete, or says why it is not. */
import type { CompiledHunt } from "../../contracts/compiled-hunt.ts";
import type { Asker, Halve, Stop } from "../query/hunt-querier.ts";
import type { HuntFormat, HuntPorts } from "../ports.ts";
import type { QuerySpan } from "../query/query-text.ts";
import { isSuspicious, shardCount, type Caps } from "../query/slicing.ts";
import { openStaging, type Staged, type Staging } from "../log/staging.ts";

/** What came of reading a span. Only a `complete` one may be committed. */
export type Reading =
  | { readonly kind: "complete"; readonly staged: Staged; readonly bytes: number }
  /** `rows` came, but `count` are there. */
  | { readonly kind: "truncated"; readonly rows: number; readonly count: number }
  /** Cannot be completed, whatever is asked; the hunt is set aside. */
  | { readonly kind: "degraded"; readonly reason: string }
  | Halve
  | Stop;

/** What a reading needs besides the span. */
export interface Desk {
  readonly ports: HuntPorts;
  readonly hunt: CompiledHunt;
  readonly asker: Asker;
  readonly caps: Caps;
}

/** How often a result that changes between two looks is read again. */
const mostLooks = 3;

/** Reads a span in one call; a suspicious result is counted. */
export async function readSpan(
  desk: Desk,
  span: QuerySpan,
  path: string,
  format: HuntFormat,
): Promise<Reading> {
  for (let look = 1; look <= mostLooks; look += 1) {
    const staging = openStaging(desk.ports, desk.hunt, path, format);
    const reading = await settled(staging, readOnce(desk, span, staging));
    if (reading !== "again") return reading;
  }
  return { kind: "degraded", reason: "the service counts fewer rows than it returns" };
}

async function readOnce(desk: Desk, span: QuerySpan, staging: Staging): Promise<Reading | "again"> {
  const reply = await desk.asker.rows(span, staging.sink);
  if (reply.kind !== "answer") return reply;
  await desk.ports.reach("E6 body parsed");
  if (reply.rows !== staging.rows())
    throw new Error(`an answer of ${reply.rows} rows gave ${staging.rows()}`);
  if (isSuspicious(reply, desk.caps)) {
    const counted = await desk.asker.count(span);
    if (counted.kind !== "count") return counted;
    if (counted.count > reply.rows)
      return { kind: "truncated", rows: reply.rows, count: counted.count };
    // Rows only ever arrive: a smaller count means that one of the two answers was wrong.
    if (counted.count < reply.rows) return "again";
  }
  await desk.ports.reach("E7 completeness proven");
  return { kind: "complete", staged: await staging.finish(), bytes: reply.bytes };
}

/** Whatever is not going to be committed is dropped, also when the reading throws. */
async function settled<T extends Reading | "again">(
  staging: Staging,
  reading: Promise<T>,
): Promise<T> {
  let kept = false;
  try {
    const outcome = await reading;
    kept = typeof outcome === "object" && outcome.kind === "complete";
    return outcome;
  } finally {
    if (!kept) await staging.abandon();
  }
}

/** More shards than this do not fit into one run. */
const mostShards = 512;

/**
 * Reads a span that no single call can return, shard by shard into one attempt. Complete only if the shards' rows equal
 * a count taken before and one taken after.
 *
 * @param lowestCap - the lowest row limit seen
 */
export async function readShards(
  desk: Desk,
  span: QuerySpan,
  path: string,
  format: HuntFormat,
  lowestCap: number,
): Promise<Reading> {
  for (let attempt = 0; attempt <= mostLooks; attempt += 1) {
    const before = await desk.asker.count(span);
    if (before.kind !== "count") return before;
    const shards = shardCount(before.count, lowestCap, attempt);
    if (shards > mostShards)
      return {
        kind: "degraded",
        reason: `${before.count} rows would need ${shards} shards, more than ${mostShards}`,
      };
    const staging = openStaging(desk.ports, desk.hunt, path, format);
    const reading = await settled(
      staging,
      readAllShards(desk, span, staging, { shards, count: before.count }),
    );
    if (reading.kind !== "truncated" && reading.kind !== "too-big") return reading;
  }
  return {
    kind: "degraded",
    reason: "the shards' rows do not add up to the count, however many there are",
  };
}

async function readAllShards(
  desk: Desk,
  span: QuerySpan,
  staging: Staging,
  plan: { readonly shards: number; readonly count: number },
): Promise<Reading> {
  const { shards } = plan;
  let bytes = 0;
  for (let shard = 0; shard < shards; shard += 1) {
    const reply = await desk.asker.shard(span, { shard, shards }, staging.sink);
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
  await desk.ports.reach("E6 body parsed");
  const rows = staging.rows();
  if (rows !== plan.count) return { kind: "truncated", rows, count: plan.count };
  const later = await desk.asker.count(span);
  if (later.kind !== "count") return later;
  if (later.count !== rows) return { kind: "truncated", rows, count: later.count };
  await desk.ports.reach("E7 completeness proven");
  return { kind: "complete", staged: await staging.finish(), bytes };
}
