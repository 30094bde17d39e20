/**
 * The simulated Microsoft cloud: Entra, managed identity, Key Vault, advanced hunting, file APIs
 * and Cloud Apps, with state, quotas and faults. It simulates the services and does not depend on
 * the app under test.
 */
import type { Clock } from "../../shared/runtime/time.ts";
import { createAdmin } from "./admin/admin.ts";
import type { ApiTokens } from "./cloud-apps/access.ts";
import type { AlertStore } from "./cloud-apps/alert-store.ts";
import { createAlertsResource } from "./cloud-apps/alerts.ts";
import { createCloudAppsRoutes } from "./cloud-apps/cloud-apps.ts";
import type { Portal } from "./cloud-apps/portal.ts";
import { createUploadStorageRoutes } from "./cloud-apps/upload-storage.ts";
import { createCertificate } from "./entra/certificate.ts";
import { createLoginRoutes } from "./entra/login.ts";
import { createIdentityRoutes } from "./entra/managed-identity.ts";
import type { Tokens } from "./entra/tokens.ts";
import type { FileRegistry } from "./files/file-registry.ts";
import type { Directory } from "./entra/directory.ts";
import { seedSimulator, rotateCloudAppsToken, type SimulatorState } from "./seed.ts";
import { createFileRoutes } from "./files/files.ts";
import type { Evaluate } from "./hunting/evaluation.ts";
import { createHuntingRoutes } from "./hunting/hunting.ts";
import { services, type Route, type Service } from "./server/exchange.ts";
import type { Faults } from "./server/faults.ts";
import type { RequestLog } from "./server/request-log.ts";
import { startListener, type Listener } from "./server/server.ts";
import { toUnknownPathReply } from "./server/unknown-path.ts";
import { applyBehaviorChanges, type BehaviorChanges, type Behaviors } from "./behaviors.ts";
import type { SecretStore } from "./vault/secret-store.ts";
import { createVaultRoutes } from "./vault/vault.ts";
import type { Dataset, DatasetOptions } from "./dataset/dataset.ts";

export interface SimulatorOptions {
  /** Clock of quotas, lifetimes and the dataset. Default: the machine's. */
  readonly clock?: Clock;
  /** Clock of token lifetimes, for callers whose SDKs use the machine's clock. Default: `clock`. */
  readonly tokenClock?: Clock;
  readonly behaviors?: BehaviorChanges;
  /** The dataset, or options to draw one. */
  readonly dataset?: Dataset | DatasetOptions;
  /** Replaces the KQL evaluator. */
  readonly evaluate?: Evaluate;
  /** Open alerts at the start; default 40. */
  readonly alerts?: number;
  /** Additional secrets. */
  readonly secrets?: Readonly<Record<string, string>>;
  /** First of six consecutive ports; free ports if absent. */
  readonly firstPort?: number;
}

/** A running simulator. */
export interface Simulator {
  /** The environment that an app needs to use this simulator. */
  readonly settings: Readonly<Record<string, string>>;
  /** Root address of each service. */
  readonly urls: Readonly<Record<Service, string>>;
  /** PEM of the login endpoint's certificate, for callers in this process. */
  readonly certificate: string;
  readonly clock: Clock & { readonly shift: (ms: number) => void };
  readonly listRequests: RequestLog["list"];
  readonly log: RequestLog;
  readonly faults: Faults;
  readonly behaviors: Behaviors;
  /** @throws BehaviorError */
  readonly changeBehaviors: (changes: BehaviorChanges) => void;
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
  readonly files: FileRegistry;
  readonly dataset: Dataset;
  readonly evaluate: Evaluate;
  readonly stop: () => Promise<void>;
}

/** Starts every service; resolves when all of them listen. */
export async function startSimulator(options: SimulatorOptions = {}): Promise<Simulator> {
  const state = await seedSimulator(options);
  const certificate = await createCertificate();
  const listeners: Listener[] = [];
  const urls = {} as Record<Service, string>;
  const simulator: Omit<Simulator, "settings"> = {
    ...exposeState(state),
    urls,
    certificate: certificate.cert,
    stop: async () => {
      await Promise.all(listeners.map((listener) => listener.stop()));
      await certificate.remove();
    },
  };
  const readSettings = (): Record<string, string> => createSettings(urls, state, certificate.file);
  const serverDeps = {
    ...state,
    routes: createRoutes(state),
    answerAdmin: createAdmin(simulator, readSettings),
    answerUnknown: toUnknownPathReply,
  };
  for (const [index, service] of services.entries()) {
    const port = options.firstPort === undefined ? 0 : options.firstPort + index;
    const listener = await startListener(
      service,
      serverDeps,
      port,
      service === "entra" ? certificate : undefined,
    );
    listeners.push(listener);
    urls[service] =
      service === "entra"
        ? `https://localhost:${listener.port}`
        : `http://127.0.0.1:${listener.port}`;
  }
  return { ...simulator, settings: readSettings() };
}

/** Returns the state that tests read and change. */
function exposeState(
  state: SimulatorState,
): Omit<Simulator, "settings" | "urls" | "certificate" | "stop"> {
  const {
    clock,
    log,
    faults,
    behaviors,
    directory,
    tokens,
    vault,
    alerts,
    keys,
    portal,
    files,
    dataset,
    evaluate,
  } = state;
  return {
    clock,
    listRequests: log.list,
    log,
    faults,
    behaviors,
    changeBehaviors: (changes) => applyBehaviorChanges(behaviors, changes),
    directory,
    tokens,
    vault,
    cloudApps: { alerts, keys, rotateToken: () => rotateCloudAppsToken(state), portal },
    files,
    dataset,
    evaluate,
  };
}

/** Creates the routes of each listener. `cloud-apps/portal.ts` lists the Cloud Apps resources. */
function createRoutes(state: SimulatorState): Record<Service, readonly Route[]> {
  const hunting = createHuntingRoutes(state);
  return {
    entra: createLoginRoutes(state),
    identity: createIdentityRoutes(state),
    vault: createVaultRoutes({ ...state, secrets: state.vault }),
    graph: hunting.graph,
    defender: [...hunting.defender, ...createFileRoutes({ ...state, registry: state.files })],
    "cloud-apps": [
      ...createCloudAppsRoutes(state, [
        createAlertsResource(state.alerts),
        ...state.portal.resources,
      ]),
      ...createUploadStorageRoutes(state.portal.discovery),
    ],
  };
}

function createSettings(
  urls: Readonly<Record<Service, string>>,
  { directory, identityHeader }: SimulatorState,
  certificateFile: string,
): Record<string, string> {
  const findClientId = (name: string): string =>
    directory.identities.find((one) => one.name === name)?.clientId ?? "";
  return {
    TENANT_ID: directory.tenantId,
    KEY_VAULT_URL: urls.vault,
    CLOUD_APPS_URL: urls["cloud-apps"],
    GRAPH_URL: urls.graph,
    DEFENDER_URL: urls.defender,
    LOGIN_URL: urls.entra,
    HUNTING_IDENTITY_CLIENT_ID: findClientId("hunt"),
    RESPONSE_IDENTITY_CLIENT_ID: findClientId("act"),
    IDENTITY_ENDPOINT: `${urls.identity}/msi/token`,
    IDENTITY_HEADER: identityHeader,
    NODE_EXTRA_CA_CERTS: certificateFile,
    WEBHOOKS: JSON.stringify({ demo: { auth: "bodyHmac", reader: "sentinel" } }),
  };
}
