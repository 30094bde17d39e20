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
import type { HuntingReply, HuntPorts } from "../ports.ts";
import { readKept, writeKept, type Kept } from "../log/state.ts";

/** A status to be, without the times that writing adds. */
export interface Finding {
  readonly state: HuntStatus["state"];
  readonly reason: string;
  readonly span?: Span;
  /** False when the hunt goes on all the same. */
  readonly holds?: false;
}

/** How long scheduled runs stay away after each finding, ms. */
const holds = {
  ok: 0,
  failing: 0,
  blocked: 15 * minuteMs,
  degraded: hourMs,
  invalid: dayMs,
} as const satisfies Record<HuntStatus["state"], number>;

export const readStatus = (
  ports: Pick<HuntPorts, "records">,
  hunt: string,
): Promise<Kept<HuntStatus>> => readKept(ports, statePaths.status(hunt), huntStatus);

/** Until when this hunt is left alone, in ticks; `undefined` when it may run. */
export function heldUntil(
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
  ports: Pick<HuntPorts, "records">,
  hunt: CompiledHunt,
  former: Kept<HuntStatus>,
  finding: Finding,
  serverNow: Ticks,
): Promise<void> {
  const { value } = former;
  const same =
    value?.state === finding.state &&
    value.reason === finding.reason &&
    value.queryHash === hunt.queryHash;
  if (finding.state === "ok" && (value === undefined || same)) return;
  const holdMs = finding.holds === false ? 0 : holds[finding.state];
  const status: HuntStatus = {
    state: finding.state,
    reason: finding.reason.slice(0, 500),
    since: same ? value.since : formatInstant(serverNow),
    queryHash: hunt.queryHash,
    ...(holdMs > 0 ? { holdUntil: formatInstant(serverNow + ticksFromMs(holdMs)) } : {}),
    ...(finding.span
      ? { from: formatInstant(finding.span.from), to: formatInstant(finding.span.to) }
      : {}),
  };
  await writeKept(ports, statePaths.status(hunt.name), status, former.etag);
}

/** What a refusal means for the hunt. */
export const findingOf = (refusal: Extract<HuntingReply, { kind: "refused" }>): Finding =>
  refusal.cause === "query" || refusal.cause === "table"
    ? { state: "invalid", reason: refusal.message }
    : { state: "blocked", reason: `${refusal.cause}: ${refusal.message}` };
