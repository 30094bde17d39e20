/**
 * Finds the end of text 16 bytes at a step: this loop decides how fast rows are cut. It is a few
 * instructions of WebAssembly SIMD over the memory that holds the bytes; where WebAssembly is not
 * available, a plain loop.
 */
import { backslash, quote, allocateBytes, space } from "./bytes.ts";

/** Memory with a search function. */
export interface ScanBuffer {
  readonly bytes: Uint8Array;
  /** The same bytes, for reading four at a time. */
  readonly view: DataView;
  /**
   * Finds the first quote, backslash or control character in `[at, to)`; returns `to` or more when
   * there is none.
   */
  readonly findStop: (at: number, to: number) => number;
}

// The opcodes of WebAssembly that the program uses.
const [block, loop, when, end, branch, branchIf, leave] = [
  0x02, 0x03, 0x04, 0x0b, 0x0c, 0x0d, 0x0f,
];
const [get, set, tee, constant, add, atLeast, trailingZeros] = [
  0x20, 0x21, 0x22, 0x41, 0x6a, 0x4f, 0x68,
];
const nothing = 0x40;
const [i32, v128] = [0x7f, 0x7b];
const load = [0xfd, 0x00, 0x00, 0x00];
const equal = [0xfd, 0x23];
const below = [0xfd, 0x26];
const or = [0xfd, 0x50];
const bitmask = [0xfd, 0x64];
const v128Constant = (byte: number): number[] => [0xfd, 0x0c, ...Array<number>(16).fill(byte)];
const [at, to, mask, piece] = [0, 1, 2, 3];

/**
 * The function's body: `while (at < to) { piece = load(at); mask = piece is quote | backslash | <
 * space; if (mask) return at + ctz(mask); at += 16 } return to`
 */
const body = [
  [2, 1, i32, 1, v128],
  [block, nothing, loop, nothing],
  [get, at, get, to, atLeast, branchIf, 1],
  [get, at, ...load, tee, piece, ...v128Constant(quote), ...equal],
  [get, piece, ...v128Constant(backslash), ...equal, ...or],
  [get, piece, ...v128Constant(space), ...below, ...or, ...bitmask],
  [tee, mask, when, nothing, get, mask, trailingZeros, get, at, add, leave, end],
  [get, at, constant, 16, add, set, at, branch, 0, end, end],
  [get, to, end],
].flat();

/** Encodes the length of a section or body; two bytes of LEB128 are enough for this program. */
const encodeLength = (length: number): number[] => [(length & 0x7f) | 0x80, length >> 7];
const createSection = (id: number, content: readonly number[]): number[] => [
  id,
  ...encodeLength(content.length),
  ...content,
];
const encodeName = (text: string): number[] => [text.length, ...Buffer.from(text)];

const program = Uint8Array.from(
  [
    [0x00, 0x61, 0x73, 0x6d, 1, 0, 0, 0],
    createSection(1, [1, 0x60, 2, i32, i32, 1, i32]),
    createSection(2, [1, ...encodeName("in"), ...encodeName("memory"), 2, 0, 1]),
    createSection(3, [1, 0]),
    createSection(7, [1, ...encodeName("stop"), 0, 0]),
    createSection(10, [1, ...encodeLength(body.length), ...body]),
  ].flat(),
);

/** The part of WebAssembly in use: the project's types describe Node, not the web. */
interface Wasm {
  readonly Memory: new (limits: { readonly initial: number }) => { readonly buffer: ArrayBuffer };
  readonly Module: new (program: Uint8Array) => object;
  readonly Instance: new (
    module: object,
    imports: object,
  ) => { readonly exports: { readonly stop: FindStop } };
}

type FindStop = ScanBuffer["findStop"];

// Absent under --jitless.
const wasm = (globalThis as { readonly WebAssembly?: Wasm }).WebAssembly;
let compiled: object | undefined;

const pageBytes = 65_536;
/** The last load may begin at the last byte. */
const slackBytes = 16;

// Creating one takes half a millisecond; most calls are small, so a few are reused.
const spareBuffers: ScanBuffer[] = [];
const maxSpares = 4;

/** Gives memory back for reuse by a caller that needs the same size. */
export function releaseScanBuffer(buffer: ScanBuffer): void {
  if (spareBuffers.length < maxSpares) spareBuffers.push(buffer);
}

/** Returns memory for `size` bytes, not cleared, with its search function. */
export function acquireScanBuffer(size: number): ScanBuffer {
  const spareIndex = spareBuffers.findIndex(({ bytes }) => bytes.length === size);
  return spareBuffers.splice(spareIndex, spareIndex < 0 ? 0 : 1)[0] ?? createScanBuffer(size);
}

function createScanBuffer(size: number): ScanBuffer {
  if (!wasm) return createPlainScanBuffer(size);
  try {
    const memory = new wasm.Memory({ initial: Math.ceil((size + slackBytes) / pageBytes) });
    compiled ??= new wasm.Module(program);
    const { exports } = new wasm.Instance(compiled, { in: { memory } });
    return { ...withView(new Uint8Array(memory.buffer, 0, size)), findStop: exports.stop };
  } catch {
    // The memory is not available, or this processor has no SIMD.
    return createPlainScanBuffer(size);
  }
}

const withView = (bytes: Uint8Array) => ({
  bytes,
  view: new DataView(bytes.buffer, bytes.byteOffset, bytes.length),
});

/** Creates the same without WebAssembly. */
export function createPlainScanBuffer(size: number): ScanBuffer {
  const bytes = allocateBytes(size);
  return {
    ...withView(bytes),
    findStop: (at, to) => {
      let index = at;
      while (index < to && isTextByte(bytes[index] as number)) index += 1; // index < to <= size
      return index;
    },
  };
}

const isTextByte = (byte: number): boolean => byte !== quote && byte !== backslash && byte >= space;
