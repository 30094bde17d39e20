/**
 * The webhooks suite: deliveries and forgeries against bare servers, hostile bodies against the
 * parser, a minute of load.
 */
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { Agent, request, type IncomingMessage } from "node:http";
import { parseJsonBody } from "../../shared/http/request-body.ts";
import { runHost } from "../functions-host/run-host.ts";
import { startAzurite } from "../support/azurite.ts";
import { standardHeaders, standardKey, type SentHeaders } from "../support/webhook-senders.ts";
import { startSimulator } from "../simulator/simulator.ts";
import { startServer } from "./children.ts";
import {
  toCeilingResult,
  measureInterleaved,
  toSpeedResult,
  spreadOf,
  type Result,
} from "./harness.ts";

const key = standardKey();
const parallel = 16;
const deliveries = 600;
const forgeries = 3_000;
const rounds = 7;
const loadSeconds = 60;

export async function* measureWebhooks(): AsyncIterable<Result> {
  yield* measureHostileBodies();
  const azurite = await startAzurite();
  try {
    yield await measureDeliveries(azurite.connectionString());
    yield await measureForgeries(azurite.connectionString());
    yield* measureLoad(azurite.connectionString());
  } finally {
    await azurite.stop();
  }
}

/**
 * A closed case with twenty alerts, 3 KB: ids of its own each time, so that none repeats another.
 */
function createDelivery(): { readonly body: string; readonly headers: SentHeaders } {
  const run = randomBytes(8).toString("hex");
  const alerts = Array.from({ length: 20 }, (_, index) => ({
    identifier: `alert-${run}-${index}`,
    ticketId: `${run}${index.toString(16).padStart(8, "0")}`,
    name: "Impossible travel activity",
    product: "Microsoft Cloud App Security",
  }));
  const body = JSON.stringify({
    identifier: `case-${run}`,
    title: "Impossible travel",
    status: "CLOSED",
    alerts,
    closureDetails: { reason: "NOT_MALICIOUS", comment: "Known VPN exit" },
  });
  return { body, headers: standardHeaders(key, body, `msg_${run}`) };
}

function createForgery(): { readonly body: string; readonly headers: SentHeaders } {
  const { body } = createDelivery();
  return { body, headers: standardHeaders(standardKey(), body) };
}

async function measureDeliveries(connection: string): Promise<Result> {
  const [limit, ours] = await Promise.all(
    ["bare", "ours"].map((kind) => startServer("webhooks", kind, connection, key)),
  );
  if (!limit || !ours) throw new Error("a server did not start");
  const spreads = await measureInterleaved(
    {
      limit: () => sendDeliveries(limit.url, deliveries, createDelivery, 202),
      ours: () => sendDeliveries(`${ours.url}/secops`, deliveries, createDelivery, 202),
    },
    rounds,
  );
  limit.stop();
  ours.stop();
  return toSpeedResult(
    "deliveries over a bare server with the same HMAC and writes",
    spreads,
    0.5,
    formatRate(deliveries, spreads.ours.median),
  );
}

async function measureForgeries(connection: string): Promise<Result> {
  const [limit, ours] = await Promise.all(
    ["unauthorized", "ours"].map((kind) => startServer("webhooks", kind, connection, key)),
  );
  if (!limit || !ours) throw new Error("a server did not start");
  // One forgery for all of a round: what it takes to make them is the sender's, not ours.
  const forgery = createForgery();
  const spreads = await measureInterleaved(
    {
      limit: () => sendDeliveries(limit.url, forgeries, () => forgery, 401),
      ours: () => sendDeliveries(`${ours.url}/secops`, forgeries, () => forgery, 401),
    },
    rounds,
  );
  limit.stop();
  ours.stop();
  return toSpeedResult(
    "forgeries over a bare server that answers 401",
    spreads,
    0.5,
    formatRate(forgeries, spreads.ours.median),
  );
}

const formatRate = (count: number, ms: number): string =>
  `${Math.round((count / ms) * 1_000)} a second`;

/** A minute through the built app in the local host, every answer looked at. */
async function* measureLoad(connection: string): AsyncIterable<Result> {
  const simulator = await startSimulator({ secrets: { "webhook-cases": key }, alerts: 1 });
  // Another name than above: that source has taken its share of the day.
  const sources = { cases: { auth: "standard", mapping: "google-secops" } };
  const settings = {
    ...simulator.settings,
    DataStorage: connection,
    AzureWebJobsStorage: connection,
  };
  const host = await runHost({
    settings: {
      ...settings,
      WEBHOOKS: JSON.stringify(sources),
      MAX_ALERTS_PER_SOURCE_PER_DAY: "1000000",
    },
    functions: ["receive_webhook"],
  });
  const url = `${host.url}/api/webhooks/cases`;
  const answers = await sendForDuration(url, loadSeconds * 1_000);
  const failed = answers.filter((status) => status !== 202).length;
  const note = `${formatRate(answers.length, loadSeconds * 1_000)} through the local host`;
  yield toCeilingResult(
    `failed deliveries in ${loadSeconds} s of load`,
    spreadOf([failed]),
    0,
    "calls",
    note,
  );
  await host.kill();
  await simulator.stop();
}

async function sendForDuration(url: string, durationMs: number): Promise<number[]> {
  const agent = new Agent({ keepAlive: true, maxSockets: parallel });
  const statuses: number[] = [];
  const endMs = performance.now() + durationMs;
  const runWorker = async (): Promise<void> => {
    while (performance.now() < endMs) {
      const { body, headers } = createDelivery();
      statuses.push(await postBody(agent, url, body, headers).catch(() => 0));
    }
  };
  await Promise.all(Array.from({ length: parallel }, runWorker));
  agent.destroy();
  return statuses;
}

/** Milliseconds for all of them. @throws Error when one is answered otherwise */
async function sendDeliveries(
  url: string,
  count: number,
  createCall: typeof createDelivery,
  expectedStatus: number,
): Promise<number> {
  const agent = new Agent({ keepAlive: true, maxSockets: parallel });
  const calls = Array.from({ length: count }, createCall);
  const runWorker = async (): Promise<void> => {
    for (let call = calls.pop(); call; call = calls.pop()) {
      const status = await postBody(agent, url, call.body, call.headers);
      if (status !== expectedStatus)
        throw new Error(`${url} answered ${status}, want ${expectedStatus}`);
    }
  };
  const startMs = performance.now();
  await Promise.all(Array.from({ length: parallel }, runWorker));
  agent.destroy();
  return performance.now() - startMs;
}

async function postBody(
  agent: Agent,
  url: string,
  body: string,
  headers: SentHeaders,
): Promise<number> {
  const outgoing = request(url, {
    agent,
    method: "POST",
    headers: { ...headers, "content-length": Buffer.byteLength(body) },
  });
  outgoing.end(body);
  const [reply] = (await once(outgoing, "response")) as [IncomingMessage];
  reply.resume();
  await once(reply, "end");
  return reply.statusCode ?? 0;
}

const mebibyte = 1_048_576;

const hostilePayloads: Readonly<Record<string, string>> = {
  "a million brackets": "[".repeat(1_000_000),
  "half a million nested lists": "[".repeat(500_000) + "]".repeat(500_000),
  "nested objects": `${'{"a":'.repeat(170_000)}1${"}".repeat(170_000)}`,
  "80,000 keys": `{${Array.from({ length: 80_000 }, (_, index) => `"k${index}":1`).join(",")}}`,
  "half a million numbers": JSON.stringify(
    Array.from({ length: 900 }, () => Array.from({ length: 580 }, () => 1)),
  ),
  "one text": JSON.stringify("x".repeat(1_000_000)),
};

/**
 * What the worst bodies cost until they are refused or read, against parsing a plain payload of the
 * same size.
 */
async function* measureHostileBodies(): AsyncIterable<Result> {
  const alert = {
    id: "ca603e4f1b2c3d4e5f60718293",
    title: "Impossible travel",
    evidence: [{ sha1: "a".repeat(40), count: 3 }],
  };
  const plain = JSON.stringify({ value: Array.from({ length: 9_000 }, () => alert) });
  for (const [name, text] of Object.entries(hostilePayloads)) {
    const bytes = new TextEncoder().encode(text.slice(0, mebibyte));
    const spreads = await measureInterleaved(
      {
        limit: async () => measureMs(() => void JSON.parse(plain)),
        ours: async () =>
          measureMs(() => {
            try {
              parseJsonBody(bytes, "application/json");
            } catch {
              // A refusal is what most of them are for.
            }
          }),
      },
      9,
    );
    const ratio = spreadOf([
      spreads.ours.min / spreads.limit.min,
      spreads.ours.median / spreads.limit.median,
    ]);
    yield toCeilingResult(
      `a body of ${name} over parsing a plain one`,
      ratio,
      10,
      "x",
      `${spreads.ours.median.toFixed(1)} ms`,
    );
  }
}

function measureMs(work: () => void): number {
  const startMs = performance.now();
  work();
  return performance.now() - startMs;
}
