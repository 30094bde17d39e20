/** Fills the missing elements of a series. */
import type { Series } from "./numbers.ts";

/** Repeats the last present element before each gap. */
export function fillForward(series: Series): Series {
  let last: number | null = null;
  return series.map((value) => (last = value ?? last));
}

/** Repeats the first present element after each gap. */
export const fillBackward = (series: Series): Series =>
  fillForward(series.toReversed()).toReversed();

/** Interpolates gaps, in whole numbers if all elements are whole; edges repeat the nearest element, a series without any gets `constant`. */
export function fillLinear(series: Series, fillsEdges: boolean, constant: number): Series {
  const known = [...series.keys()].filter((index) => series[index] !== null);
  if (known.length === 0) return series.map(() => constant);
  const isWhole = known.every((index) => Number.isInteger(series[index]));
  return series.map((value, index) => {
    if (value !== null) return value;
    const before = known.findLast((at) => at < index);
    const after = known.find((at) => at > index);
    if (before === undefined || after === undefined)
      return fillsEdges ? (series[before ?? after ?? 0] ?? null) : null;
    const [low, high] = [series[before] ?? 0, series[after] ?? 0];
    const between = low + ((high - low) * (index - before)) / (after - before);
    return isWhole ? Math.trunc(between) : between;
  });
}
