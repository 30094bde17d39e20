/**
 * Removes secrets from texts and JSON values that are kept or shown: by the name of a member, by
 * known values in every usual encoding, and by the form of common credentials. Linear in the length
 * of the text.
 */

const placeholder = "[removed]";

/**
 * Names whose value is a secret, in lower case without separators: `clientSecret`,
 * `X-Functions-Key`.
 */
const secretNames =
  /(?:password|passwd|pwd|passphrase|secret|token|(?:api|access|account|private|signing|encryption|shared|sharedaccess|subscription|functions|host|master|storage)key|authorization|cookies?|credentials?|connectionstring|signature|assertion|jwt|^sig)s?$/;

const isSecretName = (name: string): boolean =>
  secretNames.test(name.toLowerCase().replaceAll(/[^a-z\d]/g, ""));

/** The same names in a text, with what may be between a name and its value. */
const namedValue = new RegExp(
  [
    String.raw`(?:client_secret|password|passwd|pwd|passphrase|secret|authorization|set-cookie|cookie|credentials?`,
    String.raw`|(?:api|access|account|private|signing|encryption|shared|subscription|functions|host|master|storage)[ _-]?(?:access)?[ _-]?key`,
    String.raw`|(?:access|refresh|id|sas|auth|session|bearer|csrf)[ _-]?token|client_assertion|assertion|connection[ _-]?string)`,
    String.raw`[\\"']{0,4}\s{0,3}(?:=|:|%3D|%3A)\s{0,3}[\\"']{0,4}`,
  ].join(""),
  "gi",
);

/**
 * Names that are secrets only as parameters, followed by a value that is not a word or a short
 * number.
 */
const parameter =
  /\b(?:sig|key|code|token)(?:=|%3D)(?=[^\s"'&,;)]{16}|[^\s"'&,;)]{0,40}[\d%._-])[^\s"'&,;)]{8,}/gi;

const patterns: readonly RegExp[] = [
  /-----BEGIN [A-Z\d ]{1,40}-----[\s\S]*?(?:-----END [A-Z\d ]{1,40}-----|$)/g,
  // A JSON Web Token, also a truncated one.
  /eyJ[\w-]{8,}(?:\.[\w-]*){0,2}/g,
  // A credential after its scheme, which is not a word of a sentence.
  /\b(?:[Bb]earer|BEARER|[Tt]oken|[Bb]asic|[Nn]egotiate|SharedKey(?:Lite)?|SharedAccessSignature)\s{1,3}(?=[^\s"',;)]{16}|[^\s"',;)]{0,80}(?:\d|[+/=_~]|\w\.\w|[a-z][A-Z]))[^\s"',;)]{3,}/g,
  /\b(?:whsec|ghp|gho|ghs|github_pat|glpat|xox[abpr]|sk|rk)[_-][\w+/=-]{8,}/g,
  /\bAKIA[A-Z\d]{16}\b/g,
  parameter,
  // The user and the query of an address.
  /(?<=https?:\/\/)[^\s/@"']{1,200}@/gi,
  /(?<=https?:\/\/[^\s?"']{1,2000})\?[^\s"']+/gi,
];

/** Known values shorter than this occur in ordinary words. */
const minSecretLength = 6;

/**
 * Returns the text without secrets.
 *
 * @param secrets - values that were sent, such as the token of a call
 */
export function redactText(text: string, secrets: readonly string[] = []): string {
  let result = text;
  for (const secret of secrets) {
    if (secret.length < minSecretLength) continue;
    for (const form of new Set(encodeForms(secret)))
      result = result.replaceAll(new RegExp(escapePattern(form), "gi"), placeholder);
  }
  result = removeNamedValues(removeSecretMembers(result));
  for (const pattern of patterns) result = result.replaceAll(pattern, placeholder);
  return result.replaceAll(/[A-Za-z\d+/_=-]{40,}/g, (run) =>
    looksRandom(run) ? placeholder : run,
  );
}

/** The name of a member of JSON in a text, also of JSON within JSON, with the separator. */
const memberName = /\\{0,3}"([\w -]{1,60})\\{0,3}"\s{0,3}:\s{0,3}/g;

/** Removes lists and objects under a secret name, and texts under names that only JSON has. */
function removeSecretMembers(text: string): string {
  let result = "";
  let doneTo = 0;
  for (const match of text.matchAll(memberName)) {
    const from = match.index + match[0].length;
    if (match.index < doneTo || !isSecretName(match[1] ?? "")) continue;
    const to = findValueEnd(text, from);
    result += text.slice(doneTo, from) + JSON.stringify(placeholder);
    doneTo = to;
  }
  return result + text.slice(doneTo);
}

/** Returns the index after a JSON value; the end of the text where it is cut off. */
function findValueEnd(text: string, from: number): number {
  const quotes = /\\*"/y;
  quotes.lastIndex = from;
  const quote = quotes.exec(text)?.[0];
  if (quote !== undefined) return findQuoteEnd(text, from + quote.length, quote.length - 1);
  let depth = 0;
  for (let at = from; at < text.length; at += 1) {
    const character = text[at] ?? "";
    if ("[{".includes(character)) depth += 1;
    else if ("]}".includes(character)) depth -= 1;
    if (depth < 0 || (depth === 0 && character === ",")) return at;
    if (depth === 0 && "]}".includes(character)) return at + 1;
  }
  return text.length;
}

/**
 * Returns the index after the closing quote.
 *
 * @param level - the number of backslashes before the opening quote
 */
function findQuoteEnd(text: string, from: number, level: number): number {
  for (let at = text.indexOf('"', from); at >= 0; at = text.indexOf('"', at + 1)) {
    let escapes = 0;
    while (at - escapes > from && text[at - escapes - 1] === "\\") escapes += 1;
    if (level === 0 ? escapes % 2 === 0 : escapes === level) return at + 1;
  }
  return text.length;
}

/** Returns a copy of a parsed JSON value without secrets, in values and in names of members. */
export function redactJson(value: unknown): unknown {
  if (typeof value === "string") return redactText(value);
  if (Array.isArray(value)) return value.map(redactJson);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([name, inner]) => [
      redactText(name),
      inner !== null && isSecretName(name) ? placeholder : redactJson(inner),
    ]),
  );
}

/** The usual encodings of a value; letter case is ignored when they are searched for. */
function encodeForms(secret: string): readonly string[] {
  const bytes = Buffer.from(secret);
  const uri = encodeURIComponent(secret);
  const toEntities = (format: (code: number) => string): string =>
    secret.replaceAll(/\W/gu, (character) => format(character.codePointAt(0) ?? 0));
  return [
    secret,
    uri,
    uri.replaceAll("%20", "+"),
    encodeURIComponent(uri),
    bytes.toString("base64").replace(/=+$/, ""),
    bytes.toString("base64url"),
    bytes.toString("hex"),
    JSON.stringify(secret).slice(1, -1),
    toEntities((code) => `&#${code};`),
    toEntities((code) => `&#x${code.toString(16)};`),
  ];
}

const escapePattern = (text: string): string =>
  text.replaceAll(/[$()*+.?[\\\]^{|}]/g, String.raw`\$&`);

/**
 * Removes a named value: to the closing quote, for a header to the end of the line, else to the
 * next separator.
 */
function removeNamedValues(text: string): string {
  let result = "";
  let doneTo = 0;
  for (const match of text.matchAll(namedValue)) {
    if (match.index < doneTo) continue;
    const from = match.index + match[0].length;
    const quote = /["']$/.exec(match[0])?.[0];
    const isHeader = /^(?:authorization|(?:set-)?cookie)/i.test(match[0]);
    const end = quote === undefined ? (isHeader ? /[\r\n"']/g : /[\s"'&,;)}]/g) : quoteEnds[quote];
    if (!end) continue;
    end.lastIndex = from;
    const to = end.exec(text)?.index ?? text.length;
    if (to === from) continue;
    result += text.slice(doneTo, match.index) + placeholder;
    doneTo = to;
  }
  return result + text.slice(doneTo);
}

/** A quoted value ends at its quote or, in JSON within JSON, at the backslash before it. */
const quoteEnds: Readonly<Record<string, RegExp>> = { '"': /["\\\r\n]/g, "'": /['\\\r\n]/g };

const guidOrHex = /[\da-f]{8}(?:-[\da-f]{4}){3}-[\da-f]{12}|[\da-f]{24,}/gi;
const minRandomLength = 32;
const minChangeShare = 0.3;

/**
 * True for a run whose kind of character changes as often as in random text. Hashes, ids and paths
 * are not random.
 */
function looksRandom(run: string): boolean {
  const rest = run.replaceAll(guidOrHex, "");
  if (rest.length < minRandomLength) return false;
  const changes = rest.match(/[a-z](?=[A-Z\d])|[A-Z](?=\d)|\d(?=[A-Za-z])|[A-Z]{2}(?=[a-z])/g);
  return (changes?.length ?? 0) / rest.length >= minChangeShare;
}
