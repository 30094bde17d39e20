/** Periodic duties and dead letters. */
import { expirePersonalData } from "../alerts/expire-personal-data.ts";
import { reconcileCall, type AnnouncedCall } from "../alerts/reconcile-audit.ts";
import { anchorAudit } from "../audit/anchor.ts";
import { expireTexts } from "../audit/personal-texts.ts";
import { listOpenIntents } from "../audit/open-intents.ts";
import {
  maxDeadLettersPerRequest,
  type DeadLetterQueue,
  type DeadLetterReason,
} from "../contracts/dead-letter.ts";
import { receiptRetentionMs } from "../contracts/webhook.ts";
import { dayMs, hourMs } from "../runtime/time.ts";
import {
  readDeadLetterPage,
  replayDeadLetters,
  writeDeadLetter,
  type DeadLetterPage,
  type ReplayResult,
} from "../storage/dead-letters.ts";
import { expireRecords, jobRetentionMs } from "../storage/jobs.ts";
import type { RecordStore } from "../storage/record-store.ts";
import { getAlertDeps, getAuditLog, readAuditKey } from "./alerts.ts";
import { clock, failpoint, getQueues, getRecords } from "./platform.ts";
import type { Tenant } from "./tenants.ts";

/**
 * Anchors the audit, closes its open intents, and removes expired jobs, receipts and texts about
 * people.
 */
export async function runMaintenance(tenant: Tenant): Promise<void> {
  const store = await getRecords(tenant);
  const pendingIntents = await listOpenIntents(store, hourMs);
  const deps = pendingIntents.length > 0 ? await getAlertDeps(tenant) : undefined;
  for (const { body, path } of pendingIntents) {
    tenant.log("audit.gap", {
      seq: Number(/(\d+)\.json$/.exec(path)?.[1] ?? -1),
      cause: "intent without outcome",
    });
    // Only this app writes intents, and `npm run verify-audit` checks their seals.
    if (deps) await reconcileCall(deps, body as unknown as AnnouncedCall);
  }
  await expireRecords(store, "state/jobs/", jobRetentionMs, clock.now());
  await expireRecords(store, "state/receipts/", receiptRetentionMs, clock.now());
  await expireRecords(store, "state/closing/", dayMs, clock.now());
  await moveAnchor(tenant, store);
  await expireTextsAboutPeople(tenant, store);
}

/** The records of verdicts lose their texts first: they name what the texts belong to. */
async function expireTextsAboutPeople(tenant: Tenant, store: RecordStore): Promise<void> {
  const { PERSONAL_DATA_DAYS: days } = tenant.readSettings(["PERSONAL_DATA_DAYS"]);
  const cutoffMs = clock.now() - days * dayMs;
  await expirePersonalData(store, cutoffMs);
  await expireTexts({ store, appendAudit: await getAuditLog(tenant) }, cutoffMs);
}

async function moveAnchor(tenant: Tenant, store: RecordStore): Promise<void> {
  const { log } = tenant;
  const anchored = await anchorAudit({ store, readKey: () => readAuditKey(tenant) });
  if (anchored.kind === "gap") log("audit.gap", { seq: anchored.seq, cause: anchored.cause });
  if (anchored.kind === "anchored")
    log("audit.anchored", { seq: anchored.anchor.seq, hash: anchored.anchor.hash });
}

/** Moves a message that cannot be processed to the dead letters. */
export async function moveToDeadLetters(
  tenant: Tenant,
  queue: DeadLetterQueue,
  raw: unknown,
  failure: { readonly reason: DeadLetterReason; readonly detail?: string | undefined },
): Promise<void> {
  const deadLetter = await writeDeadLetter(await getRecords(tenant), queue, raw, failure);
  await failpoint("D1 dead letter written");
  tenant.log("deadletter.written", { queue, deadLetter, cause: failure.reason });
}

export const listStoredDeadLetters = async (
  tenant: Tenant,
  queue?: DeadLetterQueue,
  after?: string,
): Promise<DeadLetterPage> =>
  readDeadLetterPage(await getRecords(tenant), maxDeadLettersPerRequest, { queue, after });

export const replayStoredDeadLetters = async (
  tenant: Tenant,
  requests: readonly { readonly queue: DeadLetterQueue; readonly id: string }[],
): Promise<ReplayResult[]> =>
  replayDeadLetters(await getRecords(tenant), await getQueues(tenant), requests);
