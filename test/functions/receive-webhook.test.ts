import { randomBytes } from "node:crypto";
import { BlobServiceClient } from "@azure/storage-blob";
import { QueueServiceClient } from "@azure/storage-queue";
import * as fc from "fast-check";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { WebhookAnswer, WebhookStatus } from "../../shared/contracts/webhook.ts";
import { webhookAnswer, webhookStatus } from "../../shared/contracts/webhook.ts";
import type { RunningHost } from "../functions-host/run-host.ts";
import { startFlakyProxy, type FlakyProxy } from "../support/flaky-proxy.ts";
import { readJson, startStack, waitUntil, type Stack } from "../support/stack.ts";
import * as payloads from "../support/webhook-payloads.ts";
import {
  bearerHeaders,
  bodyHeaders,
  standardHeaders,
  standardKey,
  tokenHash,
  type SentHeaders,
} from "../support/webhook-senders.ts";

const bodyKey = randomBytes(24).toString("hex");
const signKey = standardKey();
const token = randomBytes(32).toString("base64url");
const sources = {
  sentinel: { auth: "standard" },
  defender: { auth: "bodyHmac" },
  "cloud-apps": { auth: "bodyHmac" },
  splunk: { auth: "functionKey" },
  elastic: { auth: "bearer" },
  wazuh: { auth: "bodyHmac", mapping: "wazuh" },
  broken: { auth: "trust" },
  unset: { auth: "standard", reader: "sentinel" },
};
const secrets = {
  "webhook-sentinel": signKey,
  "webhook-defender": bodyKey,
  "webhook-cloud-apps": bodyKey,
  "webhook-wazuh": bodyKey,
  "webhook-elastic": tokenHash(token),
};

let stack: Stack;
let host: RunningHost;
let proxies: readonly FlakyProxy[];

/** A connection string whose blobs and queues are reached through the proxies. */
function withProxyPorts(connection: string, ports: readonly number[]): string {
  let next = 0;
  return connection.replaceAll(/(?<=Endpoint=http:\/\/127\.0\.0\.1:)\d+/g, () =>
    String(ports[next++ % ports.length]),
  );
}

beforeAll(async () => {
  stack = await startStack({ secrets }, { WEBHOOKS: JSON.stringify(sources) });
  const ports = [...stack.storage.matchAll(/Endpoint=http:\/\/127\.0\.0\.1:(\d+)/g)].map(
    ([, port]) => Number(port),
  );
  proxies = await Promise.all(ports.map((port) => startFlakyProxy(port)));
  const DataStorage = withProxyPorts(
    stack.storage,
    proxies.map(({ port }) => port),
  );
  const functions = ["receive_webhook", "receive_keyed_webhook", "get_webhook_receipt", "get_job"];
  host = await stack.startHost({ functions, enableAuth: true, settings: { DataStorage } });
  // The first calls open everything that is opened once, and read the secrets.
  for (const path of Object.keys(signers)) await sendSigned(path, { id: "1", status: "new" });
});
afterAll(async () => {
  await stack.stop();
  await Promise.all(proxies.map((proxy) => proxy.stop()));
});

const countStorageCalls = (): number =>
  proxies.reduce((sum, { requests: seen }) => sum + seen.length, 0);
const countCloudCalls = (): number => stack.simulator.listRequests().length;

const postBody = (
  path: string,
  body: string | Uint8Array,
  headers: SentHeaders,
): Promise<Response> =>
  fetch(`${host.url}/api/webhooks/${path}`, { method: "POST", headers, body: Buffer.from(body) });

const signers: Readonly<Record<string, (text: string) => SentHeaders>> = {
  sentinel: (text) => standardHeaders(signKey, text),
  defender: (text) => bodyHeaders(bodyKey, text),
  "cloud-apps": (text) => bodyHeaders(bodyKey, text),
  wazuh: (text) => bodyHeaders(bodyKey, text),
  elastic: () => bearerHeaders(token),
  "splunk/keyed": () => ({ "content-type": "application/json", "x-functions-key": host.key ?? "" }),
};

/** Sends a payload with its source's own proof. */
function sendSigned(path: string, payload: unknown, more: SentHeaders = {}): Promise<Response> {
  const text = JSON.stringify(payload);
  return postBody(path, text, { ...signers[path]?.(text), ...more });
}

const sha1 = "0a1b2c3d4e5f60718293a4b5c6d7e8f901234567";

describe("a delivery", () => {
  test("is answered with what it led to, the same for its repetition, and where to look", async () => {
    const text = JSON.stringify(
      payloads.sentinelIncident([payloads.sentinelAlert("603e4f1b2c3d4e5f60718293")]),
    );
    const headers = standardHeaders(signKey, text, "msg_again");
    const first = await postBody("sentinel", text, headers);
    expect(first.status).toBe(202);
    expect(first.headers.get("retry-after")).toBe("10");
    const answer = webhookAnswer.parse(await first.json());
    expect(answer).toMatchObject({
      source: "sentinel",
      id: "msg_again",
      verdicts: [{ action: "resolve" }],
      lookup: null,
    });
    const second = await postBody("sentinel", text, standardHeaders(signKey, text, "msg_again"));
    expect(second.status).toBe(202);
    expect(await second.json()).toEqual(answer);
    const other = JSON.stringify(payloads.sentinelIncident([]));
    const third = await postBody("sentinel", other, standardHeaders(signKey, other, "msg_again"));
    expect(third.status).toBe(409);
    const status = await fetch(first.headers.get("location") ?? "");
    expect(status.status).toBe(202);
    expect(webhookStatus.parse(await status.json())).toMatchObject({
      status: "running",
      result: {
        verdicts: [{ alerts: [{ outcome: "waiting" }] }],
      },
    });
  });

  test("of nothing to do is 200 and has nothing to wait for", async () => {
    const reply = await sendSigned("sentinel", payloads.sentinelIncident([], { status: "Active" }));
    expect(reply.status).toBe(200);
    expect(reply.headers.get("location")).toBeNull();
  });

  test("with hashes is a job whose address opens without a key", async () => {
    const reply = await sendSigned("wazuh", payloads.wazuhAlert(sha1));
    expect(reply.status).toBe(202);
    expect(await readJson<WebhookAnswer>(reply)).toMatchObject({ lookup: { hashes: 1 } });
    const status = await fetch(reply.headers.get("location") ?? "");
    expect(await readJson<WebhookStatus>(status)).toMatchObject({
      status: "running",
      result: {
        lookup: { status: "running", result: null },
      },
    });
  });

  test.each([
    "",
    "?key=",
    "?key=1.AAAA",
    "?key=9999999999.AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
  ])("is shown to nobody without its key: %j", async (query) => {
    const reply = await fetch(
      `${host.url}/api/webhooks/sentinel/receipts/${"a".repeat(64)}${query}`,
    );
    expect(reply.status).toBe(401);
  });

  test("is not shown by the key of another source's delivery", async () => {
    const location =
      (await sendSigned("wazuh", payloads.wazuhAlert(sha1))).headers.get("location") ?? "";
    expect((await fetch(location)).status).toBe(202);
    expect((await fetch(location.replace("/wazuh/", "/defender/"))).status).toBe(401);
  });
});

describe("the route with a function key", () => {
  test("is the only one for a source that has no other proof", async () => {
    expect((await sendSigned("splunk/keyed", payloads.splunkAlert(sha1))).status).toBe(202);
    expect(
      (await postBody("splunk/keyed", "{}", { "content-type": "application/json" })).status,
    ).toBe(401);
    expect(
      (
        await postBody("splunk", JSON.stringify(payloads.splunkAlert(sha1)), {
          "x-functions-key": host.key ?? "",
        })
      ).status,
    ).toBe(401);
  });
});

describe("P18: a source that is set up wrongly", () => {
  test("answers 503 and logs the setting's name, and the others work", async () => {
    const reply = await postBody("broken", "{}", { "content-type": "application/json" });
    expect(reply.status).toBe(503);
    expect(await reply.text()).not.toContain("WEBHOOKS");
    await expect.poll(() => host.output()).toContain("WEBHOOKS /broken/auth");
    expect(
      (await sendSigned("sentinel", payloads.sentinelIncident([], { status: "New" }))).status,
    ).toBe(200);
  });

  test("X37: whose secret is missing answers 503, logs its name, and costs the vault one call in a while", async () => {
    const body = JSON.stringify(payloads.sentinelIncident([]));
    const before = countCloudCalls();
    const replies = [];
    for (let time = 0; time < 5; time += 1)
      replies.push(await postBody("unset", body, standardHeaders(signKey, body)));
    expect(replies.map(({ status }) => status)).toEqual([503, 503, 503, 503, 503]);
    expect(await replies[4]?.text()).not.toContain("webhook-unset");
    await expect.poll(() => host.output()).toContain("webhook-unset");
    expect(
      stack.simulator
        .listRequests()
        .slice(before)
        .filter(({ path }) => path.includes("webhook-unset")).length,
    ).toBeLessThanOrEqual(1);
  });
});

describe("P19, X37: who proves nothing", () => {
  test("gets 401 and no reason, and costs neither a storage call nor a call to the cloud", async () => {
    const before = [countStorageCalls(), countCloudCalls()];
    const body = JSON.stringify(
      payloads.sentinelIncident([payloads.sentinelAlert("603e4f1b2c3d4e5f60718293")]),
    );
    const forged: readonly [string, SentHeaders][] = [
      ["sentinel", standardHeaders(standardKey(), body)],
      ["sentinel", { "content-type": "application/json" }],
      ["defender", bodyHeaders("not the key of this source", body)],
      ["elastic", bearerHeaders("x".repeat(43))],
      ["nobody", standardHeaders(signKey, body)],
      ["%0d%0aset-cookie:x", {}],
      ["constructor", {}],
      ["splunk", { "x-ms-client-principal": "%%%", "x-ms-client-principal-id": "admin" }],
    ];
    const replies = await Promise.all(
      Array.from({ length: 40 }, () => forged)
        .flat()
        .map(([path, headers]) => postBody(path, body, headers)),
    );
    expect(new Set(replies.map(({ status }) => status))).toEqual(new Set([401]));
    const texts = new Set(
      (await Promise.all(replies.map((reply) => reply.text()))).map((text) =>
        text.replace(/urn:uuid:[^"]+/, ""),
      ),
    );
    expect([...texts]).toHaveLength(1);
    expect([countStorageCalls(), countCloudCalls()]).toEqual(before);
  });

  test("X08: leaves one line of log for each refusal, with a configured name or none", async () => {
    const reply = await postBody("nobody%0a%1b[31m%E2%80%A8", "{}", {});
    // Lines of earlier refusals may still be on their way: those of this call have its id.
    const call = (await readJson<{ instance: string }>(reply)).instance.replace("urn:uuid:", "");
    const readLogLines = () =>
      host
        .output()
        .split("\n")
        .filter((line) => line.includes("webhook.refused") && line.includes(call));
    const [line = ""] = await waitUntil(
      () => Promise.resolve(readLogLines()),
      (foundLines) => foundLines.length > 0,
    );
    expect(readLogLines()).toHaveLength(1);
    expect(line).toContain('"source":"unknown","cause":"unknown source","status":401');
    expect(line).not.toContain("nobody");
  });
});

describe("P20: a hostile body, signed", () => {
  const json = { "content-type": "application/json" };
  const postHostile = (text: string, more: SentHeaders = {}): Promise<Response> =>
    postBody("defender", text, { ...bodyHeaders(bodyKey, text), ...more });

  test.each<[string, string, SentHeaders, number]>([
    ["F57: of a mebibyte and one byte", " ".repeat(1_048_577), {}, 413],
    ["F58: nested a million deep", "[".repeat(500_000) + "]".repeat(500_000), {}, 400],
    [
      "F58: of 80,000 keys",
      `{${Array.from({ length: 80_000 }, (_, index) => `"k${index}":1`).join(",")}}`,
      {},
      400,
    ],
    [
      "F58: of one string as long as the body",
      JSON.stringify({ id: "x".repeat(1_000_000) }),
      {},
      400,
    ],
    ["F58: with a number beyond all numbers", '{"id":"1","status":"new","x":1e400}', {}, 400],
    ["F59: with __proto__", '{"id":"1","status":"new","__proto__":{"admin":true}}', {}, 400],
    [
      "F59: with constructor.prototype",
      '{"id":"1","status":"new","constructor":{"prototype":{"a":1}}}',
      {},
      400,
    ],
    ["F60, X09: that is packed", "{}", { "content-encoding": "gzip" }, 415],
    ["X09: that is no JSON by its label", "{}", { "content-type": "text/xml" }, 415],
    ["X09: that is no JSON", "{", {}, 400],
    [
      "F65: in UTF-16 by its label",
      "{}",
      { "content-type": "application/json; charset=utf-16" },
      415,
    ],
    ["of nothing", "", {}, 400],
  ])("%s is refused as it should be", async (_, text, more, status) => {
    const reply = await postHostile(text, more);
    expect(reply.status).toBe(status);
    expect(reply.headers.get("content-type")).toBe("application/problem+json");
  });

  test("F65: that is no UTF-8 is refused", async () => {
    const bytes = Buffer.from([0x7b, 0x22, 0xff, 0xfe, 0x22, 0x3a, 0x31, 0x7d]);
    const headers = bodyHeaders(bodyKey, bytes.toString("latin1"));
    const { createHmac } = await import("node:crypto");
    const signature = `sha256=${createHmac("sha256", bodyKey).update(bytes).digest("hex")}`;
    expect(
      (await postBody("defender", bytes, { ...headers, "x-hub-signature-256": signature })).status,
    ).toBe(400);
  });

  test("F57: a chunked body is 411, because it does not arrive", async () => {
    const body = new Blob(["{}"]).stream();
    const init = {
      method: "POST",
      headers: { ...json, ...bodyHeaders(bodyKey, "{}") },
      body,
      duplex: "half",
    } as const;
    expect((await fetch(`${host.url}/api/webhooks/defender`, init)).status).toBe(411);
  });

  test("F61, F62: in the place of the source reaches nothing", async () => {
    for (const path of [
      "..%2Fjobs",
      "%2e%2e/hunts",
      "sentinel%00",
      "sentinel%0d%0a",
      "a/b/c",
      "%F0%9F%92%A3",
    ])
      expect([401, 404]).toContain((await postBody(path, "{}", json)).status);
  });

  test("leaves prototypes as they were", () => {
    expect(Object.getOwnPropertyNames(Object.prototype)).not.toContain("admin");
    expect(({} as { admin?: unknown }).admin).toBeUndefined();
  });
});

describe("X21, X22: an answer", () => {
  test("that refuses has the form of RFC 9457 and names an id of our own making", async () => {
    const reply = await sendSigned(
      "defender",
      { status: "new" },
      { "x-correlation-id": "of the caller" },
    );
    expect(reply.headers.get("x-content-type-options")).toBe("nosniff");
    expect(await readJson<object>(reply)).toEqual({
      type: "about:blank",
      title: "Request is invalid",
      status: 400,
      detail: "The body must be a payload of defender.",
      instance: expect.stringMatching(/^urn:uuid:[0-9a-f-]{36}$/) as string,
      errors: [{ path: "/id", message: "must be the alert's id" }],
    });
  });

  test("allows no other origin", async () => {
    const preflightHeaders = {
      origin: "https://evil.example",
      "access-control-request-method": "POST",
    };
    const preflight = await fetch(`${host.url}/api/webhooks/sentinel`, {
      method: "OPTIONS",
      headers: preflightHeaders,
    });
    expect(preflight.status).toBe(404);
    expect(
      [...preflight.headers.keys()].filter((name) => name.startsWith("access-control")),
    ).toEqual([]);
    expect((await fetch(`${host.url}/api/webhooks/sentinel`)).status).toBe(404);
  });
});

describe("fuzzing", () => {
  const seeds: readonly [string, unknown][] = [
    [
      "sentinel",
      payloads.sentinelIncident([payloads.sentinelAlert("603e4f1b2c3d4e5f60718293")], {
        relatedEntities: [payloads.sentinelFileHash(sha1)],
      }),
    ],
    ["sentinel", payloads.sentinelSoleAlert(sha1)],
    [
      "defender",
      payloads.graphIncident([
        payloads.graphAlert("ca603e4f1b2c3d4e5f60718293", { evidence: [payloads.graphFile(sha1)] }),
      ]),
    ],
    ["defender", { value: [payloads.graphAlert("ca603e4f1b2c3d4e5f60718293")] }],
    ["cloud-apps", payloads.cloudAppsAlert(sha1)],
    ["splunk/keyed", payloads.splunkAlert(sha1)],
    ["elastic", payloads.elasticAlert(sha1)],
    ["wazuh", payloads.wazuhAlert(sha1)],
  ];
  const oddValue = fc.oneof(
    fc.constantFrom<unknown>(
      null,
      "",
      0,
      -1,
      1e308,
      true,
      [],
      {},
      [[]],
      "ca603e4f1b2c3d4e5f60718293",
      "\u0000\uD800",
      "x".repeat(40_000),
    ),
    fc.jsonValue({ maxDepth: 3 }),
  );

  /** One place of the payload, by its number, put out, doubled or replaced. */
  function changePayload(
    value: unknown,
    position: number,
    how: "drop" | "replace",
    by: unknown,
  ): unknown {
    let index = -1;
    const visitNode = (node: unknown): unknown => {
      index += 1;
      if (index === position) return how === "drop" ? undefined : by;
      if (Array.isArray(node)) return node.map(visitNode);
      if (typeof node !== "object" || node === null) return node;
      return Object.fromEntries(
        Object.entries(node).map(([name, inner]) => [name, visitNode(inner)]),
      );
    };
    return visitNode(value) ?? null;
  }

  test("F58–F65: changed payloads get a 2xx or a 4xx that names the field, never a 5xx", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom(...seeds),
        fc.nat(40),
        fc.constantFrom("drop" as const, "replace" as const),
        oddValue,
        async ([path, payload], position, how, by) => {
          const reply = await sendSigned(path, changePayload(payload, position, how, by));
          const body = await readJson<{ errors?: readonly { path: string }[]; detail?: string }>(
            reply,
          );
          expect([200, 202, 400]).toContain(reply.status);
          if (reply.status === 400) expect(body.errors?.length ?? 0).toBeGreaterThan(0);
        },
      ),
      { numRuns: 60 },
    );
  }, 90_000);

  test("any bytes, any labels, any headers: never a 5xx", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.oneof(
          fc.json().map((text) => Buffer.from(text)),
          fc.uint8Array({ maxLength: 300 }).map((bytes) => Buffer.from(bytes)),
        ),
        fc.constantFrom(
          "application/json",
          "application/json; charset=utf-8",
          "text/plain",
          ";;;",
          "",
        ),
        fc.constantFrom("sentinel", "defender", "elastic", "splunk/keyed", "nobody"),
        fc.dictionary(
          fc.constantFrom(
            "webhook-id",
            "webhook-timestamp",
            "webhook-signature",
            "x-hub-signature-256",
            "authorization",
            "idempotency-key",
            "x-forwarded-for",
            "x-ms-client-principal",
          ),
          fc.stringMatching(/^[\x21-\x7e]{0,60}$/),
        ),
        async (body, type, path, more) => {
          const reply = await postBody(path, body, {
            "content-type": type,
            ...signers[path]?.(body.toString("latin1")),
            ...more,
          });
          await reply.arrayBuffer();
          expect(reply.status).toBeLessThan(500);
        },
      ),
      { numRuns: 60 },
    );
  }, 90_000);
});

describe("P14, X06, X07: a secret", () => {
  test("leaves by no log, no blob, no message and no answer", async () => {
    const canaries = Array.from(
      { length: 6 },
      (_, index) => `canary${index}${randomBytes(12).toString("hex")}`,
    );
    const [bearer = "", code = "", cookie = "", forwarded = "", inBody = "", inQuery = ""] =
      canaries;
    const headers = {
      ...bearerHeaders(bearer),
      "x-functions-key": code,
      cookie: `session=${cookie}`,
      "x-forwarded-for": forwarded,
    };
    const answers = await Promise.all([
      postBody(`elastic?code=${inQuery}`, JSON.stringify({ password: inBody }), headers),
      postBody(`splunk/keyed?code=${inQuery}`, "{}", headers),
      postBody("sentinel", inBody, {
        ...headers,
        "webhook-signature": `v1,${inBody}`,
        "webhook-id": "1",
        "webhook-timestamp": "1",
      }),
      sendSigned("defender", { id: 1, status: [inBody] }, { cookie: `session=${cookie}` }),
    ]);
    const leaked = [
      await Promise.all(answers.map((reply) => reply.text())),
      host.output(),
      await readEverything(stack.storage),
    ].join("\n");
    for (const secret of [...canaries, bodyKey, token, signKey.slice(6)])
      expect(leaked).not.toContain(secret);
  });
});

/** Everything in the account: blobs with their names, and messages. */
async function readEverything(connection: string): Promise<string> {
  const texts: string[] = [];
  const blobs = BlobServiceClient.fromConnectionString(connection);
  for await (const { name: container } of blobs.listContainers())
    for await (const { name } of blobs.getContainerClient(container).listBlobsFlat()) {
      const blob = await blobs.getContainerClient(container).getBlobClient(name).downloadToBuffer();
      texts.push(name, blob.toString("utf8"));
    }
  const queues = QueueServiceClient.fromConnectionString(connection);
  for await (const { name } of queues.listQueues()) {
    const { peekedMessageItems } = await queues
      .getQueueClient(name)
      .peekMessages({ numberOfMessages: 32 });
    texts.push(...peekedMessageItems.map(({ messageText }) => messageText));
  }
  return texts.join("\n");
}
