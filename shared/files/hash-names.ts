/** Reads names, and words before a run of hexadecimal digits, by the rules of `hash-rules.ts`. */
import {
  directoryReason,
  foreignContainer,
  gluedId,
  imageReference,
  nameRules,
  neutralName,
  siblingRules,
  textRules,
  urlReason,
  type NameRule,
  type SiblingRule,
} from "./hash-rules.ts";

/**
 * What a name or text says of a run: a file's hash, something else, or a hash of a file unless
 * another name says otherwise (`index`).
 */
export type Naming =
  | { readonly is: "file" | "index" }
  | { readonly is: "other"; readonly reason: string };

/** The reading of one name. */
export interface NameReading {
  /** Lower-case words with one space between them; of a long name the last 64 characters. */
  readonly words: string;
  /** What the name says of its runs; `undefined` when it says nothing. */
  readonly naming: Naming | undefined;
  /** Whether another property names what this one holds. */
  readonly isNeutral: boolean;
  /** Whether nothing inside is a file's hash. */
  readonly isForeign: boolean;
  /** The rules by which the properties beside it may decide. */
  readonly siblingRules: readonly SiblingRule[];
}

const fileNaming: Naming = { is: "file" };
// Payloads use few names, each many times. Texts beside hashes are read as names, too, so the
// cache starts again when it is full.
const nameCache = new Map<string, NameReading>();
const maxCachedNames = 2_000;
const maxNameLength = 64;

/** Reads the name of a property, column or form field. */
export function readName(name: string): NameReading {
  const cached = nameCache.get(name);
  if (cached) return cached;
  const words = toWords(name);
  const reading = {
    words,
    naming: toNaming(nameRules.find(({ names }) => names.test(words))),
    isNeutral: neutralName.test(words) || runPattern.test(name),
    isForeign: foreignContainer.test(words),
    siblingRules: findSiblingRules(words),
  };
  if (nameCache.size >= maxCachedNames) nameCache.clear();
  nameCache.set(name, reading);
  return reading;
}

const noSiblingRules: readonly SiblingRule[] = [];

/** Names without rules share one list: a body may have many of them. */
function findSiblingRules(words: string): readonly SiblingRule[] {
  const rules = siblingRules.filter(({ names }) => names.test(words));
  return rules.length === 0 ? noSiblingRules : rules;
}

const toNaming = (rule: Pick<NameRule, "reason" | "isIndex"> | undefined): Naming | undefined => {
  if (!rule) return undefined;
  if (rule.isIndex === true) return { is: "index" };
  return rule.reason === undefined ? fileNaming : { is: "other", reason: rule.reason };
};

/** Words in which two words may be written together. Most names have none. */
const gluedWords = /sha|md|hash|(?:id|key)s?(?: |$)/;

function toWords(name: string): string {
  const words = name
    .slice(-maxNameLength)
    .replaceAll(/([a-z0-9])([A-Z])|([A-Z])(?=[A-Z][a-z])/g, "$1$3 $2")
    .replaceAll(/[^A-Za-z0-9]+/g, " ")
    .trim()
    .toLowerCase();
  return gluedWords.test(words) ? splitGlued(words) : words;
}

const splitGlued = (words: string): string =>
  words
    .replaceAll(/\b(sha|md) ?(1|256|5)(?!\d)/g, " $1$2 ")
    .split(" ")
    .filter((word) => word !== "")
    .map(splitWord)
    .join(" ")
    .replaceAll(/ {2,}/g, " ");

/** Splits words that are written together: `filehash`, `hashvalue`, `deviceid`. */
function splitWord(word: string): string {
  const split = word.replace(/(sha1|sha256|md5)/, " $1 ").trim();
  if (/hash(?:es)?$/.test(split)) return split.replace(/(\w)(hash(?:es)?)$/, "$1 $2");
  if (/(?:id|key)s?$/.test(split)) return split.replace(gluedId, "$1 $2");
  return split.replace(/^(hash(?:es)?)(values?|strings?|hex)$/, "$1 $2");
}

const separators = new Set(" \t\r\n\"'`:=([{<>|#,;*/\\-");
const joiners = new Set(" /._-");
const isNameCharacter = (letter: string): boolean => /[A-Za-z0-9]/.test(letter);
// "the device id is 5f…"
const fillers = ["is", "was", "of", "for", "value"] as const;
const maxWords = 3;
const maxWordLength = 48;
const runPattern = /^[0-9a-f]{32,}$/i;
const maxDistance = 80;

/**
 * Reads the words before a run in text: `device id: 5f…`, `SHA1=5f…`, `/machines/5f…`. Looks back
 * over at most 80 characters and three words, the longest name first.
 */
export function findNamingBefore(text: string, start: number): Naming | undefined {
  if (start === 0) return undefined;
  const floor = Math.max(0, start - maxDistance);
  if (imageReference.before.test(text.slice(floor, start))) return toNaming(imageReference);
  const end = skipFiller(text, skipSeparators(text, start, floor), floor);
  for (const name of listNamesBefore(text, end, floor)) {
    const { naming } = readName(name);
    if (naming) return naming;
  }
  return undefined;
}

/** Lists the last one, two and three words before `end`, the longest name first. */
function listNamesBefore(text: string, end: number, floor: number): readonly string[] {
  const names: string[] = [];
  for (let at = end; at > floor && names.length < maxWords;) {
    const wordEnd = at;
    while (at > floor && isNameCharacter(text.charAt(at - 1))) at -= 1;
    const word = text.slice(at, wordEnd);
    const previous = at > floor ? text.charAt(at - 1) : "";
    // In `Op=CreateKey Hash=5f…` the word after the first sign is a value, not part of the name.
    const isValue = previous === "=" && names.length > 0;
    if (word.length > maxWordLength || runPattern.test(word) || isValue) break;
    names.unshift(text.slice(at, end));
    if (!joiners.has(previous)) break;
    at -= 1;
  }
  return names;
}

function skipSeparators(text: string, from: number, floor: number): number {
  let at = from;
  while (at > floor && separators.has(text.charAt(at - 1))) at -= 1;
  return at;
}

function skipFiller(text: string, end: number, floor: number): number {
  const filler = fillers.find((word) => text.startsWith(` ${word}`, end - word.length - 1));
  if (filler === undefined || end - filler.length <= floor) return end;
  return skipSeparators(text, end - filler.length, floor);
}

const maxUrlLength = 512;
const [space, doubleQuote, singleQuote, less, greater] = [0x20, 0x22, 0x27, 0x3c, 0x3e];
const endsUrl = (code: number): boolean =>
  code <= space ||
  code === doubleQuote ||
  code === singleQuote ||
  code === less ||
  code === greater;

/** Reads the text around a run: a path of a URL, a directory, a version. */
export function findTextNaming(text: string, start: number, end: number): Naming | undefined {
  const before = text.slice(Math.max(0, start - maxDistance), start);
  const rule = textRules.find((each) => each.before.test(before));
  if (rule) return toNaming(rule);
  if (isInUrl(text, start)) return { is: "other", reason: urlReason };
  const isDirectory = /[\w.@-]\/$/.test(before) && text.charAt(end) === "/";
  return isDirectory ? { is: "other", reason: directoryReason } : undefined;
}

function isInUrl(text: string, start: number): boolean {
  const floor = Math.max(0, start - maxUrlLength);
  let at = start;
  while (at > floor && !endsUrl(text.charCodeAt(at - 1))) at -= 1;
  const path = text.slice(at, start);
  return path.includes("://") || /^(?:[\w-]+\.)+[a-z]{2,}(?::\d+)?\//i.test(path);
}
