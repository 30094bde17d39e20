/**
 * The longest time for which one body of 1 MiB blocks the event loop of the running app, as
 * `perf_hooks` measures it in the host's process while `POST /api/files/stats` answers.
 */
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import { runHost, type RunningHost } from "../functions-host/run-host.ts";
import { startSimulator } from "../simulator/simulator.ts";
import { startAzurite } from "../support/azurite.ts";
import { spreadOf, toCeilingResult, type Result } from "./harness.ts";
import { hostileFamilies, type SentBody } from "./hostile-families.ts";

const bodySize = 1_046_528;
const maxBlockMs = 50;
// A loaded machine delays every process: the lowest of several rounds is the app's own part.
const rounds = 3;
const preload = join(import.meta.dirname, "hostile-loop-preload.ts");

export async function* measureEventLoop(): AsyncIterable<Result> {
  const [azurite, simulator] = await Promise.all([startAzurite(), startSimulator()]);
  const storage = azurite.connectionString();
  const host = await runHost({
    preload: [preload],
    // Without the queue, whose jobs would run beside the measurement.
    functions: ["enrich_files"],
    settings: { ...simulator.settings, DataStorage: storage, AzureWebJobsStorage: storage },
  });
  try {
    await measureBlock(host, { type: "text/plain", text: "warm-up" });
    for (const [name, createBody] of Object.entries(hostileFamilies)) {
      const body = createBody(bodySize);
      const blocks: number[] = [];
      for (let round = 0; round < rounds; round += 1) blocks.push(await measureBlock(host, body));
      const block = spreadOf(blocks);
      const note = `${blocks.map((ms) => ms.toFixed(0)).join(", ")} ms`;
      yield toCeilingResult(`event loop: ${name}`, block, maxBlockMs, "ms", note);
    }
  } finally {
    await host.kill();
    await Promise.all([simulator.stop(), azurite.stop()]);
  }
}

/** Sends one body and returns the longest block until its answer, in milliseconds. */
async function measureBlock(host: RunningHost, { type, text }: SentBody): Promise<number> {
  await readBlock(host);
  const reply = await fetch(`${host.url}/api/files/stats`, {
    method: "POST",
    headers: { "content-type": type },
    body: text,
  });
  await reply.arrayBuffer();
  return readBlock(host);
}

/** Asks the host for its longest block since the last call. */
async function readBlock(host: RunningHost): Promise<number> {
  const before = host.output().length;
  process.kill(host.pid, "SIGUSR2");
  for (;;) {
    const [, block] = /longest block ([\d.]+) ms/.exec(host.output().slice(before)) ?? [];
    if (block !== undefined) return Number(block);
    await setTimeout(5);
  }
}
