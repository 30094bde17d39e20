/** Checks access tokens that callers show: signature, algorithm, issuer, audience and time, by Entra's published keys. */
import type * as Jose from "jose";
import { UpstreamError } from "../http-pipeline/upstream-error.ts";
import { hourMs, minuteMs, secondMs, type Clock } from "../runtime/time.ts";

/** @returns the claims, or `undefined` when anything about the token is wrong; throws UpstreamError when there are no keys */
export type TokenValidator = (
  token: string,
  audience: string,
) => Promise<Jose.JWTPayload | undefined>;

const algorithm = "RS256";
const keyCacheMs = hourMs;
/** Unknown key ids lead to one look at Entra's keys in so long, whoever makes them up. */
const minKeyRefreshMs = 5 * minuteMs;
const clockToleranceSeconds = 60;

/**
 * @param options.loginUrl - `https://login.microsoftonline.com` or its government form
 */
export function createTokenValidator(options: {
  readonly loginUrl: string;
  readonly tenantId: string;
  readonly clock: Clock;
}): TokenValidator {
  const { clock, loginUrl, tenantId } = options;
  // Version 1 tokens, which managed identities get for most apps, name the old issuer in every cloud.
  const issuers = [`https://sts.windows.net/${tenantId}/`, `${loginUrl}/${tenantId}/v2.0`];
  const url = new URL(`${loginUrl}/${tenantId}/discovery/v2.0/keys`);
  let keys: ReturnType<typeof Jose.createRemoteJWKSet> | undefined;
  return async (token, audience) => {
    const { createRemoteJWKSet, decodeJwt, decodeProtectedHeader, jwtVerify } =
      await import("./jose.ts");
    if (!isPlausible({ decodeJwt, decodeProtectedHeader }, token, audience, issuers))
      return undefined;
    keys ??= createRemoteJWKSet(url, {
      cacheMaxAge: keyCacheMs,
      cooldownDuration: minKeyRefreshMs,
      timeoutDuration: 10 * secondMs,
    });
    try {
      const { payload } = await jwtVerify(token, keys, {
        algorithms: [algorithm],
        issuer: issuers,
        audience,
        clockTolerance: clockToleranceSeconds,
        currentDate: new Date(clock.now()),
        requiredClaims: ["exp", "nbf", "tid"],
      });
      return payload;
    } catch (error) {
      if (isKeysUnavailable(error))
        throw new UpstreamError("unavailable", "entra: the keys of tokens cannot be had", {
          api: "entra",
        });
      return undefined;
    }
  };
}

/** Tells at once what cannot be right, so that only a token made for this app leads to a look at Entra's keys. */
function isPlausible(
  { decodeJwt, decodeProtectedHeader }: Pick<typeof Jose, "decodeJwt" | "decodeProtectedHeader">,
  token: string,
  audience: string,
  issuers: readonly string[],
): boolean {
  try {
    const { alg, kid } = decodeProtectedHeader(token);
    const { aud, iss } = decodeJwt(token);
    return (
      alg === algorithm && kid !== undefined && aud === audience && issuers.includes(iss ?? "")
    );
  } catch {
    return false;
  }
}

/** Entra was out of reach, which says nothing of the token. */
function isKeysUnavailable(error: unknown): boolean {
  const code = error instanceof Error && "code" in error ? error.code : undefined;
  const isJoseError = typeof code === "string" && code.startsWith("ERR_J");
  return (
    !isJoseError ||
    code === "ERR_JWKS_TIMEOUT" ||
    code === "ERR_JWKS_INVALID" ||
    code === "ERR_JOSE_GENERIC"
  );
}
