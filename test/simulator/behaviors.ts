/**
 * Every behavior of the simulated services, with its default. Defaults are what Microsoft
 * documents; undocumented behavior is selectable. A change applies from the next request on.
 * README.md describes each behavior.
 */
import * as z from "zod/mini";

const defineChoice = <const T extends readonly [string, ...string[]]>(
  values: T,
  fallback: NoInfer<T[number]>,
) => z._default(z.enum(values), fallback);
const defineFlag = (fallback: boolean) => z._default(z.boolean(), fallback);
const defineAmount = (fallback: number) => z._default(z.number().check(z.gte(0)), fallback);
/** Defines a limit; null removes it. */
const defineLimit = (fallback: number | null) =>
  z._default(z.nullable(z.number().check(z.gte(0))), fallback);

const defineQuota = (calls: readonly [perMinute: number | null, perHour: number | null]) =>
  z.strictObject({
    model: defineChoice(["sliding", "fixed", "bucket"], "sliding"),
    perMinute: defineLimit(calls[0]),
    perHour: defineLimit(calls[1]),
    retryAfter: defineFlag(true),
    countRefused: defineFlag(false),
  });

const defineSection = <T extends z.core.$ZodLooseShape>(shape: T) =>
  z.prefault(z.strictObject(shape), {} as never);

const behaviorsSchema = z.strictObject({
  wire: defineSection({
    jsonCharset: defineChoice(["windows-1252", "utf-8"], "windows-1252"),
  }),
  entra: defineSection({
    lifetimeS: defineAmount(3_599),
    identityLifetimeS: defineAmount(86_400),
  }),
  vault: defineSection({
    callsPer10s: defineLimit(4_000),
    pageSize: defineAmount(25),
    firewall: defineFlag(false),
    challenge: defineChoice(["resource", "scope"], "resource"),
    insufficientClaims: defineFlag(false),
  }),
  hunting: defineSection({
    quota: z.prefault(defineQuota([45, 1_500]), {}),
    throttleWording: defineChoice(["api", "old", "new", "graph"], "api"),
    rowCap: defineAmount(100_000),
    legacyRowCap: defineAmount(10_000),
    sizeCapBytes: defineLimit(50_000_000),
    sizeWording: defineChoice(["number", "amount"], "number"),
    errorWording: defineChoice(["mixed", "api", "page", "engine"], "mixed"),
    retired: z._default(z.nullable(z.int().check(z.gte(400), z.lte(599))), null),
    disabledTables: z._default(z.array(z.string()), []),
    nulls: defineChoice(["object", "absent", "null"], "object"),
    fractions: defineChoice(["trimmed", "seven"], "trimmed"),
    longSidecars: defineChoice(["ids", "all", "none"], "ids"),
    decimals: defineChoice(["number", "text"], "number"),
    timespans: defineChoice(["kusto", "iso"], "kusto"),
    plainBooleans: defineChoice(["number", "boolean"], "number"),
    plainDynamics: defineChoice(["value", "text"], "value"),
    emptyAnswers: defineChoice(["usual", "no-schema", "no-results"], "usual"),
    preemptAboveRows: defineLimit(null),
    cpuMsPerQuery: defineAmount(200),
    cpuMsPerThousandRows: defineAmount(10),
    cpuMsPerSlot: defineLimit(600_000),
    runTimeMsPerHour: defineLimit(600_000),
    runTimeMsPerDay: defineLimit(10_800_000),
    legacyRunTimeMsPerHour: defineLimit(900_000),
    legacyRunTimeMsPerDay: defineLimit(14_400_000),
    delayMsPerQuery: defineAmount(0),
    delayMsPerThousandRows: defineAmount(0),
  }),
  files: defineSection({
    quota: z.prefault(defineQuota([100, 1_500]), {}),
    body: defineChoice(["twin", "modern", "legacy"], "twin"),
    zeroDates: defineChoice(["null", "empty"], "null"),
    unknown: defineChoice(["404", "zeros"], "404"),
    sha256Statistics: defineChoice(["200", "400", "404"], "200"),
    lookBack: defineChoice(["refuse", "clamp"], "refuse"),
    extraKey: defineFlag(false),
  }),
  cloudApps: defineSection({
    quota: z.prefault(defineQuota([30, null]), {}),
    missingSlash: defineChoice(["404", "301", "accept"], "404"),
    unknownField: defineChoice(["empty", "ignore", "400"], "empty"),
    emptyFilter: defineChoice(["closes-all", "closes-none", "400"], "closes-all"),
    alreadyClosed: defineChoice(["not-found", "overwrite"], "not-found"),
    notFoundStatus: defineChoice(["200", "400", "404"], "200"),
    wrongReason: defineChoice(["400", "ignore"], "400"),
    total: defineChoice(["exact", "estimate"], "exact"),
    scanStall: defineFlag(false),
    subnetPlace: defineChoice(["both", "v1", "bare"], "both"),
  }),
});

export type Behaviors = z.infer<typeof behaviorsSchema>;

/** Any subset of the behaviors. */
export type BehaviorChanges = z.input<typeof behaviorsSchema>;

/** Thrown for an unknown behavior or an invalid value; names each by JSON pointer. */
class BehaviorError extends Error {
  override readonly name = "BehaviorError";
}

/** @throws BehaviorError */
export function parseBehaviors(changes: unknown): Behaviors {
  const outcome = z.safeParse(behaviorsSchema, changes ?? {});
  if (outcome.success) return outcome.data;
  throw new BehaviorError(
    outcome.error.issues
      .map((issue) => `/${issue.path.map(String).join("/")}: ${issue.message}`)
      .join("; "),
  );
}

/** Merges `changes` into the current behaviors. */
export function applyBehaviorChanges(current: Behaviors, changes: BehaviorChanges): void {
  Object.assign(current, parseBehaviors(mergeObjects(current, changes)));
}

function mergeObjects(base: unknown, changes: unknown): unknown {
  if (!isObject(base) || !isObject(changes)) return changes;
  const result: Record<string, unknown> = { ...base };
  for (const [key, value] of Object.entries(changes))
    result[key] = key in base ? mergeObjects(base[key], value) : value;
  return result;
}

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);
