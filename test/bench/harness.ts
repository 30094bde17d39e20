/**
 * Measurement: both sides of a ratio run interleaved in one process run, in alternating order; no
 * sample is dropped. Milliseconds are shown but have no goal.
 */

/** Lowest, median and highest sample. */
export interface Spread {
  readonly min: number;
  readonly median: number;
  readonly max: number;
}

/** One result of a suite. */
export interface Result {
  readonly name: string;
  /** `met` if the median or the best sample reaches the goal; `stated` without a goal. */
  readonly verdict: "met" | "missed" | "stated" | "skipped";
  readonly value?: number;
  readonly best?: number;
  readonly unit?: "x" | "MB" | "calls" | "ms";
  readonly goal?: string;
  readonly samples?: Readonly<Record<string, Spread>>;
  readonly note?: string;
}

/** A suite yields its results as they become available. */
export type Suite = () => AsyncIterable<Result>;

/** @param samples - one or more */
export function spreadOf(samples: readonly number[]): Spread {
  const sorted = samples.toSorted((a, b) => a - b);
  const sampleAt = (index: number): number => sorted[index] ?? Number.NaN;
  const middle = (sorted.length - 1) / 2;
  return {
    min: sampleAt(0),
    median: (sampleAt(Math.floor(middle)) + sampleAt(Math.ceil(middle))) / 2,
    max: sampleAt(sorted.length - 1),
  };
}

/** Runs every alternative once per round; each returns its measure. */
export async function measureInterleaved<K extends string>(
  alternatives: Readonly<Record<K, () => Promise<number>>>,
  rounds: number,
): Promise<Readonly<Record<K, Spread>>> {
  const names = Object.keys(alternatives) as K[];
  const samples = new Map(names.map((name) => [name, [] as number[]]));
  for (let round = 0; round < rounds; round += 1)
    for (const name of round % 2 === 0 ? names : names.toReversed())
      samples.get(name)?.push(await alternatives[name]());
  return Object.fromEntries(
    names.map((name) => [name, spreadOf(samples.get(name) ?? [])]),
  ) as Record<K, Spread>;
}

/** Returns the speed relative to the limit: 1 is equal. */
export function toSpeedResult(
  name: string,
  { limit, ours }: { readonly limit: Spread; readonly ours: Spread },
  minRatio: number | undefined,
  note?: string,
): Result {
  const [value, best] = [limit.median / ours.median, limit.min / ours.min];
  const verdict =
    minRatio === undefined ? "stated" : Math.max(value, best) >= minRatio ? "met" : "missed";
  return {
    name,
    verdict,
    value,
    best,
    unit: "x",
    ...(minRatio === undefined ? {} : { goal: `>= ${minRatio}` }),
    samples: { limit, ours },
    ...(note === undefined ? {} : { note }),
  };
}

/** Returns a result that must not exceed its goal, if there is one. */
export function toCeilingResult(
  name: string,
  spread: Spread,
  maxValue: number | undefined,
  unit: NonNullable<Result["unit"]>,
  note?: string,
): Result {
  const verdict =
    maxValue === undefined
      ? "stated"
      : Math.min(spread.min, spread.median) <= maxValue
        ? "met"
        : "missed";
  return {
    name,
    verdict,
    value: spread.median,
    best: spread.min,
    unit,
    ...(maxValue === undefined ? {} : { goal: `<= ${maxValue}` }),
    samples: { ours: spread },
    ...(note === undefined ? {} : { note }),
  };
}

/** Returns a result that cannot be measured on this machine. */
export const toSkippedResult = (name: string, note: string): Result => ({
  name,
  verdict: "skipped",
  note,
});

const formatNumber = (value: number): string =>
  Math.abs(value) >= 100 ? value.toFixed(0) : value.toFixed(2);

/** Formats a result as one line. */
export function formatLine(result: Result): string {
  const figure =
    result.value === undefined ? "" : `${formatNumber(result.value)} ${result.unit ?? ""}`;
  const samples = Object.entries(result.samples ?? {}).map(
    ([name, { max, median, min }]) => `${name} ${[min, median, max].map(formatNumber).join("/")}`,
  );
  const tail = [...samples, result.note ?? ""].filter((part) => part !== "").join(", ");
  return [
    result.verdict.padEnd(8),
    result.name.padEnd(58),
    figure.padStart(10),
    (result.goal ?? "").padStart(9),
    ` ${tail}`,
  ].join(" ");
}
