/**
 * The simulated Microsoft cloud: Entra, managed identity, Key Vault, advanced hunting, file APIs and Cloud Apps, with
 * state, quotas and faults. A product of its own: it knows the services, never the app under test.
 */
import type { Clock } from "../../shared/runtime/time.ts";
import { createAdmin } from "./admin/admin.ts";
import type { ApiTokens } from "./cloud-apps/access.ts";
import type { AlertStore } from "./cloud-apps/alert-store.ts";
import { alertsResource } from "./cloud-apps/alerts.ts";
import { cloudAppsRoutes } from "./cloud-apps/cloud-apps.ts";
import type { Portal } from "./cloud-apps/portal.ts";
import { uploadStorageRoutes } from "./cloud-apps/upload-storage.ts";
import { makeCertificate } from "./entra/certificate.ts";
import { loginRoutes } from "./entra/login.ts";
import { identityRoutes } from "./entra/managed-identity.ts";
import type { Tokens } from "./entra/tokens.ts";
import type { FileBook } from "./files/file-book.ts";
import type { Directory } from "./entra/directory.ts";
import { furnish, rotateCloudAppsToken, type TenantState } from "./seed.ts";
import { fileRoutes } from "./files/files.ts";
import type { Evaluate } from "./hunting/evaluation.ts";
import { huntingRoutes } from "./hunting/hunting.ts";
import { services, type Route, type Service } from "./server/exchange.ts";
import type { Faults } from "./server/faults.ts";
import type { RequestLog } from "./server/request-log.ts";
import { listen, type Listener } from "./server/server.ts";
import { unknownPath } from "./server/unknown-path.ts";
import { changeSwitches, type SwitchChanges, type Switches } from "./behaviors.ts";
import type { SecretStore } from "./vault/secret-store.ts";
import { vaultRoutes } from "./vault/vault.ts";
import type { World, WorldOptions } from "./dataset/dataset.ts";

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
  readonly cloudApps: {
    readonly alerts: AlertStore;
    readonly keys: ApiTokens;
    readonly rotateToken: () => string;
    /** Activities, entities, files, IP ranges, discovery. */
    readonly portal: Portal;
  };
  readonly files: FileBook;
  readonly world: World;
  readonly evaluate: Evaluate;
  readonly stop: () => Promise<void>;
}

/** Starts every service; resolves when all of them listen. */
export async function startTenant(options: TenantOptions = {}): Promise<Tenant> {
  const state = await furnish(options);
  const certificate = await makeCertificate();
  const listeners: Listener[] = [];
  const urls = {} as Record<Service, string>;
  const tenant: Omit<Tenant, "settings"> = {
    ...shown(state),
    urls,
    certificate: certificate.cert,
    stop: async () => {
      await Promise.all(listeners.map((listener) => listener.stop()));
      await certificate.remove();
    },
  };
  const settingsOf = (): Record<string, string> => settings(urls, state, certificate.file);
  const floor = {
    ...state,
    routes: routesOf(state),
    admin: createAdmin(tenant, settingsOf),
    unknown: unknownPath,
  };
  for (const [index, service] of services.entries()) {
    const port = options.firstPort === undefined ? 0 : options.firstPort + index;
    const listener = await listen(
      service,
      floor,
      port,
      service === "entra" ? certificate : undefined,
    );
    listeners.push(listener);
    urls[service] =
      service === "entra"
        ? `https://localhost:${listener.port}`
        : `http://127.0.0.1:${listener.port}`;
  }
  return { ...tenant, settings: settingsOf() };
}

/** The part of the state that tests see and change. */
function shown(state: TenantState): Omit<Tenant, "settings" | "urls" | "certificate" | "stop"> {
  const {
    clock,
    log,
    faults,
    switches,
    directory,
    tokens,
    vault,
    alerts,
    keys,
    portal,
    files,
    world,
    evaluate,
  } = state;
  return {
    clock,
    requests: log.all,
    log,
    faults,
    switches,
    change: (changes) => changeSwitches(switches, changes),
    directory,
    tokens,
    vault,
    cloudApps: { alerts, keys, rotateToken: () => rotateCloudAppsToken(state), portal },
    files,
    world,
    evaluate,
  };
}

/** What each listener answers. A further Cloud Apps resource is one more name in `cloud-apps/portal.ts`. */
function routesOf(state: TenantState): Record<Service, readonly Route[]> {
  const hunting = huntingRoutes(state);
  return {
    entra: loginRoutes(state),
    identity: identityRoutes(state),
    vault: vaultRoutes({ ...state, secrets: state.vault }),
    graph: hunting.graph,
    defender: [...hunting.defender, ...fileRoutes({ ...state, book: state.files })],
    "cloud-apps": [
      ...cloudAppsRoutes(state, [alertsResource(state.alerts), ...state.portal.resources]),
      ...uploadStorageRoutes(state.portal.discovery),
    ],
  };
}

function settings(
  urls: Readonly<Record<Service, string>>,
  { directory, identityHeader }: TenantState,
  certificateFile: string,
): Record<string, string> {
  const clientId = (name: string): string =>
    directory.identities.find((one) => one.name === name)?.clientId ?? "";
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
    WEBHOOKS: JSON.stringify({ demo: { proof: "body-hmac", reader: "sentinel" } }),
  };
}
