/** Issues and checks access tokens: RS256, with the claims that the APIs check. */
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
import type { Principal, Resource, User } from "./directory.ts";

/** Claims of a checked token. */
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
  | { readonly kind: "valid"; readonly claims: Claims }
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
  /** Issues the tokens of a signed-in user for a single-page application. */
  readonly issueForUser: (request: {
    readonly user: User;
    readonly clientId: string;
    readonly audience: string;
    readonly nonce: string;
    readonly issuer: string;
    readonly lifetimeS: number;
  }) => Promise<{ readonly accessToken: string; readonly idToken: string }>;
  /** Checks signature and lifetime; each API checks audience and roles. */
  readonly check: (token: string) => Promise<TokenCheck>;
  /** Revokes every token issued so far. */
  readonly revokeAll: () => void;
  /** The public keys, as `jwks_uri` returns them. */
  readonly publicKeys: () => Promise<{ keys: JWK[] }>;
}

const keyId = "tenant-signing-key";

// Creating a key is slow, so all simulators of a process share one.
let sharedKeys: ReturnType<typeof generateKeyPair> | undefined;

/** @param clock - clock of token lifetimes */
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
        // A token without consent has no roles claim; the API answers 403.
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
    issueForUser: async ({ user, clientId, audience, nonce, issuer, lifetimeS }) => {
      const nowS = Math.floor(clock.now() / 1_000);
      const { privateKey } = await keys;
      const sign = (tokenAudience: string, claims: Record<string, unknown>): Promise<string> =>
        new SignJWT({
          oid: user.objectId,
          tid: tenantId,
          name: user.displayName,
          preferred_username: user.userPrincipalName,
          ver: "2.0",
          ...claims,
        })
          .setProtectedHeader({ alg: "RS256", typ: "JWT", kid: keyId })
          .setIssuer(issuer)
          .setAudience(tokenAudience)
          .setSubject(user.objectId)
          .setIssuedAt(nowS)
          .setNotBefore(nowS)
          .setExpirationTime(nowS + lifetimeS)
          .sign(privateKey);
      return {
        accessToken: await sign(audience, { azp: clientId, scp: "access_as_user" }),
        idToken: await sign(clientId, { nonce }),
      };
    },
    check: async (token) => {
      const claims = await verifyToken(token);
      if (!claims || claims.tid !== tenantId) return { kind: "not-ours" };
      const isRevoked = (mintedAtMs.get(token) ?? -Infinity) < validFromMs;
      return isRevoked || claims.exp * 1_000 <= clock.now()
        ? { kind: "expired" }
        : { kind: "valid", claims };
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
    // The lifetime is checked later by the simulator's clock, so it is ignored here.
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
