/** Turns the outcomes of a lookup into results of one shape, and counts them. */
import type { LookupOptions } from "../contracts/file-lookup.ts";
import type { FileReport, FileResult, SkippedResult } from "../contracts/file-result.ts";
import type { HashKind } from "./hash-runs.ts";
import type { FileHash, HashOutcome } from "./hash-lookup.ts";
import { judgePrevalence } from "./prevalence.ts";

/** One entry of a request, in its order: a hash, or an invalid string. */
export type RequestedHash =
  | {
      readonly hash: string;
      readonly kind: HashKind;
      readonly where?: readonly string[] | undefined;
    }
  | { readonly hash: string; readonly kind: "invalid" };

const emptyResult = {
  sha1: null,
  source: null,
  statistics: null,
  asOf: null,
  fromCache: false,
  stale: false,
  problem: null,
} as const;

/** The form of a hash, for requests and results that hold something else. */
export const invalidHashMessage = "must be 40, 64 or 32 hexadecimal digits (SHA-1, SHA-256 or MD5)";

const downProblem = "Defender could not be reached; retry later.";

/** The hashes to look up: the entries that are not invalid, in order. */
export const toFileHashes = (requested: readonly RequestedHash[]): FileHash[] =>
  requested.flatMap((each) =>
    each.kind === "invalid" ? [] : [{ hash: each.hash, kind: each.kind }],
  );

/**
 * One result per entry, from the outcomes of `toFileHashes`. Nothing stays pending but `later`
 * outcomes.
 */
export function toFileResults(
  requested: readonly RequestedHash[],
  outcomes: readonly (HashOutcome | undefined)[],
  freshAtMs: number,
): FileResult[] {
  let next = 0;
  return requested.map((each) =>
    toFileResult(each, each.kind === "invalid" ? undefined : outcomes[next++], freshAtMs, true),
  );
}

/**
 * Turns one outcome into a result.
 *
 * @param outcome - `undefined` for an invalid entry, and for a hash that was not looked up yet
 * @param freshAtMs - answers older than this came from the cache
 * @param isFinal - whether a hash that is out of reach has failed (true) or is still pending
 *   (false)
 */
export function toFileResult(
  requested: RequestedHash,
  outcome: HashOutcome | undefined,
  freshAtMs: number,
  isFinal: boolean,
): FileResult {
  const base = {
    ...emptyResult,
    hash: requested.hash,
    ...(requested.kind !== "invalid" && requested.where ? { where: [...requested.where] } : {}),
  };
  if (requested.kind === "invalid")
    return {
      ...base,
      status: "invalid",
      problem: invalidHashMessage,
    };
  const sha1 = requested.kind === "sha1" ? requested.hash : null;
  if (outcome?.kind === "answered") return toAnsweredResult(base, outcome, freshAtMs);
  if (outcome?.kind === "refused")
    return { ...base, sha1, status: "failed", problem: outcome.problem };
  if (outcome?.kind === "down" && isFinal)
    return { ...base, sha1, status: "failed", problem: downProblem };
  return { ...base, sha1, status: "pending" };
}

function toAnsweredResult(
  base: Omit<FileResult, "status">,
  outcome: Extract<HashOutcome, { kind: "answered" }>,
  freshAtMs: number,
): FileResult {
  const { value, source, asOf } = outcome.statistics;
  return {
    ...base,
    sha1: outcome.sha1,
    status: value === null ? "notFound" : "found",
    source,
    statistics: value,
    information: outcome.information,
    asOf,
    fromCache: Date.parse(asOf) < freshAtMs,
    stale: outcome.stale,
  };
}

/** Creates a report; results hold information and a verdict only when the options request them. */
export function createReport(
  results: readonly FileResult[],
  skipped: readonly SkippedResult[],
  options: LookupOptions,
): FileReport {
  const countStatus = (status: FileResult["status"]): number =>
    results.filter((result) => result.status === status).length;
  return {
    results: results.map((result) => applyOptions(result, options)),
    summary: {
      found: countStatus("found"),
      notFound: countStatus("notFound"),
      invalid: countStatus("invalid"),
      pending: countStatus("pending"),
      failed: countStatus("failed"),
    },
    lookBackHours: options.lookBackHours,
    skipped: [...skipped],
  };
}

function applyOptions(result: FileResult, options: LookupOptions): FileResult {
  const { information, ...rest } = result;
  return {
    ...rest,
    ...(options.information ? { information: information ?? null } : {}),
    ...(options.thresholds
      ? { verdict: judgePrevalence(result.statistics, options.thresholds) }
      : {}),
  };
}
