/** Converts values between a line and a Parquet column, and back. */
import { formatInstant, parseInstant } from "../runtime/time.ts";
import { decodeUtf8, quote } from "./bytes.ts";
import type { ColumnType } from "./column.ts";
import { decodeString } from "./line-values.ts";

/** A value that the type of its column cannot hold, with the value that is stored instead. */
export class Substitute {
  readonly value: bigint | undefined;

  /** @param value - `undefined` for null */
  constructor(value: bigint | undefined) {
    this.value = value;
  }
}

/** What is stored: `undefined` is null, bytes are the JSON of a dynamic value. */
export type StoredValue = string | number | bigint | boolean | Uint8Array | undefined;

const nullWord = 0x6e; // the n of null
const nullSubstitute = new Substitute(undefined);
const maxLong = 2n ** 63n - 1n;
const maxInt = 2n ** 31n - 1n;
/**
 * Nanoseconds from 1677-09-21T00:12:43.1452242Z to 2262-04-11T23:47:16.8547758Z, in ticks of 100
 * ns.
 */
const maxTicks = maxLong / 100n;
const [trueWords, falseWords] = [new Set(["true", "1", "1.0"]), new Set(["false", "0", "0.0"])];

/**
 * Reads the value `[from, to)` of a line.
 *
 * @returns a `Substitute` for a value that the column's type cannot hold: the nearest time that
 *   nanoseconds can state for a time beyond them, null for anything else
 */
export function readParquetValue(
  type: ColumnType,
  lines: Uint8Array,
  from: number,
  to: number,
): StoredValue | Substitute {
  if (lines[from] === nullWord) return undefined;
  if (type === "dynamic") return lines.slice(from, to);
  const text = lines[from] === quote ? decodeString(lines, from, to) : decodeUtf8(lines, from, to);
  return parsers[type]?.(text) ?? text;
}

/** Text stays text for the other types. */
const parsers: Partial<Record<ColumnType, (text: string) => StoredValue | Substitute>> = {
  long: (text) => parseWholeNumber(text, maxLong),
  int: (text) => {
    const value = parseWholeNumber(text, maxInt);
    return value instanceof Substitute ? value : Number(value);
  },
  real: (text) => parseReal(text),
  bool: (text) => parseBoolean(text),
  datetime: (text) => parseNanos(text),
};

function parseWholeNumber(text: string, max: bigint): bigint | Substitute {
  if (!/^-?\d{1,19}$/.test(text)) return nullSubstitute;
  const value = BigInt(text);
  return value >= -max - 1n && value <= max ? value : nullSubstitute;
}

const notFinite = new Map([
  ["NaN", Number.NaN],
  ["Infinity", Infinity],
  ["-Infinity", -Infinity],
]);

function parseReal(text: string): number | Substitute {
  const special = notFinite.get(text);
  if (special !== undefined) return special;
  const value = text === "" ? Number.NaN : Number(text);
  return Number.isNaN(value) ? nullSubstitute : value;
}

function parseBoolean(text: string): boolean | Substitute {
  const word = text.toLowerCase();
  if (trueWords.has(word)) return true;
  return falseWords.has(word) ? false : nullSubstitute;
}

function parseNanos(text: string): bigint | Substitute {
  const ticks = parseInstant(text);
  if (ticks === undefined) return nullSubstitute;
  if (ticks > maxTicks) return new Substitute(maxTicks * 100n);
  if (ticks < -maxTicks) return new Substitute(-maxTicks * 100n);
  return ticks * 100n;
}

/** Returns nanoseconds since 1970 as a time with seven fraction digits. */
export const formatNanos = (nanos: bigint): string => formatInstant(nanos / 100n);

const numberPattern = /^-?\d/;

/** Returns a stored value, with times and dynamic values as text, as JSON. */
export function storedValueToJson(type: ColumnType, value: unknown): string {
  if (value === null || value === undefined) return "null";
  if (typeof value === "bigint") return value.toString();
  if (typeof value === "number" && !Number.isFinite(value)) return `"${value}"`;
  if (typeof value === "string" && isJsonText(type, value)) return value;
  return JSON.stringify(value);
}

const isJsonText = (type: ColumnType, text: string): boolean =>
  type === "dynamic" || (type === "decimal" && numberPattern.test(text));
