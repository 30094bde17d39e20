/** Whose texts are erased: those of a person, or those of the verdicts about an alert. */
import { parseAlertId, type AlertId } from "../../contracts/alert-id.ts";
import { UsageError } from "../command-line.ts";

export type ErasureTarget =
  | { readonly kind: "requester"; readonly name: string }
  | { readonly kind: "alert"; readonly id: AlertId };

/** Shorter names occur in ordinary words. */
const minNameLength = 3;

/** @throws UsageError unless there is one target */
export function readTarget(
  requestedBy: string | undefined,
  alert: string | undefined,
): ErasureTarget {
  if ((requestedBy === undefined) === (alert === undefined))
    throw new UsageError("Give either --requested-by or --alert. Run with --help.");
  if (alert !== undefined) {
    const parsed = parseAlertId(alert);
    if (parsed.kind === "refused") throw new UsageError(`--alert ${parsed.message}.`);
    return { kind: "alert", id: parsed.id };
  }
  const name = requestedBy?.trim() ?? "";
  if (name.length < minNameLength)
    throw new UsageError(`--requested-by must have at least ${minNameLength} characters.`);
  return { kind: "requester", name };
}

/** Tells whether a text names the target. A name is found in any case, as a whole word. */
export function isNamedIn(target: ErasureTarget, text: string): boolean {
  if (target.kind === "alert") return text.toLowerCase().includes(target.id);
  const [words, name] = [text.toLowerCase(), target.name.toLowerCase()];
  for (let at = words.indexOf(name); at >= 0; at = words.indexOf(name, at + 1))
    if (!isWordPart(words[at - 1]) && !isWordPart(words[at + name.length])) return true;
  return false;
}

/** A dot ends a sentence, so it does not continue a name. */
const isWordPart = (character: string | undefined): boolean =>
  character !== undefined && /[\p{L}\p{N}_-]/u.test(character);

/**
 * Tells whether any text in a JSON value, or the name of a member, names the target. A record may
 * have any depth, so the search does not recurse.
 */
export function isNamedAnywhere(target: ErasureTarget, value: unknown): boolean {
  const pending: unknown[] = [value];
  while (pending.length > 0) {
    const next = pending.pop();
    if (typeof next === "string" && isNamedIn(target, next)) return true;
    if (typeof next !== "object" || next === null) continue;
    if (!Array.isArray(next)) for (const name of Object.keys(next)) pending.push(name);
    for (const inner of Object.values(next)) pending.push(inner);
  }
  return false;
}
