/** Key Vault's secrets: the challenge, versions, lists in pages, and every refusal. */
import type { Clock } from "../../../shared/runtime/time.ts";
import type { Directory } from "../entra/directory.ts";
import type { Tokens } from "../entra/tokens.ts";
import { json, type Exchange, type Reply, type Route } from "../server/exchange.ts";
import { vaultFamily } from "../server/families.ts";
import { proveBearer, takeTurn } from "../server/guard.ts";
import { createQuota, type Quota } from "../server/quota.ts";
import type { Switches } from "../behaviors.ts";
import type { SecretStore, SecretVersion } from "./secret-store.ts";

interface Vault {
  readonly directory: Directory;
  readonly tokens: Tokens;
  readonly switches: Switches;
  readonly secrets: SecretStore;
  readonly clock: Clock;
  readonly quota: Quota;
}

export function vaultRoutes(parts: Omit<Vault, "quota">): Route[] {
  const vault: Vault = {
    ...parts,
    quota: createQuota(() => ({
      model: "sliding",
      countRefused: false,
      limits:
        parts.switches.vault.callsPer10s === null
          ? []
          : [{ calls: parts.switches.vault.callsPer10s, perMs: 10_000 }],
    })),
  };
  const route = (
    name: string,
    pattern: string,
    read: (exchange: Exchange) => Reply,
    action = "getSecret",
  ): Route => ({
    api: "vault",
    name,
    methods: ["GET"],
    pattern,
    family: vaultFamily,
    answer: async (exchange) => (await refuse(vault, exchange, action)) ?? read(exchange),
  });
  const one = (exchange: Exchange): Reply => readSecret(vault, exchange);
  const versions = (exchange: Exchange): Reply => listVersions(vault, exchange);
  return [
    route("list", "/secrets", (exchange) => listSecrets(vault, exchange), "readMetadata"),
    route("list", "/secrets/", (exchange) => listSecrets(vault, exchange), "readMetadata"),
    route("versions", "/secrets/{name}/versions", versions, "readMetadata"),
    route("secret", "/secrets/{name}", one),
    route("secret", "/secrets/{name}/", one),
    route("secret", "/secrets/{name}/{version}", one),
    route(
      "deleted",
      "/deletedsecrets/{name}",
      (exchange) => readDeleted(vault, exchange),
      "readMetadata",
    ),
  ];
}

/** Challenge, then token, version of the API, firewall, role, quota: the order of the service. */
async function refuse(
  vault: Vault,
  exchange: Exchange,
  action: string,
): Promise<Reply | undefined> {
  if (exchange.headers.authorization === undefined) {
    return challenge(vault, "AKV10000: Request is missing a Bearer or PoP token.");
  }
  if (vault.switches.vault.insufficientClaims) {
    // Once: the caller asks for a token with these claims and comes again.
    vault.switches.vault.insufficientClaims = false;
    return challenge(
      vault,
      "AKV10130: Continuous access evaluation asks for new claims.",
      claimsWanted,
    );
  }
  const proof = await proveBearer(exchange, vault.tokens, vaultFamily, { resource: "vault" });
  if (proof.kind === "refused") return proof.reply;
  if (exchange.query.get("api-version") === null) {
    return vaultFamily.badRequest(exchange, "api-version must be specified");
  }
  if (vault.switches.vault.firewall) return forbiddenByFirewall;
  if (!mayRead(vault.directory, proof.claims.oid)) {
    return vaultFamily.forbidden(
      exchange,
      `Microsoft.KeyVault/vaults/secrets/${action}/action`,
      [],
    );
  }
  return takeTurn(exchange, vault.quota, vaultFamily, {
    clock: vault.clock,
    retryAfter: true,
    wording: "api",
  });
}

const claimsWanted = Buffer.from(
  '{"access_token":{"acrs":{"essential":true,"value":"c1"}}}',
).toString("base64");

function challenge(vault: Vault, message: string, claims?: string): Reply {
  const authority = `https://login.windows.net/${vault.directory.tenantId}`;
  const target =
    vault.switches.vault.challenge === "scope"
      ? 'scope="https://vault.azure.net/.default"'
      : 'resource="https://vault.azure.net"';
  const more = claims === undefined ? "" : `, error="insufficient_claims", claims="${claims}"`;
  return json(
    401,
    { error: { code: "Unauthorized", message } },
    {
      "www-authenticate": `Bearer authorization="${authority}", ${target}${more}`,
      "x-ms-keyvault-region": "northeurope",
      "x-ms-keyvault-service-version": "1.9.2500.1",
      "x-ms-keyvault-network-info": "conn_type=Ipv4;addr=127.0.0.1;act_addr_fam=InterNetwork;",
    },
  );
}

const mayRead = ({ identities, applications }: Directory, principalId: string): boolean =>
  [...identities, ...applications].some(
    (one) => one.principalId === principalId && one.vaultAccess,
  );

const forbiddenByFirewall = json(403, {
  error: {
    code: "Forbidden",
    message:
      "Client address is not authorized and caller is not a trusted service.\r\nClient address: 127.0.0.1\r\n",
    innererror: { code: "ForbiddenByFirewall" },
  },
});

const secretNotFound = (name: string): Reply =>
  json(404, {
    error: {
      code: "SecretNotFound",
      message: `A secret with (name/id) ${name} was not found in this key vault. If you recently deleted this secret you may be able to recover it using the correct recovery command. For help resolving this issue, please see https://go.microsoft.com/fwlink/?linkid=2125182`,
    },
  });

function disabled(): Reply {
  const message = "Operation get is not allowed on a disabled secret.";
  return json(403, {
    error: { code: "Forbidden", message, innererror: { code: "SecretDisabled" } },
  });
}

function readSecret({ secrets }: Vault, exchange: Exchange): Reply {
  const { name = "", version } = exchange.params;
  const versions = secrets.versions(name);
  const found =
    version === undefined ? versions.at(-1) : versions.find((one) => one.version === version);
  if (!found) return secretNotFound(version === undefined ? name : `${name}/${version}`);
  // Expired and not yet valid secrets are given out: the caller must look.
  return found.enabled
    ? json(200, { value: found.value, ...bundle(exchange, name, found) })
    : disabled();
}

const bundle = (
  exchange: Exchange,
  name: string,
  version: SecretVersion,
): Record<string, unknown> => ({
  ...(version.contentType === undefined ? {} : { contentType: version.contentType }),
  id: `${exchange.origin}/secrets/${name.toLowerCase()}/${version.version}`,
  attributes: attributesOf(version),
  tags: {},
});

const attributesOf = (version: SecretVersion): Record<string, unknown> => ({
  enabled: version.enabled,
  ...(version.notBeforeS === undefined ? {} : { nbf: version.notBeforeS }),
  ...(version.expiresS === undefined ? {} : { exp: version.expiresS }),
  created: version.createdS,
  updated: version.createdS,
  recoveryLevel: "Recoverable+Purgeable",
  recoverableDays: 90,
});

function listSecrets({ secrets, switches }: Vault, exchange: Exchange): Reply {
  const items = secrets.names().flatMap((name) => {
    const newest = secrets.versions(name).at(-1);
    return newest
      ? [{ id: `${exchange.origin}/secrets/${name}`, attributes: attributesOf(newest), tags: {} }]
      : [];
  });
  return page(exchange, items, switches.vault.pageSize);
}

function listVersions({ secrets, switches }: Vault, exchange: Exchange): Reply {
  const name = exchange.params["name"] ?? "";
  const versions = secrets.versions(name);
  if (versions.length === 0) return secretNotFound(name);
  return page(
    exchange,
    versions.map((version) => bundle(exchange, name, version)),
    switches.vault.pageSize,
  );
}

function page(exchange: Exchange, items: readonly unknown[], usual: number): Reply {
  const size = Math.min(Number(exchange.query.get("maxresults") ?? usual), 25);
  if (!Number.isInteger(size) || size < 1)
    return vaultFamily.badRequest(exchange, "maxresults must be 1 to 25");
  const from = Number(exchange.query.get("$skiptoken") ?? 0);
  const next = new URL(`${exchange.origin}${exchange.path}`);
  next.searchParams.set("api-version", exchange.query.get("api-version") ?? "");
  next.searchParams.set("$skiptoken", String(from + size));
  next.searchParams.set("maxresults", String(size));
  return json(200, {
    value: items.slice(from, from + size),
    nextLink: from + size < items.length ? next.toString() : null,
  });
}

function readDeleted({ secrets }: Vault, exchange: Exchange): Reply {
  const { name = "" } = exchange.params;
  if (!secrets.isDeleted(name)) {
    return json(404, {
      error: { code: "SecretNotFound", message: `Deleted Secret not found: ${name}` },
    });
  }
  const nowS = Math.floor(exchange.arrivedAtMs / 1_000);
  return json(200, {
    recoveryId: `${exchange.origin}/deletedsecrets/${name}`,
    deletedDate: nowS,
    scheduledPurgeDate: nowS + 90 * 86_400,
    id: `${exchange.origin}/secrets/${name}`,
    attributes: { enabled: true, recoveryLevel: "Recoverable+Purgeable", recoverableDays: 90 },
  });
}
