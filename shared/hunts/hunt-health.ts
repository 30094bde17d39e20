/** Reads the health of a hunt from its records alone. Runs no query. */
import type { CompiledHunt } from "../contracts/compiled-hunt.ts";
import type {
  HuntHead,
  HuntSchemaChange,
  HuntStatus,
  SuppressedRows,
} from "../contracts/hunt-state.ts";
import { formatInstant, msFromTicks, parseInstant, type Ticks } from "../runtime/time.ts";
import { listHuntWarnings } from "./hunt-warnings.ts";
import { readHead } from "./log/state.ts";
import type { HuntDeps } from "./ports.ts";
import { readStatus } from "./run/status.ts";

/** The health of one hunt. */
export interface HuntHealth {
  readonly state: HuntStatus["state"] | "new" | "overdue";
  readonly reason: string | null;
  /** Every row before it is exported; null before the first run. */
  readonly watermark: string | null;
  readonly watermarkAgeSeconds: number | null;
  readonly version: number | null;
  /** Path of the newest export. */
  readonly head: string | null;
  /** The newest change of the columns; null before the first one. */
  readonly schemaChange: HuntSchemaChange | null;
  /** Known rows that the newest exports left out; null where none were counted. */
  readonly suppressed: SuppressedRows | null;
  /** Dates of the hunt's file that have passed, one sentence each. */
  readonly warnings: readonly string[];
}

/** A hunt is overdue when its watermark is older than its lag and this many intervals. */
const overdueIntervals = 3;

/** Reads the health of a hunt from its records alone. */
export async function readHuntHealth(
  deps: Pick<HuntDeps, "records">,
  hunt: CompiledHunt,
  nowMs: number,
): Promise<HuntHealth> {
  const [storedHead, storedStatus] = await Promise.all([
    readHead(deps, hunt.name),
    readStatus(deps, hunt.name),
  ]);
  const head = storedHead.kind === "found" ? storedHead.value : undefined;
  const status = storedStatus.kind === "found" ? storedStatus.value : undefined;
  const progress = head ? describeProgress(head, nowMs) : noProgress;
  const { watermarkAgeMs, ...shown } = progress;
  return {
    ...(findInvalidParameters(hunt) ??
      findActiveState(hunt, status) ??
      computeTimeliness(hunt, watermarkAgeMs)),
    ...shown,
    warnings: listHuntWarnings(hunt, nowMs),
  };
}

/** How far a hunt has come. */
type HuntProgress = Omit<HuntHealth, "state" | "reason" | "warnings"> & {
  readonly watermarkAgeMs: number | undefined;
};

/** The progress of a hunt that has never run. */
const noProgress: HuntProgress = {
  watermark: null,
  watermarkAgeSeconds: null,
  watermarkAgeMs: undefined,
  version: null,
  head: null,
  schemaChange: null,
  suppressed: null,
};

function describeProgress(
  { emptyTo, head, schemaChange, suppressed, to, version }: HuntHead,
  nowMs: number,
): HuntProgress {
  const watermark = computeWatermark(to, emptyTo);
  if (watermark === undefined) return noProgress;
  const watermarkAgeMs = nowMs - msFromTicks(watermark);
  return {
    watermark: formatInstant(watermark),
    watermarkAgeSeconds: Math.round(watermarkAgeMs / 1_000),
    watermarkAgeMs,
    version,
    head: head ?? null,
    schemaChange: schemaChange ?? null,
    suppressed: suppressed ?? null,
  };
}

const findInvalidParameters = ({ invalidParameters }: CompiledHunt): HealthState | undefined =>
  invalidParameters === undefined ? undefined : { state: "invalid", reason: invalidParameters };

type HealthState = Pick<HuntHealth, "state" | "reason">;

/** Returns the stored state when it is about this query and not `ok`. */
const findActiveState = (
  hunt: CompiledHunt,
  status: HuntStatus | undefined,
): HealthState | undefined =>
  status?.queryHash === hunt.queryHash && status.state !== "ok"
    ? { state: status.state, reason: status.reason }
    : undefined;

function computeTimeliness(hunt: CompiledHunt, ageMs: number | undefined): HealthState {
  if (ageMs === undefined) return { state: "new", reason: null };
  return ageMs > hunt.lagMs + overdueIntervals * hunt.intervalMs
    ? { state: "overdue", reason: "No run has finished for three intervals." }
    : { state: "ok", reason: null };
}

function computeWatermark(to: string, emptyTo: string | undefined): Ticks | undefined {
  const [end, empty] = [
    parseInstant(to),
    emptyTo === undefined ? undefined : parseInstant(emptyTo),
  ];
  return end !== undefined && empty !== undefined && empty > end ? empty : end;
}
