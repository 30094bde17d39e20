/**
 * The short way for many files: `FileProfile()` answers 1,000 hashes in one hunting call and one aggregate adds what
 * this organisation saw. Fills the cache; whatever it cannot answer stays for the statistics API.
 */
import * as z from "zod/mini";
import type { RecordStore } from "../storage/record-store.ts";
import type { Clock } from "../runtime/time.ts";
import {
  mostInBatch,
  organizationQuery,
  profileQuery,
  readOrganization,
  readProfile,
  unseen,
  type OrganizationFigures,
  type Profile,
  type ProfileKey,
} from "./bulk-queries.ts";
import type { FileCache } from "./cache.ts";
import { withStatistics, type Known } from "./cached-file.ts";
import { inParallel } from "./in-parallel.ts";
import type { Wanted } from "./look-up.ts";
import type { HuntingRowsPort, HuntingRowsReply } from "./ports.ts";

/** `done` says nothing of single hashes: the cache does. `later` asks to come again, `failed` too, a few times. */
export type BulkOutcome =
  | { readonly kind: "done" | "off" | "failed" }
  | { readonly kind: "later"; readonly retryAfterMs: number };

export interface Bulk {
  /** Until when the short way is switched off and why; `undefined` while it is on. */
  readonly off: () => Promise<{ readonly until: string; readonly reason: string } | undefined>;
  /** Asks hunting about SHA-1s and SHA-256s and puts the answers into the cache. */
  readonly fill: (wanted: readonly Wanted[], lookBackHours: number) => Promise<BulkOutcome>;
}

export interface BulkOutside {
  readonly records: Pick<RecordStore, "read" | "create" | "replace">;
  readonly cache: FileCache;
  readonly hunting: HuntingRowsPort;
  readonly clock: Clock;
  readonly newAttempt: () => string;
  readonly reach: (name: string) => void | Promise<void>;
}

/** Where it is written down that the short way is switched off; health reads it too. */
export const bulkStatePath = "state/files/bulk.json";
const bulkStateSchema = z.object({
  version: z.literal(1),
  offUntil: z.string(),
  reason: z.string(),
});

const offMs = 86_400_000;
const limits = { waitForTurnMs: 30_000, deadlineMs: 200_000 } as const;
const smallestBatch = 25;
const width = 32;

/** @returns one for a process: it remembers a batch that was too long */
export function openBulk(outside: BulkOutside): Bulk {
  const { records, cache, hunting, clock, reach } = outside;
  let batchSize = mostInBatch;

  const off: Bulk["off"] = async () => {
    const record = await records.read(bulkStatePath);
    const state =
      record.kind === "found" ? bulkStateSchema.safeParse(record.value).data : undefined;
    if (!state || Date.parse(state.offUntil) <= clock.now()) return undefined;
    return { until: state.offUntil, reason: state.reason };
  };

  const switchOff = async (reason: string): Promise<void> => {
    const state = {
      version: 1,
      offUntil: new Date(clock.now() + offMs).toISOString(),
      reason: reason.slice(0, longestReason),
      attempt: outside.newAttempt(),
    };
    const record = await records.read(bulkStatePath);
    // Somebody else's write says the same.
    await (record.kind === "absent"
      ? records.create(bulkStatePath, state)
      : records.replace(bulkStatePath, state, record.etag));
  };

  /** Asks, and says what a refusal means; `halve` when the same question may be asked about fewer hashes. */
  const ask = async (
    query: string,
  ): Promise<Extract<HuntingRowsReply, { kind: "rows" }> | BulkOutcome | "halve"> => {
    const reply = await hunting.ask(query, limits);
    if (reply.kind === "rows" || reply.kind === "later" || reply.kind === "failed") return reply;
    if (reply.kind === "too-much" || tooLong.test(reply.message)) return "halve";
    await switchOff(reply.message);
    return { kind: "off" };
  };

  const fillBatch = async (
    key: ProfileKey,
    hashes: readonly string[],
    lookBackHours: number,
  ): Promise<BulkOutcome> => {
    const profiled = await ask(profileQuery(key, hashes));
    if (profiled === "halve") return halve(key, hashes, lookBackHours);
    if (profiled.kind !== "rows") return profiled;
    await reach("F5 profile read");
    const profiles = profiled.rows.map(readProfile).filter(answered);
    const sha1s = [...new Set(profiles.map(({ sha1 }) => sha1))];
    if (sha1s.length === 0) return { kind: "done" };
    const seen = await ask(organizationQuery(sha1s, lookBackHours));
    if (seen === "halve") return halve(key, hashes, lookBackHours);
    if (seen.kind !== "rows") return seen;
    await reach("F6 organisation read");
    const figures = new Map(seen.rows.map(readOrganization));
    const asOf = new Date(clock.now()).toISOString();
    await inParallel(profiles, width, (profile) =>
      keep(profile, figures.get(profile.sha1), lookBackHours, asOf),
    );
    return { kind: "done" };
  };

  const halve = async (
    key: ProfileKey,
    hashes: readonly string[],
    lookBackHours: number,
  ): Promise<BulkOutcome> => {
    const half = Math.ceil(hashes.length / 2);
    // So few and still too many: it is not the number of hashes. The statistics API takes these.
    if (half < smallestBatch) return { kind: "done" };
    batchSize = Math.min(batchSize, half);
    return fillAll(key, hashes, lookBackHours);
  };

  const keep = async (
    profile: AnsweredProfile,
    organization: OrganizationFigures | undefined,
    lookBackHours: number,
    asOf: string,
  ): Promise<void> => {
    const known = profile.availability === "available";
    const statistics =
      known || organization ? { ...(organization ?? unseen), ...profile.global } : null;
    const from = <T>(value: T | null): Known<T> => ({ value, source: "hunting", asOf });
    await cache.learn(profile.sha1, (file) => ({
      ...withStatistics(file, lookBackHours, from(statistics)),
      information: file.information?.value
        ? file.information
        : from(known ? profile.information : null),
    }));
    const { sha256 } = profile;
    if (sha256 !== null)
      await cache.learn(sha256, (file) => ({ ...file, sha1: from(profile.sha1) }));
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
    off,
    fill: async (wanted, lookBackHours) => {
      const of = (kind: Wanted["kind"]): string[] =>
        wanted.filter((each) => each.kind === kind).map(({ hash }) => hash);
      const first = await fillAll("SHA1", of("sha1"), lookBackHours);
      return first.kind === "done" ? fillAll("SHA256", of("sha256"), lookBackHours) : first;
    },
  };
}

const longestReason = 200;
const tooLong = /too (?:long|large|big)|length|maximum (?:size|number)|exceed/i;

type AnsweredProfile = Profile & { readonly sha1: string };

/** A profile that says something: an error, or a SHA-256 without its SHA-1, is left to the file APIs. */
const answered = (profile: Profile): profile is AnsweredProfile =>
  profile.sha1 !== null && /^[0-9a-f]{40}$/.test(profile.sha1) && profile.availability !== "error";
