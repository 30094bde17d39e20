/** Tokens as the pipe needs them: kept until shortly before they expire, fetched once for all who wait, dropped when refused. */
import { minuteMs, type Clock } from "../runtime/time.ts";

/** A token and when it ends, epoch milliseconds. */
export interface IssuedToken {
  readonly token: string;
  readonly expiresMs: number;
}

export interface TokenSource {
  /** @throws UpstreamError as the issuer's client raises it */
  readonly token: () => Promise<string>;
  /** Told when an API refused a token: the next `token` is a fresh one. A token that is no longer the current one is left alone. */
  readonly refused: (token: string) => void;
}

/** What the pipe puts on a request. */
export interface Authorise {
  readonly header: () => Promise<{
    readonly name: string;
    readonly value: string;
    /** The part of the value that must never be quoted. */
    readonly secret: string;
  }>;
  /** Told when the API refused that secret. */
  readonly refused: (secret: string) => void;
}

const beforeExpiryMs = 5 * minuteMs;

/**
 * Keeps what `issue` gives until five minutes before it expires. Concurrent askers share one issuing; a failure is
 * not kept.
 *
 * @param issue - `fresh` asks for one that no cache below has
 */
export function keptToken(
  issue: (fresh: boolean) => Promise<IssuedToken>,
  clock: Clock,
): TokenSource {
  let kept: IssuedToken | undefined;
  let issuing: Promise<IssuedToken> | undefined;
  let fresh = false;

  const renew = async (): Promise<IssuedToken> => {
    kept = await issue(fresh);
    fresh = false;
    return kept;
  };
  return {
    token: async () => {
      if (kept && clock.now() < kept.expiresMs - beforeExpiryMs) return kept.token;
      issuing ??= renew().finally(() => (issuing = undefined));
      return (await issuing).token;
    },
    refused: (token) => {
      if (kept?.token !== token) return;
      kept = undefined;
      fresh = true;
    },
  };
}

/** `Authorization: Bearer …`, for the APIs behind Entra. */
export const bearer = (source: TokenSource): Authorise => ({
  header: async () => {
    const secret = await source.token();
    return { name: "authorization", value: `Bearer ${secret}`, secret };
  },
  refused: source.refused,
});

/** `Authorization: Token …`, the portal's own tokens of Cloud Apps; the secret comes from the vault. */
export const portalToken = (vault: {
  readonly secret: () => Promise<string>;
  readonly refused: () => void;
}): Authorise => ({
  header: async () => {
    const secret = await vault.secret();
    return { name: "authorization", value: `Token ${secret}`, secret };
  },
  refused: vault.refused,
});
