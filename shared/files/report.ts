/** Puts what was looked up into the one shape of result, and counts. */
import type { LookupOptions } from "../contracts/file-lookup.ts";
import type { FileReport, FileResult, SkippedResult } from "../contracts/file-result.ts";
import type { HashKind } from "./hash-runs.ts";
import type { LookUpOutcome } from "./look-up.ts";
import { judgePrevalence } from "./prevalence.ts";

/** One entry of a request, in its order: a hash, or a string that is none. */
export type Asked =
  | {
      readonly hash: string;
      readonly kind: HashKind;
      readonly where?: readonly string[] | undefined;
    }
  | { readonly hash: string; readonly kind: "invalid" };

const empty = {
  sha1: null,
  source: null,
  statistics: null,
  asOf: null,
  fromCache: false,
  stale: false,
  problem: null,
} as const;

const downProblem = "Defender could not be reached; ask again later.";

/**
 * @param outcome - absent for an invalid entry, and for a hash that was not looked up yet
 * @param freshAtMs - answers older than this came from the cache
 * @param settle - whether what is out of reach is a failure by now, not something still pending
 */
export function resultOf(
  asked: Asked,
  outcome: LookUpOutcome | undefined,
  freshAtMs: number,
  settle: boolean,
): FileResult {
  const head = {
    ...empty,
    hash: asked.hash,
    ...(asked.kind !== "invalid" && asked.where ? { where: [...asked.where] } : {}),
  };
  if (asked.kind === "invalid")
    return {
      ...head,
      status: "invalid",
      problem: "want 40, 64 or 32 hexadecimal digits (SHA-1, SHA-256 or MD5)",
    };
  const sha1 = asked.kind === "sha1" ? asked.hash : null;
  if (outcome?.kind === "answered") return answered(head, outcome, freshAtMs);
  if (outcome?.kind === "refused")
    return { ...head, sha1, status: "failed", problem: outcome.problem };
  if (outcome?.kind === "down" && settle)
    return { ...head, sha1, status: "failed", problem: downProblem };
  return { ...head, sha1, status: "pending" };
}

function answered(
  head: Omit<FileResult, "status">,
  outcome: Extract<LookUpOutcome, { kind: "answered" }>,
  freshAtMs: number,
): FileResult {
  const { value, source, asOf } = outcome.statistics;
  return {
    ...head,
    sha1: outcome.sha1,
    status: value === null ? "not_found" : "found",
    source,
    statistics: value,
    information: outcome.information,
    asOf,
    fromCache: Date.parse(asOf) < freshAtMs,
    stale: outcome.stale,
  };
}

/** The report as its options want it: information and verdict only where asked for. */
export function reportOf(
  results: readonly FileResult[],
  skipped: readonly SkippedResult[],
  options: LookupOptions,
): FileReport {
  const count = (status: FileResult["status"]): number =>
    results.filter((result) => result.status === status).length;
  return {
    results: results.map((result) => dressed(result, options)),
    summary: {
      found: count("found"),
      notFound: count("not_found"),
      invalid: count("invalid"),
      pending: count("pending"),
      failed: count("failed"),
    },
    lookBackHours: options.lookBackHours,
    skipped: [...skipped],
  };
}

function dressed(result: FileResult, options: LookupOptions): FileResult {
  const { information, ...rest } = result;
  return {
    ...rest,
    ...(options.information ? { information: information ?? null } : {}),
    ...(options.thresholds
      ? { verdict: judgePrevalence(result.statistics, options.thresholds) }
      : {}),
  };
}
