/** When a hunt's query, mode, format or enrichment has changed: its log is closed and goes on in the next version. */
import type { CompiledHunt } from "../../contracts/compiled-hunt.ts";
import type { VersionStart } from "../../contracts/hunt-state.ts";
import {
  dayMs,
  formatInstant,
  minuteMs,
  msFromTicks,
  parseInstant,
  ticksFromMs,
  type Ticks,
} from "../../runtime/time.ts";
import { commitMarker } from "./commit.ts";
import type { ExportRecord, HuntDeps } from "../ports.ts";
import { readVersionStart } from "./state.ts";
import { followLog, type VersionStartProposer, type LogTail, type LogEnd } from "./log-end.ts";

/** The service keeps 30 days; nothing is asked for that may be gone while it is read. */
const safeReadMs = 29 * dayMs;

/**
 * Makes the births of one run.
 *
 * @param serverNow - the storage service's clock
 */
export const createStartProposer =
  (hunt: CompiledHunt, serverNow: Ticks): VersionStartProposer =>
  (_version, from, former): VersionStart => ({
    from: formatInstant(
      from ?? serverNow - ticksFromMs(hunt.lagMs + Math.min(hunt.lookBackMs, safeReadMs)),
    ),
    queryHash: hunt.queryHash,
    format: hunt.format,
    startedAt: formatInstant(serverNow),
    ...(former === undefined ? {} : { previousQueryHash: former }),
  });

/** A tip that is ours to append to, or how long to leave it to the others. */
export type VersionClaim =
  | { readonly kind: "own"; readonly tail: LogTail }
  | { readonly kind: "theirs"; readonly waitMs: number };

/**
 * While an app is being replaced, old and new instances run side by side for minutes. An instance that finds its own
 * query replaced this recently takes itself for the old one; later, for one that was brought back.
 */
const deploymentOverlapMs = 10 * minuteMs;

/** Closes versions of other queries until the tip is one of ours. */
export async function claimVersion(
  deps: HuntDeps,
  hunt: CompiledHunt,
  start: LogTail,
  proposeStart: VersionStartProposer,
  serverNow: Ticks,
): Promise<VersionClaim> {
  let tail = start;
  while (tail.logEnd.queryHash !== hunt.queryHash) {
    const waitMs = await readReplacementWaitMs(deps, hunt, tail.logEnd, serverNow);
    if (waitMs > 0) return { kind: "theirs", waitMs };
    const records: ExportRecord[] = [...tail.records];
    await closeVersion(deps, hunt, tail.logEnd);
    const rest = await followLog(deps, hunt, tail.logEnd, proposeStart);
    tail = { ...tail, logEnd: rest.logEnd, records: [...records, ...rest.records] };
  }
  return { kind: "own", tail };
}

async function readReplacementWaitMs(
  deps: HuntDeps,
  hunt: CompiledHunt,
  logEnd: LogEnd,
  serverNow: Ticks,
): Promise<number> {
  const versionStart = await readVersionStart(deps, hunt.name, logEnd.version);
  const startedAt =
    versionStart?.previousQueryHash === hunt.queryHash
      ? parseInstant(versionStart.startedAt)
      : undefined;
  return startedAt === undefined
    ? 0
    : Math.max(0, deploymentOverlapMs - msFromTicks(serverNow - startedAt));
}

/** Commits the closing record; whether it or another record takes the place, the walk that follows finds it. */
async function closeVersion(deps: HuntDeps, hunt: CompiledHunt, logEnd: LogEnd): Promise<void> {
  const emptySpan = { from: logEnd.from, to: logEnd.from };
  await commitMarker(deps, hunt, logEnd, emptySpan, {
    complete: "closed",
    next: `v${logEnd.version + 1}`,
  });
}
