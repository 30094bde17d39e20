/**
 * The simulated Microsoft cloud: Entra, managed identity, Key Vault, advanced hunting, file APIs and Cloud Apps, with
 * state, quotas and faults. A product of its own: it knows the services, never the app under test.
 */
import { randomBytes } from "node:crypto";
import { dayMs, parseInstant, systemClock, ticksFromMs, type Clock, type Ticks } from "../../shared/time.ts";
import { createAdmin } from "./admin/admin.ts";
import { createApiTokens, type ApiTokens } from "./cloud-apps/access.ts";
import { createAlertStore, type AlertStore } from "./cloud-apps/alert-store.ts";
import { alertsResource } from "./cloud-apps/alerts.ts";
import { cloudAppsRoutes } from "./cloud-apps/cloud-apps.ts";
import { makeCertificate } from "./entra/certificate.ts";
import { createDirectory, type Directory } from "./entra/directory.ts";
import { loginRoutes } from "./entra/login.ts";
import { identityRoutes } from "./entra/managed-identity.ts";
import { createTokens, type Tokens } from "./entra/tokens.ts";
import { createFileBook, type FileBook } from "./files/file-book.ts";
import { fileRoutes } from "./files/files.ts";
import { createSightings, type Sightings } from "./files/sightings.ts";
import type { Evaluate } from "./hunting/evaluation.ts";
import { huntingRoutes } from "./hunting/hunting.ts";
import { services, type Route, type Service } from "./server/exchange.ts";
import { createFaults, type Faults } from "./server/faults.ts";
import { createRequestLog, type RequestLog } from "./server/request-log.ts";
import { listen, type Listener } from "./server/server.ts";
import { shiftClock } from "./server/shift-clock.ts";
import { unknownPath } from "./server/unknown-path.ts";
import { changeSwitches, readSwitches, type SwitchChanges, type Switches } from "./switches.ts";
import { createSecretStore, type SecretStore } from "./vault/secret-store.ts";
import { vaultRoutes } from "./vault/vault.ts";
import { createWorld, type World, type WorldOptions } from "./world/world.ts";

export interface TenantOptions {
  /** Of everything: quotas, lifetimes, the world's present. Default: the machine's. */
  readonly clock?: Clock;
  /** Of token lifetimes, where the callers' SDKs look at the machine's clock. Default: `clock`. */
  readonly tokenClock?: Clock;
  readonly switches?: SwitchChanges;
  /** The world, or how to draw one. */
  readonly world?: World | WorldOptions;
  /** In the place of the KQL evaluator. */
  readonly evaluate?: Evaluate;
  /** Open alerts at the start; default 40. */
  readonly alerts?: number;
  /** Secrets besides the usual ones. */
  readonly secrets?: Readonly<Record<string, string>>;
  /** First of six ports in a row; any free ones when absent. */
  readonly firstPort?: number;
}

/** A running tenant. */
export interface Tenant {
  /** The environment an app needs to live in this tenant. */
  readonly settings: Readonly<Record<string, string>>;
  /** Root address of each service. */
  readonly urls: Readonly<Record<Service, string>>;
  /** PEM of the login endpoint's certificate, for callers in this process. */
  readonly certificate: string;
  readonly clock: Clock & { readonly shift: (ms: number) => void };
  readonly requests: RequestLog["all"];
  readonly log: RequestLog;
  readonly faults: Faults;
  readonly switches: Switches;
  /** @throws SwitchError */
  readonly change: (changes: SwitchChanges) => void;
  readonly directory: Directory;
  readonly tokens: Tokens;
  readonly vault: SecretStore;
  readonly cloudApps: { readonly alerts: AlertStore; readonly keys: ApiTokens; readonly rotateToken: () => string };
  readonly files: FileBook;
  readonly world: World;
  readonly evaluate: Evaluate;
  readonly stop: () => Promise<void>;
}

/** Starts every service; resolves when all of them listen. */
export async function startTenant(options: TenantOptions = {}): Promise<Tenant> {
  const clock = shiftClock(options.clock ?? systemClock);
  const nowMs = (): number => clock.now();
  const switches = readSwitches(options.switches);
  const log = createRequestLog();
  const faults = createFaults();
  const directory = createDirectory();
  const tokens = createTokens(directory.tenantId, options.tokenClock ?? clock);
  const vault = createSecretStore(nowMs);
  const alerts = createAlertStore(nowMs);
  const keys = createApiTokens();
  const { world, files, sightings } = watched(options.world);
  // Microsoft's parser takes a while to load; a tenant with canned answers does without.
  const evaluate = options.evaluate ?? (await import("./hunting/world-evaluate.ts")).worldEvaluate(world);
  const identityHeader = randomBytes(16).toString("hex");
  const tokenNowMs = (options.tokenClock ?? clock).now;

  fillVault(vault, directory, options.secrets);
  keys.add(vault.value("cloud-apps-token") ?? "");
  alerts.add(options.alerts ?? 40);

  const hunting = huntingRoutes({ tokens, switches, faults, evaluate, clock });
  const routes: Record<Service, readonly Route[]> = {
    entra: loginRoutes({ directory, tokens, switches, nowMs }),
    identity: identityRoutes({ directory, tokens, switches, header: identityHeader, nowMs: tokenNowMs }),
    vault: vaultRoutes({ directory, tokens, switches, secrets: vault, clock }),
    graph: hunting.graph,
    defender: [...hunting.defender, ...fileRoutes({ tokens, switches, book: files, sightings, clock })],
    "cloud-apps": cloudAppsRoutes({ tokens, keys, switches, clock }, [alertsResource(alerts)]),
  };
  const certificate = await makeCertificate();
  const rotateToken = (): string => {
    const old = vault.value("cloud-apps-token");
    const fresh = newToken();
    vault.set("cloud-apps-token", fresh);
    keys.add(fresh);
    if (old !== undefined) keys.remove(old);
    return fresh;
  };
  const listeners: Listener[] = [];
  const urls = {} as Record<Service, string>;
  const tenant: Omit<Tenant, "settings"> = {
    urls,
    certificate: certificate.cert,
    clock,
    requests: log.all,
    log,
    faults,
    switches,
    change: (changes) => changeSwitches(switches, changes),
    directory,
    tokens,
    vault,
    cloudApps: { alerts, keys, rotateToken },
    files,
    world,
    evaluate,
    stop: async () => {
      await Promise.all(listeners.map((listener) => listener.stop()));
      await certificate.remove();
    },
  };
  const settingsOf = (): Record<string, string> => settings(urls, directory, identityHeader, certificate.file);
  const floor = { clock, log, faults, routes, admin: createAdmin(tenant, settingsOf), unknown: unknownPath };
  for (const [index, service] of services.entries()) {
    const port = options.firstPort === undefined ? 0 : options.firstPort + index;
    const listener = await listen(service, floor, port, service === "entra" ? certificate : undefined);
    listeners.push(listener);
    urls[service] = service === "entra" ? `https://localhost:${listener.port}` : `http://127.0.0.1:${listener.port}`;
  }
  return { ...tenant, settings: settingsOf() };
}

/** The world with a book of files that can change, and a count of sightings that forgets when somebody adds a row. */
function watched(given: World | WorldOptions | undefined): { world: World; files: FileBook; sightings: Sightings } {
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
      const at = typeof row["Timestamp"] === "string" ? parseInstant(row["Timestamp"]) : (row["Timestamp"] as Ticks);
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

const newToken = (): string => randomBytes(32).toString("hex");

function fillVault(vault: SecretStore, { applications }: Directory, more: Readonly<Record<string, string>> = {}): void {
  vault.set("cloud-apps-token", newToken());
  vault.set("defender-client-secret", applications[0]?.secrets[0]?.value ?? "");
  for (const name of ["audit-key", "job-key"]) vault.set(name, randomBytes(32).toString("base64"));
  for (const source of ["sentinel", "defender", "cloud-apps", "splunk", "elastic", "generic"]) {
    vault.set(`webhook-${source}`, `whsec_${randomBytes(24).toString("base64")}`);
  }
  for (const [name, value] of Object.entries(more)) vault.set(name, value);
}

function settings(
  urls: Readonly<Record<Service, string>>,
  directory: Directory,
  identityHeader: string,
  certificateFile: string,
): Record<string, string> {
  const clientId = (name: string): string => directory.identities.find((one) => one.name === name)?.clientId ?? "";
  return {
    TENANT_ID: directory.tenantId,
    KEY_VAULT_URL: urls.vault,
    CLOUD_APPS_URL: urls["cloud-apps"],
    GRAPH_URL: urls.graph,
    DEFENDER_URL: urls.defender,
    LOGIN_URL: urls.entra,
    HUNT_IDENTITY: clientId("hunt"),
    ACT_IDENTITY: clientId("act"),
    IDENTITY_ENDPOINT: `${urls.identity}/msi/token`,
    IDENTITY_HEADER: identityHeader,
    NODE_EXTRA_CA_CERTS: certificateFile,
  };
}
