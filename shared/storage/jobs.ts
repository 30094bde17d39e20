/**
 * Jobs: work that takes longer than its request. Stored in `state/jobs/{id}/`, header first, one
 * record per part, so that no large record is rewritten. File lookups, hunt runs and verdicts use them; the
 * URL of a job is pre-signed.
 */
import { createHash, createHmac, timingSafeEqual } from "node:crypto";
import * as z from "zod/mini";
import type { RecordStore } from "./record-store.ts";
import { readRecord, readValue } from "./typed-record.ts";

const dayMs = 86_400_000;

/** How long a job's records are kept, and how long its URL opens it. */
export const jobRetentionMs = 7 * dayMs;
export const jobKeyLifetimeMs = dayMs;

/** 32 hexadecimal digits. */
export const jobId = z
  .string()
  .check(z.regex(/^[0-9a-f]{32}$/, "must be a job id of 32 hexadecimal digits"));

/** Written once, before the job's first message; its existence is what makes the job accepted. */
const jobHeaderSchema = z.strictObject({
  version: z.literal(1),
  id: jobId,
  kind: z.enum(["files", "hunt", "verdict"]),
  createdAt: z.iso.datetime(),
  expiresAt: z.iso.datetime(),
  /**
   * Whose input records count: several attempts may have written theirs, only one wrote the header.
   */
  attempt: z.string(),
  /** SHA-256 of the request; distinguishes a repetition from another request with the same key. */
  requestHash: z.string(),
  /** How many result parts make the job complete; 0 when the kind has none. */
  parts: z.int().check(z.gte(0)),
  /** The request, in the form of its kind. */
  request: z.record(z.string(), z.unknown()),
});
export type JobHeader = z.infer<typeof jobHeaderSchema>;

/** Creates the header of a job that starts now. */
export const createJobHeader = (
  nowMs: number,
  members: Omit<JobHeader, "version" | "createdAt" | "expiresAt">,
): JobHeader => ({
  version: 1,
  createdAt: new Date(nowMs).toISOString(),
  expiresAt: new Date(nowMs + jobRetentionMs).toISOString(),
  ...members,
});

/** Written once, when the job has ended; the first writer decides how. */
const jobEndSchema = z.strictObject({
  version: z.literal(1),
  endedAt: z.iso.datetime(),
  outcome: z.enum(["succeeded", "failed", "canceled"]),
  /** The result, when it is small enough for this record. */
  result: z.optional(z.record(z.string(), z.unknown())),
  error: z.optional(z.object({ code: z.string(), message: z.string() })),
});
export type JobEnd = z.infer<typeof jobEndSchema>;

const padPart = (part: number): string => String(part).padStart(5, "0");

/** Paths of the records of a job. */
export const jobPaths = {
  header: (id: string): string => `state/jobs/${id}/job.json`,
  end: (id: string): string => `state/jobs/${id}/end.json`,
  input: (id: string, attempt: string, part: number): string =>
    `state/jobs/${id}/input/${attempt}/${padPart(part)}.json`,
  /** Lease of a part, so that two instances do not look up the same part. */
  lease: (id: string, part: number): string => `state/jobs/${id}/leases/${padPart(part)}.json`,
  results: (id: string): string => `state/jobs/${id}/results/`,
  result: (id: string, part: number): string => `state/jobs/${id}/results/${padPart(part)}.json`,
} as const;

/** The state of a job. `expired` includes a header that is invalid. */
export type JobStatus =
  | { readonly kind: "running"; readonly header: JobHeader; readonly serverNowMs: number }
  | { readonly kind: "ended"; readonly header: JobHeader; readonly end: JobEnd }
  | { readonly kind: "expired" }
  | { readonly kind: "absent" };

/** Reads header and end of a job. */
export async function findJob(records: Pick<RecordStore, "read">, id: string): Promise<JobStatus> {
  const [stored, end] = await Promise.all([
    readRecord(records, jobPaths.header(id), jobHeaderSchema),
    readValue(records, jobPaths.end(id), jobEndSchema),
  ]);
  if (stored.kind === "absent") return { kind: "absent" };
  if (stored.kind === "invalid" || Date.parse(stored.value.expiresAt) <= stored.serverNowMs)
    return { kind: "expired" };
  const header = stored.value;
  return end
    ? { kind: "ended", header, end }
    : { kind: "running", header, serverNowMs: stored.serverNowMs };
}

/** Ends a job; `false` when another process ended it first. */
export async function endJob(
  records: Pick<RecordStore, "create">,
  id: string,
  end: JobEnd,
): Promise<boolean> {
  return (await records.create(jobPaths.end(id), end)).kind === "written";
}

/**
 * The id of the job that a kind, a key and a turn make: the same request finds the same job without
 * a search.
 */
export const deriveJobId = (kind: JobHeader["kind"], ...key: readonly string[]): string =>
  createHash("sha256")
    .update(JSON.stringify([kind, ...key]))
    .digest("hex")
    .slice(0, 32);

const computeMac = (secret: string, id: string, expiresSeconds: number): Buffer =>
  createHmac("sha256", secret).update(`huntline-job\n${id}\n${expiresSeconds}`).digest();

/** The key that opens one job until an instant: `{seconds since 1970}.{signature, base64url}`. */
export function signJobKey(secret: string, id: string, expiresAtMs: number): string {
  const expiresSeconds = Math.floor(expiresAtMs / 1_000);
  return `${expiresSeconds}.${computeMac(secret, id, expiresSeconds).toString("base64url")}`;
}

/** Whether a key opens this job now. Compares in constant time and says nothing of why not. */
export function isValidJobKey(secret: string, id: string, key: string, nowMs: number): boolean {
  const match = /^(\d{1,12})\.([A-Za-z0-9_-]{43})$/.exec(key);
  if (!match?.[1] || !match[2]) return false;
  const expiresSeconds = Number(match[1]);
  const actual = Buffer.from(match[2], "base64url");
  const expected = computeMac(secret, id, expiresSeconds);
  return (
    actual.length === expected.length &&
    timingSafeEqual(actual, expected) &&
    expiresSeconds * 1_000 > nowMs
  );
}

/** The absolute URL of a job, on the address under which the request came in. */
export const jobLocation = (requestUrl: string, id: string, key: string): string =>
  `${new URL(requestUrl).origin}/api/jobs/${id}?key=${encodeURIComponent(key)}`;

const maxExpiredPerRun = 2_000;

/**
 * Removes records under a prefix that are older than they are kept, at most 2,000 a time: the rest
 * waits for the next time.
 */
export async function expireRecords(
  records: Pick<RecordStore, "list" | "remove">,
  prefix: string,
  ageMs: number,
  nowMs: number,
): Promise<number> {
  let removed = 0;
  for await (const { path, etag, lastModifiedMs } of records.list(prefix)) {
    if (lastModifiedMs > nowMs - ageMs) continue;
    await records.remove(path, etag);
    removed += 1;
    if (removed >= maxExpiredPerRun) break;
  }
  return removed;
}
