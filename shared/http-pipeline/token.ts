/**
 * Tokens for the pipeline: cached until shortly before they expire, requested once for all callers,
 * dropped when refused.
 */
import { minuteMs, secondMs, type Clock } from "../runtime/time.ts";
import { UpstreamError } from "./upstream-error.ts";

/** A token and its expiry in epoch milliseconds. */
export interface IssuedToken {
  readonly token: string;
  readonly expiresMs: number;
}

export interface TokenSource {
  /** @throws UpstreamError of the issuer's client */
  readonly getToken: () => Promise<string>;
  /**
   * Reports that an API refused a token: the next `getToken` returns another one. Ignores a token
   * that is not the current one.
   */
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
 * How long a refused token is not returned again, and how often another one is requested meanwhile.
 */
const refusedMs = 5 * minuteMs;
const minReissueMs = 30 * secondMs;

/**
 * Caches the token of `issue` until five minutes before it expires. Concurrent callers share one
 * request; a failure is not cached.
 *
 * @param issue - with `shouldBypassCache` it must not return a token from a cache of its own
 */
export function cacheToken(
  issue: (shouldBypassCache: boolean) => Promise<IssuedToken>,
  clock: Clock,
): TokenSource {
  const cache = new TokenCache(issue, clock);
  return {
    getToken: () => cache.getToken(),
    reportRefused: (token) => cache.reportRefused(token),
  };
}

class TokenCache implements TokenSource {
  readonly #issue: (shouldBypassCache: boolean) => Promise<IssuedToken>;
  readonly #clock: Clock;
  #cached: IssuedToken | undefined;
  #issuing: Promise<IssuedToken> | undefined;
  #refused: { readonly token: string; readonly atMs: number } | undefined;
  /** The last issuing that gave the refused token again. */
  #reissuedMs = -Infinity;

  constructor(issue: (shouldBypassCache: boolean) => Promise<IssuedToken>, clock: Clock) {
    this.#issue = issue;
    this.#clock = clock;
  }

  async getToken(): Promise<string> {
    if (this.#cached && this.#clock.now() < this.#cached.expiresMs - renewBeforeMs)
      return this.#cached.token;
    if (this.#isWithin(this.#reissuedMs, minReissueMs)) throw createRefusedTokenError();
    this.#issuing ??= this.#renew().finally(() => (this.#issuing = undefined));
    return (await this.#issuing).token;
  }

  reportRefused(token: string): void {
    if (this.#cached?.token !== token) return;
    this.#cached = undefined;
    this.#refused = { token, atMs: this.#clock.now() };
  }

  async #renew(): Promise<IssuedToken> {
    const issued = await this.#issue(this.#refused !== undefined);
    const isRefused =
      this.#refused?.token === issued.token && this.#isWithin(this.#refused.atMs, refusedMs);
    if (isRefused) {
      this.#reissuedMs = this.#clock.now();
      throw createRefusedTokenError();
    }
    this.#refused = undefined;
    this.#reissuedMs = -Infinity;
    this.#cached = issued;
    return issued;
  }

  /** False also for an instant of the future: then the local clock was set back. */
  #isWithin(atMs: number, ms: number): boolean {
    const ageMs = this.#clock.now() - atMs;
    return ageMs >= 0 && ageMs < ms;
  }
}

const createRefusedTokenError = (): UpstreamError =>
  new UpstreamError("unavailable", "entra: the API refused the token, and no other is issued", {
    api: "entra",
    retryAfterMs: minuteMs,
  });

/** Creates `Authorization: Bearer …`, for the APIs behind Entra. */
export const createBearerAuthorizer = (source: TokenSource): Authorizer => ({
  createHeader: async () => {
    const secret = await source.getToken();
    return { name: "authorization", value: `Bearer ${secret}`, secret };
  },
  reportRefused: source.reportRefused,
});

/**
 * Creates `Authorization: Token …`, for the API tokens of the Cloud Apps portal, read from the
 * vault.
 */
export const createPortalAuthorizer = (vault: {
  readonly getSecret: () => Promise<string>;
  readonly reportRefused: (secret: string) => void;
}): Authorizer => ({
  createHeader: async () => {
    const secret = await vault.getSecret();
    return { name: "authorization", value: `Token ${secret}`, secret };
  },
  reportRefused: vault.reportRefused,
});
