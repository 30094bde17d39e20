/** What a tenant holds before it listens: its clock, directory, secrets, alerts, files and world. */
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
import { createDirectory, type Directory } from "./entra/directory.ts";
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
  /** Of token lifetimes. */
  readonly tokenNowMs: () => number;
  readonly behaviors: Behaviors;
  readonly log: RequestLog;
  readonly faults: Faults;
  readonly directory: Directory;
  readonly tokens: Tokens;
  readonly identityHeader: string;
  readonly vault: SecretStore;
  readonly alerts: AlertStore;
  readonly keys: ApiTokens;
  /** Cloud Apps besides its alerts. */
  readonly portal: Portal;
  readonly dataset: Dataset;
  readonly files: FileRegistry;
  readonly sightings: Sightings;
  readonly evaluate: Evaluate;
}

/** @throws SwitchError */
export async function seedSimulator(options: SimulatorOptions): Promise<SimulatorState> {
  const clock = createShiftClock(options.clock ?? systemClock);
  const tokenClock = options.tokenClock ?? clock;
  const nowMs = (): number => clock.now();
  const directory = createDirectory();
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
    tokens: createTokens(directory.tenantId, tokenClock),
    identityHeader: randomBytes(16).toString("hex"),
    vault,
    alerts,
    keys,
    portal: createPortal(nowMs),
    ...tracked,
    // Microsoft's parser takes a while to load; a tenant with canned answers does without.
    evaluate:
      options.evaluate ??
      (await import("./hunting/evaluate-dataset.ts")).createDatasetEvaluate(tracked.dataset),
  };
}

/** The world with a book of files that can change, and a count of sightings that forgets when somebody adds a row. */
function trackDataset(source: Dataset | DatasetOptions | undefined): {
  dataset: Dataset;
  files: FileRegistry;
  sightings: Sightings;
} {
  const datasetOptions = source && "readRows" in source ? undefined : (source ?? {});
  const base = source && "readRows" in source ? source : createDataset(datasetOptions);
  const files = createFileRegistry(base.files);
  // A world made elsewhere does not say how late its rows may be.
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
      const at =
        typeof row["Timestamp"] === "string"
          ? parseInstant(row["Timestamp"])
          : (row["Timestamp"] as Ticks);
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

/** Of the source that the README signs for; no secret, it opens nothing but this tenant. */
const demoWebhookKey = "only for the simulated tenant";

const createToken = (): string => randomBytes(32).toString("hex");

function fillVault(
  vault: SecretStore,
  { applications }: Directory,
  extraSecrets: Readonly<Record<string, string>> = {},
): void {
  vault.set("cloud-apps-token", createToken());
  vault.set("defender-client-secret", applications[0]?.secrets[0]?.value ?? "");
  for (const name of ["audit-key", "job-key"]) vault.set(name, randomBytes(32).toString("base64"));
  for (const source of ["sentinel", "defender", "cloud-apps", "splunk", "elastic", "generic"]) {
    vault.set(`webhook-${source}`, `whsec_${randomBytes(24).toString("base64")}`);
  }
  vault.set("webhook-demo", demoWebhookKey);
  for (const [name, value] of Object.entries(extraSecrets)) vault.set(name, value);
}

/** A new key in the vault and in Cloud Apps; the old one is refused from now on. */
export function rotateCloudAppsToken({
  vault,
  keys,
}: Pick<SimulatorState, "vault" | "keys">): string {
  const oldToken = vault.readValue("cloud-apps-token");
  const token = createToken();
  vault.set("cloud-apps-token", token);
  keys.add(token);
  if (oldToken !== undefined) keys.remove(oldToken);
  return token;
}
