/** The health of the whole app, from storage and settings alone: the same truth whichever instance answers. */
import { anchoredSeq } from "../audit/audit-log.ts";
import { huntingPresets } from "../clients/hunting/presets.ts";
import type { ExpiringSecret } from "../clients/vault.ts";
import { standingOf, type HuntStanding } from "../hunts/views.ts";
import type { CompiledHunt } from "../contracts/compiled-hunt.ts";
import { deadLetterQueues, isUnresolved, listDeadLetters } from "../storage/dead-letters.ts";
import type { RecordStore } from "../storage/record-store.ts";
import { readBook } from "../http-pipeline/quota/quota-state.ts";
import { dayMs } from "../runtime/time.ts";

/** What the report is made from. */
export interface HealthSources {
  readonly store: RecordStore;
  readonly hunts: readonly CompiledHunt[];
  readonly huntingApi: keyof typeof huntingPresets;
  readonly expiring: readonly ExpiringSecret[];
}

/** `unhealthy`: somebody has to do something. `degraded`: work goes on, not all of it. */
export type Status = "healthy" | "degraded" | "unhealthy";

export interface HealthReport {
  readonly status: Status;
  /** What is wrong, and what to do about it, in sentences. */
  readonly problems: readonly string[];
  readonly hunts: readonly ({ readonly name: string } & HuntStanding)[];
  readonly quotas: readonly {
    readonly api: string;
    readonly pausedUntil: string | undefined;
    readonly breakerOpenUntil: string | undefined;
  }[];
  readonly deadLetters: number;
  readonly secretsExpiring: readonly { readonly secret: string; readonly expires: string }[];
  readonly retirement:
    | { readonly api: string; readonly on: string; readonly daysLeft: number }
    | undefined;
  readonly auditAnchor: number | undefined;
}

/** A secret is spoken of so long before its end, ms. */
export const expiryWarningMs = 30 * dayMs;
const retirementWarningDays = 60;
const mostCounted = 1_000;

/** Reads everything that can go wrong. @throws UpstreamError when the store cannot be read: that is its own answer */
export async function healthReport({
  store,
  hunts,
  huntingApi,
  expiring,
}: HealthSources): Promise<HealthReport> {
  const { serverNowMs: nowMs } = await store.read("state/hunts/health.json");
  const standings = await Promise.all(
    hunts.map(async (hunt) => ({
      name: hunt.name,
      ...(await standingOf({ records: store }, hunt, nowMs)),
    })),
  );
  const quotas = await Promise.all(
    ["hunting", "files", "cloud-apps"].map((api) => quotaState(store, api, nowMs)),
  );
  const letters = await Promise.all(
    deadLetterQueues.map((queue) => listDeadLetters(store, mostCounted, queue)),
  );
  const deadLetters = letters.flat().filter(isUnresolved).length;
  const secretsExpiring = expiring
    .filter(({ expiresMs }) => expiresMs - nowMs < expiryWarningMs)
    .map(({ secret, expiresMs }) => ({ secret, expires: new Date(expiresMs).toISOString() }));
  const retirement = retirementOf(huntingApi, nowMs);
  const parts = {
    hunts: standings,
    quotas,
    deadLetters,
    secretsExpiring,
    retirement,
    auditAnchor: await anchoredSeq(store),
  };
  const { status, problems } = judge(parts);
  return { status, problems, ...parts };
}

async function quotaState(store: RecordStore, api: string, nowMs: number) {
  const read = await store.read(`state/quotas/${api}.json`);
  const book = read.kind === "found" ? readBook(read.value) : undefined;
  const ahead = (ms: number | undefined): string | undefined =>
    ms !== undefined && ms > nowMs ? new Date(ms).toISOString() : undefined;
  return {
    api,
    pausedUntil: ahead(book?.pausedUntilMs),
    breakerOpenUntil: ahead(book?.breaker.openUntilMs),
  };
}

function retirementOf(api: keyof typeof huntingPresets, nowMs: number): HealthReport["retirement"] {
  const on = huntingPresets[api].retires;
  return on === undefined
    ? undefined
    : { api, on, daysLeft: Math.ceil((Date.parse(on) - nowMs) / dayMs) };
}

/** What each finding means for the whole, and the sentence that says what to do. Pure. */
export function judge(parts: Omit<HealthReport, "status" | "problems">): {
  status: Status;
  problems: string[];
} {
  const bad: string[] = [];
  const partial: string[] = [];
  for (const { name, state, reason = "" } of parts.hunts) {
    if (state === "overdue")
      bad.push(
        `Hunt ${name} is overdue: ${reason}. POST /api/hunts/tick starts it; then look at its timer.`,
      );
    if (state === "invalid" || state === "blocked") bad.push(`Hunt ${name} is ${state}: ${reason}`);
    if (state === "degraded" || state === "failing")
      partial.push(`Hunt ${name} is ${state}: ${reason}`);
  }
  for (const { api, breakerOpenUntil, pausedUntil } of parts.quotas) {
    if (breakerOpenUntil !== undefined)
      partial.push(`Calls of ${api} stopped after failures until ${breakerOpenUntil}.`);
    else if (pausedUntil !== undefined)
      partial.push(`The service asked for a pause of ${api} until ${pausedUntil}.`);
  }
  if (parts.deadLetters > 0)
    bad.push(
      `${parts.deadLetters} dead letters wait: GET /api/dead-letters shows them, POST /api/dead-letters/replay puts them back.`,
    );
  for (const { secret, expires } of parts.secretsExpiring)
    partial.push(`Secret ${secret} expires ${expires}: put a new version into the vault.`);
  if (parts.retirement && parts.retirement.daysLeft <= retirementWarningDays)
    (parts.retirement.daysLeft <= 0 ? bad : partial).push(
      `The ${parts.retirement.api} hunting API ends ${parts.retirement.on}: set HUNTING_API to graph.`,
    );
  return {
    status: bad.length > 0 ? "unhealthy" : partial.length > 0 ? "degraded" : "healthy",
    problems: [...bad, ...partial],
  };
}
