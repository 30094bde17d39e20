/** Conversions between types, as functions of a compiled expression. */
import type { KqlType } from "../../contracts/compiled-hunt.ts";
import { deriveScalar, type Row, type Scalar } from "./plan.ts";
import {
  parseJson,
  toText,
  toBool,
  toDatetime,
  toDynamic,
  toLong,
  toReal,
  toTimespan,
} from "./values.ts";

/** An expression that always gives text. */
export interface TextScalar extends Scalar {
  readonly run: (row: Row) => string;
}

/** The expression as text; strings pass through untouched. */
export function asText(from: Scalar): TextScalar {
  const { type, run } = from;
  if (type === "string") return { ...from, run: (row) => (run(row) as string | null) ?? "" };
  const text = deriveScalar("string", [from], (row) => toText(run(row), type));
  return { ...text, run: text.run as (row: Row) => string };
}

/**
 * The expression as a value of another type: `tolong(x)`, `toreal(x)` …; null where there is none
 * in it.
 */
export function convertScalar(from: Scalar, type: KqlType): Scalar {
  if (from.type === type) return from;
  const convertValue = valueConverters[type](from.type);
  return deriveScalar(type, [from], (row) => {
    const value = from.run(row);
    return value === null || value === undefined
      ? type === "string"
        ? ""
        : null
      : convertValue(value);
  });
}

/** The expression in another type without parsing text as JSON. */
export const castScalar = (from: Scalar, type: KqlType): Scalar =>
  type === "dynamic" ? asDynamic(from) : convertScalar(from, type);

type ValueConverter = (value: unknown) => unknown;

const guidPattern =
  /^[{(]?([0-9a-f]{8})-?([0-9a-f]{4})-?([0-9a-f]{4})-?([0-9a-f]{4})-?([0-9a-f]{12})[)}]?$/i;

const valueConverters: Readonly<Record<KqlType, (from: KqlType) => ValueConverter>> = {
  string: (from) => (value) => toText(value, from),
  long: (from) => (value) => (from === "datetime" ? toDotNetTicks(value) : toLong(value)),
  int: () => (value) => toInt(value),
  real: () => toReal,
  decimal: (from) => (value) => (toReal(value) === null ? null : toText(value, from)),
  bool: () => toBool,
  datetime: (from) => (value) => toDatetime(value, from),
  timespan: () => toTimespan,
  guid: (from) => (value) =>
    guidPattern.exec(toText(value, from))?.slice(1).join("-").toLowerCase() ?? null,
  dynamic: (from) => (value) =>
    from === "string" ? parseJson(value as string) : toDynamic(value, from),
};

/** `tolong()` of a datetime counts ticks since the year 1. */
const toDotNetTicks = (value: unknown): unknown =>
  typeof value === "bigint" ? value + 621_355_968_000_000_000n : null;

function toInt(value: unknown): number | null {
  const long = toLong(value);
  return long === null || long > 2_147_483_647n || long < -2_147_483_648n ? null : Number(long);
}

/** Converts an expression to JSON values, as `pack`, `make_list` and arrays hold them. */
export const asDynamic = (from: Scalar): Scalar =>
  from.type === "dynamic"
    ? from
    : deriveScalar("dynamic", [from], (row) => toDynamic(from.run(row), from.type));
