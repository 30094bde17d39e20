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
import { createFileBook, type FileBook } from "./files/file-book.ts";
import { createSightings, type Sightings } from "./files/sightings.ts";
import type { Evaluate } from "./hunting/evaluation.ts";
import { createFaults, type Faults } from "./server/faults.ts";
import { createRequestLog, type RequestLog } from "./server/request-log.ts";
import { shiftClock, type ShiftClock } from "./server/shift-clock.ts";
import { readSwitches, type Switches } from "./behaviors.ts";
import type { TenantOptions } from "./simulator.ts";
import { createSecretStore, type SecretStore } from "./vault/secret-store.ts";
import { createWorld, type World, type WorldOptions } from "./dataset/dataset.ts";

/** Everything the services work with. */
export interface TenantState {
  readonly clock: ShiftClock;
  readonly nowMs: () => number;
  /** Of token lifetimes. */
  readonly tokenNowMs: () => number;
  readonly switches: Switches;
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
  readonly world: World;
  readonly files: FileBook;
  readonly sightings: Sightings;
  readonly evaluate: Evaluate;
}

/** @throws SwitchError */
export async function furnish(options: TenantOptions): Promise<TenantState> {
  const clock = shiftClock(options.clock ?? systemClock);
  const tokenClock = options.tokenClock ?? clock;
  const nowMs = (): number => clock.now();
  const directory = createDirectory();
  const vault = createSecretStore(nowMs);
  const alerts = createAlertStore(nowMs);
  const keys = createApiTokens();
  fillVault(vault, directory, options.secrets);
  keys.add(vault.value("cloud-apps-token") ?? "");
  alerts.add(options.alerts ?? 40);
  const watched = watch(options.world);
  return {
    clock,
    nowMs,
    tokenNowMs: () => tokenClock.now(),
    switches: readSwitches(options.switches),
    log: createRequestLog(),
    faults: createFaults(),
    directory,
    tokens: createTokens(directory.tenantId, tokenClock),
    identityHeader: randomBytes(16).toString("hex"),
    vault,
    alerts,
    keys,
    portal: createPortal(nowMs),
    ...watched,
    // Microsoft's parser takes a while to load; a tenant with canned answers does without.
    evaluate:
      options.evaluate ??
      (await import("./hunting/evaluate-dataset.ts")).worldEvaluate(watched.world),
  };
}

/** The world with a book of files that can change, and a count of sightings that forgets when somebody adds a row. */
function watch(given: World | WorldOptions | undefined): {
  world: World;
  files: FileBook;
  sightings: Sightings;
} {
  const drawn = given && "rows" in given ? undefined : (given ?? {});
  const below = given && "rows" in given ? given : createWorld(drawn);
  const files = createFileBook(below.files);
  // A world made elsewhere does not say how late its rows may be.
  const sightings = createSightings(below, ticksFromMs(drawn ? (drawn.late?.delayMs ?? 0) : dayMs));
  const world: World = {
    ...below,
    get files() {
      return files.all();
    },
    add: (table, row, ingestedAt) => {
      const at =
        typeof row["Timestamp"] === "string"
          ? parseInstant(row["Timestamp"])
          : (row["Timestamp"] as Ticks);
      sightings.forget(ingestedAt === undefined || at === undefined ? 0n : ingestedAt - at);
      below.add(table, row, ingestedAt);
    },
    addLate: (table, row, delayMs) => {
      sightings.forget(ticksFromMs(delayMs));
      below.addLate(table, row, delayMs);
    },
  };
  return { world, files, sightings };
}

/** Of the source that the README signs for; no secret, it opens nothing but this tenant. */
const demoWebhookKey = "only for the simulated tenant";

const newToken = (): string => randomBytes(32).toString("hex");

function fillVault(
  vault: SecretStore,
  { applications }: Directory,
  more: Readonly<Record<string, string>> = {},
): void {
  vault.set("cloud-apps-token", newToken());
  vault.set("defender-client-secret", applications[0]?.secrets[0]?.value ?? "");
  for (const name of ["audit-key", "job-key"]) vault.set(name, randomBytes(32).toString("base64"));
  for (const source of ["sentinel", "defender", "cloud-apps", "splunk", "elastic", "generic"]) {
    vault.set(`webhook-${source}`, `whsec_${randomBytes(24).toString("base64")}`);
  }
  vault.set("webhook-demo", demoWebhookKey);
  for (const [name, value] of Object.entries(more)) vault.set(name, value);
}

/** A new key in the vault and in Cloud Apps; the old one is refused from now on. */
export function rotateCloudAppsToken({ vault, keys }: Pick<TenantState, "vault" | "keys">): string {
  const old = vault.value("cloud-apps-token");
  const fresh = newToken();
  vault.set("cloud-apps-token", fresh);
  keys.add(fresh);
  if (old !== undefined) keys.remove(old);
  return fresh;
}
