/**
 * The alerts suite: calls against their lower bound, verdicts against a bare loop that does the
 * same storage writes, and how fast the audit chain grows and is checked against the hashing that
 * it cannot do without.
 */
import { createHmac } from "node:crypto";
import { handleVerdictMessage } from "../../shared/alerts/handle-verdict-message.ts";
import { createAuditLog } from "../../shared/audit/audit-log.ts";
import { createTextWriter } from "../../shared/audit/personal-texts.ts";
import { verifyAudit } from "../../shared/audit/verify.ts";
import { createRecordStore } from "../../shared/clients/records.ts";
import { createStorageClients } from "../../shared/clients/storage.ts";
import { verdictMessage } from "../../shared/contracts/alert-verdict.ts";
import type { RecordStore } from "../../shared/storage/record-store.ts";
import { secondMs, systemClock } from "../../shared/runtime/time.ts";
import { alertIdOf, createAlertService } from "../support/alert-service-model.ts";
import { startAzurite } from "../support/azurite.ts";
import { createMemoryRecords } from "../support/memory-records.ts";
import { sendSingleAlerts, validVerdict, alertHarness } from "../support/alert-harness.ts";
import {
  toCeilingResult,
  measureInterleaved,
  toSpeedResult,
  spreadOf,
  type Result,
  type Spread,
} from "./harness.ts";

export async function* measureAlerts(): AsyncIterable<Result> {
  yield* measureCalls();
  yield* measureAudit();
  yield await measureThroughput();
}

const alertCount = 5_000;
const alertsPerCall = 100;

async function* measureCalls(): AsyncIterable<Result> {
  for (const [instances, groups] of [
    [1, 1],
    [4, 1],
    [4, 10],
  ] as const) {
    const { clock, queues, runWorkers, service } = alertHarness(alertCount);
    const startMs = clock.now();
    await sendSingleAlerts(queues, alertCount, groups);
    await clock.run(runWorkers(instances));
    const bound = groups * Math.ceil(alertCount / groups / alertsPerCall);
    const note = `${service.calls.length} calls, ${service.closes.size} closed, virtual ${Math.round((clock.now() - startMs) / secondMs)} s`;
    yield toCeilingResult(
      `${alertCount} single-alert messages over the bound, ${instances} alive, ${groups} alike`,
      spreadOf([service.calls.length / bound]),
      1.1,
      "x",
      note,
    );
  }
}

const alertsPerMessage = 100;
const rounds = 7;
const storageRounds = 3;

/** Handles a message of 100 alerts, and does the same reads and writes in a bare loop. */
async function measureThroughput(): Promise<Result> {
  const azurite = await startAzurite();
  const { blobs } = await createStorageClients({
    kind: "connection-string",
    value: azurite.connectionString(),
  });
  const store = createRecordStore(blobs);
  let round = 0;
  const alertIds = (): string[] => {
    round += 1;
    return Array.from({ length: alertsPerMessage }, (_, index) =>
      alertIdOf(round * alertsPerMessage + index),
    );
  };
  try {
    await runBareWrites(store, alertIds());
    await runVerdictHandler(store, alertIds());
    const spreads = await measureInterleaved(
      {
        limit: () => runBareWrites(store, alertIds()),
        ours: () => runVerdictHandler(store, alertIds()),
      },
      storageRounds,
    );
    const perSecond = Math.round((alertsPerMessage / spreads.ours.median) * secondMs);
    return toSpeedResult(
      "verdicts over a bare loop of the same writes",
      spreads,
      0.5,
      `${perSecond} alerts a second`,
    );
  } finally {
    await azurite.stop();
  }
}

const laneCount = 16;

async function forEachInParallel(
  items: readonly string[],
  runWorkers: (item: string) => Promise<void>,
): Promise<void> {
  const pending = items.values();
  const runLane = async (): Promise<void> => {
    for (const item of pending) await runWorkers(item);
  };
  await Promise.all(Array.from({ length: laneCount }, runLane));
}

/**
 * What a verdict leaves: a record written three times, a marker that comes and goes, two records of
 * the audit.
 */
async function runBareWrites(store: RecordStore, ids: readonly string[]): Promise<number> {
  const startMs = performance.now();
  const record = { ...validVerdict, state: "waiting" };
  await forEachInParallel(ids, async (id) => {
    await store.create(`bare/${id}.json`, record);
    await store.create(`marker/${id}`, {});
  });
  await forEachInParallel(ids, async (id) => {
    const read = await store.read(`bare/${id}.json`);
    if (read.kind === "found")
      await store.replace(`bare/${id}.json`, { ...record, state: "sending" }, read.etag);
    await store.remove(`marker/${id}`);
  });
  await store.create(`trail/${ids[0]}-intent.json`, { ids });
  await forEachInParallel(ids, async (id) => {
    const read = await store.read(`bare/${id}.json`);
    if (read.kind === "found")
      await store.replace(`bare/${id}.json`, { ...record, state: "closed" }, read.etag);
  });
  await store.create(`trail/${ids[0]}-outcome.json`, { ids });
  return performance.now() - startMs;
}

async function runVerdictHandler(store: RecordStore, alertIds: readonly string[]): Promise<number> {
  const { deps } = alertHarness(0);
  const service = createAlertService(alertIds, {
    clock: systemClock,
    latencyMs: 0,
    callsPerMinute: 10_000,
  });
  const appendEvent = createAuditLog({ store, readKey: async () => auditKey });
  const message = verdictMessage.parse({ ...validVerdict, alertIds });
  const startMs = performance.now();
  await handleVerdictMessage(
    {
      ...deps,
      store,
      alerts: service.port,
      clock: systemClock,
      writeAudit: (event) => appendEvent({ ...event }),
      storeTexts: createTextWriter({ store, readKey: async () => auditKey }),
    },
    message,
  );
  const tookMs = performance.now() - startMs;
  if (service.closes.size !== alertIds.length)
    throw new Error(`${service.closes.size} closed of ${alertIds.length}`);
  return tookMs;
}

const auditKey = "the audit key of the bench";
const auditRecordCount = 2_000;
const body = {
  kind: "intent",
  call: "c",
  alertIds: Array.from({ length: alertsPerCall }, (_, index) => alertIdOf(index)),
};

/** Both against one HMAC and one pass of JSON a record: less than that no sealed chain can do. */
async function* measureAudit(): AsyncIterable<Result> {
  const hashRecords = async (): Promise<number> => {
    const startMs = performance.now();
    let hash = "";
    for (let index = 0; index < auditRecordCount; index += 1) {
      const text = JSON.stringify({ seq: index, body, prevHash: hash });
      hash = createHmac("sha256", auditKey).update(text).digest("hex");
      JSON.parse(text);
    }
    return performance.now() - startMs;
  };
  let store = createMemoryRecords({ clock: systemClock });
  const appendRecords = async (): Promise<number> => {
    store = createMemoryRecords({ clock: systemClock });
    const appendEvent = createAuditLog({ store, readKey: async () => auditKey });
    const startMs = performance.now();
    for (let index = 0; index < auditRecordCount; index += 1) await appendEvent(body);
    return performance.now() - startMs;
  };
  const verifyRecords = async (): Promise<number> => {
    const startMs = performance.now();
    const { validCount } = await verifyAudit(store, [auditKey]);
    if (validCount !== auditRecordCount)
      throw new Error(`${validCount} of ${auditRecordCount} records are sound`);
    return performance.now() - startMs;
  };
  await appendRecords();
  const { limit, appended, verified } = await measureInterleaved(
    { limit: hashRecords, appended: appendRecords, verified: verifyRecords },
    rounds,
  );
  yield toSpeedResult(
    "audit records appended over bare hashing",
    { limit, ours: appended },
    undefined,
    formatRate(appended),
  );
  yield toSpeedResult(
    "audit records verified over bare hashing",
    { limit, ours: verified },
    undefined,
    formatRate(verified),
  );
}

const formatRate = ({ median }: Spread): string =>
  `${Math.round((auditRecordCount / median) * secondMs)} records a second`;
