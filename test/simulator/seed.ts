/** Creates the simulator's initial state: clock, directory, secrets, alerts, files and dataset. */
import { randomBytes } from "node:crypto";
import {
  dayMs,
  parseInstant,
  systemClock,
  ticksFromMs,
  type Ticks,
} from "../../shared/runtime/time.ts";
import { createApiTokens, type ApiTokens } from "./cloud-apps/access.ts";
import { createAlertStore, type AlertStore } from "./cloud-apps/alert-store.ts";
import { createPortal, type Portal } from "./cloud-apps/portal.ts";
import { createDirectory, createOtherDirectory, type Directory } from "./entra/directory.ts";
import { createTokens, type Tokens } from "./entra/tokens.ts";
import { createFileRegistry, type FileRegistry } from "./files/file-registry.ts";
import { createSightings, type Sightings } from "./files/sightings.ts";
import type { Evaluate } from "./hunting/evaluation.ts";
import { createFaults, type Faults } from "./server/faults.ts";
import { createRequestLog, type RequestLog } from "./server/request-log.ts";
import { createShiftClock, type ShiftClock } from "./server/shift-clock.ts";
import { parseBehaviors, type Behaviors } from "./behaviors.ts";
import type { SimulatorOptions } from "./simulator.ts";
import { createSecretStore, type SecretStore } from "./vault/secret-store.ts";
import { createDataset, type Dataset, type DatasetOptions } from "./dataset/dataset.ts";

/** Everything the services work with. */
export interface SimulatorState {
  readonly clock: ShiftClock;
  readonly nowMs: () => number;
  /** Time for token lifetimes. */
  readonly tokenNowMs: () => number;
  readonly behaviors: Behaviors;
  readonly log: RequestLog;
  readonly faults: Faults;
  readonly directory: Directory;
  readonly tokens: Tokens;
  /** Tokens of the tenant whose managed identities are trusted: the first one. */
  readonly identityTokens: Tokens;
  readonly identityHeader: string;
  readonly vault: SecretStore;
  readonly alerts: AlertStore;
  readonly keys: ApiTokens;
  /** Name in the vault of the Cloud Apps token. */
  readonly tokenSecret: string;
  /** Resources of Cloud Apps other than alerts. */
  readonly portal: Portal;
  readonly dataset: Dataset;
  readonly files: FileRegistry;
  readonly sightings: Sightings;
  readonly evaluate: Evaluate;
}

/** @throws BehaviorError */
export async function seedSimulator(options: SimulatorOptions): Promise<SimulatorState> {
  const clock = createShiftClock(options.clock ?? systemClock);
  const tokenClock = options.tokenClock ?? clock;
  const nowMs = (): number => clock.now();
  const directory = createDirectory();
  const tokens = createTokens(directory.tenantId, tokenClock);
  const vault = createSecretStore(nowMs);
  const alerts = createAlertStore(nowMs);
  const keys = createApiTokens();
  fillVault(vault, directory, options.secrets);
  keys.add(vault.readValue("cloud-apps-token") ?? "");
  alerts.add(options.alerts ?? 40);
  const tracked = trackDataset(options.dataset);
  return {
    clock,
    nowMs,
    tokenNowMs: () => tokenClock.now(),
    behaviors: parseBehaviors(options.behaviors),
    log: createRequestLog(),
    faults: createFaults(),
    directory,
    tokens,
    identityTokens: tokens,
    identityHeader: randomBytes(16).toString("hex"),
    vault,
    alerts,
    keys,
    tokenSecret: "cloud-apps-token",
    portal: createPortal(nowMs),
    ...tracked,
    // Microsoft's parser loads slowly; a simulator with canned answers does not need it.
    evaluate:
      options.evaluate ??
      (await import("./hunting/evaluate-dataset.ts")).createDatasetEvaluate(tracked.dataset),
  };
}

/** A further tenant of the simulator. */
export interface TenantOptions extends Pick<
  SimulatorOptions,
  "alerts" | "behaviors" | "dataset" | "evaluate"
> {
  readonly name: string;
}

/**
 * Creates the state of a further tenant. It shares clock, vault and login endpoint with the first
 * one, and has its own data, quotas, faults and log.
 *
 * @throws BehaviorError
 */
export async function seedTenant(
  home: SimulatorState,
  options: TenantOptions,
  number: number,
): Promise<SimulatorState> {
  const directory = createOtherDirectory(home.directory, number);
  const alerts = createAlertStore(home.nowMs);
  alerts.add(options.alerts ?? 40);
  const keys = createApiTokens();
  const token = createToken();
  const tokenSecret = `cloud-apps-token-${options.name}`;
  keys.add(token);
  home.vault.set(tokenSecret, token);
  const tracked = trackDataset(options.dataset);
  return {
    ...home,
    behaviors: parseBehaviors(options.behaviors),
    log: createRequestLog(),
    faults: createFaults(),
    directory,
    tokens: createTokens(directory.tenantId, { ...home.clock, now: home.tokenNowMs }),
    alerts,
    keys,
    tokenSecret,
    portal: createPortal(home.nowMs),
    ...tracked,
    evaluate:
      options.evaluate ??
      (await import("./hunting/evaluate-dataset.ts")).createDatasetEvaluate(tracked.dataset),
  };
}

/**
 * Wraps the dataset with a registry of files and with sightings that are recounted after a row is
 * added.
 */
function trackDataset(source: Dataset | DatasetOptions | undefined): {
  dataset: Dataset;
  files: FileRegistry;
  sightings: Sightings;
} {
  const datasetOptions = source && "readRows" in source ? undefined : (source ?? {});
  const base = source && "readRows" in source ? source : createDataset(datasetOptions);
  const files = createFileRegistry(base.files);
  // A dataset object does not state how late its rows may be.
  const sightings = createSightings(
    base,
    ticksFromMs(datasetOptions ? (datasetOptions.late?.delayMs ?? 0) : dayMs),
  );
  const dataset: Dataset = {
    ...base,
    get files() {
      return files.list();
    },
    addRow: (table, row, ingestedAt) => {
      const time = row["Timestamp"] ?? row["TimeGenerated"];
      const at = typeof time === "string" ? parseInstant(time) : (time as Ticks | undefined);
      sightings.invalidate(ingestedAt === undefined || at === undefined ? 0n : ingestedAt - at);
      base.addRow(table, row, ingestedAt);
    },
    addLateRow: (table, row, delayMs) => {
      sightings.invalidate(ticksFromMs(delayMs));
      base.addLateRow(table, row, delayMs);
    },
  };
  return { dataset, files, sightings };
}

/** Key of the webhook source in the README. Not a secret: it is valid only in this simulator. */
const demoWebhookKey = "only for the simulated tenant";

const createToken = (): string => randomBytes(32).toString("hex");

function fillVault(
  vault: SecretStore,
  { applications }: Directory,
  extraSecrets: Readonly<Record<string, string>> = {},
): void {
  vault.set("cloud-apps-token", createToken());
  vault.set("defender-client-secret", applications[0]?.secrets[0]?.value ?? "");
  for (const name of ["audit-key", "job-key", "queue-key"])
    vault.set(name, randomBytes(32).toString("base64"));
  for (const source of ["sentinel", "defender", "cloud-apps", "splunk", "elastic", "generic"]) {
    vault.set(`webhook-${source}`, `whsec_${randomBytes(24).toString("base64")}`);
  }
  vault.set("webhook-demo", demoWebhookKey);
  for (const [name, value] of Object.entries(extraSecrets)) vault.set(name, value);
}

/** Creates a Cloud Apps token in the vault and the service; the old one is refused from now on. */
export function rotateCloudAppsToken({
  vault,
  keys,
  tokenSecret,
}: Pick<SimulatorState, "vault" | "keys" | "tokenSecret">): string {
  const oldToken = vault.readValue(tokenSecret);
  const token = createToken();
  vault.set(tokenSecret, token);
  keys.add(token);
  if (oldToken !== undefined) keys.remove(oldToken);
  return token;
}
