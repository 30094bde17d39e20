/** Which hunts the alert rule `hunt-overdue` watches, and from when each is overdue; `infra/hunts.json` holds the list. */
import type { Catalog } from "../../contracts/compiled-hunt.ts";
import { dayMs, hourMs, minuteMs } from "../../runtime/time.ts";

export interface WatchedHunt {
  readonly name: string;
  readonly overdueAfterMinutes: number;
}

/** An alert rule looks back two days at most; one hour is left for its own interval. */
const maxSilenceMs = 47 * hourMs;
const overdueIntervals = 3;

/** Enabled hunts that run at least daily, by name. Rarer ones cannot be seen by an alert rule: health watches those. */
export const listWatchedHunts = ({ hunts }: Catalog): readonly WatchedHunt[] =>
  hunts
    .filter(({ enabled, intervalMs }) => enabled && intervalMs <= dayMs)
    .map(({ intervalMs, name }) => ({
      name,
      overdueAfterMinutes: Math.ceil(
        Math.min(overdueIntervals * intervalMs, maxSilenceMs) / minuteMs,
      ),
    }))
    .toSorted((a, b) => (a.name < b.name ? -1 : 1));
