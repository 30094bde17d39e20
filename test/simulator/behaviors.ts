/**
 * Every switch of the simulated tenant, with its default. What Microsoft documents is the default; what nobody
 * knows is selectable. Live: a change counts from the next request on. README.md describes each one.
 */
import * as z from "zod/mini";

const choice = <const T extends readonly [string, ...string[]]>(
  values: T,
  fallback: NoInfer<T[number]>,
) => z._default(z.enum(values), fallback);
const flag = (fallback: boolean) => z._default(z.boolean(), fallback);
const amount = (fallback: number) => z._default(z.number().check(z.gte(0)), fallback);
/** A limit that can be taken away: null stands for "none". */
const ceiling = (fallback: number | null) =>
  z._default(z.nullable(z.number().check(z.gte(0))), fallback);

const quota = (calls: readonly [perMinute: number | null, perHour: number | null]) =>
  z.strictObject({
    model: choice(["sliding", "fixed", "bucket"], "sliding"),
    perMinute: ceiling(calls[0]),
    perHour: ceiling(calls[1]),
    retryAfter: flag(true),
    countRefused: flag(false),
  });

const part = <T extends z.core.$ZodLooseShape>(shape: T) =>
  z.prefault(z.strictObject(shape), {} as never);

const switchesSchema = z.strictObject({
  entra: part({
    lifetimeS: amount(3_599),
    identityLifetimeS: amount(86_400),
  }),
  vault: part({
    callsPer10s: ceiling(4_000),
    pageSize: amount(25),
    firewall: flag(false),
    challenge: choice(["resource", "scope"], "resource"),
    insufficientClaims: flag(false),
  }),
  hunting: part({
    quota: z.prefault(quota([45, 1_500]), {}),
    throttleWording: choice(["api", "old", "new", "graph"], "api"),
    rowCap: amount(100_000),
    legacyRowCap: amount(10_000),
    sizeCapBytes: ceiling(50_000_000),
    sizeWording: choice(["number", "amount"], "number"),
    retired: z._default(z.nullable(z.int().check(z.gte(400), z.lte(599))), null),
    disabledTables: z._default(z.array(z.string()), []),
    nulls: choice(["object", "absent", "null"], "object"),
    fractions: choice(["trimmed", "seven"], "trimmed"),
    longSidecars: choice(["ids", "all", "none"], "ids"),
    decimals: choice(["number", "text"], "number"),
    timespans: choice(["kusto", "iso"], "kusto"),
    plainBooleans: choice(["number", "boolean"], "number"),
    plainDynamics: choice(["value", "text"], "value"),
    emptyAnswers: choice(["usual", "no-schema", "no-results"], "usual"),
    preemptAboveRows: ceiling(null),
    cpuMsPerQuery: amount(200),
    cpuMsPerThousandRows: amount(10),
    cpuMsPerSlot: ceiling(600_000),
    runTimeMsPerHour: ceiling(600_000),
    runTimeMsPerDay: ceiling(10_800_000),
    legacyRunTimeMsPerHour: ceiling(900_000),
    legacyRunTimeMsPerDay: ceiling(14_400_000),
    delayMsPerQuery: amount(0),
    delayMsPerThousandRows: amount(0),
  }),
  files: part({
    quota: z.prefault(quota([100, 1_500]), {}),
    body: choice(["twin", "modern", "legacy"], "twin"),
    zeroDates: choice(["null", "empty"], "null"),
    unknown: choice(["404", "zeros"], "404"),
    sha256Statistics: choice(["200", "400", "404"], "200"),
    lookBack: choice(["refuse", "clamp"], "refuse"),
    extraKey: flag(false),
  }),
  cloudApps: part({
    quota: z.prefault(quota([30, null]), {}),
    missingSlash: choice(["404", "301", "accept"], "404"),
    unknownField: choice(["empty", "ignore", "400"], "empty"),
    emptyFilter: choice(["closes-all", "closes-none", "400"], "closes-all"),
    alreadyClosed: choice(["not-found", "overwrite"], "not-found"),
    notFoundStatus: choice(["200", "400", "404"], "200"),
    wrongReason: choice(["400", "ignore"], "400"),
    total: choice(["exact", "estimate"], "exact"),
    scanStall: flag(false),
    subnetPlace: choice(["both", "v1", "bare"], "both"),
  }),
});

export type Switches = z.infer<typeof switchesSchema>;

/** What a caller gives: any part of the switches, however small. */
export type SwitchChanges = z.input<typeof switchesSchema>;

/** Thrown for a switch that does not exist or a value it does not take; names each by JSON pointer. */
class SwitchError extends Error {
  override readonly name = "SwitchError";
}

/** @throws SwitchError */
export function readSwitches(changes: unknown): Switches {
  const outcome = z.safeParse(switchesSchema, changes ?? {});
  if (outcome.success) return outcome.data;
  throw new SwitchError(
    outcome.error.issues
      .map((issue) => `/${issue.path.map(String).join("/")}: ${issue.message}`)
      .join("; "),
  );
}

/** Puts `changes` over the live switches, part by part. */
export function changeSwitches(live: Switches, changes: SwitchChanges): void {
  Object.assign(live, readSwitches(merged(live, changes)));
}

function merged(below: unknown, above: unknown): unknown {
  if (!isObject(below) || !isObject(above)) return above;
  const result: Record<string, unknown> = { ...below };
  for (const [key, value] of Object.entries(above))
    result[key] = key in below ? merged(below[key], value) : value;
  return result;
}

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);
