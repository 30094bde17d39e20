/** Graph's `Timespan`: five forms, and the span they mean. */
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

/** An ISO 8601 duration in ticks. */
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

/** How far back the service keeps rows. */
const retentionMs = 30 * dayMs;

/** The span the service looks at when nothing narrows it. */
export const toRetainedSpan = (now: Ticks): Span => ({
  from: now - ticksFromMs(retentionMs),
  to: now,
});

/**
 * Reads `length`, `start/end`, `length/end`, `start/length` or `start`; never wider than what is kept.
 *
 * @returns undefined when the text is none of them
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
