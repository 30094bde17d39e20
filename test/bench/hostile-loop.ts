/**
 * The longest time for which one body of 1 MiB blocks the event loop while `POST /api/files/stats`
 * reads it, finds its hashes and stores its job.
 */
import { readLookup } from "../../shared/contracts/file-lookup.ts";
import { Problem } from "../../shared/contracts/problem.ts";
import type { FileLookupService } from "../../shared/files/file-lookup-service.ts";
import { toLookupRequest } from "../../shared/files/lookup-request.ts";
import { parseAnyBody, readBodyBytes } from "../../shared/http/request-body.ts";
import { filesHarness } from "../support/files-harness.ts";
import { spreadOf, toCeilingResult, type Result } from "./harness.ts";
import { hostileFamilies, type SentBody } from "./hostile-families.ts";

const bodySize = 1_046_528;
const maxBlockMs = 50;
// The first rounds run code that is not optimized yet.
const rounds = 5;

export async function* measureEventLoop(): AsyncIterable<Result> {
  for (const [name, createBody] of Object.entries(hostileFamilies)) {
    const body = createBody(bodySize);
    const blocks: number[] = [];
    for (let round = 0; round < rounds; round += 1) blocks.push(await measureBlock(body));
    const note = `${blocks.map((ms) => ms.toFixed(0)).join(", ")} ms`;
    yield toCeilingResult(`event loop: ${name}`, spreadOf(blocks), maxBlockMs, "ms", note);
  }
}

/** Returns the longest block from the arrival of a body to its stored job, in milliseconds. */
async function measureBlock({ type, text }: SentBody): Promise<number> {
  const request = new Request("http://localhost/api/files/stats", {
    method: "POST",
    headers: { "content-type": type },
    body: Buffer.from(text),
  });
  const { service } = filesHarness();
  const readLongestPass = startPassMeter();
  await findOrRefuse(request, type, service);
  return readLongestPass();
}

/**
 * Measures the processor time of this thread between two passes of the event loop, which other
 * processes of the machine do not change.
 *
 * @returns a function that stops and returns the longest time, in milliseconds
 */
function startPassMeter(): () => number {
  let longestMs = 0;
  let last = process.threadCpuUsage();
  let next: NodeJS.Immediate | undefined;
  const measurePass = (): void => {
    const now = process.threadCpuUsage();
    longestMs = Math.max(longestMs, (now.user + now.system - last.user - last.system) / 1_000);
    last = now;
    next = setImmediate(measurePass);
  };
  measurePass();
  return () => {
    measurePass();
    clearImmediate(next);
    return longestMs;
  };
}

async function findOrRefuse(
  request: Request,
  type: string,
  service: FileLookupService,
): Promise<void> {
  try {
    const body = parseAnyBody(await readBodyBytes(request), type);
    const lookup = readLookup(new URLSearchParams("where=true"), body);
    await service.createJob(await toLookupRequest(lookup));
  } catch (error) {
    if (!(error instanceof Problem)) throw error;
  }
}
