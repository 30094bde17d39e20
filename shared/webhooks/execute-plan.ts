/**
 * Carries out the plan of a delivery: claims its id, enqueues its actions, writes its receipt. The
 * receipt comes last: a crash before it makes the sender's repetition enqueue the same actions
 * again, which has no effect; a receipt that came first would lose them.
 *
 * The record of the delivery's first verdict reserves its key. The record is created only if
 * absent, so a new delivery needs no read of its receipt. An unsigned id is not part of the key: a
 * third party can vary it at will.
 */
import { splitIntoMessages } from "../contracts/alert-verdict.ts";
import { createRetryProblem, Problem } from "../contracts/problem.ts";
import {
  deliveryIdRetentionMs,
  receiptPath,
  webhookReceipt,
  type WebhookAnswer,
  type WebhookReceipt,
} from "../contracts/webhook.ts";
import { etagOf, readRecord, writeRecord } from "../storage/typed-record.ts";
import type { AllowanceResult } from "./allowance.ts";
import type { ActionPlan, PlannedVerdict } from "./plan-actions.ts";
import type { PayloadLookup, WebhookDeps } from "./ports.ts";
import { sha256 } from "./signatures.ts";
import type { Source } from "./sources.ts";

/** An authenticated delivery. */
export interface Delivery {
  readonly source: Source;
  readonly id: string;
  readonly bodyHash: string;
  /**
   * The signed id, otherwise the hash of the body, which a third party cannot vary. All ids of
   * actions derive from it.
   */
  readonly key: string;
}

export interface DeliveryResult {
  readonly answer: WebhookAnswer;
  /** The name of the receipt. */
  readonly receipt: string;
  /** Whether there is work to wait for. */
  readonly isPending: boolean;
}

/** @throws Problem when the id was used for another body, or the source's day is used up */
export async function executePlan(
  deps: WebhookDeps,
  delivery: Delivery,
  plan: ActionPlan,
): Promise<DeliveryResult> {
  const { source, bodyHash, key } = delivery;
  const receipt = sha256(key).toString("hex");
  const path = receiptPath(source.name, receipt);
  // Refuses parts that exceed a limit, so it comes before anything is written.
  const lookup = await prepareDeliveryLookup(deps, delivery, plan);
  const allowance = await takeDailyAllowance(deps, source, plan);
  const recordable = allowance.kind === "allowed" ? plan : undefined;
  const previous = await findPreviousDelivery(deps, delivery, recordable, path);
  const isCounted = previous.kind !== "none" || previous.isRecorded;
  if (isCounted && allowance.kind === "allowed") allowance.releaseAlerts();
  if (previous.kind === "other")
    throw new Problem(409, "This id was used for another body. Send a new id.");
  if (previous.kind === "repeated") return toDeliveryResult(previous.answer, receipt);
  if (allowance.kind === "usedUp")
    throw createRetryProblem(
      "Daily alert limit reached for this source.",
      allowance.retryAfterMs,
      429,
    );
  const answer = await enqueueActions(deps, delivery, plan, lookup);
  const acceptedAt = new Date(previous.serverNowMs).toISOString();
  const fresh: WebhookReceipt = { version: 1, bodyHash, acceptedAt, answer };
  const written = await writeRecord(deps.records, path, fresh, previous.etag);
  await deps.failpoint("W5 receipt written");
  if (written.kind === "lost") return executePlan(deps, delivery, plan);
  await deps.failpoint("W6 before answer");
  return toDeliveryResult(answer, receipt);
}

/**
 * An earlier delivery with the same id. `etag` is that of a receipt that has expired or is invalid.
 */
type PreviousDelivery =
  | {
      readonly kind: "none";
      readonly serverNowMs: number;
      readonly etag?: string | undefined;
      /** Whether its verdict was recorded before, and its alerts therefore counted. */
      readonly isRecorded: boolean;
    }
  | { readonly kind: "repeated"; readonly answer: WebhookAnswer }
  | { readonly kind: "other" };

/** @param plan - the plan to record; `undefined` records nothing */
async function findPreviousDelivery(
  deps: WebhookDeps,
  delivery: Delivery,
  plan: ActionPlan | undefined,
  path: string,
): Promise<PreviousDelivery> {
  let isRecorded = false;
  if (plan && hasVerdictRecord(delivery)) {
    const recorded = await recordDeliveryVerdict(deps, delivery, plan.id, plan.verdicts[0]);
    if (recorded.kind === "other") return recorded;
    if (recorded.kind === "new")
      return { kind: "none", serverNowMs: recorded.serverNowMs, isRecorded };
    isRecorded = true;
  }
  const read = await readRecord(deps.records, path, webhookReceipt);
  const { serverNowMs } = read;
  if (
    read.kind === "found" &&
    serverNowMs - Date.parse(read.value.acceptedAt) < deliveryIdRetentionMs
  )
    return read.value.bodyHash === delivery.bodyHash
      ? { kind: "repeated", answer: read.value.answer }
      : { kind: "other" };
  return { kind: "none", serverNowMs, etag: etagOf(read), isRecorded };
}

/**
 * Tells whether the record of the first verdict reserves the delivery's key: sources without
 * verdicts have none.
 */
const hasVerdictRecord = ({ source }: Delivery): boolean => source.allow.includes("verdict");

const recordDeliveryVerdict = (
  deps: WebhookDeps,
  { source, bodyHash }: Delivery,
  id: string,
  verdict?: PlannedVerdict,
) => deps.recordVerdict(id, verdict, { source: source.name, bodyHash });

const toDeliveryResult = (answer: WebhookAnswer, receipt: string): DeliveryResult => ({
  answer,
  receipt,
  isPending: answer.verdicts.length > 0 || answer.lookup !== null || answer.hunts.length > 0,
});

const prepareDeliveryLookup = async (
  deps: WebhookDeps,
  delivery: Delivery,
  { search }: ActionPlan,
): Promise<PayloadLookup> =>
  search.length > 0
    ? deps.prepareLookup(search, jobKeyOf(delivery), isTextBody(delivery, search))
    : { kind: "none" };

const isTextBody = ({ source }: Delivery, [body]: ActionPlan["search"]): boolean =>
  source.reader === "any" && typeof body === "string";

const jobKeyOf = ({ source, key }: Delivery): string => `webhook ${source.name} ${key}`;

/**
 * Stores everything that a message refers to, then enqueues the messages. A crash may enqueue them
 * twice, which has no effect.
 */
async function enqueueActions(
  deps: WebhookDeps,
  delivery: Delivery,
  plan: ActionPlan,
  lookup: PayloadLookup,
): Promise<WebhookAnswer> {
  // Sealed before anything is stored: without its key, the delivery is not accepted.
  const messages = await Promise.all(
    plan.verdicts.flatMap(splitIntoMessages).map(deps.sealMessage),
  );
  const creatingJob = lookup.kind === "hashes" ? lookup.createJob() : undefined;
  const unrecorded = plan.verdicts.slice(hasVerdictRecord(delivery) ? 1 : 0);
  await Promise.all([
    creatingJob,
    ...unrecorded.map((verdict) => recordDeliveryVerdict(deps, delivery, verdict.id, verdict)),
  ]);
  const job = await creatingJob;
  await deps.failpoint("W3 claim-check written");
  for (const message of messages) await deps.queues.send("alert-verdicts", message);
  if (lookup.kind === "hashes" && job !== undefined) await lookup.enqueueJob(job);
  const { hunts, skipped } = await startPlannedHunts(deps, delivery, plan);
  await deps.failpoint("W4 enqueued");
  return {
    source: delivery.source.name,
    id: delivery.id,
    verdicts: plan.verdicts.map(({ action, alertIds, id }) => ({ id, action, alertIds })),
    lookup: lookup.kind === "hashes" && job !== undefined ? { job, hashes: lookup.hashes } : null,
    hunts,
    skipped: [...plan.skipped, ...skipped],
  };
}

async function startPlannedHunts(deps: WebhookDeps, delivery: Delivery, plan: ActionPlan) {
  const hunts: WebhookAnswer["hunts"] = [];
  const skipped: WebhookAnswer["skipped"] = [];
  for (const hunt of plan.hunts) {
    const job = await deps.startHunt(hunt, jobKeyOf(delivery));
    if (job === undefined)
      skipped.push({ path: "", message: `unknown hunt ${hunt}: correct the source's rules` });
    else hunts.push({ hunt, job });
  }
  return { hunts, skipped };
}

async function takeDailyAllowance(
  deps: WebhookDeps,
  source: Source,
  { verdicts }: ActionPlan,
): Promise<AllowanceResult> {
  const alerts = verdicts.reduce((sum, { alertIds }) => sum + alertIds.length, 0);
  return alerts === 0
    ? { kind: "allowed", releaseAlerts: () => undefined }
    : deps.takeAllowance(source.name, alerts);
}
