/** Mints and checks the tenant's access tokens: RS256, with the claims that the APIs look at. */
import { randomUUID } from "node:crypto";
import {
  decodeProtectedHeader,
  exportJWK,
  generateKeyPair,
  jwtVerify,
  SignJWT,
  type CryptoKey,
  type JWK,
} from "jose";
import type { Clock } from "../../../shared/runtime/time.ts";
import type { Principal, Resource } from "./directory.ts";

/** What a checked token says. */
export interface Claims {
  readonly aud: string;
  readonly appid: string;
  readonly oid: string;
  readonly tid: string;
  readonly iss: string;
  readonly roles: readonly string[];
  /** Epoch seconds. */
  readonly exp: number;
}

type TokenCheck =
  | { readonly kind: "sound"; readonly claims: Claims }
  | { readonly kind: "expired" | "not-ours" };

export interface Tokens {
  readonly issue: (request: {
    readonly audience: string;
    readonly resource: Resource;
    readonly principal: Principal;
    readonly lifetimeS: number;
    /** Issuer of version 2; version 1's is `https://sts.windows.net/{tenant}/`. */
    readonly issuer: string;
  }) => Promise<string>;
  /** Signature and lifetime; audience and roles are the API's own business. */
  readonly check: (token: string) => Promise<TokenCheck>;
  /** From now on no token given out before is taken. */
  readonly revokeAll: () => void;
  /** The public keys, as `jwks_uri` shows them. */
  readonly publicKeys: () => Promise<{ keys: JWK[] }>;
}

const keyId = "tenant-signing-key";

// Making a key takes a good part of a tenant's start, and one does for all tenants of a process.
let sharedKeys: ReturnType<typeof generateKeyPair> | undefined;

/** @param clock - of token lifetimes */
export function createTokens(tenantId: string, clock: Clock): Tokens {
  const keys = (sharedKeys ??= generateKeyPair("RS256", { extractable: true }));
  const verifiedClaims = new Map<string, Claims>();
  let validFromMs = -Infinity;
  const mintedAtMs = new Map<string, number>();
  const verifyToken = async (token: string): Promise<Claims | undefined> => {
    const cached = verifiedClaims.get(token);
    if (cached) return cached;
    const claims = await readClaims(token, (await keys).publicKey);
    if (claims) storeEntry(verifiedClaims, token, claims);
    return claims;
  };
  return {
    issue: async ({ audience, resource, principal, lifetimeS, issuer }) => {
      const nowS = Math.floor(clock.now() / 1_000);
      const roles = principal.roles[resource];
      const token = await new SignJWT({
        appid: principal.clientId,
        azp: principal.clientId,
        oid: principal.principalId,
        tid: tenantId,
        uti: randomUUID(),
        // A token without consent carries no roles at all; the failure shows as a 403 at the API.
        ...(roles && roles.length > 0 ? { roles } : {}),
      })
        .setProtectedHeader({ alg: "RS256", typ: "JWT", kid: keyId })
        .setIssuer(issuer)
        .setAudience(audience)
        .setSubject(principal.principalId)
        .setIssuedAt(nowS)
        .setNotBefore(nowS)
        .setExpirationTime(nowS + lifetimeS)
        .sign((await keys).privateKey);
      storeEntry(mintedAtMs, token, clock.now());
      return token;
    },
    check: async (token) => {
      const claims = await verifyToken(token);
      if (!claims || claims.tid !== tenantId) return { kind: "not-ours" };
      const isRevoked = (mintedAtMs.get(token) ?? -Infinity) < validFromMs;
      return isRevoked || claims.exp * 1_000 <= clock.now()
        ? { kind: "expired" }
        : { kind: "sound", claims };
    },
    revokeAll: () => {
      validFromMs = clock.now() + 1;
    },
    publicKeys: async () => ({
      keys: [
        { ...(await exportJWK((await keys).publicKey)), kid: keyId, use: "sig", alg: "RS256" },
      ],
    }),
  };
}

function storeEntry<Value>(map: Map<string, Value>, key: string, value: Value): void {
  if (map.size > 10_000) map.clear();
  map.set(key, value);
}

async function readClaims(token: string, key: CryptoKey): Promise<Claims | undefined> {
  try {
    if (decodeProtectedHeader(token).alg !== "RS256") return undefined;
    // Lifetime is judged later, by the tenant's own clock; here every token is young.
    const { payload } = await jwtVerify(token, key, {
      algorithms: ["RS256"],
      currentDate: new Date(0),
      clockTolerance: 1e11,
    });
    return { roles: [], ...payload } as unknown as Claims;
  } catch {
    return undefined;
  }
}
