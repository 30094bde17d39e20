/** Typed parameters of a hunt: their declaration, and their values as KQL literals. */
import * as z from "zod/mini";
import {
  dayMs,
  formatInstant,
  hourMs,
  minuteMs,
  parseDuration,
  parseInstant,
} from "../runtime/time.ts";
import { kqlTypes, type HuntParameter, type KqlType, type Slot } from "./compiled-hunt.ts";

const parameterName = z
  .string()
  .check(
    z.regex(/^[A-Za-z_]\w{0,59}$/, "must be 1 to 60 letters, digits and _, not a digit first"),
  );

/** The key `parameters` of a hunt's file. */
export const declaredParameters = z.record(
  parameterName,
  z.strictObject(
    {
      type: z.enum(kqlTypes, `must be one of ${kqlTypes.join(", ")}`),
      default: z.optional(z.unknown()),
      description: z.optional(z.string("must be a text")),
    },
    "must be a mapping with the keys type and default",
  ),
  "must be a mapping of names to { type, default }",
);

const maxLong = 2n ** 63n - 1n;
const maxInt = 2n ** 31n - 1n;

function parseWhole(value: unknown, max: bigint): bigint | undefined {
  const isWhole =
    Number.isSafeInteger(value) || (typeof value === "string" && /^-?\d{1,19}$/.test(value));
  if (!isWhole) return undefined;
  const whole = BigInt(value as number | string);
  return whole >= -max && whole <= max ? whole : undefined;
}

function formatTimespan(value: unknown): string | undefined {
  const ms = typeof value === "string" ? parseDuration(value) : undefined;
  if (ms === undefined) return undefined;
  const units = [
    [dayMs, "d"],
    [hourMs, "h"],
    [minuteMs, "m"],
    [1_000, "s"],
  ] as const;
  const [unitMs, unit] = units.find(([each]) => ms % each === 0) ?? [1, "ms"];
  return `${ms / unitMs}${unit}`;
}

const formatDatetime = (value: unknown): string | undefined => {
  const at = typeof value === "string" ? parseInstant(value) : undefined;
  return at === undefined ? undefined : `datetime(${formatInstant(at)})`;
};

const wrapLiteral = (type: KqlType, text: bigint | number | string | undefined) =>
  text === undefined ? undefined : `${type}(${text})`;

const matchText = (value: unknown, pattern: RegExp): string | undefined =>
  (typeof value === "string" || typeof value === "number") && pattern.test(String(value))
    ? String(value)
    : undefined;

/** How a value of each type is written, and the form that it must have. */
const literalForms: Readonly<
  Record<KqlType, readonly [(value: unknown) => string | undefined, string]>
> = {
  string: [(value) => (typeof value === "string" ? JSON.stringify(value) : undefined), "a text"],
  bool: [(value) => (typeof value === "boolean" ? String(value) : undefined), "true or false"],
  long: [(value) => wrapLiteral("long", parseWhole(value, maxLong)), "a whole number of 64 bits"],
  int: [(value) => wrapLiteral("int", parseWhole(value, maxInt)), "a whole number of 32 bits"],
  real: [
    (value) => (Number.isFinite(value) ? wrapLiteral("real", value as number) : undefined),
    "a number",
  ],
  decimal: [
    (value) => wrapLiteral("decimal", matchText(value, /^-?\d{1,28}(?:\.\d{1,28})?$/)),
    "a decimal number",
  ],
  datetime: [formatDatetime, "an instant such as 2026-01-05T12:00:00Z"],
  timespan: [formatTimespan, "a duration such as 1h or PT1H"],
  guid: [
    (value) =>
      wrapLiteral("guid", matchText(value, /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i)),
    "a GUID with hyphens",
  ],
  dynamic: [
    (value) => (value === undefined ? undefined : `dynamic(${JSON.stringify(value)})`),
    "a list, a mapping or another JSON value",
  ],
};

/** Writes a value as a KQL literal; undefined if the type has no such value. */
export const formatParameterValue = (type: KqlType, value: unknown): string | undefined =>
  literalForms[type][0](value);

/** Returns the form of a type's values, to follow `must be`. */
export const describeParameterForm = (type: KqlType): string => literalForms[type][1];

/** Writes the `let` statements of parameters on one line, so that no line of the query moves. */
export const formatParameterLets = (parameters: readonly HuntParameter[]): string =>
  parameters.map(({ name, literal }) => `let ${name} = ${literal}; `).join("");

/** Returns the texts of the parameters' slots. */
export const toParameterSlots = (
  parameters: readonly HuntParameter[] = [],
): Readonly<Partial<Record<Slot, string>>> =>
  Object.fromEntries(parameters.map(({ name, literal }) => [`parameter:${name}`, literal]));
