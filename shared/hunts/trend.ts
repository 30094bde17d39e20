/** Counts a hunt's exported rows by day. */
import { mapInParallel } from "../runtime/concurrency.ts";
import { dayMs, formatInstant, parseInstant, ticksFromMs } from "../runtime/time.ts";
import { dayPrefix } from "./log/paths.ts";
import { readHead } from "./log/state.ts";
import type { ExportRecord, HuntDeps } from "./ports.ts";

/** Exports of one UTC day, by the start of their windows. */
interface TrendDay {
  readonly day: string;
  rows: number;
  exports: number;
  /** Windows that could not be completed. */
  gaps: number;
  lateRows: number;
}

const trendDays = 30;
const maxParallel = 8;
/** A day's exports may be in the newest version of the log or in the one before it. */
const versionsRead = 2;

/** Reads the last 30 days, oldest first; days without exports have zeros. */
export async function readTrend(
  deps: Pick<HuntDeps, "exports" | "records" | "tenant">,
  hunt: string,
  nowMs: number,
): Promise<readonly TrendDay[]> {
  const head = await readHead(deps, hunt);
  const newest = head.kind === "found" ? head.value.version : 0;
  const days = new Map<string, TrendDay>();
  const daysBack = Array.from({ length: trendDays }, (_, index) => trendDays - 1 - index);
  for (const count of daysBack) {
    const day = formatInstant(ticksFromMs(nowMs - count * dayMs)).slice(0, 10);
    days.set(day, { day, rows: 0, exports: 0, gaps: 0, lateRows: 0 });
  }
  const versions = Array.from({ length: versionsRead }, (_, back) => newest - back);
  for (const version of versions.filter((one) => one > 0)) {
    await mapInParallel(days.values(), maxParallel, async (day) => {
      const at = parseInstant(`${day.day}T00:00:00Z`) ?? 0n;
      const place = { tenant: deps.tenant, hunt, version };
      for await (const record of deps.exports.list(dayPrefix(place, "main", at)))
        countExport(day, record);
      for await (const { metadata } of deps.exports.list(dayPrefix(place, "late", at)))
        day.lateRows += metadata.rows;
    });
  }
  return [...days.values()];
}

function countExport(day: TrendDay, { metadata }: ExportRecord): void {
  if (metadata.complete === "closed") return;
  if (metadata.complete === "gap") day.gaps += 1;
  if (metadata.rows > 0) day.exports += 1;
  day.rows += metadata.rows;
}
