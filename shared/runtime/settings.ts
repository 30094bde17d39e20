/**
 * The app settings: the only reader of `process.env`. Read once, lazily; every wrong setting is
 * named at once and no value is ever printed. Secrets are never settings: they are read from Key
 * Vault by name.
 */
import * as z from "zod/mini";

/**
 * Hosts and audiences per national cloud; three independent facts per API, never derived from one
 * another.
 */
export const clouds = {
  public: {
    login: "https://login.microsoftonline.com",
    graph: "https://graph.microsoft.com",
    defender: "https://api.security.microsoft.com",
    defenderGeo: "api.security.microsoft.com",
    defenderAudience: "https://api.securitycenter.microsoft.com",
    exchangeAudience: "api://AzureADTokenExchange",
    portal: "https://security.microsoft.com",
  },
  gcc: {
    login: "https://login.microsoftonline.com",
    graph: "https://graph.microsoft.com",
    defender: "https://api-gcc.securitycenter.microsoft.us",
    defenderGeo: undefined,
    defenderAudience: "https://api-gcc.securitycenter.microsoft.us",
    exchangeAudience: "api://AzureADTokenExchange",
    portal: "https://security.microsoft.com",
  },
  gcchigh: {
    login: "https://login.microsoftonline.us",
    graph: "https://graph.microsoft.us",
    defender: "https://api-gov.securitycenter.microsoft.us",
    defenderGeo: undefined,
    defenderAudience: "https://api-gov.securitycenter.microsoft.us",
    exchangeAudience: "api://AzureADTokenExchangeUSGov",
    portal: "https://security.microsoft.us",
  },
  dod: {
    login: "https://login.microsoftonline.us",
    graph: "https://dod-graph.microsoft.us",
    defender: "https://api-gov.securitycenter.microsoft.us",
    defenderGeo: undefined,
    defenderAudience: "https://api-gov.securitycenter.microsoft.us",
    exchangeAudience: "api://AzureADTokenExchangeUSGov",
    portal: "https://security.apps.mil",
  },
} as const;

const loopbackHosts = new Set(["127.0.0.1", "localhost", "[::1]"]);

/**
 * True for an address on this machine: the only place where plain http and overridden hosts are
 * allowed.
 */
export const isLoopback = (url: string): boolean => loopbackHosts.has(new URL(url).hostname);

const hasValue = (value: string): boolean =>
  value.trim() !== "" && !value.startsWith("@Microsoft.KeyVault(");
const text = z
  .string()
  .check(z.trim(), z.refine(hasValue, "text, not empty and not an unresolved Key Vault reference"));
const guid = text.check(z.regex(/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i, "a GUID"));
const oneOf = <const T extends readonly [string, ...string[]]>(values: T, fallback: T[number]) =>
  z._default(z.enum(values, `one of ${values.join(", ")}`), fallback);

function parseUrl(value: string): URL | undefined {
  return URL.canParse(value) ? new URL(value) : undefined;
}

const isPlainRoot = (url: URL): boolean =>
  url.username === "" && url.password === "" && url.search === "" && url.hash === "";

/** A service root: https on the standard port without a path, or anything on this machine. */
const rootUrl = text.check(
  z.refine((value) => {
    const url = parseUrl(value);
    if (!url || !isPlainRoot(url)) return false;
    return (
      loopbackHosts.has(url.hostname) ||
      (url.protocol === "https:" && url.port === "" && url.pathname === "/")
    );
  }, "an https address without path, port or user, such as https://name.example.net"),
);

/** An https address, which may have a path, or one on this machine. */
const publicUrl = text.check(
  z.refine((value) => {
    const url = parseUrl(value);
    if (!url || !isPlainRoot(url)) return false;
    return url.protocol === "https:" || loopbackHosts.has(url.hostname);
  }, "an https address without query or user, such as https://huntline.example.net"),
);

/** A root that only a test or `npm start` may override. */
const loopbackRoot = text.check(
  z.refine((value) => {
    const url = parseUrl(value);
    return url !== undefined && isPlainRoot(url) && loopbackHosts.has(url.hostname);
  }, "an address on this machine; leave it out to reach the real service"),
);

const cloudAppsHost =
  /^[a-z0-9][a-z0-9-]*\.(?:us|us2|us3|eu|eu2|us1)\.portal\.(?:cloudappsecurity\.com|cloudappsecuritygov\.com|cloudappsecurity\.us)$/;
const cloudAppsShared =
  /^portal\.(?:cloudappsecurity\.com|cloudappsecuritygov\.com|cloudappsecurity\.us)$/;

const cloudAppsUrl = text.check(
  z.refine((value) => {
    const url = parseUrl(value);
    if (!url || !isPlainRoot(url)) return false;
    if (loopbackHosts.has(url.hostname)) return true;
    if (url.protocol !== "https:" || url.port !== "") return false;
    const path = url.pathname.replace(/\/$/, "");
    return (
      (cloudAppsHost.test(url.hostname) && path === "") ||
      (cloudAppsShared.test(url.hostname) && path === "/cas")
    );
  }, "https://<tenant>.<region>.portal.cloudappsecurity.com (or its government form), or https://portal.cloudappsecurity.com/cas"),
);

const createHoursSchema = (fallback: number, max: number) =>
  z._default(z.coerce.number(`hours, 0 to ${max}`).check(z.gte(0), z.lte(max)), fallback);
const createCountSchema = (fallback: number, max: number) =>
  z._default(
    z.coerce.number(`a whole number, 1 to ${max}`).check(z.int(), z.gte(1), z.lte(max)),
    fallback,
  );

const webhooks = z.pipe(
  z.string(),
  z.transform((input, context): Readonly<Record<string, unknown>> => {
    const value = tryParseJson(input);
    if (typeof value === "object" && value !== null && !Array.isArray(value)) return { ...value };
    context.issues.push({
      code: "custom",
      message: 'a JSON object: { "<source>": { "auth": … } }',
      input,
    });
    return z.NEVER;
  }),
);

function tryParseJson(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}

/**
 * Every setting the app reads; `local.settings.sample.json` and `infra/` name the same (a test
 * compares the three).
 */
export const settingsSchema = z.object({
  TENANT_ID: guid,
  CLOUD: oneOf(["public", "gcc", "gcchigh", "dod"], "public"),
  HUNTING_API: oneOf(["graph", "defender", "legacy"], "graph"),
  DEFENDER_GEO: z.optional(
    z.enum(["us", "eu", "uk", "au", "swa", "ina", "aea"], "one of us, eu, uk, au, swa, ina, aea"),
  ),
  LEGACY_HUNTING_HOST: oneOf(["api", "api-us", "api-eu", "api-uk"], "api"),
  HUNTING_IDENTITY_CLIENT_ID: z.optional(guid),
  RESPONSE_IDENTITY_CLIENT_ID: z.optional(guid),
  APP_CLIENT_ID: z.optional(guid),
  APP_CREDENTIAL: z.optional(z.enum(["secret", "federated"], "secret or federated")),
  /**
   * App registration of the API and of the console; both are set where Entra tokens are required.
   */
  ENTRA_CLIENT_ID: z.optional(guid),
  CONSOLE_CLIENT_ID: z.optional(guid),
  /** The Sentinel workspace that hunting queries read, where the tenant has several. */
  WORKSPACE_ID: z.optional(guid),
  /** Address of the app as callers see it, such as a gateway's; a path is part of it. */
  PUBLIC_URL: z.optional(publicUrl),
  KEY_VAULT_URL: rootUrl,
  CLOUD_APPS_URL: cloudAppsUrl,
  CLOUD_APPS_AUTH: oneOf(["token", "oauth"], "token"),
  FOUND_CACHE_HOURS: createHoursSchema(6, 72),
  NOT_FOUND_CACHE_HOURS: createHoursSchema(1, 72),
  BULK_LOOKUP_THRESHOLD: createCountSchema(200, 20_000),
  HUNTING_CALLS_PER_MINUTE: createCountSchema(45, 1_000),
  HUNTING_CALLS_PER_HOUR: createCountSchema(1_500, 60_000),
  HUNTING_QUOTA_SHARE: z._default(
    z.coerce.number("a share, 0.1 to 1").check(z.gte(0.1), z.lte(1)),
    0.5,
  ),
  FILES_CALLS_PER_MINUTE: createCountSchema(100, 1_000),
  FILES_CALLS_PER_HOUR: createCountSchema(1_500, 60_000),
  CLOUD_APPS_CALLS_PER_MINUTE: createCountSchema(30, 1_000),
  MAX_ALERTS_PER_SOURCE_PER_DAY: createCountSchema(20_000, 1_000_000),
  MAX_UNSEALED_ALERTS_PER_DAY: createCountSchema(1_000, 1_000_000),
  /** Days after which texts about people leave settled records. */
  PERSONAL_DATA_DAYS: createCountSchema(90, 3_650),
  ALLOW_UNSEALED_VERDICTS: oneOf(["true", "false"], "true"),
  WEBHOOKS: z._default(webhooks, {}),
  /** Further tenants, as JSON or as the name of a file in the package; `app/tenants.ts` reads it. */
  TENANTS: z.optional(text),
  LOGIN_URL: z.optional(loopbackRoot),
  GRAPH_URL: z.optional(loopbackRoot),
  DEFENDER_URL: z.optional(loopbackRoot),
});

export type Settings = z.infer<typeof settingsSchema>;
export type SettingName = keyof Settings;

export const settingNames = Object.keys(settingsSchema.shape) as readonly SettingName[];

/** Names invalid settings, never a value. A function that needs one answers 503. */
export class SettingsError extends Error {
  override readonly name = "SettingsError";
  readonly settings: readonly string[];
  readonly #faults: readonly { readonly name: string; readonly expected: string }[];

  constructor(faults: readonly { readonly name: string; readonly expected: string }[]) {
    super(
      `App settings to fix: ${faults.map(({ name, expected }) => `${name} (must be ${expected})`).join("; ")}`,
    );
    this.settings = faults.map((fault) => fault.name);
    this.#faults = faults;
  }

  /** Returns the same faults under other names. */
  rename(toName: (name: string) => string): SettingsError {
    return new SettingsError(
      this.#faults.map(({ name, expected }) => ({ name: toName(name), expected })),
    );
  }
}

const overrideNames = ["LOGIN_URL", "GRAPH_URL", "DEFENDER_URL"] as const;
const rootNames = ["KEY_VAULT_URL", "CLOUD_APPS_URL"] as const;

/**
 * Reads the settings that `needed` names, all of them without it, so that an invalid one stops only
 * the functions that need it.
 *
 * @throws SettingsError naming each missing or malformed setting
 */
export function readSettings<N extends SettingName = SettingName>(
  needed?: readonly N[],
  env: Readonly<Record<string, string | undefined>> = process.env,
): Pick<Settings, N> {
  const names = needed ?? (settingNames as readonly N[]);
  const faults: { name: string; expected: string }[] = [];
  const values: Partial<Record<N, unknown>> = {};
  for (const name of names) {
    const raw = env[name];
    const outcome = z.safeParse(
      settingsSchema.shape[name],
      raw === "" && isOptional(name) ? undefined : raw,
    );
    if (outcome.success) values[name] = outcome.data;
    else
      faults.push({
        name,
        expected:
          raw === undefined ? "a value" : (outcome.error.issues[0]?.message ?? "another form"),
      });
  }
  if (isInAzure(env)) faults.push(...loopbackFaults(values));
  if (faults.length > 0) throw new SettingsError(faults);
  return values as Pick<Settings, N>;
}

/** Reads settings of which some are replaced, as those of a tenant are. @throws SettingsError */
export const readOverriddenSettings = <N extends SettingName>(
  needed: readonly N[] | undefined,
  overrides: Readonly<Record<string, string | undefined>>,
): Pick<Settings, N> => readSettings(needed, { ...process.env, ...overrides });

/** True where the Functions platform runs this process. */
const isInAzure = (env: Readonly<Record<string, string | undefined>> = process.env): boolean =>
  env["WEBSITE_INSTANCE_ID"] !== undefined || env["CONTAINER_NAME"]?.startsWith("flex-") === true;

const isOptional = (name: SettingName): boolean =>
  z.safeParse(settingsSchema.shape[name], undefined).success;

/** Addresses of this machine have no business in a deployed app. */
function loopbackFaults(values: Partial<Settings>): { name: string; expected: string }[] {
  const loopbackNames = [...overrideNames, ...rootNames].filter((name) => {
    const value = values[name];
    return value !== undefined && isLoopback(value);
  });
  return loopbackNames.map((name) => ({
    name,
    expected: "an address outside this machine when running in Azure",
  }));
}

/**
 * Where a storage connection of the Functions host leads: a connection string, or service addresses
 * and an identity.
 */
export type StorageConnection =
  | { readonly kind: "connection-string"; readonly value: string }
  | {
      readonly kind: "identity";
      readonly blobUrl: string;
      readonly queueUrl: string;
      readonly clientId: string | undefined;
    };

/**
 * Reads the connection named `DataStorage` the way the host does: a plain value wins over the `__`
 * keys.
 *
 * @throws SettingsError when neither form is complete
 */
export function readStorageConnection(
  env: Readonly<Record<string, string | undefined>> = process.env,
): StorageConnection {
  const plain = env["DataStorage"] ?? env["AzureWebJobsDataStorage"];
  if (plain !== undefined && hasValue(plain)) return { kind: "connection-string", value: plain };
  const blobUrl = env["DataStorage__blobServiceUri"];
  const queueUrl = env["DataStorage__queueServiceUri"];
  if (!blobUrl || !queueUrl) {
    const missing = ["DataStorage__blobServiceUri", "DataStorage__queueServiceUri"].filter(
      (name) => !env[name],
    );
    throw new SettingsError(
      missing.map((name) => ({
        name,
        expected: "the https address of the data storage account's service",
      })),
    );
  }
  return { kind: "identity", blobUrl, queueUrl, clientId: env["DataStorage__clientId"] };
}
