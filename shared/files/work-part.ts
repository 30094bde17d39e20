/** Works off what lies on the queue `file-lookups`: a job is spread into its parts, a part is answered or put back. */
import * as z from "zod/mini";
import type { FileLookupMessage } from "../contracts/file-lookup.ts";
import { endJob, findJob, jobKeyAgeMs, jobPaths, type JobHeader } from "../storage/jobs.ts";
import type { LookUpPlan } from "./single-flight.ts";
import type { Bulk, BulkOutcome } from "./bulk.ts";
import type { FileCache } from "./cache.ts";
import { isFresh } from "./cached-file.ts";
import { endWhenComplete, finishPart, partsDone, readPart, requestOf } from "./file-jobs.ts";
import { inParallel } from "./in-parallel.ts";
import type { LookUp, LookUpOutcome, Wanted } from "./look-up.ts";
import type { FilesOutside } from "./ports.ts";
import { resultOf, type Asked } from "./report.ts";

export interface WorkOutside extends FilesOutside {
  readonly cache: FileCache;
  readonly lookUp: LookUp;
  readonly bulk: Bulk;
}

/** A message starts no new call after two minutes, and none behind a short way that took long. */
const workMs = 120_000;
const callMs = 15_000;
const longBulkMs = 180_000;
const width = 8;

const shortestPauseMs = 1_000;
const longestPauseMs = 3_600_000;
const firstDownPauseMs = 15_000;
const longestDownPauseMs = 900_000;
const bulkTries = 3;

/** Works off one message; resolves when its work is done or put back on the queue. Throws when the store fails. */
export async function workOff(outside: WorkOutside, message: FileLookupMessage): Promise<void> {
  const job = await findJob(outside.records, message.job);
  if (job.kind !== "running") return;
  await outside.reach("J4 message read");
  if (message.part !== undefined)
    return workPart(outside, { header: job.header, part: message.part, again: message.again ?? 0 });
  return spread(outside, job.header);
}

/** One message a part that is not answered yet; a job of one part is worked off at once. */
async function spread(outside: WorkOutside, header: JobHeader): Promise<void> {
  if (header.parts === 1) return workPart(outside, { header, part: 0, again: 0 });
  const done = await partsDone(outside.records, header.id);
  const open = Array.from({ length: header.parts }, (_, part) => part).filter(
    (part) => !done.has(part),
  );
  await inParallel(open, width, (part) =>
    outside.queues.send("file-lookups", {
      version: 1,
      job: header.id,
      part,
    } satisfies FileLookupMessage),
  );
  if (open.length === 0) await end(outside, header);
}

interface Part {
  readonly header: JobHeader;
  readonly part: number;
  readonly again: number;
}

async function workPart(outside: WorkOutside, at: Part): Promise<void> {
  const { records, clock } = outside;
  const { header, part, again } = at;
  if (part >= header.parts) return;
  if ((await partsDone(records, header.id)).has(part)) return end(outside, header);
  const request = requestOf(header);
  const asked = await readPart(records, header, part);
  const plan = planOf(header, request.options, clock.now());
  const wanted = asked.flatMap((each) =>
    each.kind === "invalid" ? [] : [{ hash: each.hash, kind: each.kind }],
  );
  const short = request.bulk ? await goShort(outside, at, wanted, plan) : { kind: "off" as const };
  if (short.kind === "later") return putBack(outside, at, short.retryAfterMs);
  if (short.kind === "failed" && again < bulkTries)
    return putBack(outside, { ...at, again: again + 1 }, downPause(again));
  if (clock.now() - (plan.startUntilMs - workMs) > longBulkMs) return putBack(outside, at, 0);
  const startedMs = clock.now();
  const outcomes = await outside.lookUp(wanted, plan);
  await outside.reach("J5 part looked up");
  const left = outcomes.filter(isOpen);
  if (left.length > 0 && !plan.settle) {
    const down = left.some(({ kind }) => kind === "down");
    // The first refusal may be as old as this round: better a moment too early than a turn left unused.
    const soonest =
      Math.min(...left.map(({ retryAfterMs }) => retryAfterMs)) - (clock.now() - startedMs);
    const pauseMs = down ? downPause(again) : soonest;
    return putBack(outside, { ...at, again: down ? again + 1 : 0 }, pauseMs);
  }
  const results = resultsOf(asked, outcomes, plan);
  if (await finishPart(outside, header, part, results)) outside.note(finished(header));
}

const planOf = (
  header: JobHeader,
  options: { lookBackHours: number; information: boolean },
  nowMs: number,
): LookUpPlan => ({
  lookBackHours: options.lookBackHours,
  information: options.information,
  freshAtMs: Date.parse(header.createdAt),
  startUntilMs: nowMs + workMs,
  endMs: nowMs + workMs + callMs,
  // Nobody can read the job once its key is too old: what is still open then ends as it stands.
  settle: nowMs - Date.parse(header.createdAt) >= jobKeyAgeMs - longestPauseMs,
});

/** Fills the cache over hunting with what is not in it; nothing to do when it is switched off. */
async function goShort(
  outside: WorkOutside,
  { header, part, again }: Part,
  wanted: readonly Wanted[],
  plan: LookUpPlan,
): Promise<BulkOutcome> {
  if (again >= bulkTries || (await outside.bulk.off())) return { kind: "off" };
  const open = await inParallel(wanted, width * 4, async (each) =>
    (await isKnown(outside, each, plan)) ? [] : [each],
  );
  if (open.flat().length === 0) return { kind: "done" };
  const path = jobPaths.claim(header.id, part);
  const claimed = await claim(outside, path);
  if (claimed.kind === "busy") return { kind: "later", retryAfterMs: claimed.forMs };
  const outcome = await outside.bulk.fill(open.flat(), plan.lookBackHours);
  await outside.records.remove(path, claimed.etag);
  return outcome;
}

const claimSchema = z.object({ untilMs: z.number() });
const claimMs = 60_000;

type Claim =
  | { readonly kind: "mine"; readonly etag: string }
  | { readonly kind: "busy"; readonly forMs: number };

/** A message may come twice and a request may be repeated; two hunting calls are worth a look at who is at work. */
async function claim({ records, newAttempt }: WorkOutside, path: string): Promise<Claim> {
  const there = await records.read(path);
  const held = there.kind === "found" ? (claimSchema.safeParse(there.value).data?.untilMs ?? 0) : 0;
  if (held > there.serverNowMs)
    return { kind: "busy", forMs: Math.min(claimMs, held - there.serverNowMs) };
  const mine = { version: 1, attempt: newAttempt(), untilMs: there.serverNowMs + claimMs };
  const written = await (there.kind === "absent"
    ? records.create(path, mine)
    : records.replace(path, mine, there.etag));
  return written.kind === "written"
    ? { kind: "mine", etag: written.etag }
    : { kind: "busy", forMs: claimMs };
}

async function isKnown(
  { cache, settings }: WorkOutside,
  { hash, kind }: Wanted,
  plan: LookUpPlan,
): Promise<boolean> {
  const file = await cache.read(hash, () => true);
  const known = kind === "sha1" ? file?.statistics[String(plan.lookBackHours)] : file?.sha1;
  return known !== undefined && isFresh(known, settings, plan.freshAtMs);
}

type OpenOutcome = Extract<LookUpOutcome, { kind: "later" | "down" }>;
const isOpen = (outcome: LookUpOutcome): outcome is OpenOutcome =>
  outcome.kind === "later" || outcome.kind === "down";

function resultsOf(asked: readonly Asked[], outcomes: readonly LookUpOutcome[], plan: LookUpPlan) {
  let next = 0;
  return asked.map((each) => {
    const outcome = each.kind === "invalid" ? undefined : outcomes[next++];
    const closed: LookUpOutcome | undefined =
      outcome?.kind === "later" ? { kind: "refused", problem: tooLate } : outcome;
    return resultOf(each, closed, plan.freshAtMs, true);
  });
}

const tooLate = "The quota of the file API left no call for this hash within a day.";

const downPause = (again: number): number =>
  Math.min(longestDownPauseMs, firstDownPauseMs * 2 ** Math.min(again, 10));

async function putBack(
  outside: WorkOutside,
  { header, part, again }: Part,
  pauseMs: number,
): Promise<void> {
  const delayMs = Math.min(longestPauseMs, Math.max(shortestPauseMs, pauseMs));
  const message = { version: 1, job: header.id, part, again } satisfies FileLookupMessage;
  await outside.queues.send("file-lookups", message, { delaySeconds: Math.ceil(delayMs / 1_000) });
  await outside.reach("J7 part put back");
}

async function end(outside: WorkOutside, header: JobHeader): Promise<void> {
  if (await endWhenComplete(outside.records, header, outside.clock.now()))
    outside.note(finished(header));
}

const finished = (header: JobHeader) =>
  ({ kind: "job-finished", job: header.id, outcome: "done" }) as const;

/** Ends a job before its time; what is answered stays readable. `false` when it had ended before. */
export async function cancelJob(outside: FilesOutside, header: JobHeader): Promise<boolean> {
  const endedAt = new Date(outside.clock.now()).toISOString();
  const mine = await endJob(outside.records, header.id, {
    version: 1,
    endedAt,
    outcome: "cancelled",
  });
  if (mine) outside.note({ kind: "job-finished", job: header.id, outcome: "cancelled" });
  return mine;
}
