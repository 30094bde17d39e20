import { describe, expect, test } from "vitest";
import { receiptAgeMs, receiptPath } from "../../../shared/contracts/webhook.ts";
import { receive } from "../../../shared/webhooks/receive.ts";
import { sha256 } from "../../../shared/webhooks/signatures.ts";
import {
  alertHex,
  deliver,
  deliverUnsigned,
  refusalOf,
  requestOf,
  soundEvent,
  theKey,
  webhookRoom,
  type WebhookRoom,
} from "../../support/webhook-harness.ts";
import { standardHeaders, standardKey, type SentHeaders } from "../../support/webhook-senders.ts";

const pathOf = (id: string): string => receiptPath("test", sha256(id).toString("hex"));
const dayMs = 86_400_000;
/** Every record but the count of the day, of which an instance takes its share before it knows what came. */
const recordsOf = (room: WebhookRoom): string[] =>
  room.records.paths().filter((path) => !path.startsWith("state/verdict-days/"));

describe("a webhook", () => {
  test("passes its points in the order of the contract: verified, validated, claim-check, queue, receipt, answer", async () => {
    const steps: string[] = [];
    const room = webhookRoom({
      reach: async (point) => void steps.push(point),
      store: { after: ({ path, verb }) => void steps.push(`${verb} ${path.split("/")[1]}`) },
    });
    const { send } = room.queues;
    Object.assign(room.ports, {
      queues: {
        ...room.queues,
        send: async (queue: "alert-verdicts", message: object) => {
          await send(queue, message);
          steps.push(`send ${queue}`);
        },
      },
    });
    await deliver(room, soundEvent(1));
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

  test("costs one message and two records once the day's count is in hand", async () => {
    const room = webhookRoom();
    await deliver(room, soundEvent(20), "msg_1");
    const before = [
      room.records.count("read"),
      room.records.count("create"),
      room.records.count("replace"),
    ];
    await deliver(room, soundEvent(20, { id: "2" }), "msg_2");
    const after = [
      room.records.count("read"),
      room.records.count("create"),
      room.records.count("replace"),
    ];
    expect(after.map((count, index) => count - (before[index] ?? 0))).toEqual([0, 2, 0]);
    expect(room.queues.sent).toHaveLength(2);
  });

  test("F40: whose hashes are many leaves them where the message points to", async () => {
    const room = webhookRoom();
    const hashes = Array.from({ length: 900 }, (_, index) => index.toString(16).padStart(40, "0"));
    const { answer } = await deliver(room, soundEvent(0, { state: "open", hashes }));
    expect(answer.lookup).toMatchObject({ hashes: 900 });
    const [sent] = room.queues.sent;
    expect(JSON.stringify(sent?.message).length).toBeLessThan(200);
    expect(room.records.peek(`state/jobs/${answer.lookup?.job}/job.json`)).toContain(hashes[899]);
  });

  test("that asks for nothing is answered, remembered, and sends nothing", async () => {
    const room = webhookRoom();
    const received = await deliver(room, soundEvent(1, { state: "open" }));
    expect(received).toMatchObject({
      asked: false,
      answer: { verdicts: [], lookup: null, hunts: [] },
    });
    expect(room.queues.sent).toEqual([]);
    expect(room.records.peek(pathOf("msg_1"))).toBeDefined();
  });

  test("starts the hunts of its rules, and names those that do not exist", async () => {
    const hunts = [
      { hunt: "rare-hunt", when: { "/title": ["impossible travel"] } },
      { hunt: "no-such-hunt" },
    ];
    const room = webhookRoom({ sources: { test: { proof: "standard", mapping: "test", hunts } } });
    const { answer } = await deliver(room, soundEvent(1));
    expect(answer.hunts).toMatchObject([{ hunt: "rare-hunt" }]);
    expect(answer.left).toEqual([
      { path: "", message: expect.stringContaining("no-such-hunt") as string },
    ]);
  });
});

describe("P8, F69: a repetition", () => {
  test.each<[string, number]>([
    ["at once", 0],
    ["after 299 s", 299_000],
    ["after six days", 6 * dayMs],
  ])("X02: %s gets the same answer and changes nothing", async (_, laterMs) => {
    const room = webhookRoom();
    const first = await deliver(room, soundEvent(2));
    await room.clock.advance(laterMs);
    const records = recordsOf(room);
    expect(await deliver(room, soundEvent(2))).toEqual(first);
    expect(room.queues.sent).toHaveLength(1);
    expect(recordsOf(room)).toEqual(records);
  });

  test.each<[string, object, object]>([
    ["other alerts", soundEvent(2), soundEvent(3)],
    ["the first to close anything", soundEvent(2, { state: "open" }), soundEvent(2)],
    ["nothing to close", soundEvent(2), soundEvent(2, { state: "open" })],
    ["another comment", soundEvent(2), soundEvent(2, { comment: "sure?" })],
  ])("with another body is 409 and changes nothing: %s", async (_, first, other) => {
    const room = webhookRoom();
    await deliver(room, first);
    const [sent, records] = [room.queues.sent.length, recordsOf(room)];
    const refusal = await refusalOf(deliver(room, other));
    expect(refusal).toMatchObject({ name: "Problem", status: 409 });
    expect(room.queues.sent).toHaveLength(sent);
    expect(recordsOf(room)).toEqual(records);
    expect(room.refused).toMatchObject([{ source: "test", status: 409 }]);
  });

  test("with another body is 409 also while the first is on its way, and after it died", async () => {
    const room = webhookRoom();
    const outcomes = await Promise.allSettled([
      deliver(room, soundEvent(2)),
      deliver(room, soundEvent(3)),
    ]);
    expect(outcomes.map(({ status }) => status).toSorted()).toEqual(["fulfilled", "rejected"]);
    expect(room.queues.sent).toHaveLength(1);
    Object.assign(room.ports, {
      queues: { ...room.queues, send: () => Promise.reject(new Error("down")) },
    });
    await expect(deliver(room, soundEvent(2), "msg_2")).rejects.toThrow("down");
    expect(await refusalOf(deliver(room, soundEvent(3), "msg_2"))).toMatchObject({ status: 409 });
  });

  test("spends none of the day, and is answered when the day is used up", async () => {
    const room = webhookRoom({ verdictsPerDay: 10 });
    const first = await deliver(room, soundEvent(4), "msg_1");
    for (let times = 0; times < 5; times += 1)
      expect(await deliver(room, soundEvent(4), "msg_1")).toEqual(first);
    for (let times = 0; times < 5; times += 1)
      await refusalOf(deliver(room, soundEvent(3), "msg_1"));
    await deliver(room, soundEvent(6, { id: "2" }), "msg_2");
    expect(await refusalOf(deliver(room, soundEvent(1), "msg_3"))).toMatchObject({ status: 429 });
    expect(await deliver(room, soundEvent(4), "msg_1")).toEqual(first);
    expect(await refusalOf(deliver(room, soundEvent(1), "msg_1"))).toMatchObject({ status: 409 });
  });

  test("under an unsigned id: another body is 409 and leaves nothing behind", async () => {
    const room = webhookRoom();
    await deliverUnsigned(room, soundEvent(1), "one");
    const records = recordsOf(room);
    expect(await refusalOf(deliverUnsigned(room, soundEvent(2), "one"))).toMatchObject({
      status: 409,
    });
    expect(room.queues.sent).toHaveLength(1);
    expect(recordsOf(room)).toEqual(records);
  });

  test("of a body outside the limits of a lookup leaves its id free", async () => {
    const room = webhookRoom();
    const { lookup } = room.ports;
    Object.assign(room.ports, { lookup: () => Promise.reject(new Error("too many hashes")) });
    await expect(deliver(room, soundEvent(2))).rejects.toThrow("too many");
    expect(room.records.paths()).toEqual([]);
    Object.assign(room.ports, { lookup });
    expect((await deliver(room, soundEvent(3))).asked).toBe(true);
  });

  test("after seven days is a delivery of its own, whose verdict has the same id", async () => {
    const room = webhookRoom();
    await deliver(room, soundEvent(2));
    await room.clock.advance(receiptAgeMs + 1_000);
    await deliver(room, soundEvent(2));
    const ids = room.queues.sent.map(({ message }) => (message as { id: string }).id);
    expect(ids).toHaveLength(2);
    expect(new Set(ids).size).toBe(1);
  });

  test("of a signed body under another, unsigned id asks for nothing new", async () => {
    const room = webhookRoom();
    const first = await deliverUnsigned(room, soundEvent(1), "one");
    const second = await deliverUnsigned(room, soundEvent(1), "two");
    expect(second.answer.verdicts).toEqual(first.answer.verdicts);
  });

  test("F43: over a receipt that cannot be read is carried out again, which is inert", async () => {
    const room = webhookRoom();
    const first = await deliver(room, soundEvent(1));
    room.records.poke(pathOf("msg_1"), '{"version":1,"bodyHa');
    expect((await deliver(room, soundEvent(1))).answer).toEqual(first.answer);
    expect(
      new Set(room.queues.sent.map(({ message }) => (message as { id: string }).id)).size,
    ).toBe(1);
  });
});

describe("P7, F34: storage that fails", () => {
  test.each<[string, (operation: { verb: string; path: string }) => boolean]>([
    [
      "at the verdict's record",
      ({ path, verb }) => verb === "create" && path.includes("verdicts/"),
    ],
    ["at the day's count", ({ path }) => path.includes("verdict-days")],
    ["at the receipt", ({ path, verb }) => verb === "create" && path.includes("receipts")],
  ])("%s is never a 2xx", async (_, fails) => {
    let down = true;
    const room = webhookRoom({
      store: {
        before: (operation) => {
          if (down && fails(operation))
            throw Object.assign(new Error("storage: ServerBusy"), { name: "UpstreamError" });
        },
      },
    });
    expect(await refusalOf(deliver(room, soundEvent(1)))).toMatchObject({ name: "UpstreamError" });
    down = false;
    expect((await deliver(room, soundEvent(1))).asked).toBe(true);
  });

  test("at the queue is never a 2xx and leaves no receipt", async () => {
    const room = webhookRoom();
    Object.assign(room.ports, {
      queues: { ...room.queues, send: () => Promise.reject(new Error("down")) },
    });
    await expect(deliver(room, soundEvent(1))).rejects.toThrow("down");
    expect(room.records.peek(pathOf("msg_1"))).toBeUndefined();
  });
});

describe("P19, X37: who cannot prove anything", () => {
  const body = JSON.stringify(soundEvent(1));
  const forged = (): SentHeaders => standardHeaders(standardKey(), body);

  test.each<[string, string, () => SentHeaders]>([
    ["by a forged signature", "test", forged],
    ["without any", "test", () => ({})],
    ["for a source that is not configured", "acme", () => standardHeaders(theKey, body)],
    ["for a source that is the name of nothing", "__proto__", () => standardHeaders(theKey, body)],
  ])("%s gets 401 without a reason, at the cost of no storage call", async (_, source, headers) => {
    const room = webhookRoom();
    const refusal = await refusalOf(
      receive(room.ports, { source, request: requestOf(body, headers()), keyed: false }),
    );
    expect(refusal).toMatchObject({
      name: "Problem",
      status: 401,
      message: "The request does not prove where it comes from.",
      errors: [],
    });
    expect(
      ["read", "create", "replace", "list"].map((verb) => room.records.count(verb as "read")),
    ).toEqual([0, 0, 0, 0]);
    expect(room.queues.sent).toEqual([]);
    expect(room.refused).toMatchObject([
      { source: source === "test" ? "test" : "unknown", status: 401 },
    ]);
    expect(JSON.stringify(room.refused)).not.toContain("__proto__");
  });

  test("is refused before the body is parsed", async () => {
    const room = webhookRoom();
    const refusal = await refusalOf(
      receive(room.ports, {
        source: "test",
        request: requestOf("[".repeat(1_000_000), { ...forged() }),
        keyed: false,
      }),
    );
    expect(refusal.status).toBe(401);
  });
});

describe("P18: a secret that cannot be used", () => {
  test.each<[string, string]>([
    [
      "X23: an unresolved reference",
      "@Microsoft.KeyVault(SecretUri=https://v.vault.azure.net/secrets/x)",
    ],
    ["a password", "hunter2"],
  ])("closes the door and is named: %s", async (_, value) => {
    const room = webhookRoom({ secrets: { "webhook-test": value } });
    const refusal = await refusalOf(deliver(room, soundEvent(1)));
    expect(refusal).toMatchObject({ status: 503 });
    expect(refusal.message).toContain("webhook-test");
    expect(refusal.message).not.toContain(value);
  });

  test("F72: that the vault does not give closes the door", async () => {
    const room = webhookRoom();
    room.secrets.delete("webhook-test");
    expect(await refusalOf(deliver(room, soundEvent(1)))).toMatchObject({ name: "SecretError" });
    expect(room.queues.sent).toEqual([]);
  });
});

describe("a source that asks too much", () => {
  test("is told when its alerts of the day are used up, and nothing is sent", async () => {
    const room = webhookRoom({ verdictsPerDay: 10 });
    await deliver(room, soundEvent(10), "msg_1");
    const refusal = await refusalOf(deliver(room, soundEvent(1), "msg_2"));
    expect(refusal).toMatchObject({ status: 429, retryAfterSeconds: 18 * 3_600 });
    expect(room.queues.sent).toHaveLength(1);
  });

  test("F66: with 10,000 alerts in one payload is refused by the name of the field", async () => {
    expect(await refusalOf(deliver(webhookRoom(), soundEvent(10_000)))).toMatchObject({
      status: 400,
      errors: [{ path: "/alerts", message: "has 10000 elements, want at most 1000" }],
    });
  });

  test("X36: with too many requests at once is told to come again", async () => {
    const room = webhookRoom({ share: { run: async () => undefined } });
    expect(await refusalOf(deliver(room, soundEvent(1)))).toMatchObject({
      status: 429,
      retryAfterSeconds: 2,
    });
  });
});

describe("a payload that is not what the source sends", () => {
  test.each<[string, object, string]>([
    ["without its id", soundEvent(1, { id: undefined }), "/id"],
    [
      "X10: with a string of 32 KiB and one",
      soundEvent(1, { title: "x".repeat(32_769) }),
      "/title",
    ],
  ])("%s is 400 and names the field", async (_, event, path) => {
    const room = webhookRoom();
    expect(await refusalOf(deliver(room, event))).toMatchObject({
      status: 400,
      errors: [{ path }],
    });
    expect(room.queues.sent).toEqual([]);
    expect(room.records.paths()).toEqual([]);
  });

  test("names alerts it cannot close, and closes the others", async () => {
    const alerts = [{ id: alertHex(1) }, { id: "rm1234567890abcdef" }];
    const { answer } = await deliver(webhookRoom(), soundEvent(0, { alerts }));
    expect(answer.verdicts).toMatchObject([{ alertIds: [alertHex(1)] }]);
    expect(answer.left).toHaveLength(1);
  });
});
