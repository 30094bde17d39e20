/** Lists the hunts that the alert rule `hunt-overdue` watches, for `infra/hunts.json`. */
import type { Catalog } from "../../contracts/compiled-hunt.ts";
import { dayMs, hourMs, minuteMs } from "../../runtime/time.ts";

export interface WatchedHunt {
  readonly name: string;
  readonly overdueAfterMinutes: number;
}

/** An alert rule reads two days at most; one hour remains for its own interval. */
const maxSilenceMs = 47 * hourMs;
const overdueIntervals = 3;

/** Returns enabled hunts that run at least daily, by name; health watches the rarer ones. */
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
