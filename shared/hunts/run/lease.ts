/** A soft claim on a hunt: keeps a second runner from spending quota on the same window. Losing it changes nothing else. */
import { huntClaim } from "../../contracts/hunt-state.ts";
import {
  formatInstant,
  minuteMs,
  parseInstant,
  ticksFromMs,
  type Ticks,
} from "../../runtime/time.ts";
import { statePaths } from "../log/paths.ts";
import type { HuntPorts } from "../ports.ts";
import { readKept } from "../log/state.ts";

/**
 * Longer than a hunting call may take. A run goes on past it unclaimed: a second runner then costs quota, not rows, while
 * one that has died must not be waited for long.
 */
const claimMs = 4 * minuteMs;

export type Claimed =
  | { readonly kind: "ours"; readonly release: () => Promise<void> }
  | { readonly kind: "taken"; readonly waitMs: number };

/**
 * Takes the claim unless another runner holds it.
 *
 * @param regardless - takes it all the same
 */
export async function claimHunt(
  ports: HuntPorts,
  hunt: string,
  serverNow: Ticks,
  regardless = false,
): Promise<Claimed> {
  const path = statePaths.claim(hunt);
  const { value, etag } = await readKept(ports, path, huntClaim);
  const until = value && parseInstant(value.until);
  const left = until === undefined ? 0n : until - serverNow;
  // An end far in the future is none of ours: believing it would stop the hunt for good.
  if (!regardless && left > 0n && left <= ticksFromMs(claimMs))
    return { kind: "taken", waitMs: Number(left / 10_000n) + 1_000 };
  const claim = {
    owner: ports.attemptId(),
    until: formatInstant(serverNow + ticksFromMs(claimMs)),
  };
  // Whoever loses this write goes on all the same: two runners at once are wasteful, not wrong.
  const outcome = await (etag === undefined
    ? ports.records.create(path, claim)
    : ports.records.replace(path, claim, etag));
  const release = async (): Promise<void> => {
    if (outcome.kind === "written") await ports.records.remove(path, outcome.etag);
  };
  return { kind: "ours", release };
}
