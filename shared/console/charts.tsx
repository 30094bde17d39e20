/** Charts: a line for a table cell, and a trend with its unusual days marked. */
import { useEffect, useRef } from "preact/hooks";
import { formatNumber } from "./widgets.tsx";

export interface TrendDay {
  readonly day: string;
  readonly rows: number;
}

/** A line of the last days, with its values as text for screen readers. */
export function Sparkline({ days, label }: { days: readonly TrendDay[]; label: string }) {
  const [width, height] = [120, 24];
  const max = Math.max(1, ...days.map(({ rows }) => rows));
  const points = days.map(
    ({ rows }, index) =>
      `${((index / Math.max(1, days.length - 1)) * width).toFixed(1)},${(height - 2 - (rows / max) * (height - 4)).toFixed(1)}`,
  );
  const total = days.reduce((sum, { rows }) => sum + rows, 0);
  return (
    <svg
      class="sparkline"
      viewBox={`0 0 ${width} ${height}`}
      width={width}
      height={height}
      role="img"
      aria-label={`${label}: ${formatNumber(total)} rows in ${days.length} days`}
    >
      <polyline points={points.join(" ")} fill="none" stroke="currentColor" stroke-width="1.5" />
    </svg>
  );
}

const median = (values: readonly number[]): number => {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? 0;
};

/**
 * Days whose rows differ from the median by more than five median deviations, and by more than ten
 * rows.
 */
function findUnusualDays(days: readonly TrendDay[]): TrendDay[] {
  const middle = median(days.map(({ rows }) => rows));
  const deviation = median(days.map(({ rows }) => Math.abs(rows - middle)));
  const limit = Math.max(10, 5 * deviation);
  return days.filter(({ rows }) => Math.abs(rows - middle) > limit);
}

const readColor = (name: string): string =>
  getComputedStyle(document.documentElement).getPropertyValue(name).trim() || "gray";

async function drawChart(host: HTMLElement, days: readonly TrendDay[]): Promise<() => void> {
  // The library loads with the first chart.
  const { default: Plot } = await import("uplot");
  const unusual = new Set(findUnusualDays(days).map(({ day }) => day));
  const axis = {
    stroke: readColor("--colorNeutralForeground2"),
    grid: { stroke: readColor("--colorNeutralStroke2"), width: 1 },
  };
  const plot = new Plot(
    {
      width: Math.max(280, host.clientWidth),
      height: 180,
      legend: { show: false },
      cursor: { show: false },
      scales: { y: { range: (_, __, max) => [0, Math.max(1, max)] } },
      axes: [axis, axis],
      series: [
        {},
        { stroke: readColor("--colorBrandStroke1"), width: 2, points: { show: false } },
        {
          stroke: readColor("--colorPaletteRedForeground1"),
          width: 0,
          points: { show: true, size: 9 },
        },
      ],
      tzDate: (seconds) => Plot.tzDate(new Date(seconds * 1_000), "Etc/UTC"),
    },
    [
      days.map(({ day }) => Date.parse(day) / 1_000),
      days.map(({ rows }) => rows),
      days.map(({ day, rows }) => (unusual.has(day) ? rows : null)),
    ],
    host,
  );
  return () => plot.destroy();
}

/** Rows by day; unusual days are marked in the chart and named below it. */
export function TrendChart({ days }: { days: readonly TrendDay[] }) {
  const host = useRef<HTMLDivElement>(null);
  useEffect(() => {
    let isGone = false;
    let destroy: (() => void) | undefined;
    if (host.current)
      void drawChart(host.current, days).then((stop) => (isGone ? stop() : (destroy = stop)));
    return () => {
      isGone = true;
      destroy?.();
    };
  }, [days]);
  const unusual = findUnusualDays(days);
  const total = days.reduce((sum, { rows }) => sum + rows, 0);
  return (
    <figure class="trend">
      <div
        ref={host}
        role="img"
        aria-label={`Rows by day: ${formatNumber(total)} rows in ${days.length} days`}
      />
      <figcaption class="muted">
        {unusual.length === 0
          ? "No unusual days."
          : `Unusual days: ${unusual.map(({ day, rows }) => `${day} (${formatNumber(rows)} rows)`).join(", ")}.`}
      </figcaption>
    </figure>
  );
}
