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
const parts = [365n * 86_400n, 30n * 86_400n, 7n * 86_400n, 86_400n, 3_600n, 60n].map(
  (s) => s * ticksPerSecond,
);

/** An ISO 8601 duration in ticks. */
function durationTicks(text: string): Ticks | undefined {
  const match = isoDuration.exec(text);
  if (!match) return undefined;
  const whole = parts.reduce(
    (sum, ticks, index) => sum + ticks * BigInt(match[index + 1] ?? 0),
    0n,
  );
  const [seconds = "0", fraction = ""] = (match[7] ?? "0").split(".");
  return whole + BigInt(seconds) * ticksPerSecond + BigInt(fraction.padEnd(7, "0"));
}

/** How far back the service keeps rows. */
const keptMs = 30 * dayMs;

/** The span the service looks at when nothing narrows it. */
export const keptSpan = (now: Ticks): Span => ({ from: now - ticksFromMs(keptMs), to: now });

/**
 * Reads `length`, `start/end`, `length/end`, `start/length` or `start`; never wider than what is kept.
 *
 * @returns undefined when the text is none of them
 */
export function readTimespan(text: string, now: Ticks): Span | undefined {
  const [first = "", second, ...more] = text.split("/").map((part) => part.trim());
  if (more.length > 0) return undefined;
  const asked = second === undefined ? openSpan(first, now) : closedSpan(first, second);
  if (!asked || asked.from > asked.to) return undefined;
  const kept = keptSpan(now);
  return {
    from: asked.from > kept.from ? asked.from : kept.from,
    to: asked.to < kept.to ? asked.to : kept.to,
  };
}

function openSpan(text: string, now: Ticks): Span | undefined {
  const length = durationTicks(text);
  if (length !== undefined) return { from: now - length, to: now };
  const start = parseInstant(text);
  return start === undefined ? undefined : { from: start, to: now > start ? now : start };
}

function closedSpan(first: string, second: string): Span | undefined {
  const start = parseInstant(first);
  const end = parseInstant(second);
  if (start !== undefined && end !== undefined) return { from: start, to: end };
  const length = durationTicks(start === undefined ? first : second);
  if (length === undefined) return undefined;
  if (end !== undefined) return { from: end - length, to: end };
  return start === undefined ? undefined : { from: start, to: start + length };
}
