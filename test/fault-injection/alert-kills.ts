/**
 * The verdict desk as it is shipped, its process killed with SIGKILL at each named point, alone and beside a second live
 * instance. Judged from what the simulated Cloud Apps noted of each alert, and from the audit chain that lies there.
 */
import { alertRecord, isSettled } from "../../shared/alerts/alert-record.ts";
import { accountForCall, type AnnouncedCall } from "../../shared/alerts/reconcile-audit.ts";
import { openAuditLog, verifyAudit } from "../../shared/audit/audit-log.ts";
import { auditRecord } from "../../shared/audit/chain.ts";
import { openIntents } from "../../shared/audit/open-intents.ts";
import { openQueues } from "../../shared/clients/queues.ts";
import { openRecords } from "../../shared/clients/records.ts";
import { openStorage } from "../../shared/clients/storage.ts";
import { listDeadLetters } from "../../shared/storage/dead-letters.ts";
import type { MessageQueues, RecordStore } from "../../shared/storage/record-store.ts";
import { minuteMs, secondMs, systemClock } from "../../shared/runtime/time.ts";
import { runHost, type RunningHost } from "../functions-host/run.ts";
import { appRoot } from "../support/app-root.ts";
import { soundVerdict, verdictPoints } from "../support/alert-harness.ts";
import { startTenant, type Tenant } from "../simulator/simulator.ts";
import { inTrials, oneDeath, type Ground } from "./kill-trials.ts";

/** Every point of a verdict, as research numbers them, and the dead letter's. */
const alertKillPoints = [
  ...verdictPoints,
  "A10 before message delete",
  "D1 dead letter written",
] as const;

const functions = ["close_alerts", "poison_alert_verdicts"];
const auditKey = "the audit key of a trial, 32 bytes";
const alerts = 60;

interface KillVerdict {
  readonly died: boolean;
  readonly transitions: number;
  readonly flips: number;
  /** Intents that no outcome followed before the reconciler came. */
  readonly openIntents: number;
  /** The promises that did not hold. */
  readonly broken: readonly string[];
}

/**
 * @param chosen - beginnings of the points' names
 * @returns whether everything held
 */
export async function killAlerts(
  chosen: readonly string[],
  atOnce: number,
  say: (line: string) => void,
): Promise<boolean> {
  const points = alertKillPoints.filter((point) => chosen.some((start) => point.startsWith(start)));
  const trials = points.flatMap((point) => [1, 2].map((instances) => ({ point, instances })));
  let held = 0;
  await inTrials(trials, { atOnce, app: appRoot({}) }, async ({ point, instances }, ground) => {
    const startedMs = Date.now();
    const verdict = await killOnce(ground, point, instances).catch(brokenOff);
    if (verdict.died && verdict.broken.length === 0) held += 1;
    say(
      `${verdict.died ? "killed at" : "NEVER REACHED"} ${point}, ${instances} alive: ${verdict.transitions} closes of ${alerts} alerts, ` +
        `${verdict.flips} flips, ${verdict.openIntents} open intents, ${Math.round((Date.now() - startedMs) / secondMs)} s` +
        (verdict.broken.length > 0 ? ` BROKEN ${verdict.broken.join("; ")}` : ""),
    );
  });
  say(`alerts: kill points ${held} of ${trials.length}`);
  return held === trials.length;
}

const brokenOff = (error: unknown): KillVerdict => ({
  died: false,
  transitions: 0,
  flips: 0,
  openIntents: 0,
  broken: [String(error)],
});

async function killOnce(
  { root, storage }: Ground,
  point: string,
  instances: number,
): Promise<KillVerdict> {
  // The worst that a service may do with a second close: carry it out.
  const tenant = await startTenant({
    switches: { cloudApps: { alreadyClosed: "overwrite" } },
    secrets: { "audit-key": auditKey },
  });
  const death = oneDeath();
  const opened = await openStorage({ kind: "connection-string", value: storage });
  const [store, queues] = [openRecords(opened.blobs), openQueues(opened.queues)];
  const hosts: RunningHost[] = [];
  const host = async (more: Readonly<Record<string, string>> = {}): Promise<RunningHost> => {
    const settings = {
      ...tenant.settings,
      DataStorage: storage,
      AzureWebJobsStorage: storage,
      ...more,
    };
    const one = await runHost({
      root,
      functions,
      invisibilitySeconds: 10,
      preload: death.preload,
      settings,
    });
    hosts.push(one);
    return one;
  };
  const done = { yet: false };
  let aging: Promise<void> | undefined;
  try {
    // A refused call sends its message back to wait.
    if (point.startsWith("A9"))
      tenant.faults.add({ api: "cloud-apps", kind: "throttled", retryAfterS: 1, count: 2 });
    const ids = tenant.cloudApps.alerts.add(alerts);
    await sendAll(queues, ids);
    await Promise.all(Array.from({ length: instances }, () => host(death.at(point))));
    aging = ageClaims(store, done);
    await Promise.race([...hosts.map(({ ended }) => ended), allSettled(store)]);
    await host();
    await allSettled(store);
    // Whoever sent the messages sends them again: nothing may come of it.
    await sendAll(queues, ids);
    await emptied(queues);
    return { died: death.hasCome(), ...(await judge(tenant, store, ids)) };
  } finally {
    done.yet = true;
    await aging?.catch(() => undefined);
    await Promise.all(hosts.map((one) => one.kill()));
    await tenant.stop();
    death.forget();
  }
}

/** Forty alerts in one message, the rest one by one, and a message that nobody can read. */
async function sendAll(queues: MessageQueues, ids: readonly string[]): Promise<void> {
  const send = (id: string, alertIds: readonly string[], more: object = {}): Promise<void> =>
    queues.send("alert-verdicts", { ...soundVerdict, id, alertIds, ...more });
  await send("many", ids.slice(0, 40));
  for (const [index, alertId] of ids.slice(40).entries()) await send(`one-${index}`, [alertId]);
  await queues.send("alert-verdicts", { ...soundVerdict, id: "unreadable", verdcit: "x" });
}

const patienceMs = 240 * secondMs;

async function eventually(what: string, holds: () => Promise<boolean>): Promise<void> {
  const end = Date.now() + patienceMs;
  while (!(await holds())) {
    if (Date.now() > end) throw new Error(`not within ${patienceMs / secondMs} s: ${what}`);
    await systemClock.sleep(500);
  }
}

async function recordsOf(
  store: RecordStore,
  folder: string,
): Promise<{ path: string; value: unknown; etag: string }[]> {
  const found = [];
  for await (const { path } of store.list(folder)) {
    const read = await store.read(path);
    if (read.kind === "found") found.push({ path, value: read.value, etag: read.etag });
  }
  return found;
}

const allSettled = (store: RecordStore): Promise<void> =>
  eventually("every alert settled, the unreadable message kept", async () => {
    const states = (await recordsOf(store, "state/alerts/")).map(
      ({ value }) => alertRecord.safeParse(value).data,
    );
    const settled = states.filter((record) => record !== undefined && isSettled(record)).length;
    return settled === alerts && (await listDeadLetters(store, 10)).length > 0;
  });

const emptied = (queues: MessageQueues): Promise<void> =>
  eventually("the queue empty", async () => (await queues.depth("alert-verdicts")) === 0);

/** Longer than any call takes here, by far. */
const shortOwnershipMs = 20 * secondMs;
const ownershipMs = 10 * minuteMs;

/** Lets a claim's ten minutes pass in twenty seconds. */
async function ageClaims(store: RecordStore, done: { readonly yet: boolean }): Promise<void> {
  while (!done.yet) {
    for (const { path, value, etag } of await recordsOf(store, "state/alerts/")) {
      const record = alertRecord.safeParse(value).data;
      if (record?.state !== "sending") continue;
      const claimedMs = (record.expiresAtMs ?? 0) - ownershipMs;
      if (Date.now() - claimedMs > shortOwnershipMs && (record.expiresAtMs ?? 0) > Date.now())
        await store.replace(path, { ...record, expiresAtMs: Date.now() }, etag);
    }
    await systemClock.sleep(secondMs);
  }
}

async function judge(
  tenant: Tenant,
  store: RecordStore,
  ids: readonly string[],
): Promise<Pick<KillVerdict, "transitions" | "flips" | "openIntents" | "broken">> {
  const broken: string[] = [];
  const histories = ids.map((id) => tenant.cloudApps.alerts.history(id).transitions.length);
  const { flips } = tenant.cloudApps.alerts.totals();
  const wrong = histories.filter((times) => times !== 1).length;
  if (wrong > 0) broken.push(`P9: ${wrong} alerts not closed just once`);
  if (flips > 0) broken.push(`P9: ${flips} flips`);
  const sent = tenant.cloudApps.alerts.all().filter(({ _id }) => !ids.includes(_id));
  const strays = sent.filter(
    ({ _id }) => tenant.cloudApps.alerts.history(_id).transitions.length > 0,
  ).length;
  if (strays > 0) broken.push(`P10: ${strays} alerts closed that nobody named`);
  const open = await openIntents(store, 0);
  const audit = openAuditLog({ store, key: async () => auditKey });
  for (const { body } of open)
    await accountForCall(
      { store, audit: (event) => audit({ ...event }) },
      body as unknown as AnnouncedCall,
    );
  broken.push(...(await auditFaults(store, ids)));
  const letters = await listDeadLetters(store, 10);
  if (letters.length !== 1 || letters[0]?.reason !== "schema")
    broken.push(`P21: ${letters.length} dead letters`);
  const transitions = histories.reduce((sum, times) => sum + times, 0);
  return { transitions, flips, openIntents: open.length, broken };
}

/** P12: the chain verifies, and each alert has its intent and, after it, its outcome. */
async function auditFaults(store: RecordStore, ids: readonly string[]): Promise<string[]> {
  const faults: string[] = [];
  const { firstBad } = await verifyAudit(store, [auditKey]);
  if (firstBad) faults.push(`P12: record ${firstBad.index} ${firstBad.flaw}`);
  const events = (await recordsOf(store, "audit/")).map(
    ({ value }) => auditRecord.parse(value).body,
  );
  const announced = new Map<unknown, unknown>();
  const accounted = new Set<unknown>();
  for (const { kind, call, alertIds } of events) {
    if (kind === "intent") announced.set(call, alertIds);
    if (kind === "outcome" && !announced.has(call))
      faults.push("P12: an outcome before its intent");
    if (kind === "outcome") for (const id of alertIds as string[]) accounted.add(id);
  }
  const missing = ids.filter((id) => !accounted.has(id)).length;
  if (missing > 0) faults.push(`P12: ${missing} alerts without an account`);
  if ((await openIntents(store, 0)).length > 0) faults.push("P12: an intent stays open");
  return faults;
}
