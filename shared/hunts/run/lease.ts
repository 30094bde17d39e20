/** A soft claim on a hunt: keeps a second runner from spending quota on the same window. Losing it changes nothing else. */
import { huntLease } from "../../contracts/hunt-state.ts";
import {
  formatInstant,
  minuteMs,
  parseInstant,
  ticksFromMs,
  type Ticks,
} from "../../runtime/time.ts";
import { statePaths } from "../log/paths.ts";
import type { HuntDeps } from "../ports.ts";
import { readRecord } from "../log/state.ts";

/**
 * Longer than a hunting call may take. A run goes on past it unclaimed: a second runner then costs quota, not rows, while
 * one that has died must not be waited for long.
 */
const leaseMs = 4 * minuteMs;

export type LeaseResult =
  | { readonly kind: "ours"; readonly release: () => Promise<void> }
  | { readonly kind: "taken"; readonly waitMs: number };

/**
 * Takes the claim unless another runner holds it.
 *
 * @param isForced - takes it all the same
 */
export async function acquireHuntLease(
  deps: HuntDeps,
  hunt: string,
  serverNow: Ticks,
  isForced = false,
): Promise<LeaseResult> {
  const path = statePaths.lease(hunt);
  const { value, etag } = await readRecord(deps, path, huntLease);
  const until = value && parseInstant(value.until);
  const remainingTicks = until === undefined ? 0n : until - serverNow;
  // An end far in the future is none of ours: believing it would stop the hunt for good.
  if (!isForced && remainingTicks > 0n && remainingTicks <= ticksFromMs(leaseMs))
    return { kind: "taken", waitMs: Number(remainingTicks / 10_000n) + 1_000 };
  const lease = {
    owner: deps.createAttemptId(),
    until: formatInstant(serverNow + ticksFromMs(leaseMs)),
  };
  // Whoever loses this write goes on all the same: two runners at once are wasteful, not wrong.
  const outcome = await (etag === undefined
    ? deps.records.create(path, lease)
    : deps.records.replace(path, lease, etag));
  const release = async (): Promise<void> => {
    if (outcome.kind === "written") await deps.records.remove(path, outcome.etag);
  };
  return { kind: "ours", release };
}
