/**
 * The simulated Microsoft cloud: Entra, managed identity, Key Vault, advanced hunting, file APIs
 * and Cloud Apps, with state, quotas and faults. It simulates the services and does not depend on
 * the app under test.
 */
import type { IncomingMessage } from "node:http";
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
import {
  rotateCloudAppsToken,
  seedSimulator,
  seedTenant,
  type SimulatorState,
  type TenantOptions,
} from "./seed.ts";
import { createFileRoutes } from "./files/files.ts";
import type { Evaluate } from "./hunting/evaluation.ts";
import { createHuntingRoutes } from "./hunting/hunting.ts";
import { services, type Route, type Service } from "./server/exchange.ts";
import type { Faults } from "./server/faults.ts";
import type { RequestLog } from "./server/request-log.ts";
import { startListener, type Listener, type ServerDeps } from "./server/server.ts";
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
  /** Further tenants, in which the application of the first one has consent. */
  readonly tenants?: readonly TenantOptions[];
}

/** The state of one tenant, which tests read and change. */
export type SimulatedTenant = Omit<
  Simulator,
  "tenants" | "settings" | "urls" | "certificate" | "stop"
>;

/** A running simulator. */
export interface Simulator {
  /** The further tenants by name. */
  readonly tenants: ReadonlyMap<string, SimulatedTenant>;
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
  const tenants: TenantEntry[] = [];
  for (const [index, tenant] of (options.tenants ?? []).entries())
    tenants.push({ name: tenant.name, state: await seedTenant(state, tenant, index + 1) });
  const certificate = await createCertificate();
  const listeners: Listener[] = [];
  const urls = {} as Record<Service, string>;
  const simulator: Omit<Simulator, "settings"> = {
    ...exposeState(state),
    tenants: new Map(tenants.map((each) => [each.name, exposeState(each.state)])),
    urls,
    certificate: certificate.cert,
    stop: async () => {
      await Promise.all(listeners.map((listener) => listener.stop()));
      await certificate.remove();
    },
  };
  const cloudAppsUrls = new Map<string, string>();
  const readSettings = (): Record<string, string> => ({
    ...createSettings(urls, state, certificate.file),
    ...createTenantSettings(tenants, cloudAppsUrls, state.directory),
  });
  const common = {
    answerAdmin: createAdmin(simulator, readSettings),
    answerUnknown: toUnknownPathReply,
  };
  const toServerDeps = (each: SimulatorState) => ({
    ...each,
    routes: createRoutes(each),
    ...common,
  });
  const homeDeps = toServerDeps(state);
  const tenantDeps = tenants.map((each) => ({ ...each, deps: toServerDeps(each.state) }));
  const findDeps = (tenantId: string | undefined): ServerDeps =>
    tenantDeps.find((each) => each.state.directory.tenantId === tenantId)?.deps ?? homeDeps;
  const nextPort = (): number =>
    options.firstPort === undefined ? 0 : options.firstPort + listeners.length;
  for (const service of services) {
    const listener = await startListener(
      service,
      (_service, request) => findDeps(findTenantId(service, request)),
      nextPort(),
      service === "entra" ? certificate : undefined,
    );
    listeners.push(listener);
    urls[service] =
      service === "entra"
        ? `https://localhost:${listener.port}`
        : `http://127.0.0.1:${listener.port}`;
  }
  for (const { deps, name } of tenantDeps) {
    const listener = await startListener("cloud-apps", () => deps, nextPort());
    listeners.push(listener);
    cloudAppsUrls.set(name, `http://127.0.0.1:${listener.port}`);
  }
  return { ...simulator, settings: readSettings() };
}

interface TenantEntry {
  readonly name: string;
  readonly state: SimulatorState;
}

/**
 * Returns the tenant that a request is for, as the services find it: by the path at the login
 * endpoint, by the token at the APIs. Cloud Apps has an address per tenant.
 */
function findTenantId(service: Service, request: IncomingMessage): string | undefined {
  if (service === "entra") return request.url?.split("/")[1];
  if (service !== "graph" && service !== "defender") return undefined;
  const claims = request.headers.authorization?.split(".")[1];
  if (claims === undefined) return undefined;
  try {
    const text = Buffer.from(claims, "base64url").toString("utf8");
    return (JSON.parse(text) as { readonly tid?: string }).tid;
  } catch {
    return undefined;
  }
}

/** Returns the settings of the further tenants; none without them. */
function createTenantSettings(
  tenants: readonly TenantEntry[],
  cloudAppsUrls: ReadonlyMap<string, string>,
  { applications }: Directory,
): Record<string, string> {
  if (tenants.length === 0) return {};
  const settings = tenants.map(({ name, state }) => [
    name,
    { tenantId: state.directory.tenantId, cloudAppsUrl: cloudAppsUrls.get(name) },
  ]);
  return {
    TENANTS: JSON.stringify(Object.fromEntries(settings)),
    APP_CLIENT_ID: applications[0]?.clientId ?? "",
    APP_CREDENTIAL: "federated",
  };
}

/** Returns the state that tests read and change. */
function exposeState(state: SimulatorState): SimulatedTenant {
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
