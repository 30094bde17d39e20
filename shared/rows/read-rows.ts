/**
 * Reads a hunting answer as it streams in: rows leave as NDJSON lines in their one form, in batches, in the order they
 * came. Never holds more than a batch and its rewritten form, whatever the size of the answer.
 */
import {
  appendBytes,
  closeBracket,
  comma,
  createByteBuffer,
  bytesOf,
  lineFeed,
  type ByteBuffer,
} from "./bytes.ts";
import type { RowShape } from "./column.ts";
import { createEnvelopeReader } from "./envelope.ts";
import { MalformedRows } from "./malformed-rows.ts";
import { notPlain, findPlainRowEnd } from "./plain-row.ts";
import { createRowRewriter, type RowRewriter } from "./rewrite-row.ts";
import { incomplete, skipSpace, findValueEnd } from "./scan.ts";
import { releaseScanBuffer, acquireScanBuffer, type ScanBuffer } from "./scan-buffer.ts";

// Large enough that a row across two batches is rare, small enough to hold several.
const defaultBatchBytes = 1_048_576;

/** No row of the service comes near: results end at 124 MB in all. */
const maxRowBytes = 128 * 1_048_576;

/** What the caller decides and takes. */
export interface RowsReader {
  /** Called once, before the first rows, with the members that came before them. */
  readonly createShape: (head: Readonly<Record<string, unknown>>) => RowShape;
  /** Whole lines, each ended by LF. The bytes are used again once the promise resolves. */
  readonly onLines: (onLines: Uint8Array, count: number) => void | Promise<void>;
  /** Bytes of a batch, 1 MiB when absent; a longer row makes its batch longer. */
  readonly batchBytes?: number;
}

/** What came of a whole body. */
export interface ReadRowsResult {
  readonly rows: number;
  /** Bytes of the body. */
  readonly bytes: number;
  /** The members around the rows; `results` is an empty array, or absent when the answer had none. */
  readonly envelope: Readonly<Record<string, unknown>>;
}

/**
 * @throws MalformedRows when the body is cut short or no JSON, however many rows were handed on before
 */
export async function readRows(
  body: AsyncIterable<Uint8Array>,
  reader: RowsReader,
): Promise<ReadRowsResult> {
  const envelope = createEnvelopeReader();
  let cutter: RowCutter | undefined;
  let bytes = 0;
  for await (const chunk of body) {
    bytes += chunk.length;
    let at = 0;
    if (!cutter) {
      const rows = envelope.findRows(chunk, at);
      if (rows === undefined) continue;
      cutter = createRowCutter(reader.createShape(envelope.parseHead()), reader);
      at = rows;
    }
    while (at < chunk.length && !cutter.isDone) {
      const next = cutter.addChunk(chunk, at);
      at = typeof next === "number" ? next : await next;
    }
    if (cutter.isDone) envelope.addAfterRows(cutter.takeRest(), 0);
    if (at < chunk.length) envelope.addAfterRows(chunk, at);
  }
  if (cutter) await cutter.finishRows();
  if (cutter) envelope.addAfterRows(cutter.takeRest(), 0);
  cutter?.releaseBuffer();
  return { rows: cutter?.rows ?? 0, bytes, envelope: envelope.parseAll() };
}

interface RowCutter {
  readonly isDone: boolean;
  readonly rows: number;
  /** Copies bytes from `at` on; cuts when a batch is full. Returns where to go on. */
  readonly addChunk: (chunk: Uint8Array, at: number) => number | Promise<number>;
  /** Cuts what is left. The rows must end here. */
  readonly finishRows: () => Promise<void>;
  /** What was taken behind the rows' end; once. */
  readonly takeRest: () => Uint8Array;
  /** Nothing is read after this. */
  readonly releaseBuffer: () => void;
}

/** Where a batch stands: rows in it lie between `at` and `to`. */
interface Batch {
  buffer: ScanBuffer;
  at: number;
  to: number;
  rows: number;
  /** A comma was read: a row must follow. */
  isRowExpected: boolean;
  isClosed: boolean;
}

function createRowCutter(
  shape: RowShape,
  { onLines: emitLines, batchBytes = defaultBatchBytes }: RowsReader,
): RowCutter {
  const rewriter = createRowRewriter(shape);
  const batch: Batch = {
    buffer: acquireScanBuffer(batchBytes),
    at: 0,
    to: 0,
    rows: 0,
    isRowExpected: false,
    isClosed: false,
  };
  const out = createByteBuffer(0);
  let totalRows = 0;

  const cutBatch = async (): Promise<void> => {
    batch.rows = 0;
    out.length = 0;
    const lines = cutPlainRows(shape, batch);
    const isMixed = !batch.isClosed && cutOtherRows(rewriter, batch, lines, out);
    totalRows += batch.rows;
    if (batch.rows > 0) await emitLines(isMixed ? bytesOf(out) : lines, batch.rows);
    carryRemainder(batch);
  };
  return {
    get isDone() {
      return batch.isClosed;
    },
    get rows() {
      return totalRows;
    },
    addChunk: (chunk, at) => {
      const count = Math.min(chunk.length - at, batch.buffer.bytes.length - batch.to);
      batch.buffer.bytes.set(
        at === 0 && count === chunk.length ? chunk : chunk.subarray(at, at + count),
        batch.to,
      );
      batch.to += count;
      return batch.to < batch.buffer.bytes.length ? at + count : cutBatch().then(() => at + count);
    },
    finishRows: async () => {
      if (!batch.isClosed) await cutBatch();
      if (!batch.isClosed) throw new MalformedRows("the answer ends inside its rows");
    },
    takeRest: () => {
      const remainder = batch.buffer.bytes.subarray(batch.at, batch.to);
      batch.at = batch.to;
      return remainder;
    },
    releaseBuffer: () => {
      if (batch.buffer.bytes.length === batchBytes) releaseScanBuffer(batch.buffer);
    },
  };
}

/**
 * Takes rows that are lines already: the comma behind each becomes a LF where it lies.
 *
 * @returns the lines, a part of the batch itself
 */
function cutPlainRows(shape: RowShape, batch: Batch): Uint8Array {
  const { buffer, to } = batch;
  const { bytes } = buffer;
  const from = batch.at;
  let at = from;
  while (at < to) {
    const end = findPlainRowEnd(shape, buffer, at, to);
    if (end === notPlain || end >= to) break;
    const next = bytes[end];
    if (next !== comma && next !== closeBracket) break;
    bytes[end] = lineFeed;
    batch.rows += 1;
    batch.isRowExpected = next === comma;
    at = end + 1;
    if (next === closeBracket) {
      batch.isClosed = true;
      break;
    }
  }
  batch.at = at;
  return bytes.subarray(from, at);
}

/**
 * Rewrites the rows that are left in the batch.
 *
 * @param plainLines - lines cut before them, which then go in front
 * @returns true when all lines are in `out`, false when nothing had to be rewritten
 */
function cutOtherRows(
  rewriter: RowRewriter,
  batch: Batch,
  plainLines: Uint8Array,
  out: ByteBuffer,
): boolean {
  let isMixed = false;
  for (;;) {
    const row = skipSpace(batch.buffer.bytes, batch.at, batch.to);
    if (row === batch.to) break;
    if (batch.buffer.bytes[row] === closeBracket) {
      if (batch.isRowExpected) throw new MalformedRows("a comma with no row behind it");
      batch.isClosed = true;
      batch.at = row + 1;
      break;
    }
    // Mostly a batch of plain lines just ends inside a row: nothing is copied then.
    if (!isMixed && findValueEnd(batch.buffer.bytes, row, batch.to) === incomplete) break;
    if (!isMixed) appendBytes(out, plainLines);
    isMixed = true;
    if (!cutOtherRow(rewriter, batch, out, row)) break;
    if (batch.isClosed) break;
  }
  return isMixed;
}

/** Rewrites the row at `row`; false when it is not wholly here. */
function cutOtherRow(rewriter: RowRewriter, batch: Batch, out: ByteBuffer, row: number): boolean {
  const length = out.length;
  const end = rewriter.rewriteRow(out, batch.buffer.bytes, row, batch.to);
  const delimiterIndex =
    end === incomplete ? batch.to : skipSpace(batch.buffer.bytes, end, batch.to);
  if (delimiterIndex === batch.to) {
    out.length = length;
    return false;
  }
  const next = batch.buffer.bytes[delimiterIndex];
  if (next !== comma && next !== closeBracket)
    throw new MalformedRows("rows without a comma between them");
  batch.rows += 1;
  batch.isRowExpected = next === comma;
  batch.isClosed = next === closeBracket;
  batch.at = delimiterIndex + 1;
  return true;
}

/** Moves what is left to the front, into more room when a row filled all of it. */
function carryRemainder(batch: Batch): void {
  const remainingBytes = batch.to - batch.at;
  if (remainingBytes < batch.buffer.bytes.length)
    batch.buffer.bytes.copyWithin(0, batch.at, batch.to);
  else {
    if (remainingBytes >= maxRowBytes) throw new MalformedRows("a row of more than 128 MiB");
    const larger = acquireScanBuffer(remainingBytes * 2);
    larger.bytes.set(batch.buffer.bytes);
    batch.buffer = larger;
  }
  batch.at = 0;
  batch.to = remainingBytes;
}
