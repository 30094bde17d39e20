/** Tokens as the pipe needs them: kept until shortly before they expire, fetched once for all who wait, dropped when refused. */
import { minuteMs, type Clock } from "../runtime/time.ts";

/** A token and when it ends, epoch milliseconds. */
export interface IssuedToken {
  readonly token: string;
  readonly expiresMs: number;
}

export interface TokenSource {
  /** @throws UpstreamError as the issuer's client raises it */
  readonly getToken: () => Promise<string>;
  /** Told when an API refused a token: the next `getToken` is a fresh one. A token that is no longer the current one is left alone. */
  readonly reportRefused: (token: string) => void;
}

/** What the pipe puts on a request. */
export interface Authorizer {
  readonly createHeader: () => Promise<{
    readonly name: string;
    readonly value: string;
    /** The part of the value that must never be quoted. */
    readonly secret: string;
  }>;
  /** Told when the API refused that secret. */
  readonly reportRefused: (secret: string) => void;
}

const renewBeforeMs = 5 * minuteMs;

/**
 * Keeps what `issue` gives until five minutes before it expires. Concurrent askers share one issuing; a failure is
 * not kept.
 *
 * @param issue - `shouldBypassCache` asks for one that no cache below has
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

/** `Authorization: Bearer …`, for the APIs behind Entra. */
export const createBearerAuthorizer = (source: TokenSource): Authorizer => ({
  createHeader: async () => {
    const secret = await source.getToken();
    return { name: "authorization", value: `Bearer ${secret}`, secret };
  },
  reportRefused: source.reportRefused,
});

/** `Authorization: Token …`, the portal's own tokens of Cloud Apps; the secret comes from the vault. */
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
