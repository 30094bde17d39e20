/**
 * Time as Huntline speaks it: the only clock, exact instants, durations.
 *
 * Advanced hunting counts in ticks of 100 ns and a JavaScript `Date` keeps only milliseconds, so
 * every instant that decides which rows belong to which window is a bigint of ticks or the
 * service's own text.
 */

/** The one source of time and of waiting; a test hands in a virtual one. */
export interface Clock {
  /** Milliseconds since the Unix epoch. */
  readonly now: () => number;
  /**
   * Milliseconds of a clock that is never set, from an arbitrary start; absent where a clock has
   * none.
   */
  readonly steadyMs?: () => number;
  /** Resolves after `ms`; rejects with the signal's reason when aborted first. */
  readonly sleep: (ms: number, signal?: AbortSignal) => Promise<void>;
}

/** The machine's clock. Node's timers count in 32 bits, so longer waits go in pieces. */
export const systemClock: Clock = {
  now: () => Date.now(),
  steadyMs: () => performance.now(),
  sleep: async (ms, signal) => {
    for (let remainingMs = ms; remainingMs > 0; remainingMs -= maxTimerMs)
      await sleepOnce(Math.min(remainingMs, maxTimerMs), signal);
  },
};

const maxTimerMs = 2_147_483_647;

function sleepOnce(ms: number, signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve, reject) => {
    signal?.throwIfAborted();
    const abortSleep = (): void => {
      clearTimeout(timer);
      reject(signal?.reason as Error);
    };
    const timer = setTimeout(() => {
      signal?.removeEventListener("abort", abortSleep);
      resolve();
    }, ms);
    signal?.addEventListener("abort", abortSleep, { once: true });
  });
}

/** Ticks of 100 ns since the Unix epoch, UTC. */
export type Ticks = bigint;

/** Ticks in one millisecond. */
export const ticksPerMs = 10_000n;

export const secondMs = 1_000;
export const minuteMs = 60 * secondMs;
export const hourMs = 60 * minuteMs;
export const dayMs = 24 * hourMs;

/** A half-open span `[from, to)` in ticks. */
export interface Span {
  readonly from: Ticks;
  readonly to: Ticks;
}

/** Whole milliseconds to ticks. */
export const ticksFromMs = (ms: number): Ticks => BigInt(Math.trunc(ms)) * ticksPerMs;

const dayInTicks = BigInt(dayMs) * ticksPerMs;

/** Returns the start of an instant's UTC day. */
export const startOfDay = (at: Ticks): Ticks => floorDivide(at, dayInTicks) * dayInTicks;

/** Lists the starts of the UTC days from the day of `from` to the day of `to`, both included. */
export function listDaysBetween(from: Ticks, to: Ticks): Ticks[] {
  const [first, last] = [startOfDay(from), startOfDay(to)];
  return Array.from(
    { length: Number((last - first) / dayInTicks) + 1 },
    (_, index) => first + BigInt(index) * dayInTicks,
  );
}

/** Ticks to milliseconds, rounded down. */
export const msFromTicks = (ticks: Ticks): number => Number(floorDivide(ticks, ticksPerMs));

const floorDivide = (value: bigint, by: bigint): bigint =>
  value >= 0n ? value / by : -((-value + by - 1n) / by);

const instantText =
  /^(\d{4})-(\d{2})-(\d{2})(?:[T ](\d{2}):(\d{2})(?::(\d{2})(?:\.(\d{1,7}))?)?)?(Z|[+-]\d{2}:\d{2})?$/;

/**
 * Reads an ISO 8601 instant with up to seven fraction digits, exactly. Text without a zone is UTC,
 * as the 2017 hunting API writes it.
 *
 * @returns ticks, or `undefined` for any other text
 */
export function parseInstant(text: string): Ticks | undefined {
  const match = instantText.exec(text);
  if (!match) return undefined;
  const [, year, month, day, hour = "00", minute = "00", second = "00", fraction = "", zone = "Z"] =
    match;
  const whole = `${year}-${month}-${day}T${hour}:${minute}:${second}`;
  const ms = Date.parse(`${whole}${zone}`);
  // Date.parse rolls 30 February over into March; the same date read as UTC must print as it came.
  if (Number.isNaN(ms) || new Date(`${whole}Z`).toISOString().slice(0, 19) !== whole)
    return undefined;
  return BigInt(ms) * ticksPerMs + BigInt(fraction.padEnd(7, "0"));
}

/**
 * Writes ticks the way the service does, with seven fraction digits:
 * `2026-01-05T06:38:35.7664356Z`.
 */
export function formatInstant(ticks: Ticks): string {
  const ms = floorDivide(ticks, 10_000_000n) * 1_000n;
  const fraction = ticks - ms * ticksPerMs;
  return `${new Date(Number(ms)).toISOString().slice(0, 19)}.${fraction.toString().padStart(7, "0")}Z`;
}

const isoDuration = /^P(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?(?:(\d+)S)?)?$/;
const shortDuration = /^(\d+(?:\.\d+)?)\s*(d|h|m|s|ms)$/;
const unitMs = { d: dayMs, h: hourMs, m: minuteMs, s: secondMs, ms: 1 } as const;

/**
 * Reads a duration as `PT1H`, `P1DT12H` or `1h`, `15m`, `30d`.
 *
 * @returns whole milliseconds, more than 0, or `undefined` for any other text
 */
export function parseDuration(text: string): number | undefined {
  const short = shortDuration.exec(text.trim());
  if (short)
    return Math.round(Number(short[1]) * unitMs[short[2] as keyof typeof unitMs]) || undefined;
  const iso = isoDuration.exec(text.trim().toUpperCase());
  if (!iso) return undefined;
  const [days = 0, hours = 0, minutes = 0, seconds = 0] = iso
    .slice(1)
    .map((part) => Number(part || 0));
  return days * dayMs + hours * hourMs + minutes * minuteMs + seconds * secondMs || undefined;
}

/** Writes a duration of whole seconds as ISO 8601: `PT15M`, `P1D`, `P1DT2H`. */
export function formatDuration(ms: number): string {
  const days = Math.floor(ms / dayMs);
  const parts = [
    [Math.floor((ms % dayMs) / hourMs), "H"],
    [Math.floor((ms % hourMs) / minuteMs), "M"],
    [Math.floor((ms % minuteMs) / secondMs), "S"],
  ] as const;
  const time = parts.filter(([count]) => count > 0).map(([count, unit]) => `${count}${unit}`);
  const clock = time.length > 0 ? `T${time.join("")}` : "";
  return days === 0 && clock === "" ? "PT0S" : `P${days > 0 ? `${days}D` : ""}${clock}`;
}
