/** Reads all rows of an exported window again. */
import type { Span, Ticks } from "../../runtime/time.ts";
import type { HuntingReply, RowSink } from "../ports.ts";
import type { RunStop } from "../query/hunt-querier.ts";
import type { QuerySpan } from "../query/query-text.ts";
import { findTimeColumnFault } from "../query/time-column.ts";
import { computeShardCount, isSuspicious } from "../query/slicing.ts";
import { countPieces, splitSpan } from "./grown-windows.ts";
import type { RunContext } from "./run-context.ts";

/** What to read, and into how many parts it is split. */
export interface RereadTask {
  readonly span: Span;
  /** Rows to expect. */
  readonly count: number;
  /**
   * 0 reads in one call; each further level reads in more shards, or in more spans for a result
   * without shards.
   */
  readonly splitLevel: number;
}

/** `smaller`: a part was too large or truncated; read again with a higher split level. */
export type RereadResult =
  | { readonly kind: "read" }
  | { readonly kind: "smaller" }
  /** No further reading makes the rows comparable. */
  | { readonly kind: "unusable"; readonly reason: string }
  | RunStop;

/** Reads a window in parts; where a part may be truncated, a count of the whole decides. */
export async function readWindowAgain(
  run: RunContext,
  task: RereadTask,
  sink: RowSink,
): Promise<RereadResult> {
  const pieces = splitSpan(task.span, run.hunt.widestMs);
  let rows = 0;
  let hasSuspiciousPart = false;
  for (const piece of pieces) {
    for (const readPart of createPartReaders(run, piece, task, sink)) {
      const reply = await readPart();
      if (reply.kind === "too-big" || reply.kind === "too-heavy") return { kind: "smaller" };
      if (reply.kind !== "answer") return reply;
      const reason = findTimeColumnFault(run.hunt, reply.columns);
      if (reason !== undefined) return { kind: "unusable", reason };
      rows += reply.rows;
      hasSuspiciousPart ||= isSuspicious(reply, run.caps);
    }
  }
  await run.deps.failpoint("E6 body parsed");
  return hasSuspiciousPart ? compareCount(run, pieces, rows) : { kind: "read" };
}

async function compareCount(
  run: RunContext,
  pieces: readonly QuerySpan[],
  rows: number,
): Promise<RereadResult> {
  const countResult = await countPieces(run, pieces);
  if (countResult.kind === "too-big" || countResult.kind === "too-heavy")
    return { kind: "smaller" };
  if (countResult.kind !== "count") return countResult;
  return { kind: countResult.count === rows ? "read" : "smaller" };
}

type PartReader = () => Promise<HuntingReply>;

function createPartReaders(
  { querier, caps, hunt }: RunContext,
  piece: QuerySpan,
  { count, splitLevel }: RereadTask,
  sink: RowSink,
): PartReader[] {
  if (splitLevel === 0) return [() => querier.readRows(piece, sink)];
  if (hunt.query.shardSuffix) {
    const shards = computeShardCount(count, caps.rows, splitLevel - 1);
    return Array.from({ length: shards }, (_, shard) => async () => {
      const reply = await querier.readShard(piece, { shard, shards }, sink);
      if (!reply) throw new Error(`The hunt ${hunt.name} has no shard query.`);
      return reply;
    });
  }
  const partCount = 4 ** splitLevel;
  const edgeAt = (index: number): Ticks =>
    piece.from + ((piece.to - piece.from) * BigInt(index)) / BigInt(partCount);
  return Array.from(
    { length: partCount },
    (_, index) => () =>
      querier.readRows({ ...piece, from: edgeAt(index), to: edgeAt(index + 1) }, sink),
  );
}
