/**
 * Reads a hunting answer as it streams in: rows leave as NDJSON lines in their one form, in
 * batches, in their order. Holds at most a batch and its rewritten form, whatever the size of the
 * answer.
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
import { RowRewriter } from "./rewrite-row.ts";
import { incomplete, skipSpace, findValueEnd } from "./scan.ts";
import { releaseScanBuffer, acquireScanBuffer, type ScanBuffer } from "./scan-buffer.ts";

// Large enough that a row across two batches is rare, small enough to hold several.
const defaultBatchBytes = 1_048_576;

/** Maximum size of a row. The service ends whole results at 124 MB. */
const maxRowBytes = 128 * 1_048_576;

/** By index in a batch: how many unpaired surrogates of a row U+FFFD replaced; rows without any are absent. */
type RowSubstitutes = ReadonlyMap<number, number>;

/** The caller's part: the shape of the rows and what happens to the lines. */
export interface RowsReader {
  /** Called once, before the first rows, with the members that came before them. */
  readonly createShape: (head: Readonly<Record<string, unknown>>) => RowShape;
  /** Receives whole lines, each ended by LF. The bytes are reused once the promise resolves. */
  readonly onLines: (
    lines: Uint8Array,
    count: number,
    substitutes: RowSubstitutes,
  ) => void | Promise<void>;
  /** Bytes of a batch, 1 MiB when absent; a longer row makes its batch longer. */
  readonly batchBytes?: number;
}

/** The result of reading a whole body. */
export interface ReadRowsResult {
  readonly rows: number;
  /** Bytes of the body. */
  readonly bytes: number;
  /** The names that at least one row has: the shape's columns in order, then other members. */
  readonly memberNames: readonly string[];
  /**
   * The members around the rows; `results` is an empty array, or absent when the answer had none.
   */
  readonly envelope: Readonly<Record<string, unknown>>;
}

/**
 * Reads a body to its end.
 *
 * @throws MalformedRows when the body is cut short or not JSON, however many rows were passed on
 *   before
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
      cutter = new RowCutter(reader.createShape(envelope.parseHead()), reader);
      at = rows;
    }
    at = await addToCutter(cutter, chunk, at);
    if (cutter.isDone) envelope.addAfterRows(cutter.takeRest(), 0);
    if (at < chunk.length) envelope.addAfterRows(chunk, at);
  }
  if (cutter) {
    await cutter.finishRows();
    envelope.addAfterRows(cutter.takeRest(), 0);
    cutter.releaseBuffer();
  }
  const { rows = 0, memberNames = [] } = cutter ?? {};
  return { rows, bytes, memberNames, envelope: envelope.parseAll() };
}

async function addToCutter(cutter: RowCutter, chunk: Uint8Array, from: number): Promise<number> {
  let at = from;
  while (at < chunk.length && !cutter.isDone) {
    const next = cutter.addChunk(chunk, at);
    at = typeof next === "number" ? next : await next;
  }
  return at;
}

/** The batch in progress: its unread rows are between `at` and `to`. */
interface Batch {
  buffer: ScanBuffer;
  at: number;
  to: number;
  rows: number;
  /** True after a comma: a row must follow. */
  isRowExpected: boolean;
  isClosed: boolean;
  readonly substitutes: Map<number, number>;
}

/** Cuts rows out of the bytes of an answer, batch by batch. */
class RowCutter {
  readonly #shape: RowShape;
  readonly #reader: RowsReader;
  readonly #batchBytes: number;
  readonly #batch: Batch;
  readonly #out = createByteBuffer(0);
  readonly #rewriter: RowRewriter;
  #rows = 0;
  #hasPlainRows = false;

  constructor(shape: RowShape, reader: RowsReader) {
    this.#shape = shape;
    this.#reader = reader;
    this.#batchBytes = reader.batchBytes ?? defaultBatchBytes;
    this.#batch = {
      buffer: acquireScanBuffer(this.#batchBytes),
      at: 0,
      to: 0,
      rows: 0,
      isRowExpected: false,
      isClosed: false,
      substitutes: new Map(),
    };
    this.#rewriter = new RowRewriter(shape, this.#out);
  }

  get isDone(): boolean {
    return this.#batch.isClosed;
  }

  get rows(): number {
    return this.#rows;
  }

  /** A plain row has every column of the shape. */
  get memberNames(): readonly string[] {
    const names = this.#rewriter.memberNames;
    return this.#hasPlainRows ? [...new Set([...this.#shape.names, ...names])] : names;
  }

  /**
   * Copies bytes from `at`; cuts rows when the batch is full. Returns the index of the first byte
   * not copied.
   */
  addChunk(chunk: Uint8Array, at: number): number | Promise<number> {
    const batch = this.#batch;
    const count = Math.min(chunk.length - at, batch.buffer.bytes.length - batch.to);
    batch.buffer.bytes.set(
      at === 0 && count === chunk.length ? chunk : chunk.subarray(at, at + count),
      batch.to,
    );
    batch.to += count;
    if (batch.to < batch.buffer.bytes.length) return at + count;
    return this.#cutBatch().then(() => at + count);
  }

  /** Cuts the remaining rows. @throws MalformedRows when the rows do not end here */
  async finishRows(): Promise<void> {
    if (!this.isDone) await this.#cutBatch();
    if (!this.isDone) throw new MalformedRows("the answer ends inside its rows");
  }

  /** Returns the bytes that were copied after the end of the rows, once. */
  takeRest(): Uint8Array {
    const batch = this.#batch;
    const remainder = batch.buffer.bytes.subarray(batch.at, batch.to);
    batch.at = batch.to;
    return remainder;
  }

  /** Gives the memory back; the cutter is unusable afterwards. */
  releaseBuffer(): void {
    const { buffer } = this.#batch;
    if (buffer.bytes.length === this.#batchBytes) releaseScanBuffer(buffer);
  }

  async #cutBatch(): Promise<void> {
    const batch = this.#batch;
    batch.rows = 0;
    batch.substitutes.clear();
    this.#out.length = 0;
    const lines = cutPlainRows(this.#shape, batch);
    this.#hasPlainRows ||= batch.rows > 0;
    const isMixed = !batch.isClosed && cutOtherRows(this.#rewriter, batch, lines, this.#out);
    this.#rows += batch.rows;
    if (batch.rows > 0)
      await this.#reader.onLines(
        isMixed ? bytesOf(this.#out) : lines,
        batch.rows,
        batch.substitutes,
      );
    carryRemainder(batch);
  }
}

/**
 * Takes rows that are lines already: the comma behind each becomes a LF in place.
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
 * Rewrites the remaining rows of the batch.
 *
 * @param plainLines - lines cut before them, which are written first
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
      if (batch.isRowExpected) throw new MalformedRows("a comma without a row after it");
      batch.isClosed = true;
      batch.at = row + 1;
      break;
    }
    // Mostly a batch of plain lines ends inside a row: nothing is copied then.
    if (!isMixed && findValueEnd(batch.buffer.bytes, row, batch.to) === incomplete) break;
    if (!isMixed) appendBytes(out, plainLines);
    isMixed = true;
    if (!cutOtherRow(rewriter, batch, row, out) || batch.isClosed) break;
  }
  return isMixed;
}

/** Rewrites the row at `row`; returns false when it is not complete. */
function cutOtherRow(rewriter: RowRewriter, batch: Batch, row: number, out: ByteBuffer): boolean {
  const length = out.length;
  const formerSubstitutes = rewriter.substituted;
  const end = rewriter.rewriteRow(batch.buffer.bytes, row, batch.to);
  const delimiterIndex =
    end === incomplete ? batch.to : skipSpace(batch.buffer.bytes, end, batch.to);
  if (delimiterIndex === batch.to) {
    out.length = length;
    return false;
  }
  const next = batch.buffer.bytes[delimiterIndex];
  if (next !== comma && next !== closeBracket)
    throw new MalformedRows("rows without a comma between them");
  const substituted = rewriter.substituted - formerSubstitutes;
  if (substituted > 0) batch.substitutes.set(batch.rows, substituted);
  batch.rows += 1;
  batch.isRowExpected = next === comma;
  batch.isClosed = next === closeBracket;
  batch.at = delimiterIndex + 1;
  return true;
}

/** Moves the remainder to the front, into a larger buffer when a row filled all of this one. */
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
