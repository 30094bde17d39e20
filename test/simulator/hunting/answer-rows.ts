/**
 * Writes rows as a response body: streamed in pieces, cut at the row cap, refused above the size
 * cap.
 */
import type { BackEnd } from "./back-ends.ts";
import { isQueryFailure, type Column, type Evaluation } from "./evaluation.ts";
import type { Behaviors } from "../behaviors.ts";

/** Rows of an answer; updated while its body is sent. */
interface AnswerStats {
  rows: number;
  bytes: number;
  /** True if the cap cut rows off silently. */
  truncated: boolean;
}

type TableEvaluation = Evaluation & { kind: "table" };

export type RowsAnswer =
  | {
      readonly kind: "body";
      readonly body: AsyncIterable<Buffer> | Iterable<Buffer>;
      readonly stats: AnswerStats;
    }
  | { readonly kind: "too-big" }
  | { readonly kind: "preempted" }
  | { readonly kind: "failed"; readonly error: string; readonly message: string };

const chunkLength = 64 * 1024;

/**
 * Encodes a table for one back end. With a size cap the body is buffered (up to the cap) until its
 * size is known; without one it is streamed in bounded memory.
 */
export async function answerRows(
  table: TableEvaluation,
  backEnd: BackEnd,
  behaviors: Behaviors["hunting"],
  signal: AbortSignal,
): Promise<RowsAnswer> {
  try {
    const rows = readUpTo(table.rows, behaviors.preemptAboveRows);
    if (!rows) return { kind: "preempted" };
    const stats: AnswerStats = { rows: 0, bytes: 0, truncated: false };
    const pieces = encodeRows(table.columns, rows, backEnd, behaviors, stats);
    return behaviors.sizeCapBytes === null
      ? { kind: "body", body: await streamBody(pieces, signal), stats }
      : await bufferBody(pieces, behaviors.sizeCapBytes, stats, signal);
  } catch (error) {
    if (isQueryFailure(error)) return { kind: "failed", error: error.kind, message: error.message };
    throw error;
  }
}

async function bufferBody(
  pieces: Iterable<Buffer>,
  maxBytes: number,
  stats: AnswerStats,
  signal: AbortSignal,
): Promise<RowsAnswer> {
  const body: Buffer[] = [];
  for await (const piece of yieldBetweenChunks(pieces, signal)) {
    body.push(piece);
    if (stats.bytes > maxBytes) return { kind: "too-big" };
  }
  return { kind: "body", body, stats };
}

/**
 * Produces the first piece before anything is sent, so that a query that fails early gets its 400.
 */
async function streamBody(
  pieces: Iterable<Buffer>,
  signal: AbortSignal,
): Promise<AsyncIterable<Buffer>> {
  const rest = yieldBetweenChunks(pieces, signal);
  const first = await rest.next();
  return (async function* () {
    if (first.done !== true) yield first.value;
    yield* rest;
  })();
}

type Rows = Iterable<readonly unknown[]>;

/** Reads at most `limit` rows; undefined if there are more. */
function readUpTo(rows: Rows, maxRows: number | null): Rows | undefined {
  if (maxRows === null) return rows;
  const buffered: (readonly unknown[])[] = [];
  for (const row of rows) {
    buffered.push(row);
    if (buffered.length > maxRows) return undefined;
  }
  return buffered;
}

function* encodeRows(
  columns: readonly Column[],
  rows: Rows,
  backEnd: BackEnd,
  behaviors: Behaviors["hunting"],
  stats: AnswerStats,
): Generator<Buffer> {
  const writeRow = backEnd.createRowWriter(columns, behaviors);
  const cap = backEnd.readRowCap(behaviors);
  let text = "";
  const takeChunk = (): Buffer => {
    const piece = Buffer.from(text);
    stats.bytes += piece.length;
    text = "";
    return piece;
  };
  const [head, foot] = backEnd.createEnvelope(columns, false, behaviors);
  for (const row of rows) {
    if (stats.rows === cap) {
      stats.truncated = true;
      break;
    }
    text += stats.rows === 0 ? head : ",";
    text += writeRow(row);
    stats.rows += 1;
    if (text.length >= chunkLength) yield takeChunk();
  }
  if (stats.rows === 0) text = backEnd.createEnvelope(columns, true, behaviors).join("");
  else text += foot;
  yield takeChunk();
}

/**
 * Yields to the event loop between pieces, so that other requests proceed and a disconnect is
 * noticed.
 */
async function* yieldBetweenChunks(
  pieces: Iterable<Buffer>,
  signal: AbortSignal,
): AsyncGenerator<Buffer> {
  for (const piece of pieces) {
    yield piece;
    await new Promise<void>((resolve) => setImmediate(resolve));
    if (signal.aborted) return;
  }
}
