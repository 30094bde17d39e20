/** What keeps a hunt from going on, written down for health and for the next run. */
import type { CompiledHunt } from "../../contracts/compiled-hunt.ts";
import { huntStatus, type HuntStatus } from "../../contracts/hunt-state.ts";
import type { RunReason } from "../../contracts/hunt-run.ts";
import {
  dayMs,
  formatInstant,
  hourMs,
  minuteMs,
  parseInstant,
  ticksFromMs,
  type Span,
  type Ticks,
} from "../../runtime/time.ts";
import { statePaths } from "../log/paths.ts";
import type { HuntingReply, HuntDeps } from "../ports.ts";
import { readRecord, writeRecord, type StoredRecord } from "../log/state.ts";

/** A status to be, without the times that writing adds. */
export interface StatusChange {
  readonly state: HuntStatus["state"];
  readonly reason: string;
  readonly span?: Span;
  /** False when the hunt goes on all the same. */
  readonly shouldPause?: false;
}

/** How long scheduled runs stay away after each finding, ms. */
const pauseMsByState = {
  ok: 0,
  failing: 0,
  blocked: 15 * minuteMs,
  degraded: hourMs,
  invalid: dayMs,
} as const satisfies Record<HuntStatus["state"], number>;

export const readStatus = (
  deps: Pick<HuntDeps, "records">,
  hunt: string,
): Promise<StoredRecord<HuntStatus>> => readRecord(deps, statePaths.status(hunt), huntStatus);

/** Until when this hunt is left alone, in ticks; `undefined` when it may run. */
export function findPauseEnd(
  status: HuntStatus | undefined,
  hunt: Pick<CompiledHunt, "queryHash">,
  reason: RunReason,
  serverNow: Ticks,
): Ticks | undefined {
  if (status?.holdUntil === undefined || status.queryHash !== hunt.queryHash) return undefined;
  // A person who asks for a run has perhaps just put the matter right; a missing permission takes minutes to arrive.
  if (reason === "request" && status.state !== "blocked") return undefined;
  const until = parseInstant(status.holdUntil);
  return until !== undefined && until > serverNow ? until : undefined;
}

/** Writes a finding down; one that says nothing new, only when its hold has to be renewed. */
export async function writeStatus(
  deps: Pick<HuntDeps, "records">,
  hunt: CompiledHunt,
  stored: StoredRecord<HuntStatus>,
  change: StatusChange,
  serverNow: Ticks,
): Promise<void> {
  const { value } = stored;
  const isUnchanged =
    value?.state === change.state &&
    value.reason === change.reason &&
    value.queryHash === hunt.queryHash;
  if (change.state === "ok" && (value === undefined || isUnchanged)) return;
  const pauseMs = change.shouldPause === false ? 0 : pauseMsByState[change.state];
  const status: HuntStatus = {
    state: change.state,
    reason: change.reason.slice(0, 500),
    since: isUnchanged ? value.since : formatInstant(serverNow),
    queryHash: hunt.queryHash,
    ...(pauseMs > 0 ? { holdUntil: formatInstant(serverNow + ticksFromMs(pauseMs)) } : {}),
    ...(change.span
      ? { from: formatInstant(change.span.from), to: formatInstant(change.span.to) }
      : {}),
  };
  await writeRecord(deps, statePaths.status(hunt.name), status, stored.etag);
}

/** What a refusal means for the hunt. */
export const toStatusChange = (refusal: Extract<HuntingReply, { kind: "refused" }>): StatusChange =>
  refusal.cause === "query" || refusal.cause === "table"
    ? { state: "invalid", reason: refusal.message }
    : { state: "blocked", reason: `${refusal.cause}: ${refusal.message}` };
