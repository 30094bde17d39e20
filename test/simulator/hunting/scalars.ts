/** Text forms of single values, shared by the encodings. */
import { formatInstant } from "../../../shared/runtime/time.ts";

/** Writes an instant with all seven digits, or without trailing zeros as Graph does. */
export function writeInstant(
  ticks: bigint,
  fractions: "seven" | "trimmed",
  zone: "Z" | "",
): string {
  const full = formatInstant(ticks).slice(0, -1);
  return `${fractions === "seven" ? full : full.replace(/\.?0+$/, "")}${zone}`;
}

/** Kusto's `d.hh:mm:ss.fffffff`, or an ISO 8601 duration. */
export function writeTimespan(ticks: bigint, form: "kusto" | "iso"): string {
  const sign = ticks < 0n ? "-" : "";
  const magnitude = ticks < 0n ? -ticks : ticks;
  const days = magnitude / 864_000_000_000n;
  const padTwo = (value: bigint): string => value.toString().padStart(2, "0");
  const hours = (magnitude / 36_000_000_000n) % 24n;
  const minutes = (magnitude / 600_000_000n) % 60n;
  const seconds = (magnitude / 10_000_000n) % 60n;
  const fraction = (magnitude % 10_000_000n).toString().padStart(7, "0");
  if (form === "iso") {
    return `${sign}P${days}DT${hours}H${minutes}M${seconds}${fraction === "0000000" ? "" : `.${fraction}`}S`;
  }
  const rest = fraction === "0000000" ? "" : `.${fraction}`;
  return `${sign}${days === 0n ? "" : `${days}.`}${padTwo(hours)}:${padTwo(minutes)}:${padTwo(seconds)}${rest}`;
}

/** Writes a whole number without quotes, also above 2^53. */
export const writeInteger = (value: unknown): string => String(value);

/** Writes a double; NaN and infinities are text. */
export const writeReal = (value: number, infinity: "Infinity" | "INF"): string =>
  Number.isFinite(value)
    ? JSON.stringify(value)
    : JSON.stringify(String(value).replace("Infinity", infinity));

export const writeDecimal = (value: string, form: "number" | "text"): string =>
  form === "number" ? value : JSON.stringify(value);

/** JSON text of a dynamic value; whole numbers may be bigint. */
export function toJson(value: unknown): string {
  if (typeof value === "bigint") return value.toString();
  if (Array.isArray(value)) return `[${value.map(toJson).join(",")}]`;
  if (typeof value === "object" && value !== null) {
    return `{${Object.entries(value)
      .map(([key, inner]) => `${JSON.stringify(key)}:${toJson(inner)}`)
      .join(",")}}`;
  }
  return JSON.stringify(value ?? null);
}
