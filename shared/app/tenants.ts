/**
 * The tenants that this deployment serves: the one named `default`, which the settings describe, and
 * those of the setting `TENANTS`. A tenant's services are created at their first use and share
 * nothing with another tenant's.
 */
import type { CompiledHunt } from "../contracts/compiled-hunt.ts";
import { findRepeatedMembers } from "../contracts/repeated-members.ts";
import { createTenantLog, type Log } from "../runtime/log.ts";
import {
  clouds,
  readOverriddenSettings,
  readSettings,
  settingNames,
  SettingsError,
  type SettingName,
  type Settings,
} from "../runtime/settings.ts";
import { defaultTenant } from "../storage/tenant-records.ts";
import { readBuildArtifact } from "./build-artifacts.ts";
import { parseTenants, tenantMembers, toOverlay, type TenantSettings } from "./tenant-settings.ts";

/** One tenant, as far as its settings say. */
export interface Tenant {
  readonly name: string;
  /** Whether it is the tenant that the settings describe. */
  readonly isDefault: boolean;
  /** @throws SettingsError */
  readonly readSettings: <N extends SettingName = SettingName>(
    names?: readonly N[],
  ) => Pick<Settings, N>;
  /** Returns the name in the vault of a secret that each tenant has: `cloud-apps-token-contoso`. */
  readonly toSecretName: (name: string) => string;
  /** Whether it has an app registration of its own. */
  readonly hasOwnClient: boolean;
  readonly runsHunt: (hunt: Pick<CompiledHunt, "name" | "tenants">) => boolean;
  /** Values of the parameters of hunts: hunt → parameter → value. */
  readonly parameters: TenantSettings["parameters"];
  readonly log: Log;
}

interface TenantList {
  readonly source: string | undefined;
  readonly tenants: ReadonlyMap<string, Tenant>;
}

let cachedList: TenantList | undefined;

/** Reads the setting again only when it has changed. @throws SettingsError */
function readTenants(): ReadonlyMap<string, Tenant> {
  const { TENANTS: source } = readSettings(["TENANTS"]);
  if (cachedList === undefined || cachedList.source !== source)
    cachedList = { source, tenants: createTenants(source) };
  return cachedList.tenants;
}

function createTenants(source: string | undefined): ReadonlyMap<string, Tenant> {
  const tenants = new Map([[defaultTenant, getDefaultTenant()]]);
  if (source === undefined) return tenants;
  const value = readTenantsValue(source);
  if (isEmptyObject(value)) return tenants;
  const shared = readSettings(["TENANT_ID", "CLOUD", "APP_CLIENT_ID", "APP_CREDENTIAL"]);
  for (const [name, settings] of parseTenants(value, shared))
    if (settings.enabled) tenants.set(name, createTenant(name, settings));
  return tenants;
}

const isEmptyObject = (value: unknown): boolean =>
  typeof value === "object" && value !== null && Object.keys(value).length === 0;

const filePrefix = "file:";

/** Reads the JSON of the setting, or of the file in the package that it names. */
function readTenantsValue(text: string): unknown {
  if (text.startsWith(filePrefix)) {
    const name = text.slice(filePrefix.length);
    try {
      if (/^[\w.-]+\.json$/.test(name)) return readBuildArtifact(name);
    } catch {
      // A missing file has the same remedy as a file without JSON.
    }
    const expected = "the name of a JSON file that npm run package adds: file:tenants.json";
    throw new SettingsError([{ name: "TENANTS", expected }]);
  }
  const value = tryParseJson(text);
  const [repeated] = value === undefined ? [] : findRepeatedMembers(text);
  if (repeated)
    throw new SettingsError([{ name: `TENANTS ${repeated.path}`, expected: "given once" }]);
  return value;
}

function tryParseJson(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}

const createDefaultTenant = (): Tenant => ({
  name: defaultTenant,
  isDefault: true,
  readSettings: (names) => readSettings(names),
  toSecretName: (name) => name,
  hasOwnClient: false,
  runsHunt: ({ tenants }) => tenants?.includes(defaultTenant) ?? true,
  parameters: {},
  log: createTenantLog(defaultTenant),
});

function createTenant(name: string, settings: TenantSettings): Tenant {
  const overlay = toOverlay(settings);
  // A tenant without Cloud Apps has hunts and files alone.
  const isMissing = (setting: string): boolean =>
    setting === "CLOUD_APPS_URL" && settings.cloudAppsUrl === undefined;
  const allNames: readonly SettingName[] = settingNames.filter((setting) => !isMissing(setting));
  return {
    name,
    isDefault: false,
    readSettings: <N extends SettingName>(names?: readonly N[]) => {
      try {
        return readOverriddenSettings(names ?? (allNames as readonly N[]), overlay);
      } catch (error) {
        throw error instanceof SettingsError ? error.rename((each) => toMember(name, each)) : error;
      }
    },
    toSecretName: (secret) => `${secret}-${name}`,
    hasOwnClient: settings.clientId !== undefined,
    runsHunt: (hunt) =>
      (hunt.tenants?.includes(name) ?? true) &&
      (settings.hunts.includes("*") || settings.hunts.includes(hunt.name)),
    parameters: settings.parameters,
    log: createTenantLog(name),
  };
}

const toMember = (tenant: string, setting: string): string => {
  const member = tenantMembers[setting];
  return member === undefined ? setting : `TENANTS /${tenant}/${member}`;
};

/** Returns the tenants in the order of the setting, `default` first. @throws SettingsError */
export const listTenants = (): readonly Tenant[] => [...readTenants().values()];

/** Returns an enabled tenant by its name. @throws SettingsError */
export const findTenant = (name: string): Tenant | undefined =>
  name === defaultTenant ? getDefaultTenant() : readTenants().get(name);

let cachedDefault: Tenant | undefined;

/** Returns the tenant of the settings; a fault in `TENANTS` does not stop it. */
export const getDefaultTenant = (): Tenant => (cachedDefault ??= createDefaultTenant());

/**
 * Returns the address at which an administrator of the tenant consents to the app registration;
 * undefined where managed identities are used.
 *
 * @throws SettingsError
 */
export function createConsentUrl({ readSettings: read }: Tenant): string | undefined {
  const { APP_CLIENT_ID, CLOUD, LOGIN_URL, TENANT_ID } = read([
    "APP_CLIENT_ID",
    "CLOUD",
    "LOGIN_URL",
    "TENANT_ID",
  ]);
  return APP_CLIENT_ID === undefined
    ? undefined
    : `${LOGIN_URL ?? clouds[CLOUD].login}/${TENANT_ID}/adminconsent?client_id=${APP_CLIENT_ID}`;
}

/**
 * Creates a value for each tenant at its first use and keeps it. A failure is not kept, so that a
 * corrected setting needs no restart.
 */
export function perTenant<T>(
  create: (tenant: Tenant) => Promise<T>,
): (tenant: Tenant) => Promise<T> {
  const values = new WeakMap<Tenant, Promise<T>>();
  return (tenant) => {
    const existing = values.get(tenant);
    if (existing) return existing;
    const created = create(tenant).catch((error: unknown) => {
      values.delete(tenant);
      throw error;
    });
    values.set(tenant, created);
    return created;
  };
}
