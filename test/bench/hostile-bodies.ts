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
import { hostileFamilies, type SentBody } from "./hostile-families.ts";
import { measureEventLoop } from "./hostile-loop.ts";

const sizes = [262_144, 524_288, 1_046_528] as const;
const maxGrowth = 2.3;
const maxMs = 300;
const rounds = 5;

/** Lowest processor time of several rounds, in milliseconds. */
function measureBody({ type, text }: SentBody): number {
  const bytes = Buffer.from(text);
  const samples = Array.from({ length: rounds }, () => {
    const start = process.cpuUsage();
    searchOrRefuse(bytes, type);
    const { user, system } = process.cpuUsage(start);
    return (user + system) / 1_000;
  });
  return spreadOf(samples).min;
}

function searchOrRefuse(bytes: Uint8Array, type: string): void {
  try {
    findHashes(parseAnyBody(bytes, type), { limits: wideLimits, where: true });
  } catch (error) {
    if (!(error instanceof Problem)) throw error;
  }
}

export async function* measureHostileBodies(): AsyncIterable<Result> {
  for (const [name, createBody] of Object.entries(hostileFamilies)) {
    const [small = 0, middle = 0, large = 0] = sizes.map((size) => measureBody(createBody(size)));
    const note = `${[small, middle, large].map((ms) => ms.toFixed(1)).join(", ")} ms`;
    // Below a few milliseconds the clock decides.
    const growth = Math.max(middle / Math.max(small, 5), large / Math.max(middle, 5));
    yield toCeilingResult(`growth per doubling: ${name}`, spreadOf([growth]), maxGrowth, "x", note);
    yield toCeilingResult(`1 MiB: ${name}`, spreadOf([large]), maxMs, "ms", note);
  }
  yield* measureEventLoop();
}
