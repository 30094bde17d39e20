/** Secrets of Key Vault: challenge, versions, paged lists, and refusals. */
import type { Clock } from "../../../shared/runtime/time.ts";
import type { Directory } from "../entra/directory.ts";
import type { Tokens } from "../entra/tokens.ts";
import { toJsonReply, type Exchange, type Reply, type Route } from "../server/exchange.ts";
import { vaultFamily } from "../server/families.ts";
import { authenticateBearer, acquirePermit } from "../server/access-checks.ts";
import { createQuota, type Quota } from "../server/quota.ts";
import type { Behaviors } from "../behaviors.ts";
import type { SecretStore, SecretVersion } from "./secret-store.ts";

interface VaultDeps {
  readonly directory: Directory;
  readonly tokens: Tokens;
  readonly behaviors: Behaviors;
  readonly secrets: SecretStore;
  readonly clock: Clock;
  readonly quota: Quota;
}

export function createVaultRoutes(deps: Omit<VaultDeps, "quota">): Route[] {
  const depsWithQuota: VaultDeps = {
    ...deps,
    quota: createQuota(() => ({
      model: "sliding",
      countRefused: false,
      limits:
        deps.behaviors.vault.callsPer10s === null
          ? []
          : [{ calls: deps.behaviors.vault.callsPer10s, perMs: 10_000 }],
    })),
  };
  const defineRoute = (
    name: string,
    pattern: string,
    readReply: (exchange: Exchange) => Reply,
    action = "getSecret",
  ): Route => ({
    api: "vault",
    name,
    methods: ["GET"],
    pattern,
    family: vaultFamily,
    answer: async (exchange) =>
      (await refuseRequest(depsWithQuota, exchange, action)) ?? readReply(exchange),
  });
  const answerSecret = (exchange: Exchange): Reply => readSecret(depsWithQuota, exchange);
  const answerVersions = (exchange: Exchange): Reply => listVersions(depsWithQuota, exchange);
  return [
    defineRoute(
      "list",
      "/secrets",
      (exchange) => listSecrets(depsWithQuota, exchange),
      "readMetadata",
    ),
    defineRoute(
      "list",
      "/secrets/",
      (exchange) => listSecrets(depsWithQuota, exchange),
      "readMetadata",
    ),
    defineRoute("versions", "/secrets/{name}/versions", answerVersions, "readMetadata"),
    defineRoute("secret", "/secrets/{name}", answerSecret),
    defineRoute("secret", "/secrets/{name}/", answerSecret),
    defineRoute("secret", "/secrets/{name}/{version}", answerSecret),
    defineRoute(
      "deleted",
      "/deletedsecrets/{name}",
      (exchange) => readDeleted(depsWithQuota, exchange),
      "readMetadata",
    ),
  ];
}

/** Checks challenge, token, API version, firewall, role and quota in the order of the service. */
async function refuseRequest(
  deps: VaultDeps,
  exchange: Exchange,
  action: string,
): Promise<Reply | undefined> {
  if (exchange.headers.authorization === undefined) {
    return challengeCaller(deps, "AKV10000: Request is missing a Bearer or PoP token.");
  }
  if (deps.behaviors.vault.insufficientClaims) {
    // Only once: the caller then gets a token with these claims and repeats the call.
    deps.behaviors.vault.insufficientClaims = false;
    return challengeCaller(
      deps,
      "AKV10130: Continuous access evaluation asks for new claims.",
      requiredClaims,
    );
  }
  const authentication = await authenticateBearer(exchange, deps.tokens, vaultFamily, {
    resource: "vault",
  });
  if (authentication.kind === "refused") return authentication.reply;
  if (exchange.query.get("api-version") === null) {
    return vaultFamily.badRequest(exchange, "api-version must be specified");
  }
  if (deps.behaviors.vault.firewall) return forbiddenByFirewall;
  if (!canReadSecrets(deps.directory, authentication.claims.oid)) {
    return vaultFamily.forbidden(
      exchange,
      `Microsoft.KeyVault/vaults/secrets/${action}/action`,
      [],
    );
  }
  return acquirePermit(exchange, deps.quota, vaultFamily, {
    clock: deps.clock,
    retryAfter: true,
    wording: "api",
  });
}

const requiredClaims = Buffer.from(
  '{"access_token":{"acrs":{"essential":true,"value":"c1"}}}',
).toString("base64");

function challengeCaller(deps: VaultDeps, message: string, claims?: string): Reply {
  const authority = `https://login.windows.net/${deps.directory.tenantId}`;
  const target =
    deps.behaviors.vault.challenge === "scope"
      ? 'scope="https://vault.azure.net/.default"'
      : 'resource="https://vault.azure.net"';
  const claimsText =
    claims === undefined ? "" : `, error="insufficient_claims", claims="${claims}"`;
  return toJsonReply(
    401,
    { error: { code: "Unauthorized", message } },
    {
      "www-authenticate": `Bearer authorization="${authority}", ${target}${claimsText}`,
      "x-ms-keyvault-region": "northeurope",
      "x-ms-keyvault-service-version": "1.9.2500.1",
      "x-ms-keyvault-network-info": "conn_type=Ipv4;addr=127.0.0.1;act_addr_fam=InterNetwork;",
    },
  );
}

const canReadSecrets = ({ identities, applications }: Directory, principalId: string): boolean =>
  [...identities, ...applications].some(
    (one) => one.principalId === principalId && one.canReadVault,
  );

const forbiddenByFirewall = toJsonReply(403, {
  error: {
    code: "Forbidden",
    message:
      "Client address is not authorized and caller is not a trusted service.\r\nClient address: 127.0.0.1\r\n",
    innererror: { code: "ForbiddenByFirewall" },
  },
});

const toSecretNotFoundReply = (name: string): Reply =>
  toJsonReply(404, {
    error: {
      code: "SecretNotFound",
      message: `A secret with (name/id) ${name} was not found in this key vault. If you recently deleted this secret you may be able to recover it using the correct recovery command. For help resolving this issue, please see https://go.microsoft.com/fwlink/?linkid=2125182`,
    },
  });

function toDisabledReply(): Reply {
  const message = "Operation get is not allowed on a disabled secret.";
  return toJsonReply(403, {
    error: { code: "Forbidden", message, innererror: { code: "SecretDisabled" } },
  });
}

function readSecret({ secrets }: VaultDeps, exchange: Exchange): Reply {
  const { name = "", version } = exchange.params;
  const versions = secrets.listVersions(name);
  const secretVersion =
    version === undefined ? versions.at(-1) : versions.find((one) => one.version === version);
  if (!secretVersion)
    return toSecretNotFoundReply(version === undefined ? name : `${name}/${version}`);
  // Returns expired and not yet valid secrets, as the service does; the caller must check.
  return secretVersion.enabled
    ? toJsonReply(200, {
        value: secretVersion.value,
        ...toSecretBundle(exchange, name, secretVersion),
      })
    : toDisabledReply();
}

const toSecretBundle = (
  exchange: Exchange,
  name: string,
  version: SecretVersion,
): Record<string, unknown> => ({
  ...(version.contentType === undefined ? {} : { contentType: version.contentType }),
  id: `${exchange.origin}/secrets/${name.toLowerCase()}/${version.version}`,
  attributes: toAttributes(version),
  tags: {},
});

const toAttributes = (version: SecretVersion): Record<string, unknown> => ({
  enabled: version.enabled,
  ...(version.notBeforeS === undefined ? {} : { nbf: version.notBeforeS }),
  ...(version.expiresS === undefined ? {} : { exp: version.expiresS }),
  created: version.createdS,
  updated: version.createdS,
  recoveryLevel: "Recoverable+Purgeable",
  recoverableDays: 90,
});

function listSecrets({ secrets, behaviors }: VaultDeps, exchange: Exchange): Reply {
  const items = secrets.listNames().flatMap((name) => {
    const newest = secrets.listVersions(name).at(-1);
    return newest
      ? [{ id: `${exchange.origin}/secrets/${name}`, attributes: toAttributes(newest), tags: {} }]
      : [];
  });
  return toPageReply(exchange, items, behaviors.vault.pageSize);
}

function listVersions({ secrets, behaviors }: VaultDeps, exchange: Exchange): Reply {
  const name = exchange.params["name"] ?? "";
  const versions = secrets.listVersions(name);
  if (versions.length === 0) return toSecretNotFoundReply(name);
  return toPageReply(
    exchange,
    versions.map((version) => toSecretBundle(exchange, name, version)),
    behaviors.vault.pageSize,
  );
}

function toPageReply(exchange: Exchange, items: readonly unknown[], defaultSize: number): Reply {
  const size = Math.min(Number(exchange.query.get("maxresults") ?? defaultSize), 25);
  if (!Number.isInteger(size) || size < 1)
    return vaultFamily.badRequest(exchange, "maxresults must be 1 to 25");
  const from = Number(exchange.query.get("$skiptoken") ?? 0);
  const next = new URL(`${exchange.origin}${exchange.path}`);
  next.searchParams.set("api-version", exchange.query.get("api-version") ?? "");
  next.searchParams.set("$skiptoken", String(from + size));
  next.searchParams.set("maxresults", String(size));
  return toJsonReply(200, {
    value: items.slice(from, from + size),
    nextLink: from + size < items.length ? next.toString() : null,
  });
}

function readDeleted({ secrets }: VaultDeps, exchange: Exchange): Reply {
  const { name = "" } = exchange.params;
  if (!secrets.isDeleted(name)) {
    return toJsonReply(404, {
      error: { code: "SecretNotFound", message: `Deleted Secret not found: ${name}` },
    });
  }
  const nowS = Math.floor(exchange.arrivedAtMs / 1_000);
  return toJsonReply(200, {
    recoveryId: `${exchange.origin}/deletedsecrets/${name}`,
    deletedDate: nowS,
    scheduledPurgeDate: nowS + 90 * 86_400,
    id: `${exchange.origin}/secrets/${name}`,
    attributes: { enabled: true, recoveryLevel: "Recoverable+Purgeable", recoverableDays: 90 },
  });
}
