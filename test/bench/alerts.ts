/**
 * The alerts suite: calls against their lower bound, verdicts against a bare loop that does the same storage writes, and
 * how fast the audit chain grows and is checked against the hashing that it cannot do without.
 */
import { createHmac } from "node:crypto";
import { handleVerdict } from "../../shared/alerts/handle-verdict-message.ts";
import { openAuditLog, verifyAudit } from "../../shared/audit/audit-log.ts";
import { openRecords } from "../../shared/clients/records.ts";
import { openStorage } from "../../shared/clients/storage.ts";
import { verdictMessage } from "../../shared/contracts/alert-verdict.ts";
import type { RecordStore } from "../../shared/storage/record-store.ts";
import { secondMs, systemClock } from "../../shared/runtime/time.ts";
import { alertIdOf, alertWorld } from "../support/alert-service-model.ts";
import { startAzurite } from "../support/azurite.ts";
import { memoryRecords } from "../support/memory-records.ts";
import { sendSingles, soundVerdict, verdictBench } from "../support/alert-harness.ts";
import {
  ceilingResult,
  interleaved,
  speedResult,
  spreadOf,
  type Result,
  type Spread,
} from "./harness.ts";

export async function* alerts(): AsyncIterable<Result> {
  yield* calls();
  yield* audit();
  yield await throughput();
}

const mostAlerts = 5_000;
const perCall = 100;

async function* calls(): AsyncIterable<Result> {
  for (const [instances, groups] of [
    [1, 1],
    [4, 1],
    [4, 10],
  ] as const) {
    const { clock, queues, work, world } = verdictBench(mostAlerts);
    const startMs = clock.now();
    await sendSingles(queues, mostAlerts, groups);
    await clock.run(work(instances));
    const bound = groups * Math.ceil(mostAlerts / groups / perCall);
    const note = `${world.calls.length} calls, ${world.closes.size} closed, virtual ${Math.round((clock.now() - startMs) / secondMs)} s`;
    yield ceilingResult(
      `${mostAlerts} single-alert messages over the bound, ${instances} alive, ${groups} alike`,
      spreadOf([world.calls.length / bound]),
      1.1,
      "x",
      note,
    );
  }
}

const inMessage = 100;
const rounds = 7;
const storageRounds = 3;

/** A message of 100 alerts through the desk, and the same reads and writes by a loop that thinks nothing. */
async function throughput(): Promise<Result> {
  const azurite = await startAzurite();
  const { blobs } = await openStorage({
    kind: "connection-string",
    value: azurite.connectionString(),
  });
  const store = openRecords(blobs);
  let round = 0;
  const alertIds = (): string[] => {
    round += 1;
    return Array.from({ length: inMessage }, (_, index) => alertIdOf(round * inMessage + index));
  };
  try {
    await bareWrites(store, alertIds());
    await throughDesk(store, alertIds());
    const spreads = await interleaved(
      { limit: () => bareWrites(store, alertIds()), ours: () => throughDesk(store, alertIds()) },
      storageRounds,
    );
    const perSecond = Math.round((inMessage / spreads.ours.median) * secondMs);
    return speedResult(
      "verdicts over a bare loop of the same writes",
      spreads,
      0.5,
      `${perSecond} alerts a second`,
    );
  } finally {
    await azurite.stop();
  }
}

const width = 16;

async function inLanes(
  items: readonly string[],
  work: (item: string) => Promise<void>,
): Promise<void> {
  const left = items.values();
  const lane = async (): Promise<void> => {
    for (const item of left) await work(item);
  };
  await Promise.all(Array.from({ length: width }, lane));
}

/** What a verdict leaves: a record written three times, a marker that comes and goes, two records of the audit. */
async function bareWrites(store: RecordStore, ids: readonly string[]): Promise<number> {
  const startMs = performance.now();
  const record = { ...soundVerdict, state: "waiting" };
  await inLanes(ids, async (id) => {
    await store.create(`bare/${id}.json`, record);
    await store.create(`marker/${id}`, {});
  });
  await inLanes(ids, async (id) => {
    const read = await store.read(`bare/${id}.json`);
    if (read.kind === "found")
      await store.replace(`bare/${id}.json`, { ...record, state: "sending" }, read.etag);
    await store.remove(`marker/${id}`);
  });
  await store.create(`trail/${ids[0]}-intent.json`, { ids });
  await inLanes(ids, async (id) => {
    const read = await store.read(`bare/${id}.json`);
    if (read.kind === "found")
      await store.replace(`bare/${id}.json`, { ...record, state: "closed" }, read.etag);
  });
  await store.create(`trail/${ids[0]}-outcome.json`, { ids });
  return performance.now() - startMs;
}

async function throughDesk(store: RecordStore, alertIds: readonly string[]): Promise<number> {
  const { desk } = verdictBench(0);
  const world = alertWorld(alertIds, { clock: systemClock, latencyMs: 0, callsPerMinute: 10_000 });
  const write = openAuditLog({ store, key: async () => auditKey });
  const message = verdictMessage.parse({ ...soundVerdict, alertIds });
  const startMs = performance.now();
  await handleVerdict(
    {
      ...desk,
      store,
      alerts: world.port,
      clock: systemClock,
      audit: (event) => write({ ...event }),
    },
    message,
  );
  const tookMs = performance.now() - startMs;
  if (world.closes.size !== alertIds.length)
    throw new Error(`${world.closes.size} closed of ${alertIds.length}`);
  return tookMs;
}

const auditKey = "the audit key of the bench";
const chained = 2_000;
const body = {
  kind: "intent",
  call: "c",
  alertIds: Array.from({ length: perCall }, (_, index) => alertIdOf(index)),
};

/** Both against one HMAC and one pass of JSON a record: less than that no sealed chain can do. */
async function* audit(): AsyncIterable<Result> {
  const hashing = async (): Promise<number> => {
    const startMs = performance.now();
    let hash = "";
    for (let index = 0; index < chained; index += 1) {
      const text = JSON.stringify({ seq: index, body, prevHash: hash });
      hash = createHmac("sha256", auditKey).update(text).digest("hex");
      JSON.parse(text);
    }
    return performance.now() - startMs;
  };
  let store = memoryRecords({ clock: systemClock });
  const append = async (): Promise<number> => {
    store = memoryRecords({ clock: systemClock });
    const write = openAuditLog({ store, key: async () => auditKey });
    const startMs = performance.now();
    for (let index = 0; index < chained; index += 1) await write(body);
    return performance.now() - startMs;
  };
  const verify = async (): Promise<number> => {
    const startMs = performance.now();
    const { sound } = await verifyAudit(store, [auditKey]);
    if (sound !== chained) throw new Error(`${sound} of ${chained} records are sound`);
    return performance.now() - startMs;
  };
  await append();
  const { limit, appended, verified } = await interleaved(
    { limit: hashing, appended: append, verified: verify },
    rounds,
  );
  yield speedResult(
    "audit records appended over bare hashing",
    { limit, ours: appended },
    undefined,
    rate(appended),
  );
  yield speedResult(
    "audit records verified over bare hashing",
    { limit, ours: verified },
    undefined,
    rate(verified),
  );
}

const rate = ({ median }: Spread): string =>
  `${Math.round((chained / median) * secondMs)} records a second`;
