/**
 * Runs the doctor's checks in the order of their dependencies: settings, clock, storage, secrets,
 * hunting, files, Cloud Apps. It only reads; each call counts in the shared quotas like any other.
 */
import { expiryWarningMs } from "../../app/health-report.ts";
import { isUnknownFile } from "../../clients/files.ts";
import { SecretError } from "../../clients/read-secret.ts";
import type { Vault } from "../../clients/vault.ts";
import type { CompiledHunt } from "../../contracts/compiled-hunt.ts";
import type { ApiClient } from "../../http-pipeline/api-client.ts";
import { UpstreamError } from "../../http-pipeline/upstream-error.ts";
import type { HuntingPort } from "../../hunts/ports.ts";
import { clouds, isLoopback, SettingsError, type Settings } from "../../runtime/settings.ts";
import { dayMs, minuteMs, secondMs, type Clock } from "../../runtime/time.ts";
import type { Tenant } from "../../app/tenants.ts";
import { queueNames, type MessageQueues, type RecordStore } from "../../storage/record-store.ts";
import { checkHunting, deadlineMs, unknownSha1 } from "./check-hunting.ts";
import { reportError, reportOk, reportWarning, type DoctorFinding } from "./finding.ts";
import {
  findSecretFix,
  networkFix,
  toApiFinding,
  toSecretFinding,
  toStorageFinding,
  type ResourceNames,
} from "./remediation.ts";

type DoctorSettings = Omit<Settings, "CLOUD_APPS_URL"> & Partial<Pick<Settings, "CLOUD_APPS_URL">>;

/** The app's own services; each is created when it is checked. */
export interface DoctorDeps {
  /** The settings of the tenant; without `CLOUD_APPS_URL` for one that has hunts and files alone. */
  readonly settings: () => DoctorSettings;
  readonly tenant: Pick<Tenant, "toSecretName" | "hasOwnClient">;
  /** Where an administrator of the tenant consents; undefined for managed identities. */
  readonly consentUrl?: string | undefined;
  readonly records: () => Promise<RecordStore>;
  readonly queues: () => Promise<MessageQueues>;
  readonly vault: () => Promise<Vault>;
  readonly hunting: () => Promise<HuntingPort>;
  readonly files: () => Promise<ApiClient>;
  readonly cloudApps: () => Promise<ApiClient>;
  readonly hunts: readonly CompiledHunt[];
  /** The connection string or blob address of the data storage; only its host is ever printed. */
  readonly storageEndpoint: string;
  readonly hasManagedIdentity: boolean;
  readonly clock: Clock;
}

/** Yields at least one finding for each subject; a service that cannot be created is a finding. */
export async function* examineApp(deps: DoctorDeps): AsyncIterable<DoctorFinding> {
  let settings: DoctorSettings;
  try {
    settings = deps.settings();
  } catch (error) {
    if (!(error instanceof SettingsError)) throw error;
    yield reportError(
      "settings",
      error.message,
      "Set them in local.settings.json, or in infra/main.bicepparam and deploy again.",
    );
    return;
  }
  yield reportOk("settings", "every setting is valid");
  const names = toResourceNames(settings, deps);
  yield checkVaultAddress(settings) ?? (await checkClock(settings.KEY_VAULT_URL, deps.clock));
  const storage = await checkStorage(deps, names);
  yield storage;
  // The quotas are counted in the storage: without it, no call to a service can be made.
  if (storage.state === "error") {
    yield reportWarning(
      "secrets, hunting, files, cloud-apps",
      "not checked, because they need the storage",
      "Fix the storage first.",
    );
    return;
  }
  yield* checkServices(settings, names, deps);
}

async function* checkServices(
  settings: DoctorSettings,
  names: ResourceNames,
  deps: DoctorDeps,
): AsyncIterable<DoctorFinding> {
  const unreadable = new Set<string>();
  for await (const finding of checkSecrets(settings, names, deps)) {
    if (finding.state === "error") unreadable.add(finding.subject);
    yield finding;
  }
  yield* withConsent(deps.consentUrl, checkHunting(await deps.hunting(), deps.hunts, names));
  yield await checkApi(
    "files",
    deps.files,
    { method: "GET", path: `/api/files/${unknownSha1}/stats` },
    names,
  );
  if (settings.CLOUD_APPS_URL === undefined) {
    yield reportOk("cloud-apps", "not used in this tenant");
    return;
  }
  const list = { method: "POST", path: "/api/v1/alerts/", json: { limit: 1 } } as const;
  const cloudApps = await checkApi("cloud-apps", deps.cloudApps, list, names);
  // A secret that cannot be read has a finding already; a second one would be its side effect.
  yield unreadable.has(cloudApps.subject)
    ? reportWarning("cloud-apps", "not checked: its token cannot be read", "Fix the secret first.")
    : cloudApps;
}

/** An endpoint that cannot be reached says nothing about consent. */
const isUnreachable = ({ message }: DoctorFinding): boolean =>
  /endpoints_resolution|network_error|cannot be reached|no answer/i.test(message);

/** Adds where to consent to what a missing permission of the tenant may cause. */
async function* withConsent(
  consentUrl: string | undefined,
  findings: AsyncIterable<DoctorFinding>,
): AsyncIterable<DoctorFinding> {
  for await (const finding of findings)
    yield consentUrl === undefined || finding.state !== "error" || isUnreachable(finding)
      ? finding
      : { ...finding, fix: `${finding.fix} Consent of the tenant: ${consentUrl}` };
}

function toResourceNames(
  settings: DoctorSettings,
  { storageEndpoint, hasManagedIdentity }: DoctorDeps,
): ResourceNames {
  const { graph, defender } = clouds[settings.CLOUD];
  const huntingUrl =
    settings.HUNTING_API === "graph"
      ? (settings.GRAPH_URL ?? graph)
      : (settings.DEFENDER_URL ?? defender);
  const hostOf = (url: string): string => new URL(url).hostname;
  return {
    vault: hostOf(settings.KEY_VAULT_URL).split(".")[0] ?? "<vault>",
    vaultHost: hostOf(settings.KEY_VAULT_URL),
    huntingHost: hostOf(huntingUrl),
    filesHost: hostOf(settings.DEFENDER_URL ?? defender),
    cloudAppsHost: settings.CLOUD_APPS_URL === undefined ? "" : hostOf(settings.CLOUD_APPS_URL),
    storageHost: findStorageHost(storageEndpoint),
    appClientId: settings.APP_CLIENT_ID ?? "<app>",
    responseIdentity: settings.RESPONSE_IDENTITY_CLIENT_ID ?? "<RESPONSE_PRINCIPAL_ID>",
    hasManagedIdentity: hasManagedIdentity || settings.APP_CREDENTIAL === "secret",
  };
}

/** Returns the host of an address or connection string, never a key. */
function findStorageHost(endpoint: string): string {
  if (endpoint === "" || /UseDevelopmentStorage=true/i.test(endpoint)) return "127.0.0.1";
  const [, blobHost] = /BlobEndpoint=https?:\/\/([^:/;]+)/i.exec(endpoint) ?? [];
  const [, account] = /AccountName=([^;]+)/i.exec(endpoint) ?? [];
  const [, host] = /^https?:\/\/([^:/]+)/.exec(endpoint) ?? [];
  return blobHost ?? host ?? `${account ?? "<account>"}.blob.core.windows.net`;
}

const vaultSuffixes = [".vault.azure.net", ".vault.usgovcloudapi.net"];

function checkVaultAddress({
  KEY_VAULT_URL: url,
}: Pick<Settings, "KEY_VAULT_URL">): DoctorFinding | undefined {
  const { hostname } = new URL(url);
  if (isLoopback(url) || vaultSuffixes.some((suffix) => hostname.endsWith(suffix)))
    return undefined;
  return reportError(
    "clock",
    `${hostname} is not the address of a key vault`,
    `Set KEY_VAULT_URL to https://<vault>${vaultSuffixes.join(" or ")}`,
  );
}

/** Entra and webhooks allow five minutes of skew; a warning comes early. */
const maxSkewMs = minuteMs;

async function checkClock(url: string, clock: Clock): Promise<DoctorFinding> {
  const { hostname } = new URL(url);
  const reply = await fetch(new URL("/secrets?api-version=7.4", url), {
    redirect: "manual",
    signal: AbortSignal.timeout(10 * secondMs),
  }).catch(() => undefined);
  if (!reply) return reportError("clock", `${hostname} cannot be reached`, networkFix(hostname));
  await reply.arrayBuffer();
  const skewMs = clock.now() - Date.parse(reply.headers.get("date") ?? "");
  if (Number.isNaN(skewMs))
    return reportWarning("clock", "the vault sent no time", "No action: other checks continue.");
  if (Math.abs(skewMs) <= maxSkewMs) return reportOk("clock", "right within a minute");
  const direction = skewMs > 0 ? "ahead" : "behind";
  return reportError(
    "clock",
    `this machine is ${Math.round(Math.abs(skewMs) / secondMs)} s ${direction}`,
    "sudo timedatectl set-ntp true (Windows: w32tm /resync)",
  );
}

async function checkStorage(
  { records, queues }: DoctorDeps,
  names: ResourceNames,
): Promise<DoctorFinding> {
  try {
    const store = await records();
    await store.read("state/doctor/probe.json");
    const messageQueues = await queues();
    for (const name of queueNames) await messageQueues.depth(name);
    return reportOk("storage", "blobs and queues can be read");
  } catch (error) {
    return toStorageFinding(error, names);
  }
}

async function* checkSecrets(
  settings: DoctorSettings,
  names: ResourceNames,
  { clock, tenant, vault: openVault }: DoctorDeps,
): AsyncIterable<DoctorFinding> {
  const [vault, nowMs] = [await openVault(), clock.now()];
  const clientSecret = "defender-client-secret";
  const usesToken = settings.CLOUD_APPS_AUTH === "token" && settings.CLOUD_APPS_URL !== undefined;
  const secretNames = [
    "audit-key",
    "job-key",
    "queue-key",
    ...(usesToken ? [tenant.toSecretName("cloud-apps-token")] : []),
    ...(settings.APP_CREDENTIAL === "secret"
      ? [tenant.hasOwnClient ? tenant.toSecretName(clientSecret) : clientSecret]
      : []),
    ...listWebhookSecrets(settings.WEBHOOKS),
  ];
  for (const name of secretNames) {
    try {
      await vault.getSecret(name);
      yield checkExpiry(name, names, vault, nowMs);
    } catch (error) {
      if (!(error instanceof SecretError)) throw error;
      yield toSecretFinding(error, names);
    }
  }
}

function checkExpiry(
  name: string,
  names: ResourceNames,
  vault: Vault,
  nowMs: number,
): DoctorFinding {
  const expiresMs =
    vault.listExpiring().find(({ secret }) => secret === name)?.expiresMs ?? Infinity;
  const daysLeft = Math.floor((expiresMs - nowMs) / dayMs);
  if (expiresMs - nowMs >= expiryWarningMs) return reportOk(`secret ${name}`, "readable");
  const message = daysLeft < 0 ? "it has expired" : `it expires in ${daysLeft} days`;
  return reportError(`secret ${name}`, message, findSecretFix(names, name));
}

/** Sources that authenticate by an Entra token or a function key have no secret in the vault. */
const listWebhookSecrets = (sources: Settings["WEBHOOKS"]): string[] =>
  Object.entries(sources).flatMap(([name, source]) =>
    hasNoSecret(source) ? [] : [`webhook-${name}`],
  );

const hasNoSecret = (source: unknown): boolean =>
  typeof source === "object" &&
  source !== null &&
  "auth" in source &&
  (source.auth === "entra" || source.auth === "functionKey");

async function checkApi(
  api: "files" | "cloud-apps",
  createClient: () => Promise<ApiClient>,
  call: Parameters<ApiClient["send"]>[0],
  names: ResourceNames,
): Promise<DoctorFinding> {
  try {
    const { status, body } = await (
      await createClient()
    ).send({ ...call, deadlineMs, maxWaitMs: deadlineMs }, [404]);
    const isKnown = status !== 404 || (api === "files" && isUnknownFile(body));
    if (!isKnown)
      throw new UpstreamError("notFound", `${api}: the address answers 404`, { api, status });
    return reportOk(api, "answers");
  } catch (error) {
    if (error instanceof UpstreamError) return toApiFinding(api, error, names);
    if (error instanceof SecretError) return toSecretFinding(error, names);
    throw error;
  }
}
