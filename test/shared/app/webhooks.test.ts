import { describe, expect, test } from "vitest";
import type { ReadRecord } from "../../../shared/storage/record-store.ts";
import {
  createReceiptStatusDeps,
  createWebhookDeps,
  type WebhookServices,
} from "../../../shared/app/webhooks.ts";
import { createMemoryQueues } from "../../support/memory-queue.ts";
import { createMemoryRecords } from "../../support/memory-records.ts";
import { createVirtualClock } from "../../support/virtual-clock.ts";
import { testMapping } from "../../support/webhook-harness.ts";

const failIfCalled = (): Promise<never> => Promise.reject(new Error("not asked for here"));

function createTestServices(
  change: Partial<WebhookServices> & { readonly webhooks?: Readonly<Record<string, unknown>> } = {},
) {
  const clock = createVirtualClock();
  const records = createMemoryRecords({ clock });
  const { webhooks = { one: { auth: "standard", mapping: "test" } }, ...more } = change;
  const callCounts = { clocks: 0, secrets: 0 };
  const services: WebhookServices = {
    clock,
    log: () => undefined,
    failpoint: async () => undefined,
    settings: () => ({ WEBHOOKS: webhooks, MAX_ALERTS_PER_SOURCE_PER_DAY: 100 }),
    tenantId: () => "",
    sealMessage: async (message) => message,
    mappings: () => testMapping,
    vault: async () => ({
      getSecret: async () => {
        callCounts.secrets += 1;
        throw new Error("the vault is away");
      },
      reportRefused: () => undefined,
      listExpiring: () => [],
    }),
    checkToken: failIfCalled,
    records,
    queues: createMemoryQueues(clock),
    serverNowMs: async () => {
      callCounts.clocks += 1;
      return clock.now() + 600_000;
    },
    fileLookupService: failIfCalled,
    findHunt: () => undefined,
    huntDeps: failIfCalled,
    ...more,
  };
  return { clock, records, asked: callCounts, services };
}

describe("the sources of the setting", () => {
  test.each<[string, object, string]>([
    ["a proof that there is not", { auth: "trust", mapping: "test" }, "WEBHOOKS /one/auth"],
    [
      "a range that is none",
      { auth: "bearer", mapping: "test", addresses: ["203.0.113.0/33"] },
      "WEBHOOKS /one/addresses/0",
    ],
    [
      "an address that is none",
      { auth: "bearer", mapping: "test", addresses: ["203.0.113.256"] },
      "WEBHOOKS /one/addresses/0",
    ],
  ])("P18: with %s are named, and no value is", (_, source, name) => {
    const { services } = createTestServices({
      webhooks: { one: source, two: { auth: "standard", mapping: "test" } },
    });
    const { findSource } = createWebhookDeps(services);
    expect(() => findSource("one")).toThrow(
      expect.objectContaining({ name: "SettingsError", settings: [name] }),
    );
    expect(findSource("two")).toMatchObject({ name: "two" });
    expect(findSource("three")).toBeUndefined();
  });
});

describe("P19, F72: a secret that cannot be read", () => {
  test("a secret that cannot be read is read once in 30 seconds, whatever the number of requests", async () => {
    const { asked: callCounts, clock, services } = createTestServices();
    const { readSecret: secret } = createWebhookDeps(services);
    for (let time = 0; time < 50; time += 1)
      await expect(secret("webhook-one")).rejects.toThrow("the vault is away");
    expect(callCounts.secrets).toBe(1);
    await clock.advance(30_000);
    await expect(secret("webhook-one")).rejects.toThrow();
    expect(callCounts.secrets).toBe(2);
  });
});

describe("F55: the true time", () => {
  test("is learnt from what storage answers anyway, and asked for only when nothing is known", async () => {
    const { asked: callCounts, clock, services } = createTestServices();
    const { records, trueNowMs } = createWebhookDeps(services);
    expect(await trueNowMs()).toBe(clock.now() + 600_000);
    await trueNowMs();
    expect(callCounts.clocks).toBe(1);
    await clock.advance(700_000);
    await records.read("state/receipts/one/x.json");
    expect(await trueNowMs()).toBe(clock.now());
    expect(callCounts.clocks).toBe(1);
    await clock.advance(700_000);
    await trueNowMs();
    expect(callCounts.clocks).toBe(2);
  });

  test("is this machine's own where the two differ by no more than the header's grain", async () => {
    const { clock, services } = createTestServices();
    const nearby: ReadRecord = { kind: "absent", serverNowMs: clock.now() - 3_000 };
    const { records, trueNowMs } = createWebhookDeps({
      ...services,
      records: { ...services.records, read: async () => nearby },
    });
    await records.read("state/receipts/one/x.json");
    expect(await trueNowMs()).toBe(clock.now());
  });
});

describe("a lookup", () => {
  test("of a payload without hashes opens nothing", async () => {
    const { services } = createTestServices();
    expect(await createWebhookDeps(services).prepareLookup([{ id: "x" }], "key", false)).toEqual({
      kind: "none",
    });
  });

  test("a hunt that does not exist starts no job", async () => {
    expect(
      await createWebhookDeps(createTestServices().services).startHunt("no-such-hunt", "key"),
    ).toBeUndefined();
  });
});

describe("the status of a hunt", () => {
  test("is open while its job runs, and its result afterwards", async () => {
    const { services, records } = createTestServices();
    const job = "a".repeat(32);
    const header = {
      version: 1,
      id: job,
      kind: "hunt",
      createdAt: "2026-01-05T06:00:00Z",
      expiresAt: "2026-01-12T06:00:00Z",
      attempt: "1",
      requestHash: "x",
      parts: 0,
      request: {},
    };
    const { readHunt: hunt } = createReceiptStatusDeps(services);
    await records.create(`state/jobs/${job}/job.json`, header);
    expect(await hunt(job)).toEqual({ status: "running", result: null });
    await records.create(`state/jobs/${job}/end.json`, {
      version: 1,
      endedAt: "2026-01-05T06:01:00Z",
      outcome: "succeeded",
      result: { rows: 3 },
    });
    expect(await hunt(job)).toEqual({ status: "succeeded", result: { rows: 3 } });
    expect(await hunt("b".repeat(32))).toEqual({ status: "failed", result: null });
  });
});
