/**
 * Reads a hunting answer as it streams in: rows leave as NDJSON lines in their one form, in batches, in the order they
 * came. Never holds more than a batch and its rewritten form, whatever the size of the answer.
 */
import { append, closeBracket, comma, gather, gathered, lineFeed, type Gathered } from "./bytes.ts";
import type { Shape } from "./column.ts";
import { openEnvelope } from "./envelope.ts";
import { MalformedRows } from "./malformed.ts";
import { notPlain, plainRowEnd } from "./plain-row.ts";
import { rowRewriter, type RowRewriter } from "./rewrite-row.ts";
import { incomplete, skipSpace, valueEnd } from "./scan.ts";
import { giveBack, searchedMemory, type SearchedMemory } from "./text-finder.ts";

// Large enough that a row across two batches is rare, small enough to hold several.
const usualBatchBytes = 1_048_576;

/** No row of the service comes near: results end at 124 MB in all. */
const longestRow = 128 * 1_048_576;

/** What the caller decides and takes. */
export interface RowsReader {
  /** Called once, before the first rows, with the members that came before them. */
  readonly shape: (head: Readonly<Record<string, unknown>>) => Shape;
  /** Whole lines, each ended by LF. The bytes are used again once the promise resolves. */
  readonly lines: (lines: Uint8Array, count: number) => void | Promise<void>;
  /** Bytes of a batch, 1 MiB when absent; a longer row makes its batch longer. */
  readonly batchBytes?: number;
}

/** What came of a whole body. */
export interface RowsRead {
  readonly rows: number;
  /** Bytes of the body. */
  readonly bytes: number;
  /** The members around the rows; `results` is an empty array, or absent when the answer had none. */
  readonly around: Readonly<Record<string, unknown>>;
}

/**
 * @throws MalformedRows when the body is cut short or no JSON, however many rows were handed on before
 */
export async function readRows(
  body: AsyncIterable<Uint8Array>,
  reader: RowsReader,
): Promise<RowsRead> {
  const envelope = openEnvelope();
  let cutter: Cutter | undefined;
  let bytes = 0;
  for await (const chunk of body) {
    bytes += chunk.length;
    let at = 0;
    if (!cutter) {
      const rows = envelope.seek(chunk, at);
      if (rows === undefined) continue;
      cutter = rowCutter(reader.shape(envelope.head()), reader);
      at = rows;
    }
    while (at < chunk.length && !cutter.done) {
      const taken = cutter.take(chunk, at);
      at = typeof taken === "number" ? taken : await taken;
    }
    if (cutter.done) envelope.after(cutter.rest(), 0);
    if (at < chunk.length) envelope.after(chunk, at);
  }
  if (cutter) await cutter.end();
  if (cutter) envelope.after(cutter.rest(), 0);
  cutter?.close();
  return { rows: cutter?.rows ?? 0, bytes, around: envelope.close() };
}

interface Cutter {
  readonly done: boolean;
  readonly rows: number;
  /** Copies bytes from `at` on; cuts when a batch is full. Returns where to go on. */
  readonly take: (chunk: Uint8Array, at: number) => number | Promise<number>;
  /** Cuts what is left. The rows must end here. */
  readonly end: () => Promise<void>;
  /** What was taken behind the rows' end; once. */
  readonly rest: () => Uint8Array;
  /** Nothing is read after this. */
  readonly close: () => void;
}

/** Where a batch stands: rows in it lie between `at` and `to`. */
interface Batch {
  memory: SearchedMemory;
  at: number;
  to: number;
  rows: number;
  /** A comma was read: a row must follow. */
  owesRow: boolean;
  closed: boolean;
}

function rowCutter(
  shape: Shape,
  { lines: hand, batchBytes = usualBatchBytes }: RowsReader,
): Cutter {
  const rewriter = rowRewriter(shape);
  const batch: Batch = {
    memory: searchedMemory(batchBytes),
    at: 0,
    to: 0,
    rows: 0,
    owesRow: false,
    closed: false,
  };
  const out = gather(0);
  let total = 0;

  const cut = async (): Promise<void> => {
    batch.rows = 0;
    out.length = 0;
    const lines = cutPlain(shape, batch);
    const isMixed = !batch.closed && cutOthers(rewriter, batch, lines, out);
    total += batch.rows;
    if (batch.rows > 0) await hand(isMixed ? gathered(out) : lines, batch.rows);
    carry(batch);
  };
  return {
    get done() {
      return batch.closed;
    },
    get rows() {
      return total;
    },
    take: (chunk, at) => {
      const count = Math.min(chunk.length - at, batch.memory.bytes.length - batch.to);
      batch.memory.bytes.set(
        at === 0 && count === chunk.length ? chunk : chunk.subarray(at, at + count),
        batch.to,
      );
      batch.to += count;
      return batch.to < batch.memory.bytes.length ? at + count : cut().then(() => at + count);
    },
    end: async () => {
      if (!batch.closed) await cut();
      if (!batch.closed) throw new MalformedRows("the answer ends inside its rows");
    },
    rest: () => {
      const rest = batch.memory.bytes.subarray(batch.at, batch.to);
      batch.at = batch.to;
      return rest;
    },
    close: () => {
      if (batch.memory.bytes.length === batchBytes) giveBack(batch.memory);
    },
  };
}

/**
 * Takes rows that are lines already: the comma behind each becomes a LF where it lies.
 *
 * @returns the lines, a part of the batch itself
 */
function cutPlain(shape: Shape, batch: Batch): Uint8Array {
  const { memory, to } = batch;
  const { bytes } = memory;
  const from = batch.at;
  let at = from;
  while (at < to) {
    const end = plainRowEnd(shape, memory, at, to);
    if (end === notPlain || end >= to) break;
    const next = bytes[end];
    if (next !== comma && next !== closeBracket) break;
    bytes[end] = lineFeed;
    batch.rows += 1;
    batch.owesRow = next === comma;
    at = end + 1;
    if (next === closeBracket) {
      batch.closed = true;
      break;
    }
  }
  batch.at = at;
  return bytes.subarray(from, at);
}

/**
 * Rewrites the rows that are left in the batch.
 *
 * @param before - lines cut before them, which then go in front
 * @returns true when all lines are in `out`, false when nothing had to be rewritten
 */
function cutOthers(
  rewriter: RowRewriter,
  batch: Batch,
  before: Uint8Array,
  out: Gathered,
): boolean {
  let isMixed = false;
  for (;;) {
    const row = skipSpace(batch.memory.bytes, batch.at, batch.to);
    if (row === batch.to) break;
    if (batch.memory.bytes[row] === closeBracket) {
      if (batch.owesRow) throw new MalformedRows("a comma with no row behind it");
      batch.closed = true;
      batch.at = row + 1;
      break;
    }
    // Mostly a batch of plain lines just ends inside a row: nothing is copied then.
    if (!isMixed && valueEnd(batch.memory.bytes, row, batch.to) === incomplete) break;
    if (!isMixed) append(out, before);
    isMixed = true;
    if (!cutOne(rewriter, batch, out, row)) break;
    if (batch.closed) break;
  }
  return isMixed;
}

/** Rewrites the row at `row`; false when it is not wholly here. */
function cutOne(rewriter: RowRewriter, batch: Batch, out: Gathered, row: number): boolean {
  const length = out.length;
  const end = rewriter.rewrite(out, batch.memory.bytes, row, batch.to);
  const mark = end === incomplete ? batch.to : skipSpace(batch.memory.bytes, end, batch.to);
  if (mark === batch.to) {
    out.length = length;
    return false;
  }
  const next = batch.memory.bytes[mark];
  if (next !== comma && next !== closeBracket)
    throw new MalformedRows("rows without a comma between them");
  batch.rows += 1;
  batch.owesRow = next === comma;
  batch.closed = next === closeBracket;
  batch.at = mark + 1;
  return true;
}

/** Moves what is left to the front, into more room when a row filled all of it. */
function carry(batch: Batch): void {
  const left = batch.to - batch.at;
  if (left < batch.memory.bytes.length) batch.memory.bytes.copyWithin(0, batch.at, batch.to);
  else {
    if (left >= longestRow) throw new MalformedRows("a row of more than 128 MiB");
    const larger = searchedMemory(left * 2);
    larger.bytes.set(batch.memory.bytes);
    batch.memory = larger;
  }
  batch.at = 0;
  batch.to = left;
}
