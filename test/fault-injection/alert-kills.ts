/**
 * Kills the built app with SIGKILL at each failpoint of a verdict, alone and with a second running
 * instance. Checks the history of each alert in the simulator, and the audit chain in storage.
 */
import { alertRecord, isSettled } from "../../shared/alerts/alert-record.ts";
import { reconcileCall, type AnnouncedCall } from "../../shared/alerts/reconcile-audit.ts";
import { createAuditLog } from "../../shared/audit/audit-log.ts";
import { verifyAudit } from "../../shared/audit/verify.ts";
import { auditRecord } from "../../shared/audit/chain.ts";
import { listOpenIntents } from "../../shared/audit/open-intents.ts";
import { createMessageQueues } from "../../shared/clients/queues.ts";
import { createTenantRecords, defaultTenant } from "../../shared/storage/tenant-records.ts";
import { createRecordStore } from "../../shared/clients/records.ts";
import { createStorageClients } from "../../shared/clients/storage.ts";
import { listDeadLetters } from "../../shared/storage/dead-letters.ts";
import type { MessageQueues, RecordStore } from "../../shared/storage/record-store.ts";
import { minuteMs, secondMs, systemClock } from "../../shared/runtime/time.ts";
import { runHost, type RunningHost } from "../functions-host/run-host.ts";
import { createAppRoot } from "../support/app-root.ts";
import { validVerdict, verdictFailpoints } from "../support/alert-harness.ts";
import { startSimulator, type Simulator } from "../simulator/simulator.ts";
import { runTrials, createKillSwitch, type TrialEnvironment } from "./kill-trials.ts";

/** Every failpoint of a verdict, and that of the dead letter. */
const alertKillFailpoints = [...verdictFailpoints, "D1 dead letter written"] as const;

const functionNames = ["process_alert_verdicts", "process_alert_verdicts_poison"];
const auditKey = "the audit key of a trial, 32 bytes";
const alertCount = 60;

interface AlertKillResult {
  readonly died: boolean;
  readonly transitions: number;
  readonly flips: number;
  /** Intents without an outcome before they are reconciled. */
  readonly openIntents: number;
  /** Guarantees that did not hold. */
  readonly violations: readonly string[];
}

/**
 * @param prefixes - prefixes of the failpoint names
 * @returns whether everything held
 */
export async function killAlerts(
  prefixes: readonly string[],
  parallelism: number,
  printLine: (line: string) => void,
): Promise<boolean> {
  const failpoints = alertKillFailpoints.filter((failpoint) =>
    prefixes.some((prefix) => failpoint.startsWith(prefix)),
  );
  const trials = failpoints.flatMap((failpoint) =>
    [1, 2].map((instances) => ({ failpoint, instances })),
  );
  let passed = 0;
  await runTrials(
    trials,
    { parallelism, app: createAppRoot({}) },
    async ({ failpoint, instances }, environment) => {
      const startedMs = Date.now();
      const result = await killOnce(environment, failpoint, instances).catch(toFailedResult);
      if (result.died && result.violations.length === 0) passed += 1;
      printLine(
        `${result.died ? "killed at" : "NEVER REACHED"} ${failpoint}, ${instances} alive: ${result.transitions} closes of ${alertCount} alerts, ` +
          `${result.flips} flips, ${result.openIntents} open intents, ${Math.round((Date.now() - startedMs) / secondMs)} s` +
          (result.violations.length > 0 ? ` BROKEN ${result.violations.join("; ")}` : ""),
      );
    },
  );
  printLine(`alerts: kill points ${passed} of ${trials.length}`);
  return passed === trials.length;
}

const toFailedResult = (error: unknown): AlertKillResult => ({
  died: false,
  transitions: 0,
  flips: 0,
  openIntents: 0,
  violations: [String(error)],
});

async function killOnce(
  { root, storage }: TrialEnvironment,
  failpoint: string,
  instances: number,
): Promise<AlertKillResult> {
  // The worst behavior of a service for a second close: it takes effect.
  const simulator = await startSimulator({
    behaviors: { cloudApps: { alreadyClosed: "overwrite" } },
    secrets: { "audit-key": auditKey, "queue-key": "the queue key of the kill trials" },
  });
  const killSwitch = createKillSwitch();
  const clients = await createStorageClients({ kind: "connection-string", value: storage });
  const [store, queues] = [
    createTenantRecords(createRecordStore(clients.blobs), defaultTenant),
    createMessageQueues(clients.queues),
  ];
  const hosts: RunningHost[] = [];
  const startHost = async (
    extraSettings: Readonly<Record<string, string>> = {},
  ): Promise<RunningHost> => {
    const settings = {
      ...simulator.settings,
      DataStorage: storage,
      AzureWebJobsStorage: storage,
      ...extraSettings,
    };
    const host = await runHost({
      root,
      functions: functionNames,
      invisibilitySeconds: 10,
      preload: killSwitch.preload,
      settings,
    });
    hosts.push(host);
    return host;
  };
  const state = { isDone: false };
  let claimAging: Promise<void> | undefined;
  try {
    // A throttled call defers its message.
    if (failpoint.startsWith("A9"))
      simulator.faults.add({ api: "cloud-apps", kind: "throttled", retryAfterS: 1, count: 2 });
    const ids = simulator.cloudApps.alerts.add(alertCount);
    await sendMessages(queues, ids);
    await Promise.all(
      Array.from({ length: instances }, () => startHost(killSwitch.settingsFor(failpoint))),
    );
    claimAging = expireClaims(store, state);
    await Promise.race([...hosts.map(({ exited: ended }) => ended), waitUntilSettled(store)]);
    await startHost();
    await waitUntilSettled(store);
    // The sender repeats the messages, which must have no effect.
    await sendMessages(queues, ids);
    await waitUntilEmpty(queues);
    return { died: killSwitch.hasFired(), ...(await checkOutcome(simulator, store, ids)) };
  } finally {
    state.isDone = true;
    await claimAging?.catch(() => undefined);
    await Promise.all(hosts.map((one) => one.kill()));
    await simulator.stop();
    killSwitch.remove();
  }
}

/** Sends 40 alerts in one message, the rest one by one, and one invalid message. */
async function sendMessages(queues: MessageQueues, ids: readonly string[]): Promise<void> {
  const sendVerdict = (
    id: string,
    alertIds: readonly string[],
    overrides: object = {},
  ): Promise<void> =>
    queues.send("alert-verdicts", { ...validVerdict, id, alertIds, ...overrides });
  await sendVerdict("many", ids.slice(0, 40));
  for (const [index, alertId] of ids.slice(40).entries())
    await sendVerdict(`one-${index}`, [alertId]);
  await queues.send("alert-verdicts", { ...validVerdict, id: "unreadable", verdcit: "x" });
}

const timeoutMs = 240 * secondMs;

async function waitFor(description: string, condition: () => Promise<boolean>): Promise<void> {
  const deadlineMs = Date.now() + timeoutMs;
  while (!(await condition())) {
    if (Date.now() > deadlineMs)
      throw new Error(`not within ${timeoutMs / secondMs} s: ${description}`);
    await systemClock.sleep(500);
  }
}

async function readRecords(
  store: RecordStore,
  folder: string,
): Promise<{ path: string; value: unknown; etag: string }[]> {
  const records = [];
  for await (const { path } of store.list(folder)) {
    const read = await store.read(path);
    if (read.kind === "found") records.push({ path, value: read.value, etag: read.etag });
  }
  return records;
}

const waitUntilSettled = (store: RecordStore): Promise<void> =>
  waitFor("every alert settled, the invalid message kept as a dead letter", async () => {
    const states = (await readRecords(store, "state/alerts/")).map(
      ({ value }) => alertRecord.safeParse(value).data,
    );
    const settledCount = states.filter(
      (record) => record !== undefined && isSettled(record),
    ).length;
    return settledCount === alertCount && (await listDeadLetters(store, 10)).length > 0;
  });

const waitUntilEmpty = (queues: MessageQueues): Promise<void> =>
  waitFor("the queue empty", async () => (await queues.depth("alert-verdicts")) === 0);

/** Much longer than any call takes in this trial. */
const shortOwnershipMs = 20 * secondMs;
const ownershipMs = 10 * minuteMs;

/** Expires claims after 20 seconds instead of ten minutes. */
async function expireClaims(
  store: RecordStore,
  state: { readonly isDone: boolean },
): Promise<void> {
  while (!state.isDone) {
    for (const { path, value, etag } of await readRecords(store, "state/alerts/")) {
      const record = alertRecord.safeParse(value).data;
      if (record?.state !== "sending") continue;
      const claimedMs = (record.expiresAtMs ?? 0) - ownershipMs;
      if (Date.now() - claimedMs > shortOwnershipMs && (record.expiresAtMs ?? 0) > Date.now())
        await store.replace(path, { ...record, expiresAtMs: Date.now() }, etag);
    }
    await systemClock.sleep(secondMs);
  }
}

async function checkOutcome(
  simulator: Simulator,
  store: RecordStore,
  ids: readonly string[],
): Promise<Pick<AlertKillResult, "transitions" | "flips" | "openIntents" | "violations">> {
  const violations: string[] = [];
  const histories = ids.map((id) => simulator.cloudApps.alerts.readHistory(id).transitions.length);
  const { flips } = simulator.cloudApps.alerts.countTotals();
  const wrong = histories.filter((times) => times !== 1).length;
  if (wrong > 0) violations.push(`P9: ${wrong} alerts not closed just once`);
  if (flips > 0) violations.push(`P9: ${flips} flips`);
  const otherAlerts = simulator.cloudApps.alerts.list().filter(({ _id }) => !ids.includes(_id));
  const strayCloses = otherAlerts.filter(
    ({ _id }) => simulator.cloudApps.alerts.readHistory(_id).transitions.length > 0,
  ).length;
  if (strayCloses > 0) violations.push(`P10: ${strayCloses} alerts closed that no message named`);
  const open = await listOpenIntents(store, 0);
  const appendAudit = createAuditLog({ store, readKey: async () => auditKey });
  for (const { body } of open)
    await reconcileCall(
      { store, writeAudit: (event) => appendAudit({ ...event }) },
      body as unknown as AnnouncedCall,
    );
  violations.push(...(await checkAudit(store, ids)));
  const deadLetters = await listDeadLetters(store, 10);
  if (deadLetters.length !== 1 || deadLetters[0]?.reason !== "schema")
    violations.push(`P21: ${deadLetters.length} dead letters`);
  const transitions = histories.reduce((sum, times) => sum + times, 0);
  return { transitions, flips, openIntents: open.length, violations };
}

/** P12: the chain verifies, and each alert has its intent and, after it, its outcome. */
async function checkAudit(store: RecordStore, ids: readonly string[]): Promise<string[]> {
  const violations: string[] = [];
  const { firstBad } = await verifyAudit(store, [auditKey]);
  if (firstBad) violations.push(`P12: record ${firstBad.index} ${firstBad.flaw}`);
  const events = (await readRecords(store, "audit/")).map(
    ({ value }) => auditRecord.parse(value).body,
  );
  const announced = new Map<unknown, unknown>();
  const accounted = new Set<unknown>();
  for (const { kind, call, alertIds } of events) {
    if (kind === "intent") announced.set(call, alertIds);
    if (kind === "outcome" && !announced.has(call))
      violations.push("P12: an outcome before its intent");
    if (kind === "outcome") for (const id of alertIds as string[]) accounted.add(id);
  }
  const missing = ids.filter((id) => !accounted.has(id)).length;
  if (missing > 0) violations.push(`P12: ${missing} alerts without an account`);
  if ((await listOpenIntents(store, 0)).length > 0) violations.push("P12: an intent stays open");
  return violations;
}
