/** The status of a hunt: why it is paused, for the health report and for the next run. */
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
import type { HuntContext, HuntDeps, HuntingReply } from "../ports.ts";
import { etagOf, readRecord, writeRecord, type TypedRecord } from "../../storage/typed-record.ts";

/** A new status without the times that writing adds. */
export interface StatusChange {
  readonly state: HuntStatus["state"];
  readonly reason: string;
  readonly span?: Span;
  /** How long scheduled runs pause, in milliseconds. @default the pause of the state */
  readonly pauseMs?: number;
}

/** How long scheduled runs pause in each state, in milliseconds. */
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
): Promise<TypedRecord<HuntStatus>> =>
  readRecord(deps.records, statePaths.status(hunt), huntStatus);

/** Returns until when the hunt is paused; undefined when it may run. */
export function findPauseEnd(
  status: HuntStatus | undefined,
  hunt: Pick<CompiledHunt, "queryHash">,
  reason: RunReason,
  serverNow: Ticks,
): Ticks | undefined {
  if (status?.pausedUntil === undefined || status.queryHash !== hunt.queryHash) return undefined;
  // A requested run may follow a fix. A granted permission takes minutes to become effective.
  if (reason === "request" && status.state !== "blocked") return undefined;
  // The pause of a failing hunt ends with its own next message.
  if (reason === "continue" && status.state === "failing") return undefined;
  const until = parseInstant(status.pausedUntil);
  return until !== undefined && until > serverNow ? until : undefined;
}

/** Stores a status. `since` remains while the state does; a repeated `ok` is not written. */
export async function writeStatus(
  { deps, hunt, serverNow }: HuntContext,
  stored: TypedRecord<HuntStatus>,
  change: StatusChange,
): Promise<void> {
  const value = stored.kind === "found" ? stored.value : undefined;
  const isSameState = value?.state === change.state && value.queryHash === hunt.queryHash;
  if (change.state === "ok" && (stored.kind === "absent" || isSameState)) return;
  const pauseMs = change.pauseMs ?? pauseMsByState[change.state];
  const status: HuntStatus = {
    state: change.state,
    reason: change.reason.slice(0, 500),
    since: isSameState ? value.since : formatInstant(serverNow),
    queryHash: hunt.queryHash,
    ...(pauseMs > 0 ? { pausedUntil: formatInstant(serverNow + ticksFromMs(pauseMs)) } : {}),
    ...(change.span
      ? { from: formatInstant(change.span.from), to: formatInstant(change.span.to) }
      : {}),
  };
  await writeRecord(deps.records, statePaths.status(hunt.name), status, etagOf(stored));
}

/** Returns the status that a refusal leads to. */
export const toStatusChange = (refusal: Extract<HuntingReply, { kind: "refused" }>): StatusChange =>
  refusal.cause === "query" || refusal.cause === "table"
    ? { state: "invalid", reason: refusal.message }
    : { state: "blocked", reason: `${refusal.cause}: ${refusal.message}` };
