/**
 * What the doctor looks at, in the order in which one thing stands on another: settings, clock, storage, secrets, hunting
 * and what its back-end can do, files, Cloud Apps. Reads only; each call counts in the shared quotas like any other.
 */
import { saysUnknown } from "../../clients/files.ts";
import { SecretError, type Vault } from "../../clients/vault.ts";
import { profileQuery } from "../../files/bulk-queries.ts";
import { expiryWarningMs } from "../../app/health-report.ts";
import type { HuntingPort, HuntingReply } from "../../hunts/ports.ts";
import type { CompiledHunt } from "../../contracts/compiled-hunt.ts";
import { queueNames, type MessageQueues, type RecordStore } from "../../storage/record-store.ts";
import type { Pipe } from "../../http-pipeline/api-client.ts";
import { UpstreamError } from "../../http-pipeline/upstream-error.ts";
import { SettingsError, type Settings } from "../../runtime/settings.ts";
import { dayMs, minuteMs, secondMs, type Clock } from "../../runtime/time.ts";
import { ill, limited, well, type Finding } from "./finding.ts";
import {
  apiFinding,
  entraMend,
  huntingMend,
  mendSecret,
  networkMend,
  secretFinding,
  type Names,
} from "./remediation.ts";

/** Whom the doctor examines: the app's own live parts, each opened when it is looked at. */
export interface Patient {
  /** @throws SettingsError */
  readonly settings: () => Settings;
  readonly records: () => Promise<RecordStore>;
  readonly queues: () => Promise<MessageQueues>;
  readonly vault: () => Promise<Vault>;
  readonly hunting: () => Promise<HuntingPort>;
  readonly files: () => Promise<Pipe>;
  readonly cloudApps: () => Promise<Pipe>;
  readonly hunts: readonly CompiledHunt[];
  readonly clock: Clock;
}

/** One finding or more for each thing; a part that cannot even be opened is a finding, too. */
export async function* examine(patient: Patient): AsyncIterable<Finding> {
  let settings: Settings;
  try {
    settings = patient.settings();
  } catch (error) {
    if (!(error instanceof SettingsError)) throw error;
    yield ill(
      "settings",
      error.message,
      "Mend them in local.settings.json, or in infra/main.bicepparam and deploy again.",
    );
    return;
  }
  yield well("settings", "every setting has its form");
  const names = namesOf(settings);
  yield* parts(settings, names, patient);
}

async function* parts(settings: Settings, names: Names, patient: Patient): AsyncIterable<Finding> {
  yield await clockFinding(settings.KEY_VAULT_URL, patient.clock);
  yield* storageFindings(patient);
  yield* secretFindings(settings, names, await patient.vault(), patient.clock.now());
  yield* huntingFindings(names, patient);
  yield await apiFindingOf(
    "files",
    patient.files,
    { method: "GET", path: `/api/files/${nobody}/stats` },
    names,
  );
  const list = { method: "POST", path: "/api/v1/alerts/", json: { limit: 1 } } as const;
  yield await apiFindingOf("cloud-apps", patient.cloudApps, list, names);
}

const namesOf = (settings: Settings): Names => ({
  vault: new URL(settings.KEY_VAULT_URL).hostname.split(".")[0] ?? "<vault>",
  appClientId: settings.APP_CLIENT_ID ?? "<app>",
  actIdentity: settings.ACT_IDENTITY ?? "<ACT_PRINCIPAL_ID>",
});

/** Tokens and signatures live by the clock; Entra and webhooks allow five minutes. */
const mostSkewMs = minuteMs;

async function clockFinding(url: string, clock: Clock): Promise<Finding> {
  const reply = await fetch(new URL("/secrets?api-version=7.4", url), {
    redirect: "manual",
    signal: AbortSignal.timeout(10 * secondMs),
  }).catch(() => undefined);
  if (!reply) return ill("clock", `${new URL(url).hostname} cannot be reached`, networkMend);
  await reply.arrayBuffer();
  const skewMs = clock.now() - Date.parse(reply.headers.get("date") ?? "");
  if (Number.isNaN(skewMs))
    return limited("clock", "the vault tells no time", "Nothing: the other checks go on.");
  if (Math.abs(skewMs) <= mostSkewMs) return well("clock", "right within a minute");
  const direction = skewMs > 0 ? "ahead" : "behind";
  return ill(
    "clock",
    `this machine is ${Math.round(Math.abs(skewMs) / secondMs)} s ${direction}`,
    "sudo timedatectl set-ntp true (Windows: w32tm /resync)",
  );
}

async function* storageFindings({ records, queues }: Patient): AsyncIterable<Finding> {
  try {
    const store = await records();
    await store.read("state/doctor.json");
    const open = await queues();
    for (const name of queueNames) await open.depth(name);
    yield well("storage", "blobs and queues can be read");
  } catch (error) {
    yield storageFinding(error);
  }
}

function storageFinding(error: unknown): Finding {
  if (error instanceof SettingsError)
    return ill(
      "storage",
      error.message,
      "Set DataStorage__blobServiceUri and DataStorage__queueServiceUri, or DataStorage.",
    );
  if (!(error instanceof UpstreamError)) throw error;
  const { status, upstreamCode: code = error.code } = error;
  const says = `the data account does not answer as it should (${[status, code].filter(Boolean).join(" ")})`;
  if (code === "AuthorizationPermissionMismatch")
    return ill(
      "storage",
      says,
      "az deployment group create --resource-group <group> --parameters infra/main.bicepparam",
    );
  if (code === "AuthorizationFailure")
    return ill(
      "storage",
      says,
      "az storage account network-rule add --account-name <account> --ip-address <this machine's address>",
    );
  if (status === 401 || status === 403)
    return ill("storage", says, "Check DataStorage: the key or the identity is not the account's.");
  return ill("storage", says, networkMend);
}

async function* secretFindings(
  settings: Settings,
  names: Names,
  vault: Vault,
  nowMs: number,
): AsyncIterable<Finding> {
  const needed = [
    "audit-key",
    "job-key",
    ...(settings.CLOUD_APPS_AUTH === "token" ? ["cloud-apps-token"] : []),
    ...(settings.APP_CREDENTIAL === "secret" ? ["defender-client-secret"] : []),
    ...webhookSecrets(settings.WEBHOOKS),
  ];
  for (const name of needed) {
    try {
      await vault.secret(name);
    } catch (error) {
      if (!(error instanceof SecretError)) throw error;
      yield secretFinding(error, names);
      continue;
    }
    const expiresMs = vault.expiring().find(({ secret }) => secret === name)?.expiresMs ?? Infinity;
    const days = Math.floor((expiresMs - nowMs) / dayMs);
    yield expiresMs - nowMs < expiryWarningMs
      ? ill(
          `secret ${name}`,
          days < 0 ? "it is over" : `it ends in ${days} days`,
          mendSecret(names, name),
        )
      : well(`secret ${name}`, "readable");
  }
}

/** Sources that prove themselves by a token of Entra's or by a function key have no secret in the vault. */
const webhookSecrets = (sources: Settings["WEBHOOKS"]): string[] =>
  Object.entries(sources).flatMap(([name, source]) =>
    isKeyless(source) ? [] : [`webhook-${name}`],
  );

const isKeyless = (source: unknown): boolean =>
  typeof source === "object" &&
  source !== null &&
  "proof" in source &&
  (source.proof === "entra" || source.proof === "function-key");

const deadlineMs = 60 * secondMs;
const nobody = "0".repeat(40);

/** What Huntline would like a back-end to understand, and which way it takes where it does not. */
const abilities: readonly {
  readonly name: string;
  readonly query: string;
  readonly instead: string;
}[] = [
  {
    name: "a table shadowed by let",
    query: "let DeviceInfo = DeviceInfo | where Timestamp > ago(1h);\nDeviceInfo | take 1",
    instead: "Nothing to do: hunts restrict each reference in place.",
  },
  {
    name: "hash()",
    query: 'print Shard = hash("a", 2)',
    instead:
      "Narrow hunts that find more rows in one instant than the service returns: they cannot be cut and show as degraded.",
  },
  {
    name: "FileProfile()",
    query: profileQuery("SHA1", [nobody]),
    instead: "Nothing to do: large lookups go hash by hash, at 100 a minute.",
  },
];

async function* huntingFindings(names: Names, { hunting, hunts }: Patient): AsyncIterable<Finding> {
  const port = await hunting();
  const ask = (query: string): Promise<HuntingReply> =>
    port.run(query, { deadlineMs, waitForTurnMs: deadlineMs }, { rows: () => undefined });
  const fault = huntingFault(await ask("print Well = true"), names);
  yield fault ?? well("hunting", `${port.api} answers`);
  if (fault) return;
  for (const { name, query, instead } of abilities) {
    const reply = await ask(query);
    const about = `hunting: ${name}`;
    if (reply.kind === "answer") yield well(about, "understood");
    else if (reply.kind === "refused") yield limited(about, reply.message, instead);
    else yield limited(about, "not answered now", "Run the doctor again later.");
  }
  for (const [name, readers] of readTables(hunts)) {
    const reply = await ask(`${name} | take 0`);
    if (reply.kind === "refused")
      yield ill(
        `hunting: table ${name}`,
        reply.message,
        `Assign the licence that brings it, or set enabled: false in shared/hunts/catalog/${readers.join(".yaml, ")}.yaml`,
      );
  }
}

/** Each table with the enabled hunts that read it. */
function readTables(hunts: readonly CompiledHunt[]): Map<string, string[]> {
  const readers = new Map<string, string[]>();
  for (const { name, tables, enabled } of hunts)
    for (const table of enabled ? tables : [])
      readers.set(table, [...(readers.get(table) ?? []), name]);
  return readers;
}

function huntingFault(answer: HuntingReply, names: Names): Finding | undefined {
  switch (answer.kind) {
    case "answer":
      return undefined;
    case "refused":
      return ill(
        "hunting",
        answer.message,
        entraMend(answer.message, names) ?? huntingMend(answer.cause),
      );
    case "failed":
      return ill("hunting", answer.message, entraMend(answer.message, names) ?? networkMend);
    case "later":
      return limited(
        "hunting",
        `no call is left now: ${answer.cause}`,
        "Run the doctor again later.",
      );
    case "too-big":
    case "too-heavy":
      return limited("hunting", "too busy for the smallest query", "Run the doctor again later.");
  }
}

async function apiFindingOf(
  api: "files" | "cloud-apps",
  open: () => Promise<Pipe>,
  call: Parameters<Pipe["send"]>[0],
  names: Names,
): Promise<Finding> {
  try {
    const { status, body } = await (
      await open()
    ).send({ ...call, deadlineMs, waitForTurnMs: deadlineMs }, [404]);
    const known = status !== 404 || (api === "files" && saysUnknown(body));
    if (!known)
      throw new UpstreamError("not-found", `${api}: the address answers 404`, { api, status });
    return well(api, "answers");
  } catch (error) {
    if (error instanceof UpstreamError) return apiFinding(api, error, names);
    if (error instanceof SecretError) return secretFinding(error, names);
    throw error;
  }
}
