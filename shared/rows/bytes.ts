/** Bytes of JSON by name, and a growing buffer. */

export const tab = 0x09;
export const lineFeed = 0x0a;
export const carriageReturn = 0x0d;
export const space = 0x20;
export const quote = 0x22;
export const comma = 0x2c;
export const minus = 0x2d;
export const dot = 0x2e;
export const zero = 0x30;
export const nine = 0x39;
export const colon = 0x3a;
export const openBracket = 0x5b;
export const backslash = 0x5c;
export const closeBracket = 0x5d;
export const openBrace = 0x7b;
export const closeBrace = 0x7d;

const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** Returns the UTF-8 bytes of a text. */
export const encodeUtf8 = (text: string): Uint8Array => encoder.encode(text);

/** Returns the text of the UTF-8 bytes `[from, to)`. */
export const decodeUtf8 = (bytes: Uint8Array, from = 0, to = bytes.length): string =>
  decoder.decode(bytes.subarray(from, to));

/** Bytes collected one after the other. The first `length` of `bytes` are in use. */
export interface ByteBuffer {
  bytes: Uint8Array;
  length: number;
}

/** Allocates `size` bytes, not cleared. Not a Buffer, whose `slice` shares the memory. */
export const allocateBytes = (size: number): Uint8Array =>
  new Uint8Array(Buffer.allocUnsafeSlow(size).buffer);

/** Creates an empty buffer with room for `size` bytes; it grows as needed. */
export const createByteBuffer = (size: number): ByteBuffer => ({
  bytes: allocateBytes(size),
  length: 0,
});

/** Returns the collected bytes without copying them. */
export const bytesOf = (out: ByteBuffer): Uint8Array => out.bytes.subarray(0, out.length);

// Up to this size a loop is faster than `set`, which calls into the runtime.
const maxLoopBytes = 48;

/** Appends bytes `[from, to)`. */
export function appendBytes(out: ByteBuffer, bytes: Uint8Array, from = 0, to = bytes.length): void {
  const count = to - from;
  if (out.length + count > out.bytes.length) growBuffer(out, out.length + count);
  const target = out.bytes;
  let at = out.length;
  if (count > maxLoopBytes) target.set(bytes.subarray(from, to), at);
  // index < to <= length
  else for (let index = from; index < to; index += 1) target[at++] = bytes[index] as number;
  out.length += count;
}

/** Appends one byte. */
export function appendByte(out: ByteBuffer, byte: number): void {
  if (out.length === out.bytes.length) growBuffer(out, out.length + 1);
  out.bytes[out.length] = byte;
  out.length += 1;
}

function growBuffer(out: ByteBuffer, needed: number): void {
  const larger = allocateBytes(Math.max(needed, out.bytes.length * 2));
  larger.set(bytesOf(out));
  out.bytes = larger;
}

/** True when `bytes` holds `part` at `at`, completely before `to`. */
export function startsWith(bytes: Uint8Array, at: number, to: number, part: Uint8Array): boolean {
  if (at + part.length > to) return false;
  for (let index = 0; index < part.length; index += 1)
    if (bytes[at + index] !== part[index]) return false;
  return true;
}
