/**
 * What the doctor looks at, in the order in which one thing stands on another: settings, clock, storage, secrets, hunting
 * and what its back-end can do, files, Cloud Apps. Reads only; each call counts in the shared quotas like any other.
 */
import { isUnknownFile } from "../../clients/files.ts";
import { SecretError, type Vault } from "../../clients/vault.ts";
import { createProfileQuery } from "../../files/bulk-queries.ts";
import { expiryWarningMs } from "../../app/health-report.ts";
import type { HuntingPort, HuntingReply } from "../../hunts/ports.ts";
import type { CompiledHunt } from "../../contracts/compiled-hunt.ts";
import { queueNames, type MessageQueues, type RecordStore } from "../../storage/record-store.ts";
import type { ApiClient } from "../../http-pipeline/api-client.ts";
import { UpstreamError } from "../../http-pipeline/upstream-error.ts";
import { SettingsError, type Settings } from "../../runtime/settings.ts";
import { dayMs, minuteMs, secondMs, type Clock } from "../../runtime/time.ts";
import { reportError, reportWarning, reportOk, type DoctorFinding } from "./finding.ts";
import {
  toApiFinding,
  findEntraFix,
  findHuntingFix,
  findSecretFix,
  networkFix,
  toSecretFinding,
  type ResourceNames,
} from "./remediation.ts";

/** Whom the doctor examines: the app's own live parts, each opened when it is looked at. */
export interface DoctorDeps {
  /** @throws SettingsError */
  readonly settings: () => Settings;
  readonly records: () => Promise<RecordStore>;
  readonly queues: () => Promise<MessageQueues>;
  readonly vault: () => Promise<Vault>;
  readonly hunting: () => Promise<HuntingPort>;
  readonly files: () => Promise<ApiClient>;
  readonly cloudApps: () => Promise<ApiClient>;
  readonly hunts: readonly CompiledHunt[];
  readonly clock: Clock;
}

/** One finding or more for each thing; a part that cannot even be opened is a finding, too. */
export async function* examineApp(deps: DoctorDeps): AsyncIterable<DoctorFinding> {
  let settings: Settings;
  try {
    settings = deps.settings();
  } catch (error) {
    if (!(error instanceof SettingsError)) throw error;
    yield reportError(
      "settings",
      error.message,
      "Mend them in local.settings.json, or in infra/main.bicepparam and deploy again.",
    );
    return;
  }
  yield reportOk("settings", "every setting has its form");
  const names = toResourceNames(settings);
  yield* examineServices(settings, names, deps);
}

async function* examineServices(
  settings: Settings,
  names: ResourceNames,
  deps: DoctorDeps,
): AsyncIterable<DoctorFinding> {
  yield await checkClock(settings.KEY_VAULT_URL, deps.clock);
  yield* checkStorage(deps);
  yield* checkSecrets(settings, names, await deps.vault(), deps.clock.now());
  yield* checkHunting(names, deps);
  yield await checkApi(
    "files",
    deps.files,
    { method: "GET", path: `/api/files/${unknownSha1}/stats` },
    names,
  );
  const list = { method: "POST", path: "/api/v1/alerts/", json: { limit: 1 } } as const;
  yield await checkApi("cloud-apps", deps.cloudApps, list, names);
}

const toResourceNames = (settings: Settings): ResourceNames => ({
  vault: new URL(settings.KEY_VAULT_URL).hostname.split(".")[0] ?? "<vault>",
  appClientId: settings.APP_CLIENT_ID ?? "<app>",
  responseIdentity: settings.RESPONSE_IDENTITY_CLIENT_ID ?? "<ACT_PRINCIPAL_ID>",
});

/** Tokens and signatures live by the clock; Entra and webhooks allow five minutes. */
const maxSkewMs = minuteMs;

async function checkClock(url: string, clock: Clock): Promise<DoctorFinding> {
  const reply = await fetch(new URL("/secrets?api-version=7.4", url), {
    redirect: "manual",
    signal: AbortSignal.timeout(10 * secondMs),
  }).catch(() => undefined);
  if (!reply) return reportError("clock", `${new URL(url).hostname} cannot be reached`, networkFix);
  await reply.arrayBuffer();
  const skewMs = clock.now() - Date.parse(reply.headers.get("date") ?? "");
  if (Number.isNaN(skewMs))
    return reportWarning("clock", "the vault tells no time", "Nothing: the other checks go on.");
  if (Math.abs(skewMs) <= maxSkewMs) return reportOk("clock", "right within a minute");
  const direction = skewMs > 0 ? "ahead" : "behind";
  return reportError(
    "clock",
    `this machine is ${Math.round(Math.abs(skewMs) / secondMs)} s ${direction}`,
    "sudo timedatectl set-ntp true (Windows: w32tm /resync)",
  );
}

async function* checkStorage({ records, queues }: DoctorDeps): AsyncIterable<DoctorFinding> {
  try {
    const store = await records();
    await store.read("state/doctor.json");
    const messageQueues = await queues();
    for (const name of queueNames) await messageQueues.depth(name);
    yield reportOk("storage", "blobs and queues can be read");
  } catch (error) {
    yield toStorageFinding(error);
  }
}

function toStorageFinding(error: unknown): DoctorFinding {
  if (error instanceof SettingsError)
    return reportError(
      "storage",
      error.message,
      "Set DataStorage__blobServiceUri and DataStorage__queueServiceUri, or DataStorage.",
    );
  if (!(error instanceof UpstreamError)) throw error;
  const { status, upstreamCode: code = error.code } = error;
  const message = `the data account does not answer as it should (${[status, code].filter(Boolean).join(" ")})`;
  if (code === "AuthorizationPermissionMismatch")
    return reportError(
      "storage",
      message,
      "az deployment group create --resource-group <group> --parameters infra/main.bicepparam",
    );
  if (code === "AuthorizationFailure")
    return reportError(
      "storage",
      message,
      "az storage account network-rule add --account-name <account> --ip-address <this machine's address>",
    );
  if (status === 401 || status === 403)
    return reportError(
      "storage",
      message,
      "Check DataStorage: the key or the identity is not the account's.",
    );
  return reportError("storage", message, networkFix);
}

async function* checkSecrets(
  settings: Settings,
  names: ResourceNames,
  vault: Vault,
  nowMs: number,
): AsyncIterable<DoctorFinding> {
  const secretNames = [
    "audit-key",
    "job-key",
    ...(settings.CLOUD_APPS_AUTH === "token" ? ["cloud-apps-token"] : []),
    ...(settings.APP_CREDENTIAL === "secret" ? ["defender-client-secret"] : []),
    ...listWebhookSecrets(settings.WEBHOOKS),
  ];
  for (const name of secretNames) {
    try {
      await vault.getSecret(name);
    } catch (error) {
      if (!(error instanceof SecretError)) throw error;
      yield toSecretFinding(error, names);
      continue;
    }
    const expiresMs =
      vault.listExpiring().find(({ secret }) => secret === name)?.expiresMs ?? Infinity;
    const daysLeft = Math.floor((expiresMs - nowMs) / dayMs);
    yield expiresMs - nowMs < expiryWarningMs
      ? reportError(
          `secret ${name}`,
          daysLeft < 0 ? "it is over" : `it ends in ${daysLeft} days`,
          findSecretFix(names, name),
        )
      : reportOk(`secret ${name}`, "readable");
  }
}

/** Sources that prove themselves by a token of Entra's or by a function key have no secret in the vault. */
const listWebhookSecrets = (sources: Settings["WEBHOOKS"]): string[] =>
  Object.entries(sources).flatMap(([name, source]) =>
    isKeyless(source) ? [] : [`webhook-${name}`],
  );

const isKeyless = (source: unknown): boolean =>
  typeof source === "object" &&
  source !== null &&
  "auth" in source &&
  (source.auth === "entra" || source.auth === "functionKey");

const deadlineMs = 60 * secondMs;
const unknownSha1 = "0".repeat(40);

/** What Huntline would like a back-end to understand, and which way it takes where it does not. */
const capabilities: readonly {
  readonly name: string;
  readonly query: string;
  readonly fallback: string;
}[] = [
  {
    name: "a table shadowed by let",
    query: "let DeviceInfo = DeviceInfo | where Timestamp > ago(1h);\nDeviceInfo | take 1",
    fallback: "Nothing to do: hunts restrict each reference in place.",
  },
  {
    name: "hash()",
    query: 'print Shard = hash("a", 2)',
    fallback:
      "Narrow hunts that find more rows in one instant than the service returns: they cannot be cut and show as degraded.",
  },
  {
    name: "FileProfile()",
    query: createProfileQuery("SHA1", [unknownSha1]),
    fallback: "Nothing to do: large lookups go hash by hash, at 100 a minute.",
  },
];

async function* checkHunting(
  names: ResourceNames,
  { hunting, hunts }: DoctorDeps,
): AsyncIterable<DoctorFinding> {
  const port = await hunting();
  const runQuery = (query: string): Promise<HuntingReply> =>
    port.runQuery(query, { deadlineMs, maxWaitMs: deadlineMs }, { writeRows: () => undefined });
  const fault = findHuntingProblem(await runQuery("print Well = true"), names);
  yield fault ?? reportOk("hunting", `${port.api} answers`);
  if (fault) return;
  for (const { name, query, fallback } of capabilities) {
    const reply = await runQuery(query);
    const subject = `hunting: ${name}`;
    if (reply.kind === "answer") yield reportOk(subject, "understood");
    else if (reply.kind === "refused") yield reportWarning(subject, reply.message, fallback);
    else yield reportWarning(subject, "not answered now", "Run the doctor again later.");
  }
  for (const [name, huntNames] of groupHuntsByTable(hunts)) {
    const reply = await runQuery(`${name} | take 0`);
    if (reply.kind === "refused")
      yield reportError(
        `hunting: table ${name}`,
        reply.message,
        `Assign the licence that brings it, or set enabled: false in shared/hunts/catalog/${huntNames.join(".yaml, ")}.yaml`,
      );
  }
}

/** Each table with the enabled hunts that read it. */
function groupHuntsByTable(hunts: readonly CompiledHunt[]): Map<string, string[]> {
  const huntsByTable = new Map<string, string[]>();
  for (const { name, tables, enabled } of hunts)
    for (const table of enabled ? tables : [])
      huntsByTable.set(table, [...(huntsByTable.get(table) ?? []), name]);
  return huntsByTable;
}

function findHuntingProblem(answer: HuntingReply, names: ResourceNames): DoctorFinding | undefined {
  switch (answer.kind) {
    case "answer":
      return undefined;
    case "refused":
      return reportError(
        "hunting",
        answer.message,
        findEntraFix(answer.message, names) ?? findHuntingFix(answer.cause),
      );
    case "failed":
      return reportError(
        "hunting",
        answer.message,
        findEntraFix(answer.message, names) ?? networkFix,
      );
    case "later":
      return reportWarning(
        "hunting",
        `no call is left now: ${answer.cause}`,
        "Run the doctor again later.",
      );
    case "too-big":
    case "too-heavy":
      return reportWarning(
        "hunting",
        "too busy for the smallest query",
        "Run the doctor again later.",
      );
  }
}

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
