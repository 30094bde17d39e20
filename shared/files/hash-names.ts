/**
 * Which runs of hexadecimal digits name a file: decided by what they are called. Defender's device ids have the form
 * of a SHA-1, so do merge keys, certificate thumbprints and commits; trace ids have the form of an MD5.
 */

/** `fileNaming`: taken. `other`: left out, with what it is instead. */
export type Naming = { readonly is: "file" } | { readonly is: "other"; readonly reason: string };

const devicePattern = "(?:device|machine|computer|host|endpoint|dvc|asset|sensor|agent)";

/**
 * The rules, first match wins. They read a name in lower-case words: `mdeDeviceId` is `mde device id`, `SHA-1` is
 * `sha 1`. A name that no rule knows says nothing.
 */
const rules: readonly (readonly [pattern: RegExp, reason: string | undefined])[] = [
  [new RegExp(`${devicePattern} ?(?:ids?|guids?|uuids?|keys?|identifiers?)$`), "a device id"],
  [new RegExp(`^${devicePattern}s?$|(?:^| )(?:devices|machines)(?: v\\d)?$`), "a device id"],
  [/merge ?(?:by ?)?keys?(?: hex)?$/, "a merge key"],
  [/cd ?hash(?:es)?(?: |$)|code ?dir(?:ectory)? ?hash(?:es)?$/, "a code directory hash"],
  [
    /thumbprint|fingerprint|x ?509|spki|cert(?:ificate)?s?(?: |$)|(?:^| )(?:signer|issuer) ?(?:hash|sha)/,
    "a certificate",
  ],
  [
    /imp ?hash|import ?hash|authentihash|rich ?(?:pe|header)|pe ?hash|(?:^| )(?:ja[34]s?|hassh|tlsh|vhash|ssdeep)(?: |$)/,
    "a fingerprint that is not of a whole file",
  ],
  [/(?:password|passwd|pwd|nt|ntlm|lm) ?hash(?:es)?$/, "a password hash"],
  [
    /(?:^| )(?:commits?|revision|git)(?: (?:hash|sha|id))?$|(?:^|head |base |tree |parent |merge )sha$/,
    "a commit",
  ],
  [
    /(?:url|uri|query|row|record|event|message|stack|user|account|e?mail|tx|transaction|block) ?hash(?:es)?$/,
    "a hash of something else",
  ],
  [
    /sha ?-?1|sha ?-?256|md ?5|(?:^| )(?:file ?)?hash(?:es)?(?: values?)?$|checksum|digest$|file ?hash/,
    undefined,
  ],
  [
    /(?:^| )(?:ids?|guids?|uuids?|etag|nonce|cookie|session|traceparent|tracestate|bookmark)$/,
    "an id",
  ],
  [
    /(?:request|trace|span|session|correlation|alert|incident|tenant|user|object|report|event|operation|parent|root|client|activity|message|resource|detector|rule|policy|case|ticket|job|run|tracking|external|system|app|application|entity|record)ids?$/,
    "an id",
  ],
  [/(?:^| )(?:keys?|tokens?|secret|signature|serial(?: number)?)$/, "a key or token"],
];

/** What is known of one name. */
export interface NameReading {
  /** In lower-case words with one space between them; of a long name the last 64 characters. */
  readonly words: string;
  /** What it says of a run that bears it; `undefined` when it says nothing. */
  readonly naming: Naming | undefined;
  /** Only holds what another property names: `{"name": "sha1", "value": "…"}`. */
  readonly isNeutral: boolean;
  /** A certificate, a TLS session: nothing in it is a file's hash. */
  readonly isForeign: boolean;
}

/** Reads a name as it stands in a payload. */
export function readName(name: string): NameReading {
  const cached = nameCache.get(name);
  if (cached) return cached;
  const words = toWords(name);
  const rule = rules.find(([pattern]) => pattern.test(words));
  const reading = {
    words,
    naming:
      rule && (rule[1] === undefined ? fileNaming : { is: "other" as const, reason: rule[1] }),
    isNeutral: neutralPattern.test(words) || /^[0-9a-f]{32,}$/i.test(name),
    isForeign: foreignPattern.test(words),
  };
  if (nameCache.size < maxCachedNames) nameCache.set(name, reading);
  return reading;
}

const fileNaming: Naming = { is: "file" };
// Payloads use few names, each many times; what a hostile one invents beyond that is read each time.
const nameCache = new Map<string, NameReading>();
const maxCachedNames = 2_000;
const maxNameLength = 64;

const toWords = (name: string): string =>
  name
    .slice(-maxNameLength)
    .replaceAll(/([a-z0-9])([A-Z])|([A-Z])(?=[A-Z][a-z])/g, "$1$3 $2")
    .replaceAll(/[^A-Za-z0-9]+/g, " ")
    .trim()
    .toLowerCase();

const neutralPattern =
  /^(?:value|val|v|text|string|content|item|entry|element|data|raw|observable|indicator|\d*)s?$/;
const foreignPattern = /(?:^| )(?:cert(?:ificate)?s?|x509|tls|signers?|issuer)$/;

/** The properties beside a value that may name it, nearest in meaning first. */
export const namingSiblings: ReadonlySet<string> = new Set(
  "name,key,type,algorithm,algo,hashtype,field,fieldname,label,kind,property,attribute,title,displayname,datatype".split(
    ",",
  ),
);

const separators = new Set(" \t\r\n\"'`:=([{<>|#,;*/\\-");
const joiners = new Set(" /._-");
const isNameCharacter = (letter: string): boolean => /[A-Za-z0-9]/.test(letter);
// "the device id is 5f…"
const fillers = ["is", "was", "of", "value"] as const;
const maxWords = 3;
const maxDistance = 80;

/**
 * What the words before a run in text say of it: `device id: 5f…`, `SHA1=5f…`, `/machines/5f…`. Looks back over at
 * most 80 characters and three words, the longest name first.
 */
export function findNamingBefore(text: string, start: number): Naming | undefined {
  const floor = Math.max(0, start - maxDistance);
  let end = start;
  const skipSeparators = (): void => {
    while (end > floor && separators.has(text.charAt(end - 1))) end -= 1;
  };
  skipSeparators();
  const filler = fillers.find((word) => text.startsWith(` ${word}`, end - word.length - 1));
  if (filler !== undefined && end - filler.length > floor) {
    end -= filler.length;
    skipSeparators();
  }
  const names: string[] = [];
  for (let at = end; at > floor && names.length < maxWords;) {
    while (at > floor && isNameCharacter(text.charAt(at - 1))) at -= 1;
    names.unshift(text.slice(at, end));
    if (at <= floor || !joiners.has(text.charAt(at - 1))) break;
    at -= 1;
  }
  for (const name of names) {
    const { naming } = readName(name);
    if (naming) return naming;
  }
  return undefined;
}
