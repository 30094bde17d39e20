/** Removes secrets from messages of services: a message may echo a header, an address or a token. */

const placeholder = "[removed]";
const maxQuoteLength = 300;
/** A shorter secret is not searched for, because its text occurs in ordinary words. */
const minSecretLength = 6;

const patterns: readonly RegExp[] = [
  // A JSON Web Token, also a truncated one.
  /\beyJ[\w-]{8,}(?:\.[\w-]*){0,2}/g,
  /\b(?:Bearer|Token|Basic|SharedKey|SharedAccessSignature)\s+[^\s"',;)]+/gi,
  /\b(?:sig|key|code|secret|password|pwd|token|client_secret|client_assertion|access_token|AccountKey|SharedAccessKey)["']?\s*[=:]\s*["']?[^\s"'&,;)]+/gi,
  // The user and the query of an address.
  /(?<=https?:\/\/)[^\s/@"']+@/gi,
  /(?<=https?:\/\/[^\s?"']+)\?[^\s"']+/gi,
  // Text this long without a space is a key, a signature or an assertion.
  /[\w+/=~.-]{48,}/g,
];

/**
 * Returns a service's message for people and logs: known secrets and text that looks like one are replaced; one line of
 * at most 300 characters.
 *
 * @param secrets - values that were sent, such as the token of this call
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
