/**
 * One webhook from its bytes to its receipt: size, proof, limits, schema, queue, receipt, answer, in this order. The
 * receipt comes last: a crash before it makes the sender's repetition ask once more for what is already under way,
 * which changes nothing; a receipt that came first would turn such a crash into silence.
 *
 * What an id was used for is known before anything is sent. Where the id is signed, the record of the delivery's first
 * verdict says so: it is created only if absent, so a delivery that is new needs no look at the receipt.
 */
import { splitIntoMessages, type RecordResult } from "../contracts/alert-verdict.ts";
import type { IncomingBody } from "../contracts/parsed-body.ts";
import { createRetryProblem, Problem, problemTitles } from "../contracts/problem.ts";
import type { MessageQueues, RecordStore } from "../storage/record-store.ts";
import {
  deliveryIdRetentionMs,
  receiptPath,
  webhookReceipt,
  type WebhookAnswer,
  type WebhookReceipt,
} from "../contracts/webhook.ts";
import type { TakeAllowance, AllowanceResult } from "./allowance.ts";
import type { FairShare } from "./fair-share.ts";
import { planActions, type ActionPlan, type PlannedVerdict } from "./plan-actions.ts";
import { authenticate, type AuthDeps } from "./authenticate.ts";
import { readPayload } from "./readers.ts";
import { sha256 } from "./signatures.ts";
import type { Source } from "./sources.ts";
import type { Failpoint } from "../runtime/failpoints.ts";

/** A lookup of the hashes that a payload holds. */
export type PayloadLookup =
  | { readonly kind: "none" }
  | {
      readonly kind: "hashes";
      readonly hashes: number;
      /** Writes down what the message will point to. @returns the job */
      readonly createJob: () => Promise<string>;
      /** Puts the message on its queue. */
      readonly enqueueJob: (job: string) => Promise<void>;
    };

/** What the room asks of the outside. */
export interface WebhookDeps extends AuthDeps {
  /** @throws Problem 503 when the source's settings are wrong */
  readonly findSource: (name: string) => Source | undefined;
  /** @throws Problem when the body is missing or too large */
  readonly readBodyBytes: (request: IncomingBody) => Promise<Uint8Array>;
  /** @throws Problem when the body is not JSON or exceeds a limit */
  readonly parseJsonBody: (bytes: Uint8Array, contentType: string | null) => unknown;
  readonly records: RecordStore;
  readonly queues: MessageQueues;
  /** Writes a verdict down, so that it can be shown and taken back; without one, only that the id is taken. */
  readonly recordVerdict: (
    id: string,
    verdict: PlannedVerdict | undefined,
    delivery: { readonly source: string; readonly bodyHash: string },
  ) => Promise<RecordResult>;
  /** @param key - makes the same lookup the same job. @throws Problem for parts outside the limits */
  readonly prepareLookup: (parts: readonly unknown[], key: string) => Promise<PayloadLookup>;
  /** Starts a hunt once for a key; `undefined` when no hunt has this name. @returns its job */
  readonly startHunt: (name: string, key: string) => Promise<string | undefined>;
  readonly takeAllowance: TakeAllowance;
  readonly fairShare: FairShare;
  readonly failpoint: Failpoint;
  readonly logRefusal: (fields: {
    readonly source: string;
    readonly status: number;
    readonly cause: string;
  }) => void;
}

export interface WebhookCall {
  /** As it stands in the URL. */
  readonly source: string;
  readonly request: IncomingBody;
  /** Came through the door that asks for a function key. */
  readonly isKeyed: boolean;
}

export interface DeliveryResult {
  readonly answer: WebhookAnswer;
  /** The name of its receipt. */
  readonly receipt: string;
  /** Whether there is anything to wait for. */
  readonly isPending: boolean;
}

/** @throws Problem for every refusal; trouble of storage or vault as it came */
export async function receiveDelivery(
  deps: WebhookDeps,
  call: WebhookCall,
): Promise<DeliveryResult> {
  // Nobody is believed yet, so only a configured name may reach the log.
  const logContext = { source: "unknown", cause: "" };
  try {
    return await processCall(deps, call, logContext);
  } catch (error) {
    if (error instanceof Problem)
      deps.logRefusal({
        ...logContext,
        status: error.status,
        cause: logContext.cause || problemTitles[error.status],
      });
    throw error;
  }
}

async function processCall(
  deps: WebhookDeps,
  { source: name, request, isKeyed }: WebhookCall,
  logContext: { source: string; cause: string },
) {
  const bytes = await deps.readBodyBytes(request);
  const source = deps.findSource(name);
  if (source) logContext.source = name;
  const { headers } = request;
  const auth = source ? await authenticate({ headers, bytes, isKeyed }, source, deps) : undefined;
  if (!source || auth?.kind !== "proven") throw toAuthProblem(name, auth, logContext);
  await deps.failpoint("W1 verified");
  const body = deps.parseJsonBody(bytes, headers.get("content-type"));
  const bodyHash = sha256(bytes).toString("hex");
  const id = auth.id ?? bodyHash;
  const delivery = {
    source,
    id,
    bodyHash,
    key: auth.id !== undefined && auth.isIdSigned ? auth.id : bodyHash,
  };
  const plan = planDelivery(deps, body, delivery);
  await deps.failpoint("W2 validated");
  const result = await deps.fairShare.run(name, () => executePlan(deps, delivery, plan));
  if (!result)
    throw createRetryProblem("Too many requests of this source are waiting.", 2_000, 429);
  return result;
}

function toAuthProblem(
  name: string,
  auth: Awaited<ReturnType<typeof authenticate>> | undefined,
  logContext: { cause: string },
): Problem {
  if (auth?.kind === "no-key") {
    logContext.cause = "secret";
    return new Problem(503, `The secret webhook-${name} of the Key Vault wants ${auth.expected}.`);
  }
  logContext.cause = auth?.kind === "refused" ? auth.cause : "unknown source";
  return new Problem(401, "The request does not prove where it comes from.");
}

interface Delivery {
  readonly source: Source;
  readonly id: string;
  readonly bodyHash: string;
  /** What actions take their ids from: the signed id, else the hash of the body, which nobody can vary. */
  readonly key: string;
}

function planDelivery(deps: WebhookDeps, body: unknown, { source, key }: Delivery): ActionPlan {
  const payload = readPayload(body, source);
  if (payload.kind === "fault")
    throw new Problem(
      400,
      `This is no payload of ${source.mapping ? "this source's mapping" : source.reader}.`,
      {
        errors: payload.faults,
      },
    );
  return planActions(payload, body, source, {
    key,
    requestedAt: new Date(deps.nowMs()).toISOString(),
  });
}

async function executePlan(
  deps: WebhookDeps,
  delivery: Delivery,
  plan: ActionPlan,
): Promise<DeliveryResult> {
  const { source, bodyHash, id } = delivery;
  const receipt = sha256(id).toString("hex");
  const path = receiptPath(source.name, receipt);
  // Refuses what is outside the limits, so it comes before anything is written down.
  const lookup = await prepareDeliveryLookup(deps, delivery, plan);
  const allowance = await takeDailyAllowance(deps, source, plan);
  const previous = await findPreviousDelivery(
    deps,
    delivery,
    allowance.kind === "allowed" ? plan : undefined,
    path,
  );
  if (previous.kind !== "none" && allowance.kind === "allowed") allowance.releaseAlerts();
  if (previous.kind === "other")
    throw new Problem(409, "This id was used for another body; send a new id.");
  if (previous.kind === "repeated") return toDeliveryResult(previous.answer, receipt);
  if (allowance.kind === "used-up")
    throw createRetryProblem(
      "This source's alerts of the day are used up.",
      allowance.retryAfterMs,
      429,
    );
  const answer = await enqueueActions(deps, delivery, plan, lookup);
  const acceptedAt = new Date(previous.serverNowMs).toISOString();
  const fresh: WebhookReceipt = { version: 1, bodyHash, acceptedAt, answer };
  const written =
    previous.etag === undefined
      ? await deps.records.create(path, fresh)
      : await deps.records.replace(path, fresh, previous.etag);
  await deps.failpoint("W5 receipt written");
  if (written.kind === "lost") return executePlan(deps, delivery, plan);
  await deps.failpoint("W6 before answer");
  return toDeliveryResult(answer, receipt);
}

/** What came before under the id. `etag` is of a receipt that is too old, or broken. */
type PreviousDelivery =
  | { readonly kind: "none"; readonly serverNowMs: number; readonly etag?: string }
  | { readonly kind: "repeated"; readonly answer: WebhookAnswer }
  | { readonly kind: "other" };

/** @param plan - what may be written down; `undefined` for nothing */
async function findPreviousDelivery(
  deps: WebhookDeps,
  delivery: Delivery,
  plan: ActionPlan | undefined,
  path: string,
): Promise<PreviousDelivery> {
  if (plan && hasVerdictRecord(delivery)) {
    const recorded = await recordDeliveryVerdict(deps, delivery, plan.id, plan.verdicts[0]);
    if (recorded.kind === "other") return recorded;
    if (recorded.kind === "new") return { kind: "none", serverNowMs: recorded.serverNowMs };
  }
  const read = await deps.records.read(path);
  const { serverNowMs } = read;
  const receipt = read.kind === "found" ? webhookReceipt.safeParse(read.value).data : undefined;
  if (receipt && serverNowMs - Date.parse(receipt.acceptedAt) < deliveryIdRetentionMs)
    return receipt.bodyHash === delivery.bodyHash
      ? { kind: "repeated", answer: receipt.answer }
      : { kind: "other" };
  return { kind: "none", serverNowMs, ...(read.kind === "absent" ? {} : { etag: read.etag }) };
}

/**
 * Whether the record of the first verdict says what the id was used for: not where the id is unsigned, since the verdict
 * then goes by the body, and not for sources without verdicts, which leave no records.
 */
const hasVerdictRecord = ({ source, id, key }: Delivery): boolean =>
  id === key && source.allow.includes("verdict");

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
  search.length > 0 ? deps.prepareLookup(search, jobKeyOf(delivery)) : { kind: "none" };

const jobKeyOf = ({ source, key }: Delivery): string => `webhook ${source.name} ${key}`;

/** Everything that a message points to first, then the messages. Each may be there twice after a crash, and is inert then. */
async function enqueueActions(
  deps: WebhookDeps,
  delivery: Delivery,
  plan: ActionPlan,
  lookup: PayloadLookup,
): Promise<WebhookAnswer> {
  const { source, id } = delivery;
  const skipped = [...plan.skipped];
  const creatingJob = lookup.kind === "hashes" ? lookup.createJob() : undefined;
  const unrecorded = plan.verdicts.slice(hasVerdictRecord(delivery) ? 1 : 0);
  await Promise.all([
    creatingJob,
    ...unrecorded.map((verdict) => recordDeliveryVerdict(deps, delivery, verdict.id, verdict)),
  ]);
  const job = await creatingJob;
  await deps.failpoint("W3 claim-check written");
  for (const message of plan.verdicts.flatMap(splitIntoMessages))
    await deps.queues.send("alert-verdicts", message);
  if (lookup.kind === "hashes" && job !== undefined) await lookup.enqueueJob(job);
  const hunts: { hunt: string; job: string }[] = [];
  for (const hunt of plan.hunts) {
    const huntJob = await deps.startHunt(hunt, jobKeyOf(delivery));
    if (huntJob === undefined)
      skipped.push({ path: "", message: `no hunt is called ${hunt}: mend the source's rules` });
    else hunts.push({ hunt, job: huntJob });
  }
  await deps.failpoint("W4 enqueued");
  return {
    source: source.name,
    id,
    verdicts: plan.verdicts.map(({ action, alertIds, id: verdict }) => ({
      id: verdict,
      action,
      alertIds,
    })),
    lookup: lookup.kind === "hashes" && job !== undefined ? { job, hashes: lookup.hashes } : null,
    hunts,
    skipped,
  };
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
