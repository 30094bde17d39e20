/**
 * The bulk path for many files: `FileProfile()` answers 1,000 hashes in one hunting call, and one
 * aggregate query adds what this organization saw. Fills the cache; the statistics API looks up
 * what hunting cannot answer.
 */
import * as z from "zod/mini";
import type { RetryLater } from "../contracts/retry-later.ts";
import type { RecordStore } from "../storage/record-store.ts";
import { etagOf, readRecord, readValue, writeRecord } from "../storage/typed-record.ts";
import type { Failpoint } from "../runtime/failpoints.ts";
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
import type { HuntingRow, HuntingRowsPort } from "./ports.ts";

/**
 * `done`: the cache holds what hunting knows of the hashes. `later` and `failed` call for a retry.
 */
export type BulkOutcome = { readonly kind: "done" | "disabled" | "failed" } | RetryLater;

export interface BulkDeps {
  readonly records: Pick<RecordStore, "read" | "create" | "replace">;
  readonly cache: FileCache;
  readonly hunting: HuntingRowsPort;
  readonly clock: Clock;
  readonly createAttemptId: () => string;
  readonly failpoint: Failpoint;
}

/** The record that says until when the bulk path is disabled; the health report reads it too. */
export const bulkStatePath = "state/files/bulk.json";
const bulkStateSchema = z.object({
  version: z.literal(1),
  disabledUntil: z.string(),
  reason: z.string(),
});

const disabledMs = 86_400_000;
const limits = { maxWaitMs: 30_000, deadlineMs: 200_000 } as const;
const minBatchSize = 25;
const maxParallel = 32;
const maxReasonLength = 200;
const tooLongPattern = /too (?:long|large|big)|length|maximum (?:size|number)|exceed/i;

/** Hashes of one kind to ask hunting about. */
interface BulkQuestion {
  readonly key: ProfileKey;
  readonly hashes: readonly string[];
  readonly lookBackHours: number;
}

/** Looks files up over hunting, for one process: it remembers which batch size was too large. */
export class BulkLookup {
  readonly #deps: BulkDeps;
  #batchSize = maxBatchSize;

  constructor(deps: BulkDeps) {
    this.#deps = deps;
  }

  /** Returns until when the bulk path is disabled, and why; `undefined` while it is enabled. */
  async readDisabled(): Promise<{ readonly until: string; readonly reason: string } | undefined> {
    const state = await readValue(this.#deps.records, bulkStatePath, bulkStateSchema);
    if (!state || Date.parse(state.disabledUntil) <= this.#deps.clock.now()) return undefined;
    return { until: state.disabledUntil, reason: state.reason };
  }

  /** Asks hunting about SHA-1s and SHA-256s and puts the answers into the cache. */
  async fillCache(hashes: readonly FileHash[], lookBackHours: number): Promise<BulkOutcome> {
    const filterByKind = (kind: FileHash["kind"]): string[] =>
      hashes.filter((each) => each.kind === kind).map(({ hash }) => hash);
    const first = await this.#fillAll({ key: "SHA1", hashes: filterByKind("sha1"), lookBackHours });
    return first.kind === "done"
      ? this.#fillAll({ key: "SHA256", hashes: filterByKind("sha256"), lookBackHours })
      : first;
  }

  async #fillAll(question: BulkQuestion): Promise<BulkOutcome> {
    for (let start = 0; start < question.hashes.length;) {
      const hashes = question.hashes.slice(start, start + this.#batchSize);
      const outcome = await this.#fillBatch({ ...question, hashes });
      if (outcome.kind !== "done") return outcome;
      start += hashes.length;
    }
    return { kind: "done" };
  }

  async #fillBatch(question: BulkQuestion): Promise<BulkOutcome> {
    const { key, hashes, lookBackHours } = question;
    const { clock, failpoint } = this.#deps;
    const profileReply = await this.#runQuery(createProfileQuery(key, hashes));
    if (profileReply === "halve") return this.#retryHalved(question);
    if (profileReply.kind !== "rows") return profileReply;
    await failpoint("F5 profile read");
    const profiles = profileReply.rows.map(readProfile).filter(isAnswered);
    const sha1s = [...new Set(profiles.map(({ sha1 }) => sha1))];
    if (sha1s.length === 0) return { kind: "done" };
    const organizationReply = await this.#runQuery(createOrganizationQuery(sha1s, lookBackHours));
    if (organizationReply === "halve") return this.#retryHalved(question);
    if (organizationReply.kind !== "rows") return organizationReply;
    await failpoint("F6 organization read");
    const figures = new Map(organizationReply.rows.map(readOrganization));
    const asOf = new Date(clock.now()).toISOString();
    await mapInParallel(profiles, maxParallel, (profile) =>
      this.#cacheProfile(profile, figures.get(profile.sha1), lookBackHours, asOf),
    );
    return { kind: "done" };
  }

  /** `halve`: the same question may be asked about fewer hashes. */
  async #runQuery(
    query: string,
  ): Promise<{ kind: "rows"; rows: readonly HuntingRow[] } | BulkOutcome | "halve"> {
    const reply = await this.#deps.hunting.runQuery(query, limits);
    if (reply.kind === "rows" || reply.kind === "later" || reply.kind === "failed") return reply;
    if (reply.kind === "too-much" || tooLongPattern.test(reply.message)) return "halve";
    await this.#disable(reply.message);
    return { kind: "disabled" };
  }

  async #retryHalved(question: BulkQuestion): Promise<BulkOutcome> {
    const half = Math.ceil(question.hashes.length / 2);
    // Too much with this few hashes has another cause than their number: the statistics API takes
    // them.
    if (half < minBatchSize) return { kind: "done" };
    this.#batchSize = Math.min(this.#batchSize, half);
    return this.#fillAll(question);
  }

  async #disable(reason: string): Promise<void> {
    const { records, clock, createAttemptId } = this.#deps;
    const state = {
      version: 1,
      disabledUntil: new Date(clock.now() + disabledMs).toISOString(),
      reason: reason.slice(0, maxReasonLength),
      attempt: createAttemptId(),
    };
    const existing = await readRecord(records, bulkStatePath, bulkStateSchema);
    // When another instance writes first, its record says the same.
    await writeRecord(records, bulkStatePath, state, etagOf(existing));
  }

  async #cacheProfile(
    profile: AnsweredProfile,
    organization: OrganizationFigures | undefined,
    lookBackHours: number,
    asOf: string,
  ): Promise<void> {
    const { cache } = this.#deps;
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
  }
}

type AnsweredProfile = FileProfile & { readonly sha1: string };

/** An error, or a SHA-256 without its SHA-1, is left to the file APIs. */
const isAnswered = (profile: FileProfile): profile is AnsweredProfile =>
  profile.sha1 !== null && /^[0-9a-f]{40}$/.test(profile.sha1) && profile.availability !== "error";
