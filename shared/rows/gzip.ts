/**
 * gzip in blocks that are compressed on the thread pool, several at once, and still come out as one member: what every
 * reader understands. Each block ends with a sync flush, so that blocks simply follow each other.
 */
import { createHash } from "node:crypto";
import { constants, crc32, deflateRaw } from "node:zlib";
import { append, gather, gathered, lineFeed, type Gathered } from "./bytes.ts";
import type { Encoder, Put } from "./encoder.ts";

/** How the blocks are made. */
export interface GzipOptions {
  /** 1 (default, as fast as the network) to 9. */
  readonly level?: number;
  /** Raw bytes of a block; a longer line makes its block longer. */
  readonly blockBytes?: number;
  /** Blocks on the pool at once. */
  readonly inFlight?: number;
}

// Magic, deflate, no flags, no time, "fastest", unknown system.
const header = Uint8Array.of(0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 4, 0xff);
/** A last, empty deflate block. */
const lastBlock = Uint8Array.of(3, 0);

/** Compresses lines into one gzip member, in blocks of whole lines. */
export function gzipEncoder(put: Put, options: GzipOptions = {}): Encoder {
  const { level = 1, blockBytes = 2_097_152, inFlight = 2 } = options;
  const free: Gathered[] = [];
  const waiting: { readonly made: Promise<Uint8Array>; readonly block: Gathered }[] = [];
  let block = gather(blockBytes);
  const digest = createHash("sha256");
  let checksum = 0;
  let raw = 0;
  let begun = false;

  const putOldest = async (): Promise<void> => {
    const oldest = waiting.shift();
    if (!oldest) return;
    const made = await oldest.made;
    oldest.block.length = 0;
    free.push(oldest.block);
    await put(made);
  };
  const compress = async (): Promise<void> => {
    if (!begun) await put(header);
    begun = true;
    if (block.length === 0) return;
    const lines = gathered(block);
    checksum = crc32(lines, checksum);
    digest.update(lines);
    raw += lines.length;
    const made = deflated(lines, level);
    made.catch(() => undefined); // awaited in order; an earlier failure must not leave this one unhandled
    waiting.push({ made, block });
    if (waiting.length >= inFlight) await putOldest();
    block = free.pop() ?? gather(blockBytes);
  };
  return {
    write: async (lines) => {
      let at = 0;
      while (at < lines.length) {
        const end = fitting(lines, at, blockBytes - block.length);
        if (end === at && block.length > 0) {
          await compress();
          continue;
        }
        const upTo = end === at ? lineEnd(lines, at) : end;
        append(block, lines, at, upTo);
        at = upTo;
      }
    },
    finish: async () => {
      await compress();
      while (waiting.length > 0) await putOldest();
      await put(trailer(checksum, raw));
      return { rawBytes: raw, sha256: digest.digest("hex") };
    },
  };
}

/** End of the last line that lies wholly in the next `room` bytes; `at` when none does. */
function fitting(lines: Uint8Array, at: number, room: number): number {
  if (lines.length - at <= room) return lines.length;
  if (room <= 0) return at;
  return Math.max(at, lines.lastIndexOf(lineFeed, at + room - 1) + 1);
}

function lineEnd(lines: Uint8Array, at: number): number {
  const end = lines.indexOf(lineFeed, at);
  return end < 0 ? lines.length : end + 1;
}

function deflated(lines: Uint8Array, level: number): Promise<Uint8Array> {
  // The fastest for its level at little more memory; and room enough for all that comes out, mostly.
  const options = {
    level,
    memLevel: constants.Z_MAX_MEMLEVEL,
    finishFlush: constants.Z_SYNC_FLUSH,
    chunkSize: Math.max(65_536, lines.length >> 2),
  };
  return new Promise((resolve, reject) => {
    deflateRaw(lines, options, (error, made) => (error ? reject(error) : resolve(made)));
  });
}

function trailer(checksum: number, raw: number): Uint8Array {
  const bytes = Buffer.alloc(lastBlock.length + 8);
  bytes.set(lastBlock);
  bytes.writeUInt32LE(checksum, lastBlock.length);
  bytes.writeUInt32LE(raw % 4_294_967_296, lastBlock.length + 4);
  return bytes;
}
