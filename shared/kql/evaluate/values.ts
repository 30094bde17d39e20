/**
 * KQL's values in JavaScript. string, guid, decimal: string. long, datetime, timespan: bigint
 * (datetimes and timespans in ticks). int, real: number. bool: boolean. dynamic: JSON, whole
 * numbers beyond 2^53 as bigint. null: null.
 */
import type { KqlType } from "../../contracts/compiled-hunt.ts";
import { formatInstant, parseInstant } from "../../runtime/time.ts";
import { parseTimespanTicks } from "../language/literals.ts";

const dayTicks = 864_000_000_000n;

/** Returns the value of an empty cell: strings are never null. */
export const getEmptyValue = (type: KqlType): unknown => (type === "string" ? "" : null);

/** Writes a timespan as Kusto does: `1.02:03:04.5000000`, the fraction only when there is one. */
function formatTimespan(ticks: bigint): string {
  const size = ticks < 0n ? -ticks : ticks;
  const days = size / dayTicks;
  const padTwo = (value: bigint): string => value.toString().padStart(2, "0");
  const clock = [
    (size % dayTicks) / 36_000_000_000n,
    (size % 36_000_000_000n) / 600_000_000n,
    (size % 600_000_000n) / 10_000_000n,
  ]
    .map(padTwo)
    .join(":");
  const fraction = size % 10_000_000n;
  const sign = ticks < 0n ? "-" : "";
  const dayText = days > 0n ? `${days}.` : "";
  const fractionText = fraction > 0n ? `.${fraction.toString().padStart(7, "0")}` : "";
  return sign + dayText + clock + fractionText;
}

/** Formats a real as Kusto does: a whole one keeps its `.0`. */
function formatReal(value: number): string {
  if (Number.isNaN(value)) return "NaN";
  if (!Number.isFinite(value)) return value > 0 ? "Infinity" : "-Infinity";
  return Number.isInteger(value) && Math.abs(value) < 1e15 ? `${value}.0` : String(value);
}

/** JSON with exact whole numbers. */
export function toJsonText(value: unknown): string {
  if (typeof value === "bigint") return value.toString();
  if (Array.isArray(value)) return `[${value.map(toJsonText).join(",")}]`;
  if (value !== null && typeof value === "object")
    return `{${Object.entries(value)
      .map(([key, inner]) => `${JSON.stringify(key)}:${toJsonText(inner)}`)
      .join(",")}}`;
  return JSON.stringify(value ?? null);
}

/** `tostring()`: null becomes the empty string. */
export function toText(value: unknown, type: KqlType): string {
  if (typeof value === "string") return value;
  if (value === null || value === undefined) return "";
  if (typeof value === "boolean") return value ? "true" : "false";
  if (typeof value === "bigint")
    return type === "datetime"
      ? formatInstant(value)
      : type === "timespan"
        ? formatTimespan(value)
        : value.toString();
  if (typeof value === "number") return type === "real" ? formatReal(value) : String(value);
  return toJsonText(value);
}

/** Converts a value to JSON, as arrays and bags hold it. */
export function toDynamic(value: unknown, type: KqlType): unknown {
  if (typeof value !== "bigint") return value ?? null;
  if (type === "datetime" || type === "timespan") return toText(value, type);
  return value >= -9_007_199_254_740_991n && value <= 9_007_199_254_740_991n
    ? Number(value)
    : value;
}

const longDigits = /\d{16}/;

/**
 * Reads JSON with exact whole numbers; other text stays a string, as `parse_json` returns it.
 */
export function parseJson(text: string): unknown {
  try {
    return longDigits.test(text)
      ? (JSON.parse(text, parseExactNumber) as unknown)
      : (JSON.parse(text) as unknown);
  } catch {
    return text === "" ? null : text;
  }
}

function parseExactNumber(
  _key: string,
  value: unknown,
  context?: { readonly source?: string },
): unknown {
  const source = context?.source;
  return typeof value === "number" && source !== undefined && /^-?\d{16,}$/.test(source)
    ? BigInt(source)
    : value;
}

/** Converts to a long; null for other values. */
export function toLong(value: unknown): bigint | null {
  if (typeof value === "bigint") return value;
  if (typeof value === "number") return Number.isFinite(value) ? BigInt(Math.trunc(value)) : null;
  if (typeof value === "boolean") return value ? 1n : 0n;
  if (typeof value !== "string") return null;
  const text = value.trim();
  if (/^[+-]?\d+$/.test(text)) return BigInt(text.replace("+", ""));
  if (/^0x[0-9a-f]+$/i.test(text)) return BigInt(text);
  const real = toReal(text);
  return real === null || !Number.isFinite(real) ? null : BigInt(Math.trunc(real));
}

/** Converts to a real; null for other values. */
export function toReal(value: unknown): number | null {
  if (typeof value === "number") return value;
  if (typeof value === "bigint") return Number(value);
  if (typeof value === "boolean") return value ? 1 : 0;
  if (typeof value !== "string" || value.trim() === "") return null;
  const number = Number(value);
  return Number.isNaN(number) && value.trim() !== "NaN" ? null : number;
}

/** Converts to ticks since 1970; null for other values. */
export function toDatetime(value: unknown, type: KqlType): bigint | null {
  if (typeof value === "bigint") return type === "datetime" ? value : value * 10_000_000n;
  if (typeof value !== "string" || value === "") return null;
  const exact = parseInstant(value.trim());
  if (exact !== undefined) return exact;
  const withZone = /(?:z|gmt|utc|[+-]\d{2}:?\d{2})$/i.test(value) ? value : `${value} UTC`;
  const ms = Date.parse(withZone);
  return Number.isNaN(ms) || !/\d{4}/.test(value) ? null : BigInt(ms) * 10_000n;
}

/** Converts to ticks of a timespan; null for other values. */
export function toTimespan(value: unknown): bigint | null {
  if (typeof value === "bigint") return value;
  return typeof value === "string" ? (parseTimespanTicks(value) ?? null) : null;
}

/** Converts to a bool; null for other values. */
export function toBool(value: unknown): boolean | null {
  if (typeof value === "boolean") return value;
  if (typeof value === "bigint") return value !== 0n;
  if (typeof value === "number") return value !== 0;
  if (typeof value !== "string") return null;
  const text = value.trim().toLowerCase();
  return text === "true" || text === "1" ? true : text === "false" || text === "0" ? false : null;
}

/** Order of two values that are not null: numbers by size whatever their type, the rest as text. */
export function compareValues(one: unknown, other: unknown): number {
  if (isNumeric(one) && isNumeric(other)) return one < other ? -1 : one > other ? 1 : 0;
  if (typeof one === "boolean" && typeof other === "boolean") return Number(one) - Number(other);
  const [left, right] = [toKeyText(one), toKeyText(other)];
  return left < right ? -1 : left > right ? 1 : 0;
}

const isNumeric = (value: unknown): value is bigint | number =>
  typeof value === "bigint" || typeof value === "number";

const toKeyText = (value: unknown): string =>
  typeof value === "string" ? value : toJsonText(value);

/** Equality of two values that are not null. */
export const isSameValue = (one: unknown, other: unknown): boolean =>
  typeof one === typeof other && typeof one !== "object"
    ? one === other
    : compareValues(one, other) === 0;

/**
 * Returns a text that is equal for equal values: the key of a group or a join. A value may not look
 * like its neighbor's end.
 */
export function toKey(values: readonly unknown[]): string {
  let key = "";
  for (const value of values) {
    if (typeof value === "string") key += `s${value.length}:${value}`;
    else if (isNumeric(value)) key += `n${value};`;
    else
      key +=
        value === null || value === undefined
          ? "-"
          : typeof value === "boolean"
            ? value
              ? "t"
              : "f"
            : `j${toJsonText(value)};`;
  }
  return key;
}
