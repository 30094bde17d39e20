import { redactText } from "../runtime/redact.ts";

const maxQuoteLength = 500;
/** Text this long without a space is a key, a signature or an assertion. */
const longRun = /[\w+/=~.-]{48,}/g;

/**
 * Returns a service's message for people and logs: without secrets, on one line of at most 500
 * characters. A message may echo a header, an address or a token.
 *
 * @param secrets - values that were sent, such as the token of this call
 */
export const redact = (message: string, secrets: readonly string[] = []): string =>
  redactText(message.slice(0, 20 * maxQuoteLength), secrets)
    .replaceAll(longRun, "[removed]")
    .replaceAll(/[\p{Cc}\u2028\u2029\s]+/gu, " ")
    .trim()
    .slice(0, maxQuoteLength);
