/**
 * Replaces `{{StartTimeISO}}` and `{{EndTimeISO}}` of public hunts, which name the window's bounds.
 * They are not KQL, so a date of the same length is parsed instead and every position stays valid.
 */
import type { Placeholder } from "./time-value.ts";

const knownPlaceholders = {
  "{{StartTimeISO}}": { slot: "fromText", sample: "2026-01-05T00:00" },
  "{{EndTimeISO}}": { slot: "toText", sample: "2026-01-06    " },
} as const;

const isKnown = (text: string): text is keyof typeof knownPlaceholders => text in knownPlaceholders;

/** The text to parse, the replaced placeholders and the unknown ones. */
export interface ReplacedQuery {
  readonly text: string;
  readonly placeholders: readonly Placeholder[];
  readonly unknown: readonly { readonly text: string; readonly start: number }[];
}

/** Replaces each `{{Name}}` of a query. */
export function replacePlaceholders(query: string): ReplacedQuery {
  const placeholders: Placeholder[] = [];
  const unknown: { text: string; start: number }[] = [];
  const text = query.replaceAll(/\{\{\s*[A-Za-z_]\w*\s*\}\}/g, (match, start: number) => {
    if (!isKnown(match)) {
      unknown.push({ text: match, start });
      return match;
    }
    placeholders.push({ start, end: start + match.length, slot: knownPlaceholders[match].slot });
    return knownPlaceholders[match].sample;
  });
  return { text, placeholders, unknown };
}
