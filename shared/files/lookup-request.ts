/**
 * Turns the input of a lookup into hashes: those of its list, each once, or those found in its
 * payload.
 */
import { wideLimits, type ParsedBody } from "../contracts/parsed-body.ts";
import type { LookupInput, LookupOptions } from "../contracts/file-lookup.ts";
import { Problem } from "../contracts/problem.ts";
import type { LookupRequest } from "./file-jobs.ts";
import { readHash } from "./hash-runs.ts";
import { letOthersRun } from "../runtime/concurrency.ts";
import { findHashesInPortions } from "./hashes.ts";
import { invalidHashMessage, type RequestedHash } from "./report.ts";

const maxEchoLength = 128;

/**
 * Collects the hashes to look up. A string of a list that is not a hash becomes an invalid entry.
 *
 * @throws Problem 400 for a payload outside the limits, 422 for one with too many hashes
 */
export async function toLookupRequest(
  lookup: LookupInput,
  idempotencyKey?: string,
): Promise<LookupRequest> {
  const { options, input } = lookup;
  if (input.kind === "payload")
    return { ...(await findBodyHashes(input.body, options)), options, idempotencyKey };
  const entries = input.hashes.map(
    (text): RequestedHash =>
      readHash(text) ?? { hash: text.slice(0, maxEchoLength), kind: "invalid" },
  );
  const distinct = [
    ...new Map(entries.map((entry) => [`${entry.kind} ${entry.hash}`, entry])).values(),
  ];
  return { requested: distinct, skipped: [], options, idempotencyKey };
}

/**
 * Creates the request for the hash of a URL.
 *
 * @throws Problem 400 when the text is not a hash
 */
export function toSingleHashRequest(text: string, options: LookupOptions): LookupRequest {
  const hash = readHash(text);
  if (hash) return { requested: [hash], skipped: [], options };
  throw new Problem(400, "The hash in the path is invalid.", {
    errors: [{ path: "/hash", message: invalidHashMessage }],
  });
}

async function findBodyHashes(
  body: ParsedBody,
  options: LookupOptions,
): Promise<Pick<LookupRequest, "requested" | "skipped">> {
  const { all, where } = options;
  // Parsing the body has taken its time already.
  await letOthersRun();
  const outcome = await findHashesInPortions(
    body,
    { all, where, limits: wideLimits },
    letOthersRun,
  );
  if (outcome.kind === "outside-limits")
    throw new Problem(400, "The request body exceeds a limit.", {
      errors: [outcome.fault],
    });
  if (outcome.kind === "too-many")
    throw new Problem(
      422,
      `The body holds more than ${outcome.max} hashes; split it into several requests.`,
    );
  const pickWhere = (where: readonly string[]): { where?: string[] } =>
    options.where ? { where: [...where] } : {};
  return {
    requested: outcome.hashes.map(({ hash, kind, where }) => ({ hash, kind, ...pickWhere(where) })),
    skipped: outcome.skipped.map(({ hash, reason, where }) => ({
      hash,
      reason,
      ...pickWhere(where),
    })),
  };
}
