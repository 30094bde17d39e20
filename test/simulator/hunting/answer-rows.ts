/** Rows as an answer's body: streamed in pieces, cut at the row cap, refused above the size cap. */
import type { BackEnd } from "./back-ends.ts";
import { isQueryFailure, type Column, type Evaluation } from "./evaluation.ts";
import type { Switches } from "../behaviors.ts";

/** What an answer held; filled while its body is sent. */
interface RowsGiven {
  rows: number;
  bytes: number;
  /** True when the cap cut rows off without a word. */
  truncated: boolean;
}

type Table = Evaluation & { kind: "table" };

export type RowsAnswer =
  | {
      readonly kind: "body";
      readonly body: AsyncIterable<Buffer> | Iterable<Buffer>;
      readonly given: RowsGiven;
    }
  | { readonly kind: "too-big" }
  | { readonly kind: "preempted" }
  | { readonly kind: "failed"; readonly error: string; readonly message: string };

const pieceLength = 64 * 1024;

/**
 * Encodes a table for one back-end. With a size cap the body is held (up to the cap) until its size is known;
 * without one it is streamed as the rows are made, so that its length does not matter.
 */
export async function answerRows(
  table: Table,
  backEnd: BackEnd,
  switches: Switches["hunting"],
  signal: AbortSignal,
): Promise<RowsAnswer> {
  try {
    const rows = preview(table.rows, switches.preemptAboveRows);
    if (!rows) return { kind: "preempted" };
    const given: RowsGiven = { rows: 0, bytes: 0, truncated: false };
    const pieces = encode(table.columns, rows, backEnd, switches, given);
    return switches.sizeCapBytes === null
      ? { kind: "body", body: await stream(pieces, signal), given }
      : await hold(pieces, switches.sizeCapBytes, given, signal);
  } catch (error) {
    if (isQueryFailure(error)) return { kind: "failed", error: error.kind, message: error.message };
    throw error;
  }
}

async function hold(
  pieces: Iterable<Buffer>,
  mostBytes: number,
  given: RowsGiven,
  signal: AbortSignal,
): Promise<RowsAnswer> {
  const body: Buffer[] = [];
  for await (const piece of breathing(pieces, signal)) {
    body.push(piece);
    if (given.bytes > mostBytes) return { kind: "too-big" };
  }
  return { kind: "body", body, given };
}

/** Makes the first piece before anything is sent, so that a query that fails at once still gets its 400. */
async function stream(
  pieces: Iterable<Buffer>,
  signal: AbortSignal,
): Promise<AsyncIterable<Buffer>> {
  const rest = breathing(pieces, signal);
  const first = await rest.next();
  return (async function* () {
    if (first.done !== true) yield first.value;
    yield* rest;
  })();
}

type Rows = Iterable<readonly unknown[]>;

/** With a limit: the rows, read at once, or undefined when there are more. */
function preview(rows: Rows, most: number | null): Rows | undefined {
  if (most === null) return rows;
  const read: (readonly unknown[])[] = [];
  for (const row of rows) {
    read.push(row);
    if (read.length > most) return undefined;
  }
  return read;
}

function* encode(
  columns: readonly Column[],
  rows: Rows,
  backEnd: BackEnd,
  switches: Switches["hunting"],
  given: RowsGiven,
): Generator<Buffer> {
  const write = backEnd.rows(columns, switches);
  const cap = backEnd.rowCap(switches);
  let text = "";
  const take = (): Buffer => {
    const piece = Buffer.from(text);
    given.bytes += piece.length;
    text = "";
    return piece;
  };
  const [head, foot] = backEnd.envelope(columns, false, switches);
  for (const row of rows) {
    if (given.rows === cap) {
      given.truncated = true;
      break;
    }
    text += given.rows === 0 ? head : ",";
    text += write(row);
    given.rows += 1;
    if (text.length >= pieceLength) yield take();
  }
  if (given.rows === 0) text = backEnd.envelope(columns, true, switches).join("");
  else text += foot;
  yield take();
}

/** Lets the event loop run between pieces, so that a long answer blocks nobody and a hung-up caller is noticed. */
async function* breathing(pieces: Iterable<Buffer>, signal: AbortSignal): AsyncGenerator<Buffer> {
  for (const piece of pieces) {
    yield piece;
    await new Promise<void>((resolve) => setImmediate(resolve));
    if (signal.aborted) return;
  }
}
