/** Compares exported rows with the rows that a service sent, whatever the spelling of their values. */
import { formatInstant, parseInstant } from "../../shared/runtime/time.ts";

/**
 * Returns a row's values that are not null in one form: names in lower case and in order, numbers,
 * booleans and text alike as text, times with seven digits, annotations left out.
 */
export function toRowForm(line: string): string {
  const row = JSON.parse(line) as Readonly<Record<string, unknown>>;
  return Object.entries(row)
    .filter(([name, value]) => !name.includes("@odata.") && !isNull(value))
    .map(([name, value]) => `${name.toLowerCase()}=${toValueForm(value)}`)
    .toSorted()
    .join(" ");
}

const isNull = (value: unknown): boolean =>
  value === null || (typeof value === "object" && Object.keys(value).length === 0);

function toValueForm(value: unknown): string {
  const text = typeof value === "string" ? value : JSON.stringify(value);
  if (text.trim() !== "" && Number.isFinite(Number(text))) return String(Number(text));
  const ticks = parseInstant(text);
  return ticks === undefined ? text : formatInstant(ticks);
}
