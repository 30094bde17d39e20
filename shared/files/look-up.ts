/** Looks files up: resolves SHA-256 and MD5 to SHA-1, then statistics, then information when asked; the cache first. */
import type { FileInformation, FileStatistics } from "../contracts/file-result.ts";
import {
  openAskOnce,
  type AskOnceOutside,
  type LookUpPlan,
  type Question,
  type Settled,
} from "./single-flight.ts";
import { withStatistics, type CachedFile, type Known } from "./cached-file.ts";
import type { HashKind } from "./hash-runs.ts";
import { inParallel } from "./in-parallel.ts";
import type { FilesPort, InformationAnswer } from "./ports.ts";

/** A hash to look up, lower case. */
export interface Wanted {
  readonly hash: string;
  readonly kind: HashKind;
}

/** What became of one hash. */
export type LookUpOutcome =
  | {
      readonly kind: "answered";
      readonly sha1: string | null;
      readonly statistics: Known<FileStatistics>;
      readonly information: FileInformation | null;
      readonly stale: boolean;
    }
  | { readonly kind: "later" | "down"; readonly retryAfterMs: number }
  | { readonly kind: "refused"; readonly problem: string };

/** Looks up each hash, in order. */
export type LookUp = (wanted: readonly Wanted[], plan: LookUpPlan) => Promise<LookUpOutcome[]>;

export interface LookUpOutside extends AskOnceOutside {
  readonly files: FilesPort;
}

/** How many hashes of one question are under way at once. A minute's calls, at 250 ms each, take seconds with it. */
export const lookUpWidth = 12;

/** @returns one look-up for a process, so that equal hashes asked at once share a call */
export function openLookUp(outside: LookUpOutside): LookUp {
  const { cache, files } = outside;
  const askOnce = openAskOnce(outside);

  const statisticsOf = (
    sha1: string,
    plan: LookUpPlan,
  ): Question<FileStatistics, FileStatistics> => ({
    name: `statistics ${plan.lookBackHours}`,
    hash: sha1,
    pick: (file) => file.statistics[String(plan.lookBackHours)],
    ask: (limits) => files.statistics(sha1, plan.lookBackHours, limits),
    keep: (file, value, asOf) =>
      withStatistics(file, plan.lookBackHours, { value, source: "statistics", asOf }),
  });

  const informationOf = (sha1: string): Question<FileInformation, InformationAnswer> => ({
    name: "information",
    hash: sha1,
    pick: (file) => file.information,
    ask: (limits) => files.information(sha1, limits),
    keep: keepInformation,
  });

  const sha1Of = (hash: string): Question<string, InformationAnswer> => ({
    name: "sha1",
    hash,
    pick: (file) => file.sha1,
    ask: async (limits) => {
      const reply = await files.information(hash, limits);
      if (reply.kind !== "found") return reply;
      const { sha1 } = reply.value;
      if (sha1 === null)
        return { kind: "refused", problem: "Defender knows this file but names no SHA-1 of it." };
      const asOf = new Date(outside.clock.now()).toISOString();
      await cache.learn(sha1, (file) => keepInformation(file, reply.value, asOf));
      return reply;
    },
    keep: (file, answer, asOf) => ({
      ...file,
      sha1: { value: answer?.sha1 ?? null, source: "information", asOf },
    }),
  });

  const one = async ({ hash, kind }: Wanted, plan: LookUpPlan): Promise<LookUpOutcome> => {
    const resolved = kind === "sha1" ? hash : await askOnce(sha1Of(hash), plan);
    if (typeof resolved !== "string" && resolved.kind !== "known") return resolved;
    const sha1 = typeof resolved === "string" ? resolved : resolved.known.value;
    if (sha1 === null) return unresolved(resolved);
    const statistics = await askOnce(statisticsOf(sha1, plan), plan);
    if (statistics.kind !== "known") return statistics;
    const information = plan.information ? await askOnce(informationOf(sha1), plan) : undefined;
    if (information && information.kind !== "known") return information;
    return {
      kind: "answered",
      sha1,
      statistics: statistics.known,
      information: information?.known.value ?? null,
      stale: statistics.stale || information?.stale === true,
    };
  };

  return (wanted, plan) => inParallel(wanted, lookUpWidth, (each) => one(each, plan));
}

const keepInformation = (
  file: CachedFile,
  answer: InformationAnswer | null,
  asOf: string,
): CachedFile => ({
  ...file,
  information: { value: answer?.information ?? null, source: "information", asOf },
});

/** Defender does not know the SHA-256 or MD5: that is the answer, and it came from file information. */
function unresolved(resolved: string | Settled<string>): LookUpOutcome {
  if (typeof resolved === "string" || resolved.kind !== "known")
    throw new TypeError("not a resolved hash");
  const { source, asOf } = resolved.known;
  const statistics = { value: null, source, asOf };
  return { kind: "answered", sha1: null, statistics, information: null, stale: resolved.stale };
}
