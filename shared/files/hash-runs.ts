/**
 * Finds runs of hexadecimal digits that have the length of a file hash, without looking at every
 * character.
 */

/** The hashes Huntline knows, by how many hexadecimal digits they have. */
export type HashKind = "sha1" | "sha256" | "md5";

/** What 32, 40 or 64 digits are; `undefined` for any other count. */
export function findHashKind(digits: number): HashKind | undefined {
  if (digits === 40) return "sha1";
  if (digits === 64) return "sha256";
  return digits === 32 ? "md5" : undefined;
}

const wholeHash = /^(?:sha-?1|sha-?256|md5)?[\s:=]*([0-9a-f]{32}|[0-9a-f]{40}|[0-9a-f]{64})$/i;

/**
 * One hash alone, in either case, with or without `sha1:` before it; lower case, or `undefined`.
 */
export function readHash(text: string): { hash: string; kind: HashKind } | undefined {
  const hash =
    text.length <= maxWrittenLength ? wholeHash.exec(text.trim())?.[1]?.toLowerCase() : undefined;
  const kind = hash === undefined ? undefined : findHashKind(hash.length);
  return hash !== undefined && kind !== undefined ? { hash, kind } : undefined;
}

const maxWrittenLength = 100;
/** Digits of the shortest hash. */
export const minDigits = 32;

const hexDigit = 1;
const wordCharacter = 2;
const classes = new Uint8Array(128);
for (const letter of "0123456789abcdefABCDEF")
  classes[letter.charCodeAt(0)] = hexDigit | wordCharacter;
for (const letter of "ghijklmnopqrstuvwxyzGHIJKLMNOPQRSTUVWXYZ_")
  classes[letter.charCodeAt(0)] = wordCharacter;

// The comparison is false for NaN, past either end; a read outside the array would be slow.
const isHex = (code: number): boolean =>
  code < classes.length && ((classes[code] ?? 0) & hexDigit) !== 0;
const isWord = (code: number): boolean =>
  code < classes.length && ((classes[code] ?? 0) & wordCharacter) !== 0;

/** A run of a text from `start` to before `end`. */
export interface Run {
  start: number;
  end: number;
}

/**
 * Moves to the next run of 32, 40 or 64 hexadecimal digits behind the last one, with no letter,
 * digit or underscore on either side. Returns false at the end of the text.
 *
 * A run of 32 covers a position that is a multiple of 32 behind the last run, so only those are
 * probed; the time is linear in the text whatever it holds. An escape such as `\n` before a run
 * counts as a boundary, for JSON in text.
 */
export function findNextRun(text: string, run: Run): boolean {
  for (let floor = run.end, probe = floor + minDigits - 1; probe < text.length;) {
    if (!isHex(text.charCodeAt(probe))) {
      probe += minDigits;
      continue;
    }
    let start = probe;
    while (start > floor && isHex(text.charCodeAt(start - 1))) start -= 1;
    let end = probe + 1;
    while (isHex(text.charCodeAt(end))) end += 1;
    if (findHashKind(end - start) !== undefined && isStandalone(text, start, end)) {
      run.start = start;
      run.end = end;
      return true;
    }
    floor = end;
    probe = end + minDigits - 1;
  }
  return false;
}

/**
 * True when a run of hexadecimal digits is long enough to be a hash, whatever is around it.
 */
export function canHoldHash(text: string): boolean {
  for (let probe = minDigits - 1; probe < text.length; probe += minDigits) {
    if (!isHex(text.charCodeAt(probe))) continue;
    let start = probe;
    while (start > 0 && isHex(text.charCodeAt(start - 1))) start -= 1;
    let end = probe + 1;
    while (end - start < minDigits && isHex(text.charCodeAt(end))) end += 1;
    if (end - start >= minDigits) return true;
  }
  return false;
}

const isStandalone = (text: string, start: number, end: number): boolean =>
  !isWord(text.charCodeAt(end)) &&
  (!isWord(text.charCodeAt(start - 1)) || isAfterEscape(text, start));

/** `\n`, `\r` or `\t` written out, its backslash not escaped itself. */
function isAfterEscape(text: string, start: number): boolean {
  if (!"nrt".includes(text.charAt(start - 1))) return false;
  let slashes = 0;
  while (text.charAt(start - 2 - slashes) === "\\") slashes += 1;
  return slashes % 2 === 1;
}
