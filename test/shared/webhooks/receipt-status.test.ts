import { describe, expect, test } from "vitest";
import {
  receiptPath,
  webhookStatus,
  type WebhookAnswer,
} from "../../../shared/contracts/webhook.ts";
import {
  readReceiptStatus,
  type ReceiptStatusDeps,
} from "../../../shared/webhooks/receipt-status.ts";
import { createMemoryRecords } from "../../support/memory-records.ts";
import { createVirtualClock } from "../../support/virtual-clock.ts";
import { alertHex } from "../../support/webhook-harness.ts";

const name = "f".repeat(64);
const job = "a".repeat(32);
const report = {
  results: [],
  summary: { found: 0, notFound: 0, invalid: 0, pending: 0, failed: 0 },
  lookBackHours: 720,
  skipped: [],
};
const answer: WebhookAnswer = {
  source: "test",
  id: "msg_1",
  verdicts: [{ id: "v", action: "resolve", alertIds: [alertHex(1), alertHex(2)] }],
  lookup: { job, hashes: 1 },
  hunts: [{ hunt: "rare-hunt", job }],
  skipped: [{ path: "/x", message: "skipped" }],
};

async function readStatus(
  change: Partial<ReceiptStatusDeps> = {},
  stored: Partial<WebhookAnswer> = {},
) {
  const records = createMemoryRecords({ clock: createVirtualClock() });
  const receipt = {
    version: 1,
    bodyHash: "x",
    acceptedAt: "2026-01-05T06:00:00Z",
    answer: { ...answer, ...stored },
  };
  await records.create(receiptPath("test", name), receipt);
  const deps: ReceiptStatusDeps = {
    records,
    readAlerts: async (_, ids) =>
      ids.map((alertId) => ({ alertId, outcome: "closed" as const, detail: null })),
    readLookup: async () => ({ status: "succeeded", result: report }),
    readHunt: async () => ({ status: "succeeded", result: { rows: 3 } }),
    ...change,
  };
  return readReceiptStatus(deps, "test", name);
}

describe("the status of a delivery", () => {
  test("a delivery is done when all its actions are done, and its status matches the schema", async () => {
    const shown = webhookStatus.parse(await readStatus());
    expect(shown).toMatchObject({
      status: "succeeded",
      result: {
        lookup: { result: report },
        hunts: [{ result: { rows: 3 } }],
        skipped: answer.skipped,
      },
    });
  });

  test.each<[string, Partial<ReceiptStatusDeps>]>([
    [
      "an alert",
      {
        readAlerts: async (_, ids) =>
          ids.map((alertId) => ({ alertId, outcome: "waiting" as const, detail: null })),
      },
    ],
    ["a lookup", { readLookup: async () => ({ status: "running", result: null }) }],
    ["a hunt", { readHunt: async () => ({ status: "running", result: null }) }],
  ])("a delivery is not done while %s is pending", async (_, change) => {
    expect(await readStatus(change)).toMatchObject({ status: "running" });
  });

  test("a delivery without actions is done at once", async () => {
    expect(await readStatus({}, { verdicts: [], lookup: null, hunts: [] })).toMatchObject({
      status: "succeeded",
      result: { lookup: null },
    });
  });

  test("a receipt that is invalid or absent has no status", async () => {
    const records = createMemoryRecords({ clock: createVirtualClock() });
    expect(await readStatus({ records })).toBeUndefined();
    records.poke(receiptPath("test", name), '{"version":2}');
    expect(await readStatus({ records })).toBeUndefined();
  });
});
