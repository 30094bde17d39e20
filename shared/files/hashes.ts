/**
 * Finds file hashes in whatever a SIEM sends: any JSON, form or text, also JSON inside JSON strings
 * and tables in text. Bodies are parsed first and searched afterwards, because raw JSON hides a
 * hash behind an escape.
 */
import type { InputFault } from "../contracts/input-faults.ts";
import type { ParsedBody } from "../contracts/parsed-body.ts";
import { searchPortions } from "./body-walk.ts";
import { HashSearch, type FindOptions, type FoundHash, type SkippedHash } from "./hash-search.ts";

/** The hashes in document order, each once. */
export type FindOutcome =
  | {
      readonly kind: "found";
      readonly hashes: readonly FoundHash[];
      readonly skipped: readonly SkippedHash[];
    }
  | { readonly kind: "outside-limits"; readonly fault: InputFault }
  | { readonly kind: "too-many"; readonly max: number };

/** Maximum number of distinct hashes of one body. */
export const maxHashes = 20_000;

/** Finds every file hash of a body at once. */
export function findHashes(body: ParsedBody, options: FindOptions): FindOutcome {
  const search = new HashSearch(options);
  for (const _ of searchPortions(body, search));
  return toOutcome(search);
}

/** Finds every file hash of a body as `findHashes` does; awaits `pause` after each portion. */
export async function findHashesInPortions(
  body: ParsedBody,
  options: FindOptions,
  pause: () => Promise<void>,
): Promise<FindOutcome> {
  const search = new HashSearch(options);
  for (const _ of searchPortions(body, search)) await pause();
  return toOutcome(search);
}

function toOutcome(search: HashSearch): FindOutcome {
  if (search.fault) return { kind: "outside-limits", fault: search.fault };
  const hashes = search.listHashes();
  if (hashes.length > maxHashes) return { kind: "too-many", max: maxHashes };
  return { kind: "found", hashes, skipped: search.listSkipped() };
}
