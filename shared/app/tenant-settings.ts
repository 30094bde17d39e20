/**
 * Reads the setting `TENANTS`: the tenants beside the one that the other settings describe. It is
 * validated as a whole, so that every fault is named at once, and no value is ever printed.
 */
import * as z from "zod/mini";
import { huntNameSchema } from "../contracts/hunt-run.ts";
import { toInputFaults } from "../contracts/input-faults.ts";
import { settingsSchema, SettingsError, type Settings } from "../runtime/settings.ts";
import { defaultTenant, tenantNamePattern } from "../storage/tenant-records.ts";

/** 2 to 40 of `[a-z0-9-]`, as part of paths, roles and names of secrets. */
export const tenantName = z
  .string()
  .check(
    z.regex(
      tenantNamePattern,
      "must be 2 to 40 of a-z, 0-9 and -, and begin and end with a letter or digit",
    ),
  );

/** Takes a setting's own form, with its text as an expectation. */
const settingOf = <N extends keyof Settings>(name: N) =>
  z.custom<NonNullable<Settings[N]>>(
    (value: unknown) =>
      value !== undefined && z.safeParse(settingsSchema.shape[name], value).success,
    { error: ({ input }) => `must be ${describeExpected(name, input)}` },
  );

const describeExpected = (name: keyof Settings, input: unknown): string =>
  z.safeParse(settingsSchema.shape[name], input ?? "").error?.issues[0]?.message ?? "a value";

const tenantSchema = z.strictObject({
  tenantId: settingOf("TENANT_ID"),
  enabled: z._default(z.boolean("must be true or false"), true),
  cloud: z.optional(settingOf("CLOUD")),
  defenderGeo: z.optional(settingOf("DEFENDER_GEO")),
  cloudAppsUrl: z.optional(settingOf("CLOUD_APPS_URL")),
  cloudAppsAuth: z.optional(settingOf("CLOUD_APPS_AUTH")),
  workspaceId: z.optional(settingOf("WORKSPACE_ID")),
  huntingApi: z.optional(settingOf("HUNTING_API")),
  huntingQuotaShare: z.optional(settingOf("HUNTING_QUOTA_SHARE")),
  clientId: z.optional(settingOf("APP_CLIENT_ID")),
  credential: z.optional(settingOf("APP_CREDENTIAL")),
  /** Names of hunts, or `*` for all. */
  hunts: z._default(
    z.array(z.union([z.literal("*"), huntNameSchema], "must be * or the name of a hunt")),
    ["*"],
  ),
  /** Values of the parameters of hunts: hunt → parameter → value. */
  parameters: z._default(z.record(z.string(), z.record(z.string(), z.unknown())), {}),
});
export type TenantSettings = z.infer<typeof tenantSchema>;

const tenantsSchema = z.record(
  z.string(),
  z.unknown(),
  'must be a JSON object: { "<name>": { "tenantId": … } }',
);

/** The settings of the deployment that the tenants are compared with. */
export type SharedSettings = Pick<
  Settings,
  "TENANT_ID" | "CLOUD" | "APP_CLIENT_ID" | "APP_CREDENTIAL"
>;

/** @throws SettingsError naming each fault by its place in `TENANTS` */
export function parseTenants(
  value: unknown,
  shared: SharedSettings,
): ReadonlyMap<string, TenantSettings> {
  const entries = tenantsSchema.safeParse(value);
  if (!entries.success) throw toSettingsError([{ path: "", message: jsonForm }]);
  const faults: TenantFault[] = [];
  const tenants = new Map<string, TenantSettings>();
  const ids = new Map([[shared.TENANT_ID.toLowerCase(), defaultTenant]]);
  for (const [name, tenant] of Object.entries(entries.data)) {
    const parsed = tenantSchema.safeParse(tenant);
    faults.push(...findNameFaults(name));
    if (!parsed.success) {
      for (const { path, message } of toInputFaults(parsed.error))
        faults.push({ path: `/${name}${path}`, message });
      continue;
    }
    faults.push(...findCredentialFaults(name, parsed.data, shared));
    const id = parsed.data.tenantId.toLowerCase();
    const other = ids.get(id);
    if (other !== undefined)
      faults.push({
        path: `/${name}/tenantId`,
        message: `must differ from the id of the tenant ${other}`,
      });
    ids.set(id, name);
    tenants.set(name, parsed.data);
  }
  if (faults.length > 0) throw toSettingsError(faults);
  return tenants;
}

const jsonForm = 'must be a JSON object: { "<name>": { "tenantId": … } }';

interface TenantFault {
  readonly path: string;
  readonly message: string;
}

const toSettingsError = (faults: readonly TenantFault[]): SettingsError =>
  new SettingsError(
    faults.map(({ path, message }) => ({
      name: `TENANTS ${path}`.trimEnd(),
      expected: message.replace(/^must be /, ""),
    })),
  );

function findNameFaults(name: string): TenantFault[] {
  const { error } = tenantName.safeParse(name);
  const path = `/${name.slice(0, 80)}`;
  if (error) return [{ path, message: error.issues[0]?.message ?? "" }];
  return name === defaultTenant
    ? [{ path, message: "must be another name: the other settings describe this tenant" }]
    : [];
}

/**
 * A managed identity exists in its own tenant alone, and a federated credential does not cross
 * clouds.
 */
function findCredentialFaults(
  name: string,
  { clientId, cloud, credential }: TenantSettings,
  shared: SharedSettings,
): TenantFault[] {
  const isOtherCloud = cloud !== undefined && loginOf(cloud) !== loginOf(shared.CLOUD);
  if (isOtherCloud && (clientId === undefined || credential !== "secret"))
    return [
      {
        path: `/${name}/credential`,
        message: "must be secret, with a clientId of its own: federation does not cross clouds",
      },
    ];
  const hasOwn = clientId !== undefined && (credential ?? shared.APP_CREDENTIAL) !== undefined;
  const hasShared = shared.APP_CLIENT_ID !== undefined && shared.APP_CREDENTIAL !== undefined;
  return hasOwn || hasShared
    ? []
    : [
        {
          path: `/${name}/clientId`,
          message:
            "must be a multi-tenant app registration, unless APP_CLIENT_ID and APP_CREDENTIAL are",
        },
      ];
}

/** The public cloud and GCC share their directory. */
const loginOf = (cloud: Settings["CLOUD"]): string => (cloud === "gcc" ? "public" : cloud);

/** Returns the settings of the deployment as they are for this tenant, as text. */
export function toOverlay({
  clientId,
  cloud,
  cloudAppsAuth,
  cloudAppsUrl,
  credential,
  defenderGeo,
  huntingApi,
  huntingQuotaShare,
  tenantId,
  workspaceId,
}: TenantSettings): Readonly<Record<string, string | undefined>> {
  const overridden = {
    CLOUD: cloud,
    CLOUD_APPS_AUTH: cloudAppsAuth,
    HUNTING_API: huntingApi,
    HUNTING_QUOTA_SHARE: huntingQuotaShare === undefined ? undefined : String(huntingQuotaShare),
    APP_CLIENT_ID: clientId,
    APP_CREDENTIAL: credential,
  };
  return {
    // These describe the default tenant alone: another one never inherits them.
    TENANT_ID: tenantId,
    CLOUD_APPS_URL: cloudAppsUrl,
    DEFENDER_GEO: defenderGeo,
    WORKSPACE_ID: workspaceId,
    ...Object.fromEntries(Object.entries(overridden).filter(([, text]) => text !== undefined)),
  };
}

/** The member of a tenant that replaces a setting, for messages. */
export const tenantMembers: Readonly<Record<string, keyof TenantSettings>> = {
  TENANT_ID: "tenantId",
  CLOUD: "cloud",
  CLOUD_APPS_URL: "cloudAppsUrl",
  CLOUD_APPS_AUTH: "cloudAppsAuth",
  DEFENDER_GEO: "defenderGeo",
  WORKSPACE_ID: "workspaceId",
  HUNTING_API: "huntingApi",
  HUNTING_QUOTA_SHARE: "huntingQuotaShare",
  APP_CLIENT_ID: "clientId",
  APP_CREDENTIAL: "credential",
};
