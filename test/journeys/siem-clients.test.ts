/**
 * Each product's webhook, in its publicly documented shape and with the proof that it can give,
 * through the whole of Huntline.
 */
import { randomBytes } from "node:crypto";
import { QueueServiceClient } from "@azure/storage-queue";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { WebhookAnswer, WebhookStatus } from "../../shared/contracts/webhook.ts";
import type { RunningHost } from "../functions-host/run-host.ts";
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

const signKey = standardKey();
const bodyKey = randomBytes(24).toString("hex");
const token = randomBytes(32).toString("base64url");
const audience = "api://huntline";
const logicApp = "5f0e1c2d-3b4a-4958-8776-655443322110";
const hunt = "new-local-administrator";

const sources = {
  sentinel: { auth: "entra", audience, callers: [logicApp] },
  defender: { auth: "standard" },
  "cloud-apps": {
    auth: "entra",
    audience,
    callers: [logicApp],
    hunts: [{ hunt, when: { "/Severity": ["Medium", "High"] } }],
  },
  splunk: { auth: "functionKey", addresses: ["198.51.100.0/24"] },
  elastic: { auth: "bearer" },
  qradar: { auth: "bodyHmac", mapping: "qradar" },
  secops: { auth: "bearer", mapping: "google-secops", addresses: ["203.0.113.0/24"] },
  wazuh: { auth: "bodyHmac", mapping: "wazuh" },
  crowdstrike: {
    auth: "bodyHmac",
    mapping: "crowdstrike",
    signatureHeader: "x-cs-signature",
    idHeader: "x-cs-delivery",
  },
};

let stack: Stack;
let host: RunningHost;

beforeAll(async () => {
  const bearer = tokenHash(token);
  stack = await startStack(
    {
      secrets: {
        "webhook-defender": signKey,
        "webhook-elastic": bearer,
        "webhook-secops": bearer,
        "webhook-qradar": bodyKey,
        "webhook-wazuh": bodyKey,
        "webhook-crowdstrike": bodyKey,
      },
    },
    { WEBHOOKS: JSON.stringify(sources) },
  );
  const names = [
    "receive_webhook",
    "receive_keyed_webhook",
    "get_webhook_receipt",
    "process_alert_verdicts",
    "process_file_lookups",
    "process_hunt_runs",
    "list_hunts",
    "get_verdict",
    "undo_verdict",
  ];
  host = await stack.startHost({ functions: names, enableAuth: true });
});
afterAll(() => stack.stop());

/** What the managed identity of a Logic App gets from Entra. */
const createEntraHeaders = async (clientId = logicApp): Promise<SentHeaders> =>
  bearerHeaders(
    await stack.simulator.tokens.issue({
      audience,
      resource: "graph",
      principal: {
        name: "logic-app",
        clientId,
        principalId: clientId,
        roles: {},
        canReadVault: false,
      },
      lifetimeS: 3_600,
      issuer: `https://sts.windows.net/${stack.simulator.directory.tenantId}/`,
    }),
  );

const sendWebhook = (path: string, payload: unknown, headers: SentHeaders): Promise<Response> =>
  fetch(`${host.url}/api/webhooks/${path}`, {
    method: "POST",
    headers,
    body: JSON.stringify(payload),
  });
const createSignedHeaders = (payload: unknown): SentHeaders =>
  standardHeaders(signKey, JSON.stringify(payload));
const createHubHeaders = (payload: unknown): SentHeaders =>
  bodyHeaders(bodyKey, JSON.stringify(payload));

/**
 * Follows 202, Location and Retry-After with no key of its own, as the HTTP action of a Logic App
 * does.
 */
type DeliveryStatus = NonNullable<WebhookStatus["result"]> & Pick<WebhookStatus, "id" | "status">;

async function followLocation(first: Response): Promise<DeliveryStatus> {
  let reply = first;
  for (let polls = 0; reply.status === 202 && polls < 300; polls += 1) {
    await reply.arrayBuffer();
    expect(Number(reply.headers.get("retry-after"))).toBeGreaterThan(0);
    await new Promise((resolve) => setTimeout(resolve, 200));
    reply = await fetch(reply.headers.get("location") ?? "", {
      signal: AbortSignal.timeout(120_000),
    });
  }
  expect(reply.status).toBe(200);
  const { id, status, result } = await readJson<WebhookStatus>(reply);
  if (!result) throw new Error(`the delivery ended as ${status}, without a result`);
  return { ...result, id, status };
}

const listAlerts = (): ReturnType<typeof stack.simulator.cloudApps.alerts.list> =>
  stack.simulator.cloudApps.alerts.list();
let usedAlerts = 0;
/** An alert that no other test has closed. */
const takeFreshAlert = (): string => listAlerts()[usedAlerts++]?._id ?? "";
const findAlert = (id: string) => listAlerts().find(({ _id }) => _id === id);
const findFile = (index: number) => stack.simulator.dataset.files[index];
const findSha1 = (index: number): string => findFile(index)?.sha1 ?? "";

describe("Sentinel, by a Logic App with a managed identity", () => {
  test("closes the Cloud Apps alerts of a closed incident and looks its hashes up, however often it is sent", async () => {
    const id = takeFreshAlert();
    const incident = payloads.sentinelIncident([payloads.sentinelAlert(id)], {
      relatedEntities: [payloads.sentinelFileHash(findSha1(0))],
    });
    const headers = { ...(await createEntraHeaders()), "idempotency-key": "08585-run-1-close" };
    const replies = [];
    for (let time = 0; time < 4; time += 1)
      replies.push(await sendWebhook("sentinel", incident, headers));
    const bodies = await Promise.all(replies.map((reply) => reply.clone().text()));
    expect(new Set(bodies).size).toBe(1);
    for (const reply of replies) {
      const status = await followLocation(reply);
      expect(status.verdicts).toMatchObject([
        { action: "resolve", alerts: [{ alertId: id, outcome: "closed" }] },
      ]);
      expect(status.lookup?.result?.results).toMatchObject([
        { sha1: findSha1(0), status: "found" },
      ]);
    }
    expect(findAlert(id)).toMatchObject({
      resolutionStatusValue: 5,
      comment: "Account was taken over; password reset",
    });
  });

  test("is refused by a token of another app, and by the front end's headers alone", async () => {
    const incident = payloads.sentinelIncident([payloads.sentinelAlert(takeFreshAlert())]);
    const stranger = await createEntraHeaders("00000000-0000-4000-8000-000000000000");
    expect((await sendWebhook("sentinel", incident, stranger)).status).toBe(401);
    const principal = { "content-type": "application/json", "x-ms-client-principal-id": logicApp };
    expect((await sendWebhook("sentinel", incident, principal)).status).toBe(401);
  });
});

describe("Defender, by Standard Webhooks", () => {
  test("closes by the incident's classification and reason, to be shown and taken back like any verdict", async () => {
    const id = takeFreshAlert();
    const incident = payloads.graphIncident([
      payloads.graphAlert(`ca${id}`, { classification: "unknown" }),
    ]);
    const status = await followLocation(
      await sendWebhook("defender", incident, createSignedHeaders(incident)),
    );
    expect(status.verdicts).toMatchObject([
      { action: "closeBenign", alerts: [{ alertId: id, outcome: "closed" }] },
    ]);
    expect(findAlert(id)).toMatchObject({ resolutionStatusValue: 4, comment: "Red team exercise" });
    const url = `${host.url}/api/alerts/verdicts/${status.verdicts[0]?.id}`;
    const headers = { "x-functions-key": host.key ?? "" };
    const shown = await readJson<object>(await fetch(url, { headers }));
    expect(shown).toMatchObject({
      status: "succeeded",
      result: {
        requestedBy: "lead@contoso.com",
        alerts: [{ alertId: id, outcome: "closed" }],
      },
    });
    const undone = await fetch(`${url}/undo`, {
      method: "POST",
      headers: { ...headers, "content-type": "application/json" },
      body: JSON.stringify({ requestedBy: "lead@contoso.com" }),
    });
    expect(await readJson<object>(undone)).toMatchObject({
      alerts: [{ alertId: id, outcome: "reopened" }],
    });
  });
});

describe("Cloud Apps, by Power Automate", () => {
  test("looks the alert's hashes up and starts the hunt of the source's rule", async () => {
    const listed = await readJson<{ value: { name: string }[] }>(
      await fetch(`${host.url}/api/hunts`, { headers: { "x-functions-key": host.key ?? "" } }),
    );
    expect(listed.value.map(({ name }) => name)).toContain(hunt);
    const reply = await sendWebhook(
      "cloud-apps",
      payloads.cloudAppsAlert(findSha1(1)),
      await createEntraHeaders(),
    );
    expect((await readJson<WebhookAnswer>(reply.clone())).hunts).toMatchObject([{ hunt }]);
    const status = await followLocation(reply);
    expect(status.hunts).toMatchObject([{ hunt, status: "succeeded", result: { hunt } }]);
    expect(status.lookup?.result?.summary).toMatchObject({ found: 1 });
  });
});

describe("Splunk, which can only call an address", () => {
  const createAddressHeaders = (address: string): SentHeaders => ({
    "content-type": "application/json",
    "x-forwarded-for": `${address}:51234`,
  });

  test("looks hashes up by a function key from its own addresses", async () => {
    const path = `splunk/keyed?code=${host.key}`;
    const status = await followLocation(
      await sendWebhook(
        path,
        payloads.splunkAlert(findSha1(2)),
        createAddressHeaders("198.51.100.7"),
      ),
    );
    expect(status.lookup?.result?.results).toMatchObject([{ sha1: findSha1(2), status: "found" }]);
    expect(
      (
        await sendWebhook(
          path,
          payloads.splunkAlert(findSha1(2)),
          createAddressHeaders("203.0.113.7"),
        )
      ).status,
    ).toBe(401);
    expect(
      (
        await sendWebhook(
          "splunk",
          payloads.splunkAlert(findSha1(2)),
          createAddressHeaders("198.51.100.7"),
        )
      ).status,
    ).toBe(401);
  });
});

describe("Elastic, by Kibana's webhook connector", () => {
  test("looks up the hashes of alerts that are JSON in a text", async () => {
    const status = await followLocation(
      await sendWebhook("elastic", payloads.elasticAlert(findSha1(3)), bearerHeaders(token)),
    );
    expect(status.lookup?.result?.results).toMatchObject([{ sha1: findSha1(3), status: "found" }]);
  });
});

describe("products by mapping", () => {
  test.each<[string, () => unknown, number]>([
    ["qradar", () => payloads.qradarOffense(findSha1(4)), 4],
    ["wazuh", () => payloads.wazuhAlert(findSha1(5)), 5],
  ])("%s looks hashes up", async (source, payload, index) => {
    const status = await followLocation(
      await sendWebhook(source, payload(), createHubHeaders(payload())),
    );
    expect(status.lookup?.result?.results).toMatchObject([
      { sha1: findSha1(index), status: "found" },
    ]);
  });

  test("crowdstrike looks SHA-256s up, by a signature in a header of its own", async () => {
    const payload = payloads.crowdstrikeDetection(findFile(6)?.sha256 ?? "");
    const signature = createHubHeaders(payload)["x-hub-signature-256"] ?? "";
    const headers = {
      "content-type": "application/json",
      "x-cs-signature": signature,
      "x-cs-delivery": "d-1",
    };
    const status = await followLocation(await sendWebhook("crowdstrike", payload, headers));
    expect(status.id).toBe("d-1");
    expect(status.lookup?.result?.results).toMatchObject([{ sha1: findSha1(6), status: "found" }]);
  });

  test("secops closes what its case closed, from its own addresses", async () => {
    const id = takeFreshAlert();
    const headers = { ...bearerHeaders(token), "x-forwarded-for": "203.0.113.9" };
    const status = await followLocation(
      await sendWebhook("secops", payloads.secopsCase(id), headers),
    );
    expect(status.verdicts).toMatchObject([
      { action: "dismiss", alerts: [{ alertId: id, outcome: "closed" }] },
    ]);
    expect(findAlert(id)).toMatchObject({ resolutionStatusValue: 3, comment: "Known VPN exit" });
  });
});

describe("P13, F70: a key that is rotated", () => {
  test("is taken beside the old one while both are in the secret", async () => {
    const next = standardKey();
    stack.simulator.vault.set(
      "webhook-rotated",
      JSON.stringify([
        { kid: "2", key: next },
        { kid: "1", key: signKey },
      ]),
    );
    const other = await stack.startHost({
      functions: ["receive_webhook"],
      settings: {
        WEBHOOKS: JSON.stringify({ rotated: { auth: "standard", reader: "defender" } }),
      },
    });
    const incident = payloads.graphIncident([], { status: "active" });
    for (const key of [signKey, next]) {
      const text = JSON.stringify(incident);
      const reply = await fetch(`${other.url}/api/webhooks/rotated`, {
        method: "POST",
        headers: standardHeaders(key, text),
        body: text,
      });
      expect(reply.status).toBe(200);
    }
  });
});

test("P7: of all that was taken, no message is left without an outcome", async () => {
  expect(
    listAlerts().filter(({ resolutionStatusValue = 0 }) => resolutionStatusValue >= 3),
  ).toHaveLength(2);
  const queues = QueueServiceClient.fromConnectionString(stack.storage);
  for (const queue of [
    "alert-verdicts",
    "file-lookups",
    "alert-verdicts-poison",
    "file-lookups-poison",
  ]) {
    const countWaiting = () =>
      queues
        .getQueueClient(queue)
        .getProperties()
        .then(
          ({ approximateMessagesCount = 0 }) => approximateMessagesCount,
          () => 0,
        );
    await waitUntil(countWaiting, (count) => count === 0);
  }
});
