/**
 * The files suite: finding hashes against `JSON.parse`, the pace against the quota's lower bound,
 * calls, and cached answers.
 */
import { createHash } from "node:crypto";
import { once } from "node:events";
import { Agent, createServer, request, type IncomingMessage, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { toLookupRequest } from "../../shared/files/lookup-request.ts";
import { findHashes } from "../../shared/files/hashes.ts";
import { toLookupReply } from "../../shared/files/replies.ts";
import { readLookup } from "../../shared/contracts/file-lookup.ts";
import { parseAnyBody } from "../../shared/http/request-body.ts";
import { wideLimits } from "../../shared/contracts/parsed-body.ts";
import { secondMs } from "../../shared/runtime/time.ts";
import { measureFilesPace } from "../support/measure-files-pace.ts";
import { fileHash, filesHarness, answerHunting, requestFor } from "../support/files-harness.ts";
import {
  toCeilingResult,
  measureInterleaved,
  toSpeedResult,
  spreadOf,
  type Result,
  type Spread,
} from "./harness.ts";

const rounds = 25;

export async function* measureFiles(): AsyncIterable<Result> {
  yield* measureExtraction();
  yield* measurePace();
  yield await measureBulkCalls();
  yield await measureCachedAnswers();
}

/** Alerts as a SIEM sends them: some 700 file hashes and as many device ids in a mebibyte. */
function createAlertPayload(): string {
  const alerts = Array.from({ length: 700 }, (_, index) => ({
    id: `da${index}`,
    title: "Suspicious behaviour by an Office application",
    severity: "High",
    machineId: fileHash(1_000_000 + index),
    description: "A process was seen that does what is not usual for this machine. ".repeat(9),
    evidence: [
      {
        entityType: "File",
        sha1: fileHash(index),
        fileName: `a${index}.exe`,
        filePath: "C:\\Windows\\Temp",
      },
      {
        entityType: "Process",
        processId: index,
        processCommandLine: `a${index}.exe --run`,
        userSid: "S-1-5-21-1",
      },
    ],
    comments: [],
    tags: ["a", "b"],
  }));
  return JSON.stringify({ value: alerts });
}

const measureMs = async (work: () => void): Promise<number> => {
  const startMs = performance.now();
  work();
  return performance.now() - startMs;
};

async function* measureExtraction(): AsyncIterable<Result> {
  const text = createAlertPayload();
  const spreads = await measureInterleaved(
    {
      limit: () => measureMs(() => void JSON.parse(text)),
      ours: () =>
        measureMs(
          () => void findHashes({ kind: "json", value: JSON.parse(text) }, { limits: wideLimits }),
        ),
    },
    rounds,
  );
  const ratio = ratioOf(spreads.ours, spreads.limit);
  const size = `${(text.length / 1e6).toFixed(2)} MB, parse included`;
  yield toCeilingResult("finding hashes over JSON.parse of the same body", ratio, 3.5, "x", size);
  for (const [name, unit] of Object.entries(hostileTexts)) {
    // Through bytes: a text cut out of another is slower to read, character by character.
    const textOf = (length: number): string =>
      Buffer.from(unit.repeat(Math.ceil(length / unit.length)).slice(0, length)).toString("latin1");
    const large = textOf(10_000_000);
    // Ten different ones, so that neither side has its text in the processor's cache.
    const small = Array.from({ length: 10 }, (_, index) => textOf(1_000_000 - index));
    const limits = { ...wideLimits, characters: 1e8 };
    const grown = await measureInterleaved(
      {
        small: async () =>
          (await measureMs(() =>
            small.forEach((text) => void findHashes({ kind: "text", text }, { limits })),
          )) / small.length,
        large: () => measureMs(() => void findHashes({ kind: "text", text: large }, { limits })),
      },
      7,
    );
    yield toCeilingResult(`10 MB of ${name} over 1 MB`, ratioOf(grown.large, grown.small), 12, "x");
  }
}

const hostileTexts = {
  "hexadecimal digits": "a",
  "near misses": `${"a".repeat(39)} `,
  "labelled hashes": `device id ${"a".repeat(40)}, sha1 ${"b".repeat(40)}; `,
  "what looks like JSON": `{"${"a".repeat(32)}"}}\n`,
  "back-slashes": `${"\\".repeat(500)}n${"a".repeat(40)} `,
} as const;

/** Medians and best samples of both sides, divided. */
const ratioOf = (over: Spread, under: Spread): Spread =>
  spreadOf([over.min / under.min, over.median / under.median, over.median / under.median]);

async function* measurePace(): AsyncIterable<Result> {
  for (const instances of [1, 4]) {
    const run = await measureFilesPace({ model: "sliding", instances, hashes: 1_500 });
    const withMargin = run.minDurationMs + Math.floor(1_500 / 100 - 1) * 2 * secondMs;
    const note = `${run.calls} calls, ${run.rejections} refused, virtual ${Math.round(run.lastMs / secondMs)} s`;
    yield toCeilingResult(
      `1,500 cold hashes over the quota's bound, ${instances} instance${instances > 1 ? "s" : ""}`,
      spreadOf([run.lastMs / withMargin]),
      1.02,
      "x",
      note,
    );
  }
}

async function measureBulkCalls(): Promise<Result> {
  const harness = filesHarness({
    isPaced: true,
    settings: { bulkThreshold: 200 },
    hunting: answerHunting,
  });
  await harness.clock.run(
    harness.service.lookUpFiles(
      requestFor(Array.from({ length: 10_000 }, (_, index) => fileHash(index))),
    ),
  );
  await harness.clock.run(harness.drainQueue());
  const note = `${harness.calls.length} calls of the file API`;
  return toCeilingResult(
    "hunting calls for 10,000 hashes",
    spreadOf([harness.huntingCalls.length]),
    25,
    "calls",
    note,
  );
}

const requests = 1_500;
const parallel = 16;

/**
 * One hash from the cache, through everything but the Functions host, against a server that only
 * reads and answers.
 */
async function measureCachedAnswers(): Promise<Result> {
  const harness = filesHarness();
  await harness.clock.run(harness.service.lookUpFiles(requestFor([fileHash(0)])));
  const body = JSON.stringify({ sha1: [fileHash(0)] });
  const answer = JSON.stringify({
    results: [createHash("sha1").update("x").digest("hex")],
    padding: "x".repeat(450),
  });
  const bare = await startServer(async (text) =>
    JSON.parse(text.toString("utf8")) === null ? "" : answer,
  );
  const ours = await startServer(async (bytes) => {
    const lookup = await toLookupRequest(
      readLookup(new URLSearchParams(), parseAnyBody(bytes, "application/json")),
    );
    const reply = await toLookupReply(
      await harness.service.lookUpFiles(lookup),
      null,
      async () => "",
    );
    return reply.body;
  });
  const spreads = await measureInterleaved(
    { limit: () => sendRequests(bare, body), ours: () => sendRequests(ours, body) },
    9,
  );
  bare.close();
  ours.close();
  const perSecond = Math.round((requests / spreads.ours.median) * secondMs);
  return toSpeedResult(
    "cached answers over a bare Node server",
    spreads,
    0.5,
    `${perSecond} requests a second`,
  );
}

async function startServer(answer: (body: Buffer) => Promise<string>): Promise<Server> {
  const server = createServer((incoming, outgoing) => {
    void readAll(incoming).then(async (body) => outgoing.end(await answer(body)));
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return server;
}

async function readAll(incoming: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of incoming) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}

/** Measures the milliseconds for all requests, `parallel` at a time. */
async function sendRequests(server: Server, body: string): Promise<number> {
  const { port } = server.address() as AddressInfo;
  const agent = new Agent({ keepAlive: true, maxSockets: parallel });
  let remaining = requests;
  const runWorker = async (): Promise<void> => {
    while (remaining > 0) {
      remaining -= 1;
      await postRequest(agent, port, body);
    }
  };
  const startMs = performance.now();
  await Promise.all(Array.from({ length: parallel }, runWorker));
  agent.destroy();
  return performance.now() - startMs;
}

async function postRequest(agent: Agent, port: number, body: string): Promise<void> {
  const outgoing = request({
    agent,
    port,
    host: "127.0.0.1",
    method: "POST",
    headers: { "content-length": body.length },
  });
  outgoing.end(body);
  const [reply] = (await once(outgoing, "response")) as [IncomingMessage];
  await readAll(reply);
}
