/** Tokens for the pipeline: cached until shortly before they expire, requested once for all callers, dropped when refused. */
import { minuteMs, type Clock } from "../runtime/time.ts";

/** A token and its expiry in epoch milliseconds. */
export interface IssuedToken {
  readonly token: string;
  readonly expiresMs: number;
}

export interface TokenSource {
  /** @throws UpstreamError of the issuer's client */
  readonly getToken: () => Promise<string>;
  /** Reports that an API refused a token: the next `getToken` returns another one. Ignores a token that is not the current one. */
  readonly reportRefused: (token: string) => void;
}

/** Adds the credential to a request. */
export interface Authorizer {
  readonly createHeader: () => Promise<{
    readonly name: string;
    readonly value: string;
    /** The part of the value that must not appear in an error or a log. */
    readonly secret: string;
  }>;
  /** Reports that the API refused that secret. */
  readonly reportRefused: (secret: string) => void;
}

const renewBeforeMs = 5 * minuteMs;

/**
 * Caches the token of `issue` until five minutes before it expires. Concurrent callers share one request; a failure is
 * not cached.
 *
 * @param issue - with `shouldBypassCache` it must not return a token from a cache of its own
 */
export function cacheToken(
  issue: (shouldBypassCache: boolean) => Promise<IssuedToken>,
  clock: Clock,
): TokenSource {
  let cached: IssuedToken | undefined;
  let issuing: Promise<IssuedToken> | undefined;
  let shouldBypassCache = false;

  const renewToken = async (): Promise<IssuedToken> => {
    cached = await issue(shouldBypassCache);
    shouldBypassCache = false;
    return cached;
  };
  return {
    getToken: async () => {
      if (cached && clock.now() < cached.expiresMs - renewBeforeMs) return cached.token;
      issuing ??= renewToken().finally(() => (issuing = undefined));
      return (await issuing).token;
    },
    reportRefused: (token) => {
      if (cached?.token !== token) return;
      cached = undefined;
      shouldBypassCache = true;
    },
  };
}

/** Creates `Authorization: Bearer …`, for the APIs behind Entra. */
export const createBearerAuthorizer = (source: TokenSource): Authorizer => ({
  createHeader: async () => {
    const secret = await source.getToken();
    return { name: "authorization", value: `Bearer ${secret}`, secret };
  },
  reportRefused: source.reportRefused,
});

/** Creates `Authorization: Token …`, for the API tokens of the Cloud Apps portal, read from the vault. */
export const createPortalAuthorizer = (vault: {
  readonly getSecret: () => Promise<string>;
  readonly reportRefused: () => void;
}): Authorizer => ({
  createHeader: async () => {
    const secret = await vault.getSecret();
    return { name: "authorization", value: `Token ${secret}`, secret };
  },
  reportRefused: vault.reportRefused,
});
