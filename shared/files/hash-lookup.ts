/** Looks files up: resolves SHA-256 and MD5 to SHA-1, then statistics, then information when asked; the cache first. */
import type { FileInformation, FileStatistics } from "../contracts/file-result.ts";
import {
  createSingleFlight,
  type SingleFlightDeps,
  type LookupPlan,
  type LookupStep,
  type StepResult,
} from "./single-flight.ts";
import { withStatistics, type CachedFile, type CachedAnswer } from "./cached-file.ts";
import type { HashKind } from "./hash-runs.ts";
import { mapInParallel } from "../runtime/concurrency.ts";
import type { FilesPort, InformationAnswer } from "./ports.ts";

/** A hash to look up, lower case. */
export interface FileHash {
  readonly hash: string;
  readonly kind: HashKind;
}

/** What became of one hash. */
export type HashOutcome =
  | {
      readonly kind: "answered";
      readonly sha1: string | null;
      readonly statistics: CachedAnswer<FileStatistics>;
      readonly information: FileInformation | null;
      readonly stale: boolean;
    }
  | { readonly kind: "later" | "down"; readonly retryAfterMs: number }
  | { readonly kind: "refused"; readonly problem: string };

/** Looks up each hash, in order. */
export type HashLookup = (hashes: readonly FileHash[], plan: LookupPlan) => Promise<HashOutcome[]>;

export interface HashLookupDeps extends SingleFlightDeps {
  readonly files: FilesPort;
}

/** How many hashes of one question are under way at once. A minute's calls, at 250 ms each, take seconds with it. */
export const maxParallelLookups = 12;

/** @returns one look-up for a process, so that equal hashes asked at once share a call */
export function createHashLookup(deps: HashLookupDeps): HashLookup {
  const { cache, files } = deps;
  const runStep = createSingleFlight(deps);

  const createStatisticsStep = (
    sha1: string,
    plan: LookupPlan,
  ): LookupStep<FileStatistics, FileStatistics> => ({
    name: `statistics ${plan.lookBackHours}`,
    hash: sha1,
    pickAnswer: (file) => file.statistics[String(plan.lookBackHours)],
    fetchAnswer: (limits) => files.statistics(sha1, plan.lookBackHours, limits),
    applyAnswer: (file, value, asOf) =>
      withStatistics(file, plan.lookBackHours, { value, source: "statistics", asOf }),
  });

  const createInformationStep = (sha1: string): LookupStep<FileInformation, InformationAnswer> => ({
    name: "information",
    hash: sha1,
    pickAnswer: (file) => file.information,
    fetchAnswer: (limits) => files.information(sha1, limits),
    applyAnswer: withInformation,
  });

  const createSha1Step = (hash: string): LookupStep<string, InformationAnswer> => ({
    name: "sha1",
    hash,
    pickAnswer: (file) => file.sha1,
    fetchAnswer: async (limits) => {
      const reply = await files.information(hash, limits);
      if (reply.kind !== "found") return reply;
      const { sha1 } = reply.value;
      if (sha1 === null)
        return { kind: "refused", problem: "Defender knows this file but names no SHA-1 of it." };
      const asOf = new Date(deps.clock.now()).toISOString();
      await cache.update(sha1, (file) => withInformation(file, reply.value, asOf));
      return reply;
    },
    applyAnswer: (file, answer, asOf) => ({
      ...file,
      sha1: { value: answer?.sha1 ?? null, source: "information", asOf },
    }),
  });

  const lookUpHash = async ({ hash, kind }: FileHash, plan: LookupPlan): Promise<HashOutcome> => {
    const resolved = kind === "sha1" ? hash : await runStep(createSha1Step(hash), plan);
    if (typeof resolved !== "string" && resolved.kind !== "known") return resolved;
    const sha1 = typeof resolved === "string" ? resolved : resolved.answer.value;
    if (sha1 === null) return toUnresolvedOutcome(resolved);
    const statistics = await runStep(createStatisticsStep(sha1, plan), plan);
    if (statistics.kind !== "known") return statistics;
    const information = plan.shouldFetchInformation
      ? await runStep(createInformationStep(sha1), plan)
      : undefined;
    if (information && information.kind !== "known") return information;
    return {
      kind: "answered",
      sha1,
      statistics: statistics.answer,
      information: information?.answer.value ?? null,
      stale: statistics.stale || information?.stale === true,
    };
  };

  return (hashes, plan) =>
    mapInParallel(hashes, maxParallelLookups, (each) => lookUpHash(each, plan));
}

const withInformation = (
  file: CachedFile,
  answer: InformationAnswer | null,
  asOf: string,
): CachedFile => ({
  ...file,
  information: { value: answer?.information ?? null, source: "information", asOf },
});

/** Defender does not know the SHA-256 or MD5: that is the answer, and it came from file information. */
function toUnresolvedOutcome(resolved: string | StepResult<string>): HashOutcome {
  if (typeof resolved === "string" || resolved.kind !== "known")
    throw new TypeError("not a resolved hash");
  const { source, asOf } = resolved.answer;
  const statistics = { value: null, source, asOf };
  return { kind: "answered", sha1: null, statistics, information: null, stale: resolved.stale };
}
