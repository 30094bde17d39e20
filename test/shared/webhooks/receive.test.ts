import { describe, expect, test } from "vitest";
import { deliveryIdRetentionMs, receiptPath } from "../../../shared/contracts/webhook.ts";
import { receiveDelivery } from "../../../shared/webhooks/receive.ts";
import { sha256 } from "../../../shared/webhooks/signatures.ts";
import {
  alertHex,
  deliverSigned,
  deliverUnsigned,
  refusalOf,
  toRequest,
  validEvent,
  testKey,
  webhookHarness,
  type WebhookHarness,
} from "../../support/webhook-harness.ts";
import { standardHeaders, standardKey, type SentHeaders } from "../../support/webhook-senders.ts";

const pathOf = (id: string): string => receiptPath("test", sha256(id).toString("hex"));
const dayMs = 86_400_000;
/**
 * Every record except the daily count, from which an instance takes its share before it reads the
 * receipt.
 */
const recordsOf = (harness: WebhookHarness): string[] =>
  harness.records.paths().filter((path) => !path.startsWith("state/verdict-days/"));

describe("receiving a webhook", () => {
  test("a delivery passes its steps in order: authentication, validation, records, queue, receipt, answer", async () => {
    const steps: string[] = [];
    const harness = webhookHarness({
      failpoint: async (point) => void steps.push(point),
      store: { after: ({ path, verb }) => void steps.push(`${verb} ${path.split("/")[1]}`) },
    });
    const { send } = harness.queues;
    Object.assign(harness.deps, {
      queues: {
        ...harness.queues,
        send: async (queue: "alert-verdicts", message: object) => {
          await send(queue, message);
          steps.push(`send ${queue}`);
        },
      },
    });
    await deliverSigned(harness, validEvent(1));
    expect(steps).toEqual([
      "W1 verified",
      "W2 validated",
      "read verdict-days",
      "create verdict-days",
      "create verdicts",
      "W3 claim-check written",
      "send alert-verdicts",
      "W4 enqueued",
      "create receipts",
      "W5 receipt written",
      "W6 before answer",
    ]);
  });

  test("a delivery costs one message and two records when the instance holds a block of the day", async () => {
    const harness = webhookHarness();
    await deliverSigned(harness, validEvent(20), "msg_1");
    const before = [
      harness.records.count("read"),
      harness.records.count("create"),
      harness.records.count("replace"),
    ];
    await deliverSigned(harness, validEvent(20, { id: "2" }), "msg_2");
    const after = [
      harness.records.count("read"),
      harness.records.count("create"),
      harness.records.count("replace"),
    ];
    expect(after.map((count, index) => count - (before[index] ?? 0))).toEqual([0, 2, 0]);
    expect(harness.queues.sent).toHaveLength(2);
  });

  test("F40: a delivery with 900 hashes stores them and enqueues a small message", async () => {
    const harness = webhookHarness();
    const hashes = Array.from({ length: 900 }, (_, index) => index.toString(16).padStart(40, "0"));
    const { answer } = await deliverSigned(harness, validEvent(0, { state: "open", hashes }));
    expect(answer.lookup).toMatchObject({ hashes: 900 });
    const [sent] = harness.queues.sent;
    expect(JSON.stringify(sent?.message).length).toBeLessThan(200);
    expect(harness.records.peek(`state/jobs/${answer.lookup?.job}/job.json`)).toContain(
      hashes[899],
    );
  });

  test("a delivery without actions gets an answer and a receipt and enqueues nothing", async () => {
    const harness = webhookHarness();
    const received = await deliverSigned(harness, validEvent(1, { state: "open" }));
    expect(received).toMatchObject({
      isPending: false,
      answer: { verdicts: [], lookup: null, hunts: [] },
    });
    expect(harness.queues.sent).toEqual([]);
    expect(harness.records.peek(pathOf("msg_1"))).toBeDefined();
  });

  test("a delivery starts the hunts of its rules and reports unknown ones", async () => {
    const hunts = [
      { hunt: "rare-hunt", when: { "/title": ["impossible travel"] } },
      { hunt: "no-such-hunt" },
    ];
    const harness = webhookHarness({
      sources: { test: { auth: "standard", mapping: "test", hunts } },
    });
    const { answer } = await deliverSigned(harness, validEvent(1));
    expect(answer.hunts).toMatchObject([{ hunt: "rare-hunt" }]);
    expect(answer.skipped).toEqual([
      { path: "", message: expect.stringContaining("no-such-hunt") as string },
    ]);
  });
});

describe("P8, F69: a repeated delivery", () => {
  test.each<[string, number]>([
    ["at once", 0],
    ["after 299 s", 299_000],
    ["after six days", 6 * dayMs],
  ])("X02: a repetition %s gets the same answer and changes nothing", async (_, delayMs) => {
    const harness = webhookHarness();
    const first = await deliverSigned(harness, validEvent(2));
    await harness.clock.advance(delayMs);
    const records = recordsOf(harness);
    expect(await deliverSigned(harness, validEvent(2))).toEqual(first);
    expect(harness.queues.sent).toHaveLength(1);
    expect(recordsOf(harness)).toEqual(records);
  });

  test.each<[string, object, object]>([
    ["other alerts", validEvent(2), validEvent(3)],
    [
      "one that closes alerts after one that does not",
      validEvent(2, { state: "open" }),
      validEvent(2),
    ],
    [
      "one that closes nothing after one that does",
      validEvent(2),
      validEvent(2, { state: "open" }),
    ],
    ["another comment", validEvent(2), validEvent(2, { comment: "sure?" })],
  ])("a repetition with another body is 409 and changes nothing: %s", async (_, first, other) => {
    const harness = webhookHarness();
    await deliverSigned(harness, first);
    const [sent, records] = [harness.queues.sent.length, recordsOf(harness)];
    const refusal = await refusalOf(deliverSigned(harness, other));
    expect(refusal).toMatchObject({ name: "Problem", status: 409 });
    expect(harness.queues.sent).toHaveLength(sent);
    expect(recordsOf(harness)).toEqual(records);
    expect(harness.refusals).toMatchObject([{ source: "test", status: 409 }]);
  });

  test("another body under the same id is 409 while the first is in progress and after it crashed", async () => {
    const harness = webhookHarness();
    const outcomes = await Promise.allSettled([
      deliverSigned(harness, validEvent(2)),
      deliverSigned(harness, validEvent(3)),
    ]);
    expect(outcomes.map(({ status }) => status).toSorted()).toEqual(["fulfilled", "rejected"]);
    expect(harness.queues.sent).toHaveLength(1);
    Object.assign(harness.deps, {
      queues: { ...harness.queues, send: () => Promise.reject(new Error("down")) },
    });
    await expect(deliverSigned(harness, validEvent(2), "msg_2")).rejects.toThrow("down");
    expect(await refusalOf(deliverSigned(harness, validEvent(3), "msg_2"))).toMatchObject({
      status: 409,
    });
  });

  test("a repetition does not count toward the daily limit and is answered when it is used up", async () => {
    const harness = webhookHarness({ maxAlertsPerDay: 10 });
    const first = await deliverSigned(harness, validEvent(4), "msg_1");
    for (let times = 0; times < 5; times += 1)
      expect(await deliverSigned(harness, validEvent(4), "msg_1")).toEqual(first);
    for (let times = 0; times < 5; times += 1)
      await refusalOf(deliverSigned(harness, validEvent(3), "msg_1"));
    await deliverSigned(harness, validEvent(6, { id: "2" }), "msg_2");
    expect(await refusalOf(deliverSigned(harness, validEvent(1), "msg_3"))).toMatchObject({
      status: 429,
    });
    expect(await deliverSigned(harness, validEvent(4), "msg_1")).toEqual(first);
    expect(await refusalOf(deliverSigned(harness, validEvent(1), "msg_1"))).toMatchObject({
      status: 409,
    });
  });

  test("another body under a used unsigned id is a delivery of its own", async () => {
    const harness = webhookHarness();
    const first = await deliverUnsigned(harness, validEvent(1), "predictable-1001");
    const second = await deliverUnsigned(harness, validEvent(2), "predictable-1001");
    expect(second.answer.verdicts).not.toEqual(first.answer.verdicts);
    expect(second.receipt).not.toBe(first.receipt);
    expect(harness.queues.sent).toHaveLength(2);
  });

  test("a signed body under invented ids spends nothing of the day and writes nothing", async () => {
    const harness = webhookHarness({ maxAlertsPerDay: 100 });
    const first = await deliverUnsigned(harness, validEvent(50), "genuine");
    const records = recordsOf(harness);
    for (let index = 0; index < 20; index += 1)
      expect(await deliverUnsigned(harness, validEvent(50), `forged-${index}`)).toEqual(first);
    expect(recordsOf(harness)).toEqual(records);
    expect(harness.queues.sent).toHaveLength(1);
    await deliverUnsigned(harness, validEvent(50, { id: "2" }), "next");
    expect(harness.queues.sent).toHaveLength(2);
  });

  test("a repetition after its receipt has expired spends nothing of the day", async () => {
    const harness = webhookHarness({ maxAlertsPerDay: 60 });
    await deliverSigned(harness, validEvent(50));
    await harness.clock.advance(deliveryIdRetentionMs + 1_000);
    await deliverSigned(harness, validEvent(50));
    await deliverSigned(harness, validEvent(50, { id: "2" }), "msg_2");
    expect(await refusalOf(deliverSigned(harness, validEvent(20), "msg_3"))).toMatchObject({
      status: 429,
    });
  });

  test("a body that exceeds the limits of a lookup does not use its id", async () => {
    const harness = webhookHarness();
    const { prepareLookup } = harness.deps;
    Object.assign(harness.deps, {
      prepareLookup: () => Promise.reject(new Error("too many hashes")),
    });
    await expect(deliverSigned(harness, validEvent(2))).rejects.toThrow("too many");
    expect(harness.records.paths()).toEqual([]);
    Object.assign(harness.deps, { prepareLookup });
    expect((await deliverSigned(harness, validEvent(3))).isPending).toBe(true);
  });

  test("a repetition after seven days is a new delivery whose verdict has the same id", async () => {
    const harness = webhookHarness();
    await deliverSigned(harness, validEvent(2));
    await harness.clock.advance(deliveryIdRetentionMs + 1_000);
    await deliverSigned(harness, validEvent(2));
    const ids = harness.queues.sent.map(({ message }) => (message as { id: string }).id);
    expect(ids).toHaveLength(2);
    expect(new Set(ids).size).toBe(1);
  });

  test("a signed body under another unsigned id plans the same verdicts", async () => {
    const harness = webhookHarness();
    const first = await deliverUnsigned(harness, validEvent(1), "one");
    const second = await deliverUnsigned(harness, validEvent(1), "two");
    expect(second.answer.verdicts).toEqual(first.answer.verdicts);
  });

  test("F43: a repetition over an invalid receipt enqueues the same verdict again", async () => {
    const harness = webhookHarness();
    const first = await deliverSigned(harness, validEvent(1));
    harness.records.poke(pathOf("msg_1"), '{"version":1,"bodyHa');
    expect((await deliverSigned(harness, validEvent(1))).answer).toEqual(first.answer);
    expect(
      new Set(harness.queues.sent.map(({ message }) => (message as { id: string }).id)).size,
    ).toBe(1);
  });
});

describe("P7, F34: a storage fault", () => {
  test.each<[string, (operation: { verb: string; path: string }) => boolean]>([
    [
      "at the verdict's record",
      ({ path, verb }) => verb === "create" && path.includes("verdicts/"),
    ],
    ["at the day's count", ({ path }) => path.includes("verdict-days")],
    ["at the receipt", ({ path, verb }) => verb === "create" && path.includes("receipts")],
  ])("a storage fault %s is never answered with 2xx", async (_, isFailing) => {
    let down = true;
    const harness = webhookHarness({
      store: {
        before: (operation) => {
          if (down && isFailing(operation))
            throw Object.assign(new Error("storage: ServerBusy"), { name: "UpstreamError" });
        },
      },
    });
    expect(await refusalOf(deliverSigned(harness, validEvent(1)))).toMatchObject({
      name: "UpstreamError",
    });
    down = false;
    expect((await deliverSigned(harness, validEvent(1))).isPending).toBe(true);
  });

  test("a queue fault is never answered with 2xx and leaves no receipt", async () => {
    const harness = webhookHarness();
    Object.assign(harness.deps, {
      queues: { ...harness.queues, send: () => Promise.reject(new Error("down")) },
    });
    await expect(deliverSigned(harness, validEvent(1))).rejects.toThrow("down");
    expect(harness.records.peek(pathOf("msg_1"))).toBeUndefined();
  });
});

describe("P19, X37: an unauthenticated request", () => {
  const body = JSON.stringify(validEvent(1));
  const forgedHeaders = (): SentHeaders => standardHeaders(standardKey(), body);

  test.each<[string, string, () => SentHeaders]>([
    ["with a forged signature", "test", forgedHeaders],
    ["without a signature", "test", () => ({})],
    ["for an unknown source", "acme", () => standardHeaders(testKey, body)],
    ["for the source __proto__", "__proto__", () => standardHeaders(testKey, body)],
  ])(
    "a request %s gets 401 without a reason and costs no storage call",
    async (_, source, headers) => {
      const harness = webhookHarness();
      const refusal = await refusalOf(
        receiveDelivery(harness.deps, {
          source,
          request: toRequest(body, headers()),
          isKeyed: false,
        }),
      );
      expect(refusal).toMatchObject({
        name: "Problem",
        status: 401,
        message: "Authentication failed.",
        errors: [],
      });
      expect(
        ["read", "create", "replace", "list"].map((verb) => harness.records.count(verb as "read")),
      ).toEqual([0, 0, 0, 0]);
      expect(harness.queues.sent).toEqual([]);
      expect(harness.refusals).toMatchObject([
        { source: source === "test" ? "test" : "unknown", status: 401 },
      ]);
      expect(JSON.stringify(harness.refusals)).not.toContain("__proto__");
    },
  );

  test("an unauthenticated request is refused before its body is parsed", async () => {
    const harness = webhookHarness();
    const refusal = await refusalOf(
      receiveDelivery(harness.deps, {
        source: "test",
        request: toRequest("[".repeat(1_000_000), { ...forgedHeaders() }),
        isKeyed: false,
      }),
    );
    expect(refusal.status).toBe(401);
  });
});

describe("P18: an unusable secret", () => {
  test.each<[string, string]>([
    [
      "X23: an unresolved reference",
      "@Microsoft.KeyVault(SecretUri=https://v.vault.azure.net/secrets/x)",
    ],
    ["a password", "hunter2"],
  ])("an unusable secret is 503 and only the log names it: %s", async (_, value) => {
    const harness = webhookHarness({ secrets: { "webhook-test": value } });
    const refusal = await refusalOf(deliverSigned(harness, validEvent(1)));
    expect(refusal).toMatchObject({ status: 503 });
    expect(refusal.message).not.toContain("webhook");
    expect(harness.refusals[0]?.cause).toContain("webhook-test");
    expect(JSON.stringify([refusal.message, harness.refusals])).not.toContain(value);
  });

  test("F72: a secret that Key Vault does not return refuses every delivery", async () => {
    const harness = webhookHarness();
    harness.secrets.delete("webhook-test");
    expect(await refusalOf(deliverSigned(harness, validEvent(1)))).toMatchObject({
      name: "SecretError",
    });
    expect(harness.queues.sent).toEqual([]);
  });
});

describe("the limits of a source", () => {
  test("a delivery beyond the daily limit is 429 with Retry-After and enqueues nothing", async () => {
    const harness = webhookHarness({ maxAlertsPerDay: 10 });
    await deliverSigned(harness, validEvent(10), "msg_1");
    const refusal = await refusalOf(deliverSigned(harness, validEvent(1), "msg_2"));
    expect(refusal).toMatchObject({ status: 429, retryAfterSeconds: 18 * 3_600 });
    expect(harness.queues.sent).toHaveLength(1);
  });

  test("F66: a payload with 10,000 alerts is refused and the detail says the limit", async () => {
    expect(await refusalOf(deliverSigned(webhookHarness(), validEvent(10_000)))).toMatchObject({
      status: 422,
      message: "The payload has 10000 alerts. Split it: must be at most 1000.",
    });
  });

  test("X36: a source with too many requests at once gets 429 with Retry-After", async () => {
    const harness = webhookHarness({ fairShare: { run: async () => undefined } });
    expect(await refusalOf(deliverSigned(harness, validEvent(1)))).toMatchObject({
      status: 429,
      retryAfterSeconds: 2,
    });
  });
});

describe("an invalid payload", () => {
  test("a payload without a required id is 400 and the fault names the field", async () => {
    const harness = webhookHarness();
    expect(await refusalOf(deliverSigned(harness, validEvent(1, { id: undefined })))).toMatchObject(
      {
        status: 400,
        errors: [{ path: "/id" }],
      },
    );
    expect(harness.queues.sent).toEqual([]);
    expect(harness.records.paths()).toEqual([]);
  });

  test("a delivery reports alerts that it cannot close and closes the others", async () => {
    const alerts = [{ id: alertHex(1) }, { id: "rm1234567890abcdef" }];
    const { answer } = await deliverSigned(webhookHarness(), validEvent(0, { alerts }));
    expect(answer.verdicts).toMatchObject([{ alertIds: [alertHex(1)] }]);
    expect(answer.skipped).toHaveLength(1);
  });
});

describe("a delivery that repeats a member", () => {
  const [first, second] = ["a".repeat(40), "b".repeat(40)];
  const hunts = [{ hunt: "a-hunt" }];
  const send = async (body: string) => {
    const harness = webhookHarness({
      sources: { test: { auth: "standard", mapping: "test", hunts } },
    });
    const headers = standardHeaders(
      testKey,
      body,
      "msg_1",
      Math.floor(harness.clock.now() / 1_000),
    );
    const request = toRequest(body, { ...headers, "content-type": "application/json" });
    return {
      result: await receiveDelivery(harness.deps, { source: "test", request, isKeyed: false }),
      harness,
    };
  };
  const closed = JSON.stringify(validEvent(1)).slice(1, -1);

  test("closes alerts and starts hunts without the repeated member", async () => {
    const { result, harness } = await send(`{${closed}}`);
    expect(result).toMatchObject({ answer: { verdicts: [{ alertIds: [alertHex(0)] }] } });
    expect(harness.started).toMatchObject([{ hunt: "a-hunt" }]);
  });

  test.each([
    ["which verdict counts", `{${closed},"verdict":"false"}`, "/verdict"],
    ["by an escape", String.raw`{${closed},"\u0073tate":"open"}`, "/state"],
    ["which alert is closed", `{${closed},"alerts":[{"id":"x"}]}`, "/alerts"],
    ["deep inside", `{${closed},"more":[{"a":{"b":1,"b":2}}]}`, "/more/0/a/b"],
  ])("takes no verdict and starts no hunt when it says twice %s", async (_, body, path) => {
    const { result, harness } = await send(body);
    expect(result).toMatchObject({
      answer: {
        verdicts: [],
        hunts: [],
        skipped: [{ path, message: expect.stringContaining("must not be repeated") as string }],
      },
    });
    expect(harness.started).toEqual([]);
    expect(harness.queues.sent.filter(({ queue }) => queue === "alert-verdicts")).toEqual([]);
  });

  test("looks up the hashes of each value", async () => {
    const { result } = await send(
      `{${closed},"file":{"sha1":"${first}"},"file":{"sha1":"${second}"}}`,
    );
    expect(result).toMatchObject({ answer: { lookup: { hashes: 2 } } });
  });
});

describe("the source any", () => {
  const hash = "a".repeat(40);
  const toResult = async (body: string, type: string, source: object = {}) => {
    const harness = webhookHarness({
      sources: { any: { auth: "standard", ...source } },
      secrets: { "webhook-any": testKey },
    });
    const headers = {
      ...standardHeaders(testKey, body, "msg_1", Math.floor(harness.clock.now() / 1_000)),
      "content-type": type,
    };
    const request = toRequest(body, headers);
    return receiveDelivery(harness.deps, { source: "any", request, isKeyed: false });
  };

  test.each([
    ["JSON", JSON.stringify([{ deep: [{ sha1: hash }] }]), "application/json"],
    ["a form", `host=a&sha1=${hash}`, "application/x-www-form-urlencoded"],
    ["text", `alert for ${hash} on host a`, "text/plain"],
  ])("looks up the hashes of %s", async (_, body, type) => {
    expect(await toResult(body, type)).toMatchObject({ answer: { lookup: { hashes: 1 } } });
  });

  const validationEvents = JSON.stringify([
    {
      eventType: "Microsoft.EventGrid.SubscriptionValidationEvent",
      data: { validationCode: "512d38b6", validationUrl: "https://rp.eventgrid.azure.net/x" },
    },
  ]);

  test("answers Event Grid's validation where the source is configured for it", async () => {
    expect(await toResult(validationEvents, "application/json", { eventGrid: true })).toEqual({
      kind: "handshake",
      validationCode: "512d38b6",
    });
    expect(await toResult(validationEvents, "application/json")).toMatchObject({
      kind: "delivery",
    });
  });
});

test.each([33_000, 400_000])(
  "a payload with a text of %i characters is accepted",
  async (length) => {
    const event = validEvent(1, { raw: "x".repeat(length) });
    expect((await deliverSigned(webhookHarness(), event)).isPending).toBe(true);
  },
);
