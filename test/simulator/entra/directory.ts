/** The tenant's directory: applications, managed identities and their permissions. */
import { randomUUID } from "node:crypto";

/** The APIs that a token can be for. */
export type Resource =
  | "graph"
  | "xdr"
  | "defender"
  | "cloud-apps"
  | "vault"
  | "storage"
  | "exchange";

/** Audiences that each API accepts, in every cloud. The first one is the default. */
export const audiences: Readonly<Record<Resource, readonly string[]>> = {
  graph: [
    "https://graph.microsoft.com",
    "https://graph.microsoft.us",
    "https://dod-graph.microsoft.us",
    "00000003-0000-0000-c000-000000000000",
  ],
  xdr: [
    "https://api.security.microsoft.com",
    "https://api-gcc.security.microsoft.us",
    "https://api-gov.security.microsoft.us",
  ],
  defender: [
    "https://api.securitycenter.microsoft.com",
    "https://securitycenter.onmicrosoft.com/windowsatpservice",
    "https://api.securitycenter.windows.com",
    "https://api-gcc.securitycenter.microsoft.us",
    "https://api-gov.securitycenter.microsoft.us",
  ],
  "cloud-apps": ["05a65629-4c1b-48c1-a78b-804c4abdd4af"],
  vault: ["https://vault.azure.net", "https://vault.usgovcloudapi.net"],
  storage: ["https://storage.azure.com"],
  exchange: [
    "api://AzureADTokenExchange",
    "api://AzureADTokenExchangeUSGov",
    "api://AzureADTokenExchangeChina",
    "fb60f99c-7a34-4190-8149-302f77469936",
  ],
};

/** Returns the API that an audience names; undefined if the tenant does not have it. */
export const findResource = (audience: string): Resource | undefined =>
  (Object.keys(audiences) as Resource[]).find((resource) =>
    audiences[resource].includes(audience.replace(/\/+$/, "")),
  );

/** A principal that can get tokens. */
export interface Principal {
  readonly name: string;
  readonly clientId: string;
  /** The object id: a token's `oid` and `sub`, and the subject of a federated credential. */
  readonly principalId: string;
  /** Application permissions per API. Mutable, because consent can change. */
  readonly roles: Partial<Record<Resource, string[]>>;
  /** True if it may read the vault's secrets. */
  canReadVault: boolean;
}

/** A managed identity; `isSystemAssigned` marks the one that a request without a name gets. */
export interface Identity extends Principal {
  readonly isSystemAssigned: boolean;
  readonly resourceId: string;
}

/** An app registration. */
export interface Application extends Principal {
  readonly secrets: { value: string; expiresAtMs?: number }[];
  /** Principal ids of managed identities whose exchange tokens it accepts. */
  readonly federatedSubjects: string[];
}

/** The registration of a single-page application, which signs users in. */
export interface SinglePageApp {
  readonly clientId: string;
  readonly redirectUris: readonly string[];
}

/** A person of the tenant. */
export interface User {
  readonly objectId: string;
  readonly userPrincipalName: string;
  readonly displayName: string;
}

export interface Directory {
  readonly tenantId: string;
  readonly identities: Identity[];
  readonly applications: Application[];
  /** None at first: their redirect addresses depend on the app's port. */
  readonly singlePageApps: SinglePageApp[];
  readonly user: User;
}

/**
 * Creates the directory of another tenant, in which the application of the first one has consent:
 * the same client id, secrets and federated credentials.
 *
 * @param number - 1, 2, 3 …: makes its id
 */
export function createOtherDirectory({ applications }: Directory, number: number): Directory {
  const tenantId = `7e9a1c5d-3b52-4f0e-9c1d-2a6b8e5${String(number).padStart(5, "0")}`;
  return {
    tenantId,
    identities: [],
    applications: applications.map((application) => ({
      ...application,
      principalId: application.principalId.replace(/^7e9a1c5d/, "7e9a1c5e"),
      roles: structuredClone(application.roles),
    })),
    singlePageApps: [],
    user: {
      objectId: `7e9a1c5e-3b52-4f0e-9c1d-2a6b8e5${String(number).padStart(5, "0")}`,
      userPrincipalName: `analyst@tenant-${number}.example`,
      displayName: "Ana Lyst",
    },
  };
}

/**
 * Creates a directory: a hunting identity, a response identity, and one application with both
 * permissions.
 */
export function createDirectory(): Directory {
  const tenantId = "7e9a1c5d-3b52-4f0e-9c1d-2a6b8e4f7001";
  const hunt: Identity = {
    name: "hunt",
    clientId: "7e9a1c5d-3b52-4f0e-9c1d-2a6b8e4f7011",
    principalId: "7e9a1c5d-3b52-4f0e-9c1d-2a6b8e4f7012",
    roles: createHuntRoles(),
    canReadVault: true,
    isSystemAssigned: false,
    resourceId: toResourceId("hunt"),
  };
  const act: Identity = {
    name: "act",
    clientId: "7e9a1c5d-3b52-4f0e-9c1d-2a6b8e4f7021",
    principalId: "7e9a1c5d-3b52-4f0e-9c1d-2a6b8e4f7022",
    roles: { "cloud-apps": ["Investigation.manage"] },
    canReadVault: true,
    isSystemAssigned: false,
    resourceId: toResourceId("act"),
  };
  const application: Application = {
    name: "huntline",
    clientId: "7e9a1c5d-3b52-4f0e-9c1d-2a6b8e4f7031",
    principalId: "7e9a1c5d-3b52-4f0e-9c1d-2a6b8e4f7032",
    roles: { ...createHuntRoles(), "cloud-apps": ["Investigation.manage", "Discovery.manage"] },
    canReadVault: false,
    // Contains characters that must survive URL encoding.
    secrets: [{ value: `s8Q~tenant+secret/%&=${randomUUID().slice(0, 8)}` }],
    federatedSubjects: [hunt.principalId, act.principalId],
  };
  const user: User = {
    objectId: "7e9a1c5d-3b52-4f0e-9c1d-2a6b8e4f7051",
    userPrincipalName: "analyst@simulated.example",
    displayName: "Ana Lyst",
  };
  return {
    tenantId,
    identities: [hunt, act],
    applications: [application],
    singlePageApps: [],
    user,
  };
}

const createHuntRoles = (): Partial<Record<Resource, string[]>> => ({
  graph: ["ThreatHunting.Read.All"],
  xdr: ["AdvancedHunting.Read.All"],
  defender: ["AdvancedQuery.Read.All", "File.Read.All"],
});

const toResourceId = (name: string): string =>
  `/subscriptions/7e9a1c5d-3b52-4f0e-9c1d-2a6b8e4f7041/resourceGroups/huntline/providers/Microsoft.ManagedIdentity/userAssignedIdentities/${name}`;
