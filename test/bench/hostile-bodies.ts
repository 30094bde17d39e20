/**
 * The hostile suite: processor time that parsing a body and finding its hashes takes over families
 * of bodies, at 256 KiB, 512 KiB and 1 MiB. Work that grows with the square of a body shows as a
 * growth of 4 per doubling.
 */
import { wideLimits } from "../../shared/contracts/parsed-body.ts";
import { Problem } from "../../shared/contracts/problem.ts";
import { findHashes } from "../../shared/files/hashes.ts";
import { parseAnyBody } from "../../shared/http/request-body.ts";
import { spreadOf, toCeilingResult, type Result } from "./harness.ts";
import { hostileFamilies, sha1Of, type SentBody } from "./hostile-families.ts";
import { measureEventLoop } from "./hostile-loop.ts";

const sizes = [262_144, 524_288, 1_046_528] as const;
const maxGrowth = 2.3;
const maxMs = 300;
const rounds = 4;
const sampleCount = 3;

const options = { limits: wideLimits, where: true } as const;

/**
 * As many names as the app remembers, and more: each round reads its names like an instance
 * that read other bodies before. Else a body of few names would be measured without reading them.
 */
const otherNames = {
  kind: "json",
  value: Object.fromEntries(
    Array.from({ length: 2_500 }, (_, index) => [`other ${index}`, sha1Of(index)]),
  ),
} as const;

/**
 * Lowest processor time of several rounds for each size, in milliseconds. The sizes alternate, so
 * that a busy moment of the machine affects each alike.
 */
function measureSizes(createBody: (size: number) => SentBody): readonly number[] {
  const bodies = sizes
    .map(createBody)
    .map(({ type, text }) => ({ type, bytes: Buffer.from(text) }));
  const times = Array.from({ length: rounds }, () => bodies.map(measureOnce));
  return bodies.map((_, size) => spreadOf(times.map((round) => round[size] ?? 0)).min);
}

function measureOnce({
  bytes,
  type,
}: {
  readonly bytes: Uint8Array;
  readonly type: string;
}): number {
  findHashes(otherNames, options);
  const start = process.cpuUsage();
  searchOrRefuse(bytes, type);
  const { user, system } = process.cpuUsage(start);
  return (user + system) / 1_000;
}

function searchOrRefuse(bytes: Uint8Array, type: string): void {
  try {
    findHashes(parseAnyBody(bytes, type), options);
  } catch (error) {
    if (!(error instanceof Problem)) throw error;
  }
}

/** Returns the greater growth per doubling. Below a few milliseconds the clock decides. */
function findGrowth([small = 0, middle = 0, large = 0]: readonly number[]): number {
  return Math.max(middle / Math.max(small, 5), large / Math.max(middle, 5));
}

export async function* measureHostileBodies(): AsyncIterable<Result> {
  for (const [name, createBody] of Object.entries(hostileFamilies)) {
    const samples = Array.from({ length: sampleCount }, () => measureSizes(createBody));
    const note = samples
      .map((times) => `${times.map((ms) => ms.toFixed(1)).join(", ")} ms`)
      .join("; ");
    const growths = spreadOf(samples.map(findGrowth));
    yield toCeilingResult(`growth per doubling: ${name}`, growths, maxGrowth, "x", note);
    const largest = spreadOf(samples.map((times) => times.at(-1) ?? 0));
    yield toCeilingResult(`1 MiB: ${name}`, largest, maxMs, "ms", note);
  }
  yield* measureEventLoop();
}
