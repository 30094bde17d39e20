/** Graph's `Timespan`: five forms and the span that each one means. */
import {
  parseInstant,
  ticksFromMs,
  dayMs,
  type Span,
  type Ticks,
} from "../../../shared/runtime/time.ts";

const isoDuration =
  /^P(?=.)(?:(\d+)Y)?(?:(\d+)M)?(?:(\d+)W)?(?:(\d+)D)?(?:T(?=.)(?:(\d+)H)?(?:(\d+)M)?(?:(\d+(?:\.\d{1,7})?)S)?)?$/;

const ticksPerSecond = 10_000_000n;
/** Ticks of a year, month, week, day, hour, minute: calendar parts by their usual lengths. */
const unitTicks = [365n * 86_400n, 30n * 86_400n, 7n * 86_400n, 86_400n, 3_600n, 60n].map(
  (seconds) => seconds * ticksPerSecond,
);

/** Parses an ISO 8601 duration to ticks. */
function parseDuration(text: string): Ticks | undefined {
  const match = isoDuration.exec(text);
  if (!match) return undefined;
  const whole = unitTicks.reduce(
    (sum, ticks, index) => sum + ticks * BigInt(match[index + 1] ?? 0),
    0n,
  );
  const [seconds = "0", fraction = ""] = (match[7] ?? "0").split(".");
  return whole + BigInt(seconds) * ticksPerSecond + BigInt(fraction.padEnd(7, "0"));
}

/** Retention of the service. */
const retentionMs = 30 * dayMs;

/** Returns the span of a query without a time range. */
export const toRetainedSpan = (now: Ticks): Span => ({
  from: now - ticksFromMs(retentionMs),
  to: now,
});

/**
 * Parses `length`, `start/end`, `length/end`, `start/length` or `start`; limited to the retention.
 *
 * @returns undefined if the text has none of these forms
 */
export function readTimespan(text: string, now: Ticks): Span | undefined {
  const [first = "", second, ...rest] = text.split("/").map((part) => part.trim());
  if (rest.length > 0) return undefined;
  const requested =
    second === undefined ? parseOpenSpan(first, now) : parseClosedSpan(first, second);
  if (!requested || requested.from > requested.to) return undefined;
  const retained = toRetainedSpan(now);
  return {
    from: requested.from > retained.from ? requested.from : retained.from,
    to: requested.to < retained.to ? requested.to : retained.to,
  };
}

function parseOpenSpan(text: string, now: Ticks): Span | undefined {
  const length = parseDuration(text);
  if (length !== undefined) return { from: now - length, to: now };
  const start = parseInstant(text);
  return start === undefined ? undefined : { from: start, to: now > start ? now : start };
}

function parseClosedSpan(first: string, second: string): Span | undefined {
  const start = parseInstant(first);
  const end = parseInstant(second);
  if (start !== undefined && end !== undefined) return { from: start, to: end };
  const length = parseDuration(start === undefined ? first : second);
  if (length === undefined) return undefined;
  if (end !== undefined) return { from: end - length, to: end };
  return start === undefined ? undefined : { from: start, to: start + length };
}
