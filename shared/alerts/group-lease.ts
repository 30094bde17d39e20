/**
 * One closing call of a group at a time, over all instances: two at once would share the waiting alerts and spend two
 * turns on what fills one. This saves quota and nothing else; a lost or forgotten claim costs a half-empty call.
 */
import * as z from "zod/mini";
import { secondMs } from "../runtime/time.ts";
import type { VerdictDesk } from "./ports.ts";

const softClaim = z.object({ owner: z.string(), untilMs: z.number() });

/** Longer than a call and its accounting usually take. */
const heldMs = 20 * secondMs;

/**
 * Repeats `work` for as long as it says that more waits, renewing the claim each time.
 *
 * @returns what `work` returned last, or `busy` when another instance is at it
 */
export async function oneAtATime<T>(
  desk: VerdictDesk,
  group: string,
  work: () => Promise<{ readonly outcome: T; readonly more: boolean }>,
): Promise<T | "busy"> {
  const owner = desk.newId();
  const path = `state/closing/${group}.json`;
  const read = await desk.store.read(path);
  const held = read.kind === "found" ? softClaim.safeParse(read.value).data : undefined;
  if (held && held.untilMs > read.serverNowMs) return "busy";
  let etag = read.kind === "absent" ? undefined : read.etag;
  // The store's clock, carried on by this machine's: a wrong clock must not keep the others away for longer.
  const aheadMs = read.serverNowMs - desk.clock.now();
  const hold = async (ms: number): Promise<boolean> => {
    const claim = { owner, untilMs: desk.clock.now() + aheadMs + ms };
    const written = await (etag === undefined
      ? desk.store.create(path, claim)
      : desk.store.replace(path, claim, etag));
    if (written.kind === "written") etag = written.etag;
    return written.kind === "written";
  };
  if (!(await hold(heldMs))) return "busy";
  try {
    for (;;) {
      const { outcome, more } = await work();
      if (!more || !(await hold(heldMs))) return outcome;
    }
  } finally {
    await hold(0);
  }
}
