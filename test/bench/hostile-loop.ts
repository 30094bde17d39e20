/**
 * The longest time for which one body of 1 MiB blocks the event loop, as `perf_hooks` measures it,
 * while `POST /api/files/stats` reads it and finds its hashes.
 */
import { monitorEventLoopDelay } from "node:perf_hooks";
import { setImmediate } from "node:timers/promises";
import { readLookup } from "../../shared/contracts/file-lookup.ts";
import { Problem } from "../../shared/contracts/problem.ts";
import { toLookupRequest } from "../../shared/files/lookup-request.ts";
import { parseAnyBody, readBodyBytes } from "../../shared/http/request-body.ts";
import { spreadOf, toCeilingResult, type Result } from "./harness.ts";
import { hostileFamilies, type SentBody } from "./hostile-families.ts";

const bodySize = 1_046_528;
const maxBlockMs = 50;
// A loaded machine delays every process: the lowest of several rounds is the app's own part.
const rounds = 5;
const resolutionMs = 1;

export async function* measureEventLoop(): AsyncIterable<Result> {
  for (const [name, createBody] of Object.entries(hostileFamilies)) {
    const body = createBody(bodySize);
    const blocks: number[] = [];
    for (let round = 0; round < rounds; round += 1) blocks.push(await measureBlock(body));
    const note = `${blocks.map((ms) => ms.toFixed(0)).join(", ")} ms`;
    yield toCeilingResult(`event loop: ${name}`, spreadOf(blocks), maxBlockMs, "ms", note);
  }
}

/** Returns the longest block from the arrival of a body to its list of hashes, in milliseconds. */
async function measureBlock({ type, text }: SentBody): Promise<number> {
  const request = new Request("http://localhost/api/files/stats", {
    method: "POST",
    headers: { "content-type": type },
    body: Buffer.from(text),
  });
  const histogram = monitorEventLoopDelay({ resolution: resolutionMs });
  histogram.enable();
  await findOrRefuse(request, type);
  // The sample of the last block is taken in the next pass of the loop.
  for (let pass = 0; pass < 3; pass += 1) await setImmediate();
  histogram.disable();
  return Math.max(0, histogram.max / 1e6 - resolutionMs);
}

async function findOrRefuse(request: Request, type: string): Promise<void> {
  try {
    const body = parseAnyBody(await readBodyBytes(request), type);
    await toLookupRequest(readLookup(new URLSearchParams("where=true"), body));
  } catch (error) {
    if (!(error instanceof Problem)) throw error;
  }
}
