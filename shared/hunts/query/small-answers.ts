/** Reads the small answers: a count and a histogram. */
import { parseInstant, type Span, type Ticks } from "../../runtime/time.ts";
import type { HuntingReply, RowSink } from "../ports.ts";
import type { Bin } from "./density.ts";

type Failure = Extract<HuntingReply, { kind: "failed" }>;

export interface CountAnswer {
  readonly kind: "count";
  readonly count: number;
}

export interface HistogramAnswer {
  readonly kind: "bins";
  readonly bins: readonly Bin[];
}

/** Collects the rows of a small answer in memory. */
export function collectLines(): {
  readonly sink: RowSink;
  readonly parseLines: () => readonly unknown[];
} {
  const chunks: Uint8Array[] = [];
  return {
    sink: { writeRows: (lines) => void chunks.push(lines.slice()) },
    parseLines: () =>
      Buffer.concat(chunks)
        .toString("utf8")
        .split("\n")
        .filter((line) => line !== "")
        .map((line) => JSON.parse(line) as unknown),
  };
}

/** Reads the count from an answer of one row with one integer. */
export function parseCount(lines: readonly unknown[]): CountAnswer | Failure {
  const [row] = lines;
  const count = Number(
    typeof row === "object" && row !== null ? Object.values(row)[0] : Number.NaN,
  );
  return lines.length === 1 && Number.isSafeInteger(count) && count >= 0
    ? { kind: "count", count }
    : { kind: "failed", message: "The service answered a count with something else." };
}

/** Reads bins of `step` ticks, cut to the span. */
export function parseBins(
  lines: readonly unknown[],
  span: Span,
  step: Ticks,
): HistogramAnswer | Failure {
  const bins: Bin[] = [];
  for (const line of lines) {
    const { Bin: text, Rows: count } = line as { readonly Bin?: unknown; readonly Rows?: unknown };
    const start = typeof text === "string" ? parseInstant(text) : undefined;
    if (start === undefined || !Number.isSafeInteger(Number(count)))
      return { kind: "failed", message: "The service answered a histogram with something else." };
    const [from, to] = [
      start > span.from ? start : span.from,
      start + step < span.to ? start + step : span.to,
    ];
    if (to > from) bins.push({ from, to, rows: Number(count) });
  }
  return { kind: "bins", bins: bins.toSorted((a, b) => (a.from < b.from ? -1 : 1)) };
}
