/**
 * Validates access tokens of callers: signature, algorithm, issuer, audience and time, by Entra's
 * published keys.
 */
import type * as Jose from "jose";
import { UpstreamError } from "../http-pipeline/upstream-error.ts";
import { hourMs, minuteMs, secondMs, type Clock } from "../runtime/time.ts";

/**
 * @returns the claims, or `undefined` for an invalid token; throws UpstreamError when the keys
 *   cannot be read
 */
export type TokenValidator = (
  token: string,
  audience: string,
) => Promise<Jose.JWTPayload | undefined>;

const algorithm = "RS256";
const keyCacheMs = hourMs;
/** Unknown key ids cause at most one request for Entra's keys per this time. */
const minKeyRefreshMs = 5 * minuteMs;
const clockToleranceSeconds = 60;
/** After a failure to read the keys, tokens cause no further request for this time. */
const failureMs = 30 * secondMs;

/**
 * @param options.loginUrl - `https://login.microsoftonline.com` or its government form
 */
export function createTokenValidator(options: {
  readonly loginUrl: string;
  readonly tenantId: string;
  readonly clock: Clock;
}): TokenValidator {
  const { clock, loginUrl, tenantId } = options;
  // Tokens of version 1, which managed identities receive for most apps, have the old issuer in
  // every cloud.
  const issuers = [`https://sts.windows.net/${tenantId}/`, `${loginUrl}/${tenantId}/v2.0`];
  const url = new URL(`${loginUrl}/${tenantId}/discovery/v2.0/keys`);
  let keys: ReturnType<typeof Jose.createRemoteJWKSet> | undefined;
  let failedMs = -Infinity;
  return async (token, audience) => {
    const { createRemoteJWKSet, decodeJwt, decodeProtectedHeader, jwtVerify } =
      await import("./jose.ts");
    if (!isPlausible({ decodeJwt, decodeProtectedHeader }, token, audience, issuers))
      return undefined;
    const failureAgeMs = clock.now() - failedMs;
    if (failureAgeMs >= 0 && failureAgeMs < failureMs) throw createKeysError();
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
      if (!isKeysUnavailable(error)) return undefined;
      failedMs = clock.now();
      throw createKeysError();
    }
  };
}

/**
 * Rejects an obviously wrong token first, so that only a token for this app causes a request for
 * Entra's keys.
 */
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

const createKeysError = (): UpstreamError =>
  new UpstreamError("unavailable", "entra: the signing keys cannot be read", { api: "entra" });

/** True when Entra could not be reached, which says nothing about the token. */
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
