/**
 * Closes a hunt's log when its query, mode, format or enrichment has changed, and starts the next
 * version.
 */
import { minuteMs, msFromTicks, parseInstant } from "../../runtime/time.ts";
import type { HuntContext } from "../ports.ts";
import { commitMarker } from "./commit.ts";
import { followLog, type LogTail } from "./find-log-end.ts";
import type { LogEnd } from "./log-end.ts";
import { readVersionStart } from "./state.ts";

/**
 * A log end to append to, or how long to leave the log to the instances that replaced this hunt's
 * query.
 */
export type VersionClaim =
  | { readonly kind: "claimed"; readonly tail: LogTail }
  | { readonly kind: "replacedByOtherVersion"; readonly waitMs: number };

/**
 * During a deployment old and new instances run side by side for minutes. An instance whose own
 * query was replaced this recently is taken for the old one; later, its query is taken for one that
 * was brought back.
 */
const deploymentOverlapMs = 10 * minuteMs;

/** Closes versions of other queries until the log ends in a version of this hunt's query. */
export async function claimVersion(context: HuntContext, start: LogTail): Promise<VersionClaim> {
  let tail = start;
  while (tail.logEnd.queryHash !== context.hunt.queryHash) {
    const waitMs = await readReplacementWaitMs(context, tail.logEnd);
    if (waitMs > 0) return { kind: "replacedByOtherVersion", waitMs };
    await closeVersion(context, tail.logEnd);
    const rest = await followLog(context, tail.logEnd);
    tail = { ...tail, logEnd: rest.logEnd, records: [...tail.records, ...rest.records] };
  }
  return { kind: "claimed", tail };
}

async function readReplacementWaitMs(context: HuntContext, logEnd: LogEnd): Promise<number> {
  const versionStart = await readVersionStart(context, logEnd.version);
  if (versionStart?.formerQueryHash !== context.hunt.queryHash) return 0;
  const startedAt = parseInstant(versionStart.startedAt);
  return startedAt === undefined
    ? 0
    : Math.max(0, deploymentOverlapMs - msFromTicks(context.serverNow - startedAt));
}

/** Commits the closing record. If another record takes its path, `followLog` finds that one. */
async function closeVersion(context: HuntContext, logEnd: LogEnd): Promise<void> {
  await commitMarker(context, logEnd, {
    span: { from: logEnd.from, to: logEnd.from },
    complete: "closed",
    next: `v${logEnd.version + 1}`,
  });
}
