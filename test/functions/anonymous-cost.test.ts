/**
 * What anonymous requests cost while a dependency fails: a failure is remembered, so that their
 * number does not decide the number of outbound calls (P19).
 */
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { RunningHost } from "../functions-host/run-host.ts";
import { readJson, startStack, type Stack } from "../support/stack.ts";

const requestCount = 25;
const audience = "api://huntline";
const sources = {
  keyed: { auth: "bodyHmac", mapping: "wazuh" },
  entra: {
    auth: "entra",
    reader: "sentinel",
    audience,
    callers: ["00000000-0000-4000-8000-000000000001"],
  },
};

let stack: Stack;
beforeAll(async () => {
  stack = await startStack({}, { WEBHOOKS: JSON.stringify(sources) });
});
afterAll(() => stack.stop());

const encode = (value: object): string => Buffer.from(JSON.stringify(value)).toString("base64url");

/** A token that only its signature betrays. */
function createForgedToken(index: number): string {
  const { LOGIN_URL = "", TENANT_ID = "" } = stack.settings;
  const seconds = Math.floor(Date.now() / 1_000);
  const claims = {
    aud: audience,
    iss: `${LOGIN_URL}/${TENANT_ID}/v2.0`,
    tid: TENANT_ID,
    nbf: seconds - 60,
    exp: seconds + 3_600,
  };
  const header = { alg: "RS256", typ: "JWT", kid: `made up ${index}` };
  return `${encode(header)}.${encode(claims)}.${Buffer.alloc(256, index).toString("base64url")}`;
}

const isJobKey = "9999999999.0123456789012345678901234567890123456789012";

/** One request of each anonymous endpoint that may lead to an outbound call. */
const anonymousRequests: Readonly<
  Record<string, (url: string, index: number) => Promise<Response>>
> = {
  job: (url, index) =>
    fetch(`${url}/api/jobs/${index.toString(16).padStart(32, "0")}?key=${isJobKey}`),
  cancelledJob: (url, index) =>
    fetch(`${url}/api/jobs/${index.toString(16).padStart(32, "0")}?key=${isJobKey}`, {
      method: "DELETE",
    }),
  receipt: (url, index) =>
    fetch(
      `${url}/api/webhooks/keyed/receipts/${index.toString(16).padStart(64, "0")}?key=${isJobKey}`,
    ),
  delivery: (url, index) =>
    fetch(`${url}/api/webhooks/keyed`, {
      method: "POST",
      headers: {
        "content-type": "application/json",
        "x-hub-signature-256": `sha256=${index.toString(16).padStart(64, "0")}`,
      },
      body: "{}",
    }),
  token: (url, index) =>
    fetch(`${url}/api/webhooks/entra`, {
      method: "POST",
      headers: {
        "content-type": "application/json",
        authorization: `Bearer ${createForgedToken(index)}`,
      },
      body: "{}",
    }),
};

/** Sends requests one after the other, then all at once. @returns their statuses */
async function sendAll(host: RunningHost, name: string): Promise<Set<number>> {
  const send = anonymousRequests[name];
  if (!send) throw new Error(`no request ${name}`);
  const statuses = new Set<number>();
  for (let index = 0; index < requestCount; index += 1)
    statuses.add((await send(host.url, index)).status);
  const parallel = Array.from({ length: requestCount }, (_, index) => send(host.url, index));
  for (const reply of await Promise.all(parallel)) statuses.add(reply.status);
  return statuses;
}

const countCalls = (from: number): number => stack.simulator.listRequests().slice(from).length;

/** A try of the vault's client is three calls, with one for the token. */
const callsOfOneTry = 4;

describe("while a dependency fails, 50 anonymous requests cost the calls of one try", () => {
  test.each([
    ["job", "vault", 404],
    ["job", "vault", 403],
    ["job", "vault", 503],
    ["cancelledJob", "vault", 503],
    ["receipt", "vault", 503],
    ["delivery", "vault", 404],
    ["delivery", "vault", 503],
    ["token", "entra", 503],
    ["token", "entra", 404],
  ] as const)("%s, with %s answering %i", async (name, api, status) => {
    stack.simulator.faults.clear();
    const host = await stack.startHost({ enableAuth: true });
    stack.simulator.faults.add({ api, kind: "answer", status, count: null, body: {} });
    const before = stack.simulator.listRequests().length;
    const startMs = performance.now();
    const statuses = await sendAll(host, name);
    expect([...statuses].every((each) => each >= 500)).toBe(true);
    // A failure that may pass is tried again after five seconds.
    const tries = 1 + Math.floor((performance.now() - startMs) / 5_000);
    expect(countCalls(before)).toBeLessThanOrEqual(tries * callsOfOneTry);
    expect(countCalls(before)).toBeGreaterThan(0);
    await host.kill();
  });
});

describe("while storage fails", () => {
  let storage: Server;
  let calls = 0;
  beforeAll(async () => {
    storage = createServer((_, response) => {
      calls += 1;
      response.writeHead(503, { "x-ms-error-code": "ServerBusy" }).end();
    });
    await new Promise<void>((resolve) => void storage.listen(0, "127.0.0.1", resolve));
  });
  afterAll(() => void storage.close());

  test("50 anonymous requests of the health cost the calls of one report", async () => {
    stack.simulator.faults.clear();
    const { port } = storage.address() as AddressInfo;
    const DataStorage = stack.storage.replaceAll(
      /Endpoint=http:\/\/127\.0\.0\.1:\d+/g,
      `Endpoint=http://127.0.0.1:${port}`,
    );
    const host = await stack.startHost({ functions: ["get_health"], settings: { DataStorage } });
    calls = 0;
    const first = await fetch(`${host.url}/api/health`);
    await readJson(first);
    const callsOfOneReport = calls;
    expect(callsOfOneReport).toBeGreaterThan(0);
    const replies = await Promise.all(
      Array.from({ length: requestCount }, () => fetch(`${host.url}/api/health`)),
    );
    expect(new Set(replies.map(({ status }) => status))).toEqual(new Set([first.status]));
    expect(calls).toBe(callsOfOneReport);
    await host.kill();
  });
});
