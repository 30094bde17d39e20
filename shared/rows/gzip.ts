/**
 * Compresses blocks on the thread pool, several at once, into one gzip member, which every reader
 * understands. Each block ends with a sync flush, so that blocks follow each other without a seam.
 */
import { createHash } from "node:crypto";
import { constants, crc32, deflateRaw } from "node:zlib";
import { appendBytes, createByteBuffer, bytesOf, lineFeed, type ByteBuffer } from "./bytes.ts";
import type { Encoder, ByteSink } from "./encoder.ts";

/** Options for the blocks. */
export interface GzipOptions {
  /** 1 (default, about as fast as the network) to 9. */
  readonly level?: number;
  /** Raw bytes of a block; a longer line makes its block longer. Default 2 MiB. */
  readonly blockBytes?: number;
  /** Blocks on the thread pool at once. Default 2. */
  readonly inFlight?: number;
}

// Magic, deflate, no flags, no time, "fastest", unknown system.
const header = Uint8Array.of(0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 4, 0xff);
/** A last, empty deflate block. */
const lastBlock = Uint8Array.of(3, 0);

/** Compresses lines into one gzip member, in blocks of whole lines. */
export function createGzipEncoder(put: ByteSink, options: GzipOptions = {}): Encoder {
  const { level = 1, blockBytes = 2_097_152, inFlight = 2 } = options;
  const freeBlocks: ByteBuffer[] = [];
  const pendingBlocks: { readonly compressed: Promise<Uint8Array>; readonly block: ByteBuffer }[] =
    [];
  let block = createByteBuffer(blockBytes);
  const digest = createHash("sha256");
  let checksum = 0;
  let rawBytes = 0;
  let isHeaderWritten = false;

  const putOldest = async (): Promise<void> => {
    const oldest = pendingBlocks.shift();
    if (!oldest) return;
    const compressed = await oldest.compressed;
    oldest.block.length = 0;
    freeBlocks.push(oldest.block);
    await put(compressed);
  };
  const compressBlock = async (): Promise<void> => {
    if (!isHeaderWritten) await put(header);
    isHeaderWritten = true;
    if (block.length === 0) return;
    const lines = bytesOf(block);
    checksum = crc32(lines, checksum);
    digest.update(lines);
    rawBytes += lines.length;
    const compressed = deflateLines(lines, level);
    // Awaited in order: after an earlier failure this one must not be unhandled.
    compressed.catch(() => undefined);
    pendingBlocks.push({ compressed, block });
    if (pendingBlocks.length >= inFlight) await putOldest();
    block = freeBlocks.pop() ?? createByteBuffer(blockBytes);
  };
  return {
    write: async (lines) => {
      let at = 0;
      while (at < lines.length) {
        const end = findFittingEnd(lines, at, blockBytes - block.length);
        if (end === at && block.length > 0) {
          await compressBlock();
          continue;
        }
        const upTo = end === at ? findLineEnd(lines, at) : end;
        appendBytes(block, lines, at, upTo);
        at = upTo;
      }
    },
    finish: async () => {
      await compressBlock();
      while (pendingBlocks.length > 0) await putOldest();
      await put(createTrailer(checksum, rawBytes));
      return { rawBytes, sha256: digest.digest("hex"), substituted: 0 };
    },
  };
}

/**
 * Returns the end of the last line that fits into the next `freeBytes` bytes; `at` when none fits.
 */
function findFittingEnd(lines: Uint8Array, at: number, freeBytes: number): number {
  if (lines.length - at <= freeBytes) return lines.length;
  if (freeBytes <= 0) return at;
  return Math.max(at, lines.lastIndexOf(lineFeed, at + freeBytes - 1) + 1);
}

function findLineEnd(lines: Uint8Array, at: number): number {
  const end = lines.indexOf(lineFeed, at);
  return end < 0 ? lines.length : end + 1;
}

function deflateLines(lines: Uint8Array, level: number): Promise<Uint8Array> {
  // Maximal memory is the fastest for its level; the chunk mostly holds the whole output.
  const options = {
    level,
    memLevel: constants.Z_MAX_MEMLEVEL,
    finishFlush: constants.Z_SYNC_FLUSH,
    chunkSize: Math.max(65_536, lines.length >> 2),
  };
  return new Promise((resolve, reject) => {
    deflateRaw(lines, options, (error, compressed) =>
      error ? reject(error) : resolve(compressed),
    );
  });
}

function createTrailer(checksum: number, rawBytes: number): Uint8Array {
  const bytes = Buffer.alloc(lastBlock.length + 8);
  bytes.set(lastBlock);
  bytes.writeUInt32LE(checksum, lastBlock.length);
  bytes.writeUInt32LE(rawBytes % 4_294_967_296, lastBlock.length + 4);
  return bytes;
}
