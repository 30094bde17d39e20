/**
 * The short way for many files: `FileProfile()` answers 1,000 hashes in one hunting call and one aggregate adds what
 * this organisation saw. Fills the cache; whatever it cannot answer stays for the statistics API.
 */
import * as z from "zod/mini";
import type { RecordStore } from "../storage/record-store.ts";
import type { Clock } from "../runtime/time.ts";
import {
  maxBatchSize,
  createOrganizationQuery,
  createProfileQuery,
  readOrganization,
  readProfile,
  unseenFigures,
  type OrganizationFigures,
  type FileProfile,
  type ProfileKey,
} from "./bulk-queries.ts";
import type { FileCache } from "./cache.ts";
import { withStatistics, type CachedAnswer } from "./cached-file.ts";
import { mapInParallel } from "../runtime/concurrency.ts";
import type { FileHash } from "./hash-lookup.ts";
import type { HuntingRowsPort, HuntingRowsReply } from "./ports.ts";
import type { Failpoint } from "../runtime/failpoints.ts";

/** `done` says nothing of single hashes: the cache does. `later` asks to come again, `failed` too, a few times. */
export type BulkOutcome =
  | { readonly kind: "done" | "off" | "failed" }
  | { readonly kind: "later"; readonly retryAfterMs: number };

export interface BulkLookup {
  /** Until when the short way is switched off and why; `undefined` while it is on. */
  readonly readDisabled: () => Promise<
    { readonly until: string; readonly reason: string } | undefined
  >;
  /** Asks hunting about SHA-1s and SHA-256s and puts the answers into the cache. */
  readonly fillCache: (hashes: readonly FileHash[], lookBackHours: number) => Promise<BulkOutcome>;
}

export interface BulkDeps {
  readonly records: Pick<RecordStore, "read" | "create" | "replace">;
  readonly cache: FileCache;
  readonly hunting: HuntingRowsPort;
  readonly clock: Clock;
  readonly createAttemptId: () => string;
  readonly failpoint: Failpoint;
}

/** Where it is written down that the short way is switched off; health reads it too. */
export const bulkStatePath = "state/files/bulk.json";
const bulkStateSchema = z.object({
  version: z.literal(1),
  offUntil: z.string(),
  reason: z.string(),
});

const disabledMs = 86_400_000;
const limits = { maxWaitMs: 30_000, deadlineMs: 200_000 } as const;
const minBatchSize = 25;
const maxParallel = 32;

/** @returns one for a process: it remembers a batch that was too long */
export function createBulkLookup(deps: BulkDeps): BulkLookup {
  const { records, cache, hunting, clock, failpoint } = deps;
  let batchSize = maxBatchSize;

  const readDisabled: BulkLookup["readDisabled"] = async () => {
    const record = await records.read(bulkStatePath);
    const state =
      record.kind === "found" ? bulkStateSchema.safeParse(record.value).data : undefined;
    if (!state || Date.parse(state.offUntil) <= clock.now()) return undefined;
    return { until: state.offUntil, reason: state.reason };
  };

  const disableBulk = async (reason: string): Promise<void> => {
    const state = {
      version: 1,
      offUntil: new Date(clock.now() + disabledMs).toISOString(),
      reason: reason.slice(0, maxReasonLength),
      attempt: deps.createAttemptId(),
    };
    const record = await records.read(bulkStatePath);
    // Somebody else's write says the same.
    await (record.kind === "absent"
      ? records.create(bulkStatePath, state)
      : records.replace(bulkStatePath, state, record.etag));
  };

  /** Asks, and says what a refusal means; `retryHalved` when the same question may be asked about fewer hashes. */
  const runQuery = async (
    query: string,
  ): Promise<Extract<HuntingRowsReply, { kind: "rows" }> | BulkOutcome | "halve"> => {
    const reply = await hunting.runQuery(query, limits);
    if (reply.kind === "rows" || reply.kind === "later" || reply.kind === "failed") return reply;
    if (reply.kind === "too-much" || tooLongPattern.test(reply.message)) return "halve";
    await disableBulk(reply.message);
    return { kind: "off" };
  };

  const fillBatch = async (
    key: ProfileKey,
    hashes: readonly string[],
    lookBackHours: number,
  ): Promise<BulkOutcome> => {
    const profileReply = await runQuery(createProfileQuery(key, hashes));
    if (profileReply === "halve") return retryHalved(key, hashes, lookBackHours);
    if (profileReply.kind !== "rows") return profileReply;
    await failpoint("F5 profile read");
    const profiles = profileReply.rows.map(readProfile).filter(isAnswered);
    const sha1s = [...new Set(profiles.map(({ sha1 }) => sha1))];
    if (sha1s.length === 0) return { kind: "done" };
    const organizationReply = await runQuery(createOrganizationQuery(sha1s, lookBackHours));
    if (organizationReply === "halve") return retryHalved(key, hashes, lookBackHours);
    if (organizationReply.kind !== "rows") return organizationReply;
    await failpoint("F6 organization read");
    const figures = new Map(organizationReply.rows.map(readOrganization));
    const asOf = new Date(clock.now()).toISOString();
    await mapInParallel(profiles, maxParallel, (profile) =>
      cacheProfile(profile, figures.get(profile.sha1), lookBackHours, asOf),
    );
    return { kind: "done" };
  };

  const retryHalved = async (
    key: ProfileKey,
    hashes: readonly string[],
    lookBackHours: number,
  ): Promise<BulkOutcome> => {
    const half = Math.ceil(hashes.length / 2);
    // So few and still too many: it is not the number of hashes. The statistics API takes these.
    if (half < minBatchSize) return { kind: "done" };
    batchSize = Math.min(batchSize, half);
    return fillAll(key, hashes, lookBackHours);
  };

  const cacheProfile = async (
    profile: AnsweredProfile,
    organization: OrganizationFigures | undefined,
    lookBackHours: number,
    asOf: string,
  ): Promise<void> => {
    const isAvailable = profile.availability === "available";
    const statistics =
      isAvailable || organization
        ? { ...(organization ?? unseenFigures), ...profile.global }
        : null;
    const toAnswer = <T>(value: T | null): CachedAnswer<T> => ({ value, source: "hunting", asOf });
    await cache.update(profile.sha1, (file) => ({
      ...withStatistics(file, lookBackHours, toAnswer(statistics)),
      information: file.information?.value
        ? file.information
        : toAnswer(isAvailable ? profile.information : null),
    }));
    const { sha256 } = profile;
    if (sha256 !== null)
      await cache.update(sha256, (file) => ({ ...file, sha1: toAnswer(profile.sha1) }));
  };

  const fillAll = async (
    key: ProfileKey,
    hashes: readonly string[],
    lookBackHours: number,
  ): Promise<BulkOutcome> => {
    for (let start = 0; start < hashes.length;) {
      const batch = hashes.slice(start, start + batchSize);
      const outcome = await fillBatch(key, batch, lookBackHours);
      if (outcome.kind !== "done") return outcome;
      start += batch.length;
    }
    return { kind: "done" };
  };

  return {
    readDisabled,
    fillCache: async (hashes, lookBackHours) => {
      const filterByKind = (kind: FileHash["kind"]): string[] =>
        hashes.filter((each) => each.kind === kind).map(({ hash }) => hash);
      const first = await fillAll("SHA1", filterByKind("sha1"), lookBackHours);
      return first.kind === "done"
        ? fillAll("SHA256", filterByKind("sha256"), lookBackHours)
        : first;
    },
  };
}

const maxReasonLength = 200;
const tooLongPattern = /too (?:long|large|big)|length|maximum (?:size|number)|exceed/i;

type AnsweredProfile = FileProfile & { readonly sha1: string };

/** A profile that says something: an error, or a SHA-256 without its SHA-1, is left to the file APIs. */
const isAnswered = (profile: FileProfile): profile is AnsweredProfile =>
  profile.sha1 !== null && /^[0-9a-f]{40}$/.test(profile.sha1) && profile.availability !== "error";
