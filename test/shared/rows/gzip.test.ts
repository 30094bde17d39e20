import { createHash } from "node:crypto";
import { gunzipSync } from "node:zlib";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { encode } from "../../../shared/rows/bytes.ts";
import { gzipEncoder, type GzipOptions } from "../../../shared/rows/gzip.ts";

async function compressed(batches: readonly string[], options: GzipOptions = {}): Promise<Buffer[]> {
  const pieces: Buffer[] = [];
  const encoder = gzipEncoder(async (bytes) => void pieces.push(Buffer.from(bytes)), options);
  for (const lines of batches) await encoder.write(encode(lines));
  await encoder.finish();
  expect(encoder.rawBytes()).toBe(Buffer.byteLength(batches.join("")));
  return pieces;
}

const lineSets = fc.array(
  fc
    .array(fc.string({ maxLength: 60 }), { maxLength: 20 })
    .map((lines) => lines.map((line) => `${JSON.stringify(line)}\n`).join("")),
  { maxLength: 8 },
);

describe("gzipEncoder", () => {
  test("gives back what went in, through any block size", async () => {
    await fc.assert(
      fc.asyncProperty(
        lineSets,
        fc.integer({ min: 1, max: 400 }),
        fc.integer({ min: 1, max: 4 }),
        async (sets, blockBytes, inFlight) => {
          const hash = createHash("sha256");
          const pieces = await compressed(sets, { blockBytes, inFlight, onRaw: (bytes) => void hash.update(bytes) });
          expect(gunzipSync(Buffer.concat(pieces)).toString()).toBe(sets.join(""));
          expect(hash.digest("hex")).toBe(createHash("sha256").update(sets.join("")).digest("hex"));
        },
      ),
      { numRuns: 200 },
    );
  });

  test("writes one member, which a strict reader takes whole", async () => {
    const lines = Array.from({ length: 5_000 }, (_, at) => `{"n":${at}}\n`).join("");
    const file = Buffer.concat(await compressed([lines], { blockBytes: 1_000 }));
    const stream = new Blob([file]).stream().pipeThrough(new DecompressionStream("gzip"));
    expect(await new Response(stream).text()).toBe(lines);
  });

  test("cuts blocks between lines", async () => {
    const lines = Array.from({ length: 300 }, (_, at) => `{"n":"${"x".repeat(at % 90)}"}\n`).join("");
    const raw: string[] = [];
    await compressed([lines.slice(0, 5_000 + lines.slice(5_000).indexOf("\n") + 1)], {
      blockBytes: 128,
      onRaw: (bytes) => void raw.push(Buffer.from(bytes).toString()),
    });
    expect(raw.length).toBeGreaterThan(30);
    expect(raw.filter((block) => !block.endsWith("\n"))).toEqual([]);
  });

  test("makes a valid file of nothing", async () => {
    expect(gunzipSync(Buffer.concat(await compressed([]))).length).toBe(0);
  });

  test("fails when its pieces cannot be put", async () => {
    const encoder = gzipEncoder(() => Promise.reject(new Error("full")));
    await encoder.write(encode("a\n"));
    await expect(encoder.finish()).rejects.toThrow("full");
  });
});
