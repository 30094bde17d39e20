import { createHash } from "node:crypto";
import { constants, gunzipSync, inflateRawSync } from "node:zlib";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { encodeUtf8 } from "../../../shared/rows/bytes.ts";
import { createGzipEncoder, type GzipOptions } from "../../../shared/rows/gzip.ts";

async function compressBatches(
  batches: readonly string[],
  options: GzipOptions = {},
): Promise<Buffer[]> {
  const pieces: Buffer[] = [];
  const encoder = createGzipEncoder(async (bytes) => void pieces.push(Buffer.from(bytes)), options);
  for (const lines of batches) await encoder.write(encodeUtf8(lines));
  const raw = batches.join("");
  expect(await encoder.finish()).toEqual({
    rawBytes: Buffer.byteLength(raw),
    sha256: createHash("sha256").update(raw).digest("hex"),
    substituted: 0,
  });
  return pieces;
}

const lineSets = fc.array(
  fc
    .array(fc.string({ maxLength: 60 }), { maxLength: 20 })
    .map((lines) => lines.map((line) => `${JSON.stringify(line)}\n`).join("")),
  { maxLength: 8 },
);

describe("createGzipEncoder", () => {
  test("compresses lines without loss, whatever the block size", async () => {
    await fc.assert(
      fc.asyncProperty(
        lineSets,
        fc.integer({ min: 1, max: 400 }),
        fc.integer({ min: 1, max: 4 }),
        async (sets, blockBytes, inFlight) => {
          const pieces = await compressBatches(sets, { blockBytes, inFlight });
          expect(gunzipSync(Buffer.concat(pieces)).toString()).toBe(sets.join(""));
        },
      ),
      { numRuns: 200 },
    );
  });

  test("writes one member that a strict reader reads completely", async () => {
    const lines = Array.from({ length: 5_000 }, (_, at) => `{"n":${at}}\n`).join("");
    const file = Buffer.concat(await compressBatches([lines], { blockBytes: 1_000 }));
    const stream = new Blob([file]).stream().pipeThrough(new DecompressionStream("gzip"));
    expect(await new Response(stream).text()).toBe(lines);
  });

  test("cuts blocks between lines, so that each is readable alone", async () => {
    const lines = Array.from({ length: 300 }, (_, at) => `{"n":"${"x".repeat(at % 90)}"}\n`).join(
      "",
    );
    const pieces = await compressBatches([lines], { blockBytes: 128 });
    const blocks = pieces
      .slice(1, -1)
      .map((piece) => inflateRawSync(piece, { finishFlush: constants.Z_SYNC_FLUSH }).toString());
    expect(blocks.length).toBeGreaterThan(100);
    expect(blocks.filter((block) => !block.endsWith("\n"))).toEqual([]);
  });

  test("writes a valid file for no lines", async () => {
    expect(gunzipSync(Buffer.concat(await compressBatches([]))).length).toBe(0);
  });

  test("fails when its pieces cannot be put", async () => {
    const encoder = createGzipEncoder(() => Promise.reject(new Error("full")));
    await encoder.write(encodeUtf8("a\n"));
    await expect(encoder.finish()).rejects.toThrow("full");
  });
});
