/**
 * Calls of the hunt engine relative to rows / row limit, for distributions that fixed slices handle
 * badly.
 */
import { runHunt } from "../../shared/hunts/run/run-hunt.ts";
import { dayMs, hourMs, secondMs, ticksFromMs, type Ticks } from "../../shared/runtime/time.ts";
import {
  listExportedLines,
  huntHarness,
  noonMs,
  createRunMessage,
} from "../support/hunt-harness.ts";
import { testHunt } from "../support/hunt-source.ts";
import { toCeilingResult, spreadOf, type Result } from "./harness.ts";

const rows = 1_000_000;
const rowLimit = 10_000;
const goal = Math.round(1.1 * Math.ceil(rows / rowLimit)) + 10;

const lookBackMs = dayMs;
const startMs = noonMs - lookBackMs;
/** Rows are older than the hunt's lag, so that one run reads all of them. */
const spanMs = lookBackMs - hourMs;

/** Instants of the rows, in ticks. */
const distributions: Readonly<Record<string, (at: number) => Ticks>> = {
  uniform: (at) => ticksFromMs(startMs) + (BigInt(at) * ticksFromMs(spanMs)) / BigInt(rows),
  // Nine of ten rows are within ten minutes.
  bursty: (at) =>
    at % 10 === 0
      ? ticksFromMs(startMs) + (BigInt(at) * ticksFromMs(spanMs)) / BigInt(rows)
      : ticksFromMs(startMs + 5 * hourMs) +
        (BigInt(at) * ticksFromMs(600 * secondMs)) / BigInt(rows),
  // Three times the row limit in one tick of 100 ns.
  "one tick": (at) =>
    at < 3 * rowLimit
      ? ticksFromMs(startMs + 7 * hourMs)
      : ticksFromMs(startMs) + (BigInt(at) * ticksFromMs(spanMs)) / BigInt(rows),
};

export async function* measureCalls(): AsyncIterable<Result> {
  for (const [name, instantOf] of Object.entries(distributions)) {
    const instants = Array.from({ length: rows }, (_, at) => instantOf(at));
    const harness = huntHarness({ cap: rowLimit, roundRows: rowLimit });
    for (const [at, instant] of instants.entries())
      harness.source.rows.push({ at: instant, arrivesMs: 0, id: String(at) });
    const hunt = testHunt({ lookBackMs });
    let calls = 0;
    for (let run = 0; run < 10; run += 1) {
      const context = { deps: harness.deps, hunt, serverNow: ticksFromMs(harness.clock.now()) };
      const result = await runHunt(context, createRunMessage(harness));
      calls += result.callCount;
      if (listExportedLines(harness).length >= rows) break;
    }
    const exported = listExportedLines(harness).length;
    if (exported !== rows) throw new Error(`${name}: ${exported} of ${rows} rows were exported`);
    const note = `blind halving of hours: ${countHalvingCalls(instants)} calls, not complete: ${countStuckRows(instants)} rows`;
    yield toCeilingResult(
      `calls for 1,000,000 rows, ${name}, limit 10,000`,
      spreadOf([calls]),
      goal,
      "calls",
      note,
    );
  }
}

/**
 * Counts calls of fixed hourly slices, each halved to at least one second while it reaches the
 * limit.
 */
function countHalvingCalls(instants: readonly Ticks[]): number {
  const sorted = BigInt64Array.from(instants).sort();
  const countCalls = (from: Ticks, to: Ticks): number => {
    const isFull = countBetween(sorted, from, to) >= rowLimit;
    if (!isFull || to - from <= ticksFromMs(secondMs)) return 1;
    const middle = from + (to - from) / 2n;
    return 1 + countCalls(from, middle) + countCalls(middle, to);
  };
  let sum = 0;
  for (let hour = startMs; hour < noonMs; hour += hourMs)
    sum += countCalls(ticksFromMs(hour), ticksFromMs(hour + hourMs));
  return sum;
}

/** Counts rows that such slices cannot read: those above the limit in one second. */
function countStuckRows(instants: readonly Ticks[]): number {
  const seconds = new Map<Ticks, number>();
  for (const instant of instants) {
    const second = instant / ticksFromMs(secondMs);
    seconds.set(second, (seconds.get(second) ?? 0) + 1);
  }
  return [...seconds.values()].reduce((sum, count) => sum + Math.max(0, count - rowLimit), 0);
}

function countBetween(sorted: BigInt64Array, from: Ticks, to: Ticks): number {
  return findInsertionIndex(sorted, to) - findInsertionIndex(sorted, from);
}

function findInsertionIndex(sorted: BigInt64Array, value: Ticks): number {
  let [low, high] = [0, sorted.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((sorted[middle] ?? 0n) < value) low = middle + 1;
    else high = middle;
  }
  return low;
}
