/**
 * One closing call of a group at a time, over all instances: two at once would share the waiting alerts and spend two
 * turns on what fills one. This saves quota and nothing else; a lost or forgotten claim costs a half-empty call.
 */
import * as z from "zod/mini";
import { secondMs } from "../runtime/time.ts";
import type { AlertDeps } from "./ports.ts";

const leaseRecord = z.object({ owner: z.string(), untilMs: z.number() });

/** Longer than a call and its accounting usually take. */
const leaseMs = 20 * secondMs;

/**
 * Repeats `work` for as long as it says that more waits, renewing the claim each time.
 *
 * @returns what `work` returned last, or `busy` when another instance is at it
 */
export async function withGroupLease<T>(
  deps: AlertDeps,
  group: string,
  work: () => Promise<{ readonly outcome: T; readonly hasMore: boolean }>,
): Promise<T | "busy"> {
  const owner = deps.newId();
  const path = `state/closing/${group}.json`;
  const read = await deps.store.read(path);
  const existing = read.kind === "found" ? leaseRecord.safeParse(read.value).data : undefined;
  if (existing && existing.untilMs > read.serverNowMs) return "busy";
  let etag = read.kind === "absent" ? undefined : read.etag;
  // The store's clock, carried on by this machine's: a wrong clock must not keep the others away for longer.
  const aheadMs = read.serverNowMs - deps.clock.now();
  const renewLease = async (durationMs: number): Promise<boolean> => {
    const lease = { owner, untilMs: deps.clock.now() + aheadMs + durationMs };
    const written = await (etag === undefined
      ? deps.store.create(path, lease)
      : deps.store.replace(path, lease, etag));
    if (written.kind === "written") etag = written.etag;
    return written.kind === "written";
  };
  if (!(await renewLease(leaseMs))) return "busy";
  try {
    for (;;) {
      const { outcome, hasMore } = await work();
      if (!hasMore || !(await renewLease(leaseMs))) return outcome;
    }
  } finally {
    await renewLease(0);
  }
}
