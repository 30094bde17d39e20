/** The lease of a hunt: keeps a second instance from spending quota on the same windows. */
import { minuteMs } from "../../runtime/time.ts";
import { acquireLease, type AcquiredLease } from "../../storage/lease.ts";
import { statePaths } from "../log/paths.ts";
import type { HuntContext } from "../ports.ts";

/**
 * Longer than a hunting call may take (230 s), short enough that a crashed instance does not delay
 * the hunt.
 */
const leaseMs = 4 * minuteMs;

/** @param force - takes the lease even when another instance holds it */
export const acquireHuntLease = (
  { deps, hunt }: HuntContext,
  force: boolean,
): Promise<AcquiredLease> =>
  acquireLease(deps.records, {
    path: statePaths.lease(hunt.name),
    leaseMs,
    owner: deps.createAttemptId(),
    force,
  });
