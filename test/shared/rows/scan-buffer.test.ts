import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  releaseScanBuffer,
  createPlainScanBuffer,
  acquireScanBuffer,
} from "../../../shared/rows/scan-buffer.ts";

const findStopByLoop = (bytes: Uint8Array, at: number, to: number): number => {
  for (let index = at; index < to; index += 1)
    if (bytes[index] === 0x22 || bytes[index] === 0x5c || (bytes[index] ?? 0) < 0x20) return index;
  return to;
};

// Mostly text, so that stops lie at every distance.
const texts = fc.uint8Array({ maxLength: 300, min: 0x20 }).chain((text) =>
  fc
    .array(fc.tuple(fc.nat(300), fc.constantFrom(0x22, 0x5c, 0x00, 0x0a, 0x1f)), { maxLength: 3 })
    .map((stops) => {
      for (const [at, byte] of stops) if (at < text.length) text[at] = byte;
      return text;
    }),
);

describe.each([
  ["with WebAssembly", acquireScanBuffer],
  ["without WebAssembly", createPlainScanBuffer],
])("a search %s", (_, createBuffer) => {
  test("stops at the first quote, backslash or control character", () => {
    const buffer = createBuffer(300);
    fc.assert(
      fc.property(texts, fc.nat(300), fc.nat(300), (text, a, b) => {
        buffer.bytes.fill(0x61);
        buffer.bytes.set(text);
        const [from = 0, to = 0] = [a, b]
          .map((at) => Math.min(at, text.length))
          .sort((x, y) => x - y);
        expect(Math.min(buffer.findStop(from, to), to)).toBe(findStopByLoop(text, from, to));
      }),
      { numRuns: 500 },
    );
  });

  test("reaches the end of its memory", () => {
    const size = 65_536 * 2;
    const buffer = createBuffer(size);
    buffer.bytes.fill(0x61);
    expect(buffer.findStop(0, size)).toBeGreaterThanOrEqual(size);
    buffer.bytes[size - 1] = 0x22;
    expect(buffer.findStop(size - 1, size)).toBe(size - 1);
  });
});

test("this Node has the fast finder", () => {
  expect(acquireScanBuffer(10).bytes.buffer.byteLength).toBe(65_536);
});

test("memory that is given back is used again, for the same size only", () => {
  const buffer = acquireScanBuffer(12_345);
  releaseScanBuffer(buffer);
  expect(acquireScanBuffer(12_346)).not.toBe(buffer);
  expect(acquireScanBuffer(12_345)).toBe(buffer);
  expect(acquireScanBuffer(12_345)).not.toBe(buffer);
});
