/** Finds everything that names a person, or that a verdict about an alert says about people. */
import { alertFolder, alertRecord, isClaimed, isSettled } from "../../alerts/alert-record.ts";
import { hasPersonalData } from "../../alerts/personal-data.ts";
import { requestFolder, requestRecord, type RequestRecord } from "../../alerts/request-record.ts";
import { readAlertStatuses } from "../../alerts/verdict-status.ts";
import { digestInPath, textFolder } from "../../audit/personal-texts.ts";
import { deadLetter } from "../../contracts/dead-letter.ts";
import { personalText } from "../../contracts/personal-text.ts";
import { receiptFolder } from "../../contracts/webhook.ts";
import { dayMs } from "../../runtime/time.ts";
import type { RecordStore } from "../../storage/record-store.ts";
import { readRecords, type StoredRecord } from "./read-records.ts";
import { isNamedAnywhere, type ErasureTarget } from "./target.ts";

/** What was found. Paths are in the order in which they are removed. */
export interface PersonalData {
  readonly deadLetters: readonly string[];
  readonly jobs: readonly string[];
  readonly receipts: readonly string[];
  /** Records that stay, without their texts. */
  readonly alerts: readonly string[];
  readonly requests: readonly string[];
  /** Digests of stored texts. */
  readonly texts: readonly string[];
  /** Verdicts that are being carried out: their messages on the queue still have the texts. */
  readonly waiting: ReadonlySet<string>;
  /** Verdicts whose texts are erased, also those that an earlier erasure dealt with. */
  readonly verdicts: ReadonlySet<string>;
}

/** Finds the records of a target. Repeated after a crash, it finds what is left. */
export async function findPersonalData(
  store: RecordStore,
  target: ErasureTarget,
): Promise<PersonalData> {
  const deadLetters = await findDeadLetters(store, target);
  const requests = await findRequests(store, target);
  const waiting = await findWaiting(store, requests, deadLetters.stuck);
  const verdicts = new Set(requests.keys().filter((verdict) => !waiting.has(verdict)));
  const context = { target, verdicts, waiting, stuck: deadLetters.stuck };
  const alerts = await findAlerts(store, context);
  return {
    deadLetters: deadLetters.paths,
    jobs: await findJobs(store, target),
    receipts: await findNamed(store, receiptFolder(), target),
    alerts,
    requests: [...requests.values()]
      .filter(({ request }) => verdicts.has(request.id) && hasPersonalData(request))
      .map(({ path }) => path),
    texts: await findTexts(store, context),
    waiting,
    verdicts,
  };
}

interface SearchContext {
  readonly target: ErasureTarget;
  /** Verdicts whose texts are erased. */
  readonly verdicts: ReadonlySet<string>;
  /** Verdicts that are left alone; the search adds to them. */
  readonly waiting: Set<string>;
  /** Verdicts whose message is a dead letter. */
  readonly stuck: ReadonlySet<string>;
}

const findNamed = async (
  store: RecordStore,
  prefix: string,
  target: ErasureTarget,
): Promise<string[]> => {
  const paths: string[] = [];
  for await (const { path, value } of readRecords(store, prefix))
    if (isNamedAnywhere(target, value)) paths.push(path);
  return paths;
};

async function findDeadLetters(store: RecordStore, target: ErasureTarget) {
  const paths: string[] = [];
  const stuck = new Set<string>();
  for await (const { path, value } of readRecords(store, "dead-letters/")) {
    const id = deadLetter.safeParse(value).data?.message?.["id"];
    if (typeof id === "string") stuck.add(id);
    if (isNamedAnywhere(target, value)) paths.push(path);
  }
  return { paths, stuck };
}

interface FoundRequest {
  readonly path: string;
  readonly request: RequestRecord;
  readonly serverNowMs: number;
}

async function findRequests(store: RecordStore, target: ErasureTarget) {
  const requests = new Map<string, FoundRequest>();
  for await (const { path, serverNowMs, value } of readRecords(store, requestFolder)) {
    const request = requestRecord.safeParse(value).data;
    // The alerts of a request say which alert it is about; its other members name people.
    const named = target.kind === "alert" ? request?.alertIds : request?.requestedBy;
    if (request && isNamedAnywhere(target, named))
      requests.set(request.id, { path, request, serverNowMs });
  }
  return requests;
}

/**
 * A request that was recorded but never enqueued, or whose message is a dead letter, is not waited
 * for.
 */
async function findWaiting(
  store: RecordStore,
  requests: ReadonlyMap<string, FoundRequest>,
  stuck: ReadonlySet<string>,
): Promise<Set<string>> {
  const waiting = new Set<string>();
  for (const [verdict, { request, serverNowMs }] of requests) {
    const isAbandoned = !request.enqueued && request.acceptedAtMs < serverNowMs - dayMs;
    if (stuck.has(verdict) || isAbandoned) continue;
    const statuses = await readAlertStatuses({ store }, verdict, request.alertIds);
    if (statuses.some(({ outcome }) => outcome === "waiting")) waiting.add(verdict);
  }
  return waiting;
}

async function findAlerts(store: RecordStore, context: SearchContext): Promise<string[]> {
  const paths: string[] = [];
  for await (const record of readRecords(store, alertFolder))
    if (isErasableAlert(record, context)) paths.push(record.path);
  return paths;
}

function isErasableAlert(
  { serverNowMs, value }: StoredRecord,
  { stuck, target, verdicts, waiting }: SearchContext,
): boolean {
  const record = alertRecord.safeParse(value).data;
  if (!record) return false;
  const isMeant = verdicts.has(record.verdict) || isNamedAnywhere(target, record);
  if (!isMeant || !hasPersonalData(record) || waiting.has(record.verdict)) return false;
  const isInProgress =
    isClaimed(record, serverNowMs) || (!isSettled(record) && !stuck.has(record.verdict));
  if (isInProgress) waiting.add(record.verdict);
  return !isInProgress;
}

async function findTexts(
  store: RecordStore,
  { target, verdicts, waiting }: SearchContext,
): Promise<string[]> {
  const digests: string[] = [];
  for await (const { path, value } of readRecords(store, textFolder)) {
    const verdict = personalText.safeParse(value).data?.verdict ?? "";
    const isMeant = verdicts.has(verdict) || isNamedAnywhere(target, value);
    if (isMeant && !waiting.has(verdict)) digests.push(digestInPath(path));
  }
  return digests;
}

/**
 * A job is removed as a whole. The record that names the target comes last, so that the job is found
 * again after a crash.
 */
async function findJobs(store: RecordStore, target: ErasureTarget): Promise<string[]> {
  const named = await findNamed(store, "state/jobs/", target);
  const folders = new Set(named.map((path) => path.split("/").slice(0, 3).join("/")));
  const others: string[] = [];
  for (const folder of folders)
    for await (const { path } of store.list(`${folder}/`))
      if (!named.includes(path)) others.push(path);
  return [...others, ...named];
}
