/** Keeps secrets out of what a service's message is quoted as. Messages may echo a header, an address or a token. */

const placeholder = "[removed]";
const maxQuoteLength = 300;
/** Shorter than this a secret is not searched for: removing every "a" would help nobody. */
const minSecretLength = 6;

const patterns: readonly RegExp[] = [
  // A JSON Web Token, also one that was cut.
  /\beyJ[\w-]{8,}(?:\.[\w-]*){0,2}/g,
  /\b(?:Bearer|Token|Basic|SharedKey|SharedAccessSignature)\s+[^\s"',;)]+/gi,
  /\b(?:sig|key|code|secret|password|pwd|token|client_secret|client_assertion|access_token|AccountKey|SharedAccessKey)["']?\s*[=:]\s*["']?[^\s"'&,;)]+/gi,
  // Address with a user or a query: what follows the path is not needed.
  /(?<=https?:\/\/)[^\s/@"']+@/gi,
  /(?<=https?:\/\/[^\s?"']+)\?[^\s"']+/gi,
  // Nothing that people need to read is this long without a space: keys, signatures, assertions.
  /[\w+/=~.-]{48,}/g,
];

/**
 * A service's message made fit for people and logs: known secrets and whatever looks like one are replaced, it stays
 * one line, 300 characters at most.
 *
 * @param secrets - what was sent and must not come back, such as the token of this very call
 */
export function redact(message: string, secrets: readonly string[] = []): string {
  let text = message.slice(0, 20 * maxQuoteLength);
  for (const secret of secrets) {
    if (secret.length < minSecretLength) continue;
    text = text.replaceAll(secret, placeholder).replaceAll(encodeURIComponent(secret), placeholder);
  }
  for (const pattern of patterns) text = text.replaceAll(pattern, placeholder);
  return text
    .replaceAll(/[\p{Cc}\u2028\u2029\s]+/gu, " ")
    .trim()
    .slice(0, maxQuoteLength);
}
