/**
 * Looks files up: resolves SHA-256 and MD5 to SHA-1, then reads statistics and, on request,
 * information.
 */
import type { FileInformation, FileStatistics } from "../contracts/file-result.ts";
import type { RetryLater } from "../contracts/retry-later.ts";
import {
  SingleFlight,
  type SingleFlightDeps,
  type LookupPlan,
  type LookupStep,
  type StepResult,
} from "./single-flight.ts";
import { withStatistics, type CachedFile, type CachedAnswer } from "./cached-file.ts";
import type { HashKind } from "./hash-runs.ts";
import { mapInParallel } from "../runtime/concurrency.ts";
import type { FilesPort, InformationAnswer, Unreachable } from "./ports.ts";

/** A hash to look up, lower case. */
export interface FileHash {
  readonly hash: string;
  readonly kind: HashKind;
}

/** The result of looking one hash up. */
export type HashOutcome =
  | {
      readonly kind: "answered";
      readonly sha1: string | null;
      readonly statistics: CachedAnswer<FileStatistics>;
      readonly information: FileInformation | null;
      readonly stale: boolean;
    }
  | RetryLater
  | Unreachable
  | { readonly kind: "refused"; readonly problem: string };

/** Looks up each hash, in order. */
export type HashLookup = (hashes: readonly FileHash[], plan: LookupPlan) => Promise<HashOutcome[]>;

export interface HashLookupDeps extends SingleFlightDeps {
  readonly files: FilesPort;
}

/**
 * Hashes of one lookup in progress at once: enough to send a minute's 100 calls of 250 ms within
 * seconds.
 */
export const maxParallelLookups = 12;

/** Creates the lookup of one process, so that equal hashes looked up at once share a call. */
export function createHashLookup(deps: HashLookupDeps): HashLookup {
  const flight = new SingleFlight(deps);
  return (hashes, plan) =>
    mapInParallel(hashes, maxParallelLookups, (each) => lookUpHash(deps, flight, each, plan));
}

async function lookUpHash(
  deps: HashLookupDeps,
  flight: SingleFlight,
  { hash, kind }: FileHash,
  plan: LookupPlan,
): Promise<HashOutcome> {
  if (kind === "sha1") return lookUpSha1(deps, flight, hash, plan);
  const resolved = await flight.run(createSha1Step(deps, hash), plan);
  if (resolved.kind !== "known") return resolved;
  const { value: sha1, source, asOf } = resolved.answer;
  if (sha1 !== null) return lookUpSha1(deps, flight, sha1, plan);
  // Defender does not know the SHA-256 or MD5: that is the answer, and file information gave it.
  const statistics = { value: null, source, asOf };
  return { kind: "answered", sha1, statistics, information: null, stale: resolved.stale };
}

async function lookUpSha1(
  deps: HashLookupDeps,
  flight: SingleFlight,
  sha1: string,
  plan: LookupPlan,
): Promise<HashOutcome> {
  const statistics = await flight.run(createStatisticsStep(deps, sha1, plan), plan);
  if (statistics.kind !== "known") return statistics;
  const information: StepResult<FileInformation> | undefined = plan.shouldFetchInformation
    ? await flight.run(createInformationStep(deps, sha1), plan)
    : undefined;
  if (information && information.kind !== "known") return information;
  return {
    kind: "answered",
    sha1,
    statistics: statistics.answer,
    information: information?.answer.value ?? null,
    stale: statistics.stale || information?.stale === true,
  };
}

const createStatisticsStep = (
  { files }: HashLookupDeps,
  sha1: string,
  { lookBackHours }: LookupPlan,
): LookupStep<FileStatistics, FileStatistics> => ({
  name: `statistics ${lookBackHours}`,
  hash: sha1,
  pickAnswer: (file) => file.statistics[String(lookBackHours)],
  fetchAnswer: (limits) => files.statistics(sha1, lookBackHours, limits),
  applyAnswer: (file, value, asOf) =>
    withStatistics(file, lookBackHours, { value, source: "statistics", asOf }),
});

const createInformationStep = (
  { files }: HashLookupDeps,
  sha1: string,
): LookupStep<FileInformation, InformationAnswer> => ({
  name: "information",
  hash: sha1,
  pickAnswer: (file) => file.information,
  fetchAnswer: (limits) => files.information(sha1, limits),
  applyAnswer: withInformation,
});

const createSha1Step = (
  { files, cache, clock }: HashLookupDeps,
  hash: string,
): LookupStep<string, InformationAnswer> => ({
  name: "sha1",
  hash,
  pickAnswer: (file) => file.sha1,
  fetchAnswer: async (limits) => {
    const reply = await files.information(hash, limits);
    if (reply.kind !== "found") return reply;
    const { sha1 } = reply.value;
    if (sha1 === null)
      return { kind: "refused", problem: "Defender knows this file but names no SHA-1 of it." };
    const asOf = new Date(clock.now()).toISOString();
    await cache.update(sha1, (file) => withInformation(file, reply.value, asOf));
    return reply;
  },
  applyAnswer: (file, answer, asOf) => ({
    ...file,
    sha1: { value: answer?.sha1 ?? null, source: "information", asOf },
  }),
});

const withInformation = (
  file: CachedFile,
  answer: InformationAnswer | null,
  asOf: string,
): CachedFile => ({
  ...file,
  information: { value: answer?.information ?? null, source: "information", asOf },
});
