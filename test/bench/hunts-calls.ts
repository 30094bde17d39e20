/** Calls of the hunt engine against rows / row limit, for time distributions that are unkind to fixed slices. */
import { runLog } from "../../shared/hunts/run/run-hunt.ts";
import { dayMs, hourMs, secondMs, ticksFromMs, type Ticks } from "../../shared/runtime/time.ts";
import { exportedLines, huntRoom, noonMs, orderNow } from "../support/hunt-harness.ts";
import { testHunt } from "../support/hunt-source.ts";
import { ceilingResult, spreadOf, type Result } from "./harness.ts";

const rows = 1_000_000;
const cap = 10_000;
const goal = Math.round(1.1 * Math.ceil(rows / cap)) + 10;

const lookBackMs = dayMs;
const startMs = noonMs - lookBackMs;
/** Rows stand before the hunt's lag, so that one run reads them all. */
const spanMs = lookBackMs - hourMs;

/** Instants of the rows, ticks. */
const distributions: Readonly<Record<string, (at: number) => Ticks>> = {
  uniform: (at) => ticksFromMs(startMs) + (BigInt(at) * ticksFromMs(spanMs)) / BigInt(rows),
  // Nine of ten rows within ten minutes.
  bursty: (at) =>
    at % 10 === 0
      ? ticksFromMs(startMs) + (BigInt(at) * ticksFromMs(spanMs)) / BigInt(rows)
      : ticksFromMs(startMs + 5 * hourMs) +
        (BigInt(at) * ticksFromMs(600 * secondMs)) / BigInt(rows),
  // Three limits' worth in one tick of 100 ns.
  "one tick": (at) =>
    at < 3 * cap
      ? ticksFromMs(startMs + 7 * hourMs)
      : ticksFromMs(startMs) + (BigInt(at) * ticksFromMs(spanMs)) / BigInt(rows),
};

export async function* callResults(): AsyncIterable<Result> {
  for (const [name, instantOf] of Object.entries(distributions)) {
    const instants = Array.from({ length: rows }, (_, at) => instantOf(at));
    const room = huntRoom({ cap, roundRows: cap });
    for (const [at, instant] of instants.entries())
      room.source.rows.push({ at: instant, arrivesMs: 0, id: String(at) });
    const hunt = testHunt({ lookBackMs });
    let calls = 0;
    for (let run = 0; run < 10; run += 1) {
      const ran = await runLog(room.ports, hunt, orderNow(room), ticksFromMs(room.clock.now()));
      calls += ran.calls;
      if (exportedLines(room).length >= rows) break;
    }
    const exported = exportedLines(room).length;
    if (exported !== rows) throw new Error(`${name}: ${exported} of ${rows} rows were exported`);
    const beside = `blind halving of hours: ${halvings(instants)} calls, not complete: ${stuck(instants)} rows`;
    yield ceilingResult(
      `calls for 1,000,000 rows, ${name}, limit 10,000`,
      spreadOf([calls]),
      goal,
      "calls",
      beside,
    );
  }
}

/** What fixed hourly slices cost, each halved down to a second while it hits the limit; no probe of what it found. */
function halvings(instants: readonly Ticks[]): number {
  const sorted = BigInt64Array.from(instants).sort();
  const calls = (from: Ticks, to: Ticks): number => {
    const isFull = countIn(sorted, from, to) >= cap;
    if (!isFull || to - from <= ticksFromMs(secondMs)) return 1;
    const middle = from + (to - from) / 2n;
    return 1 + calls(from, middle) + calls(middle, to);
  };
  let sum = 0;
  for (let hour = startMs; hour < noonMs; hour += hourMs)
    sum += calls(ticksFromMs(hour), ticksFromMs(hour + hourMs));
  return sum;
}

/** Rows that such slices can never reach: what stands in one second beyond the limit. */
function stuck(instants: readonly Ticks[]): number {
  const seconds = new Map<Ticks, number>();
  for (const instant of instants) {
    const second = instant / ticksFromMs(secondMs);
    seconds.set(second, (seconds.get(second) ?? 0) + 1);
  }
  return [...seconds.values()].reduce((sum, count) => sum + Math.max(0, count - cap), 0);
}

function countIn(sorted: BigInt64Array, from: Ticks, to: Ticks): number {
  return placeOf(sorted, to) - placeOf(sorted, from);
}

function placeOf(sorted: BigInt64Array, value: Ticks): number {
  let [low, high] = [0, sorted.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((sorted[middle] ?? 0n) < value) low = middle + 1;
    else high = middle;
  }
  return low;
}
