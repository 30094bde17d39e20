/** The health of the whole app, from storage and settings alone: the same truth whichever instance answers. */
import { readAnchorSeq } from "../audit/audit-log.ts";
import { huntingPresets } from "../clients/hunting/presets.ts";
import type { ExpiringSecret } from "../clients/vault.ts";
import { readHuntHealth, type HuntHealth } from "../hunts/views.ts";
import type { CompiledHunt } from "../contracts/compiled-hunt.ts";
import { deadLetterQueues } from "../contracts/dead-letter.ts";
import { isUnresolved, listDeadLetters } from "../storage/dead-letters.ts";
import type { RecordStore } from "../storage/record-store.ts";
import { parseQuotaState } from "../http-pipeline/quota/quota-state.ts";
import { dayMs } from "../runtime/time.ts";

/** What the report is made from. */
export interface HealthDeps {
  readonly store: RecordStore;
  readonly hunts: readonly CompiledHunt[];
  readonly huntingApi: keyof typeof huntingPresets;
  readonly expiring: readonly ExpiringSecret[];
}

/** `unhealthy`: somebody has to do something. `degraded`: work goes on, not all of it. */
export type HealthStatus = "healthy" | "degraded" | "unhealthy";

export interface HealthReport {
  readonly status: HealthStatus;
  /** What is wrong, and what to do about it, in sentences. */
  readonly problems: readonly string[];
  readonly hunts: readonly ({ readonly name: string } & HuntHealth)[];
  readonly quotas: readonly {
    readonly api: string;
    readonly pausedUntil: string | null;
    readonly breakerOpenUntil: string | null;
  }[];
  readonly deadLetters: number;
  readonly secretsExpiring: readonly { readonly secret: string; readonly expires: string }[];
  readonly retirement: {
    readonly api: string;
    readonly retiresOn: string;
    readonly daysLeft: number;
  } | null;
  readonly auditAnchor: number | null;
}

/** A secret is spoken of so long before its end, ms. */
export const expiryWarningMs = 30 * dayMs;
const retirementWarningDays = 60;
const maxDeadLettersCounted = 1_000;

/** Reads everything that can go wrong. @throws UpstreamError when the store cannot be read: that is its own answer */
export async function createHealthReport({
  store,
  hunts,
  huntingApi,
  expiring,
}: HealthDeps): Promise<HealthReport> {
  const { serverNowMs: nowMs } = await store.read("state/hunts/health.json");
  const standings = await Promise.all(
    hunts.map(async (hunt) => ({
      name: hunt.name,
      ...(await readHuntHealth({ records: store }, hunt, nowMs)),
    })),
  );
  const quotas = await Promise.all(
    ["hunting", "files", "cloud-apps"].map((api) => readQuotaStatus(store, api, nowMs)),
  );
  const letters = await Promise.all(
    deadLetterQueues.map((queue) => listDeadLetters(store, maxDeadLettersCounted, queue)),
  );
  const deadLetters = letters.flat().filter(isUnresolved).length;
  const secretsExpiring = expiring
    .filter(({ expiresMs }) => expiresMs - nowMs < expiryWarningMs)
    .map(({ secret, expiresMs }) => ({ secret, expires: new Date(expiresMs).toISOString() }));
  const retirement = findRetirement(huntingApi, nowMs);
  const details = {
    hunts: standings,
    quotas,
    deadLetters,
    secretsExpiring,
    retirement,
    auditAnchor: (await readAnchorSeq(store)) ?? null,
  };
  const { status, problems } = assessHealth(details);
  return { status, problems, ...details };
}

async function readQuotaStatus(store: RecordStore, api: string, nowMs: number) {
  const read = await store.read(`state/quotas/${api}.json`);
  const quotaState = read.kind === "found" ? parseQuotaState(read.value) : undefined;
  const toFutureInstant = (ms: number | undefined): string | null =>
    ms !== undefined && ms > nowMs ? new Date(ms).toISOString() : null;
  return {
    api,
    pausedUntil: toFutureInstant(quotaState?.pausedUntilMs),
    breakerOpenUntil: toFutureInstant(quotaState?.breaker.openUntilMs),
  };
}

function findRetirement(
  api: keyof typeof huntingPresets,
  nowMs: number,
): HealthReport["retirement"] {
  const retiresOn = huntingPresets[api].retiresOn;
  return retiresOn === undefined
    ? null
    : { api, retiresOn, daysLeft: Math.ceil((Date.parse(retiresOn) - nowMs) / dayMs) };
}

/** What each finding means for the whole, and the sentence that says what to do. Pure. */
export function assessHealth(details: Omit<HealthReport, "status" | "problems">): {
  status: HealthStatus;
  problems: string[];
} {
  const errors: string[] = [];
  const warnings: string[] = [];
  for (const { name, state, reason = "" } of details.hunts) {
    if (state === "overdue")
      errors.push(
        `Hunt ${name} is overdue: ${reason}. POST /api/hunts/tick starts it; then look at its timer.`,
      );
    if (state === "invalid" || state === "blocked")
      errors.push(`Hunt ${name} is ${state}: ${reason}`);
    if (state === "degraded" || state === "failing")
      warnings.push(`Hunt ${name} is ${state}: ${reason}`);
  }
  for (const { api, breakerOpenUntil, pausedUntil } of details.quotas) {
    if (breakerOpenUntil !== null)
      warnings.push(`Calls of ${api} stopped after failures until ${breakerOpenUntil}.`);
    else if (pausedUntil !== null)
      warnings.push(`The service asked for a pause of ${api} until ${pausedUntil}.`);
  }
  if (details.deadLetters > 0)
    errors.push(
      `${details.deadLetters} dead letters wait: GET /api/dead-letters shows them, POST /api/dead-letters/replay puts them back.`,
    );
  for (const { secret, expires } of details.secretsExpiring)
    warnings.push(`Secret ${secret} expires ${expires}: put a new version into the vault.`);
  if (details.retirement && details.retirement.daysLeft <= retirementWarningDays)
    (details.retirement.daysLeft <= 0 ? errors : warnings).push(
      `The ${details.retirement.api} hunting API ends ${details.retirement.retiresOn}: set HUNTING_API to graph.`,
    );
  return {
    status: errors.length > 0 ? "unhealthy" : warnings.length > 0 ? "degraded" : "healthy",
    problems: [...errors, ...warnings],
  };
}
