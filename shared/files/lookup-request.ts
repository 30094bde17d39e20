/** Turns a request into what the desk answers: the hashes of its list, each once, or those that its payload carries. */
import { wideLimits, type ParsedBody } from "../http/request-body.ts";
import type { Lookup, LookupOptions } from "../contracts/file-lookup.ts";
import { Problem } from "../http/problem.ts";
import type { FileQuestion } from "./file-jobs.ts";
import { readHash } from "./hash-runs.ts";
import { findHashes } from "./hashes.ts";
import type { Asked } from "./report.ts";

const longestEcho = 128;

/**
 * A string of a list that is no hash stays, as an invalid entry.
 *
 * @throws Problem 400 for a payload outside the limits, 422 for one with too many hashes
 */
export function questionOf(lookup: Lookup, idempotencyKey?: string): FileQuestion {
  const { options, asked } = lookup;
  if (asked.kind === "payload")
    return { ...searched(asked.body, options), options, idempotencyKey };
  const entries = asked.hashes.map(
    (text): Asked => readHash(text) ?? { hash: text.slice(0, longestEcho), kind: "invalid" },
  );
  const once = [
    ...new Map(entries.map((entry) => [`${entry.kind} ${entry.hash}`, entry])).values(),
  ];
  return { asked: once, skipped: [], options, idempotencyKey };
}

/**
 * The question about one hash of a URL.
 *
 * @throws Problem 400 when the text is no hash
 */
export function questionOfOne(text: string, options: LookupOptions): FileQuestion {
  const hash = readHash(text);
  if (hash) return { asked: [hash], skipped: [], options };
  const message = "want 40, 64 or 32 hexadecimal digits (SHA-1, SHA-256 or MD5)";
  throw new Problem(400, "The path holds no hash.", { errors: [{ path: "/hash", message }] });
}

function searched(
  body: ParsedBody,
  options: LookupOptions,
): Pick<FileQuestion, "asked" | "skipped"> {
  const found = findHashes(body, { all: options.all, where: options.where, limits: wideLimits });
  if (found.kind === "outside-limits")
    throw new Problem(400, "The body is outside the limits of this door.", {
      errors: [found.fault],
    });
  if (found.kind === "too-many")
    throw new Problem(
      422,
      `The body holds more than ${found.most} hashes; split it over several requests.`,
    );
  const places = (where: readonly string[]): { where?: string[] } =>
    options.where ? { where: [...where] } : {};
  return {
    asked: found.hashes.map(({ hash, kind, where }) => ({ hash, kind, ...places(where) })),
    skipped: found.skipped.map(({ hash, reason, where }) => ({ hash, reason, ...places(where) })),
  };
}
