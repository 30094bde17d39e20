/**
 * Creates the health report from storage and settings alone, so that every instance returns the
 * same.
 */
import { readRefusedCalls } from "../alerts/refused-calls.ts";
import { readAnchor } from "../audit/anchor.ts";
import { huntingPresets } from "../clients/hunting/presets.ts";
import type { ExpiringSecret } from "../clients/vault.ts";
import { readHuntHealth, type HuntHealth } from "../hunts/hunt-health.ts";
import type { CompiledHunt } from "../contracts/compiled-hunt.ts";
import { deadLetterQueues } from "../contracts/dead-letter.ts";
import { isUnresolved, listDeadLetters } from "../storage/dead-letters.ts";
import type { RecordStore } from "../storage/record-store.ts";
import { parseQuotaState } from "../http-pipeline/quota/quota-state.ts";
import { dayMs } from "../runtime/time.ts";

/** The inputs of the report. */
export interface HealthDeps {
  readonly store: RecordStore;
  readonly hunts: readonly CompiledHunt[];
  readonly huntingApi: keyof typeof huntingPresets;
  readonly expiring: readonly ExpiringSecret[];
}

/** `unhealthy`: a person has to act. `degraded`: the app works, with limits. */
export type HealthStatus = "healthy" | "degraded" | "unhealthy";

export interface HealthReport {
  readonly status: HealthStatus;
  /** What is wrong and how to fix it, one sentence each. */
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
  /** Since when and why Cloud Apps refuses the calls of verdicts. */
  readonly refusedVerdictCalls: { readonly since: string; readonly reason: string } | null;
  readonly auditAnchor: number | null;
}

/** Warn this long before a secret expires, in milliseconds. */
export const expiryWarningMs = 30 * dayMs;
const retirementWarningDays = 60;
const maxDeadLettersCounted = 1_000;

/** Creates the report. @throws UpstreamError when the store cannot be read */
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
  const anchor = await readAnchor(store);
  const details = {
    hunts: standings,
    quotas,
    deadLetters,
    secretsExpiring,
    retirement,
    refusedVerdictCalls: await readRefusedCalls(store),
    auditAnchor: anchor.kind === "found" ? anchor.value.seq : null,
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

interface Findings {
  readonly errors: readonly string[];
  readonly warnings: readonly string[];
  /** Shown without a change of the status. */
  readonly notices?: readonly string[];
}

type HealthDetails = Omit<HealthReport, "status" | "problems">;

/** Derives the status from the details, with one sentence per finding that says how to fix it. */
export function assessHealth(details: HealthDetails): {
  status: HealthStatus;
  problems: string[];
} {
  const all = [
    assessHunts(details),
    assessQuotas(details),
    assessDeadLetters(details),
    assessRefusedCalls(details),
    assessExpiry(details),
  ];
  const errors = all.flatMap((findings) => findings.errors);
  const warnings = all.flatMap((findings) => findings.warnings);
  const status = errors.length > 0 ? "unhealthy" : warnings.length > 0 ? "degraded" : "healthy";
  const notices = all.flatMap((findings) => findings.notices ?? []);
  return { status, problems: [...errors, ...warnings, ...notices] };
}

function assessHunts({ hunts }: HealthDetails): Findings {
  const describeHunt = ({ name, state, reason }: HealthDetails["hunts"][number]): string =>
    state === "overdue"
      ? `Hunt ${name} is overdue: ${reason} Start it with POST /api/hunts/tick, then check its timer.`
      : `Hunt ${name} is ${state}: ${reason}`;
  const list = (states: readonly string[]): string[] =>
    hunts.filter(({ state }) => states.includes(state)).map(describeHunt);
  return {
    errors: list(["overdue", "invalid", "blocked"]),
    warnings: list(["degraded", "failing"]),
    notices: hunts.flatMap(({ name, warnings }) =>
      warnings.map((warning) => `Hunt ${name}: ${warning}`),
    ),
  };
}

const assessQuotas = ({ quotas }: HealthDetails): Findings => ({
  errors: [],
  warnings: quotas.flatMap(({ api, breakerOpenUntil, pausedUntil }) =>
    breakerOpenUntil !== null
      ? [`Calls of ${api} are stopped after failures until ${breakerOpenUntil}.`]
      : pausedUntil !== null
        ? [`The service asked for a pause of ${api} until ${pausedUntil}.`]
        : [],
  ),
});

const assessDeadLetters = ({ deadLetters }: HealthDetails): Findings => ({
  errors:
    deadLetters === 0
      ? []
      : [
          `${deadLetters} dead letter${deadLetters === 1 ? " was" : "s were"} not replayed: list with GET /api/dead-letters, replay with POST /api/dead-letters/replay.`,
        ],
  warnings: [],
});

const assessRefusedCalls = ({ refusedVerdictCalls }: HealthDetails): Findings => ({
  errors: [],
  warnings:
    refusedVerdictCalls === null
      ? []
      : [
          `Cloud Apps refuses to close alerts since ${refusedVerdictCalls.since}: ${refusedVerdictCalls.reason} Verdicts wait; run npm run doctor to check the token and its role.`,
        ],
});

function assessExpiry({ secretsExpiring, retirement }: HealthDetails): Findings {
  const secretWarnings = secretsExpiring.map(
    ({ secret, expires }) => `Secret ${secret} expires ${expires}: add a new version to the vault.`,
  );
  if (!retirement || retirement.daysLeft > retirementWarningDays)
    return { errors: [], warnings: secretWarnings };
  const sentence = `The ${retirement.api} hunting API ends ${retirement.retiresOn}: set HUNTING_API to graph.`;
  return retirement.daysLeft <= 0
    ? { errors: [sentence], warnings: secretWarnings }
    : { errors: [], warnings: [...secretWarnings, sentence] };
}
