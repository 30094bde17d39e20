/**
 * Secrets of Key Vault by name: cached five minutes, read again when refused; the last good value
 * serves for 24 hours.
 */
import type { SecretClient } from "@azure/keyvault-secrets";
import type { Log } from "../runtime/log.ts";
import { lazy } from "../runtime/lazy.ts";
import { failpoints } from "../runtime/failpoints.ts";
import { UpstreamError } from "../http-pipeline/upstream-error.ts";
import { dayMs, minuteMs, secondMs, type Clock } from "../runtime/time.ts";
import { readSecret, SecretError, type VaultSecret } from "./read-secret.ts";

/**
 * Returns how long to wait before the next try, ms, after a transient failure; 0 after a success.
 *
 * @throws the failure when an operator has to fix it
 */
export async function getRecoveryDelayMs(attempt: Promise<unknown>): Promise<number> {
  try {
    await attempt;
    return 0;
  } catch (error) {
    if (error instanceof SecretError && error.isTransient) return minuteMs;
    if (error instanceof UpstreamError && error.code === "unavailable")
      return error.retryAfterMs ?? minuteMs;
    throw error;
  }
}

/** A secret with an expiry date in the vault. */
export interface ExpiringSecret {
  readonly secret: string;
  readonly expiresMs: number;
}

export interface Vault {
  /** @throws SecretError */
  readonly getSecret: (name: string) => Promise<string>;
  /**
   * Reports that a service refused the value: it is read again, at most every 30 seconds, and not
   * returned again for five minutes. Ignores a value that is not the current one.
   */
  readonly reportRefused: (name: string, value: string) => void;
  /** The secrets read so far that have an expiry, soonest first, expired ones included. */
  readonly listExpiring: () => readonly ExpiringSecret[];
}

export interface VaultOptions {
  /** `https://name.vault.azure.net`; plain http only on this machine. */
  readonly url: string;
  /** Client id of the user-assigned identity; `undefined` for the system-assigned one. */
  readonly identityClientId: string | undefined;
  readonly clock: Clock;
  readonly log: Log;
}

interface CachedSecret extends VaultSecret {
  readonly readMs: number;
}

/** The state of one name. */
interface SecretState {
  cached: CachedSecret | undefined;
  /** The last try, successful or not. */
  triedMs: number;
  /** The last failure, so that repeated requests do not cause a call each. */
  failure: { readonly error: SecretError; readonly atMs: number } | undefined;
  /** A value that a service refused. */
  refused: { readonly value: string; readonly atMs: number } | undefined;
  /** The last try that gave the refused value again, so that it is not read with every call. */
  reconsideredMs: number;
  reading: Promise<string> | undefined;
}

const cacheMs = 5 * minuteMs;
const minRereadMs = 30 * secondMs;
const maxStaleMs = dayMs;
/** A service may refuse a valid value by mistake, so a refusal is forgotten after this time. */
const refusedMs = 5 * minuteMs;
const transientFailureMs = 5 * secondMs;
/** Pauses between the tries to replace a refused value while the vault fails. */
const replacePausesMs = [1, 2, 4, 8].map((seconds) => seconds * secondMs);

/** Creates the vault. Nothing is read before the first `getSecret`. */
export function createVault(options: VaultOptions): Vault {
  const vault = new SecretVault(options);
  return {
    getSecret: (name) => vault.getSecret(name),
    reportRefused: (name, value) => vault.reportRefused(name, value),
    listExpiring: () => vault.listExpiring(),
  };
}

class SecretVault implements Vault {
  readonly #options: VaultOptions;
  readonly #states = new Map<string, SecretState>();
  readonly #client: () => Promise<SecretClient>;

  constructor(options: VaultOptions) {
    this.#options = options;
    this.#client = lazy(() => createSecretClient(options));
  }

  async getSecret(name: string): Promise<string> {
    const state = this.#getState(name);
    const { cached, failure } = state;
    if (cached && !this.#isDue(state, cached)) {
      if (!this.#isRefused(state, cached.value)) return cached.value;
      if (!state.reading) throw createRefusedError(name);
    }
    const rememberMs = failure?.error.isTransient === true ? transientFailureMs : minRereadMs;
    if (!cached && failure && this.#isWithin(failure.atMs, rememberMs)) throw failure.error;
    state.reading ??= this.#refresh(name, state).finally(() => (state.reading = undefined));
    return state.reading;
  }

  reportRefused(name: string, value: string): void {
    const state = this.#getState(name);
    const isCurrent = state.cached === undefined || state.cached.value === value;
    if (isCurrent) state.refused = { value, atMs: this.#options.clock.now() };
  }

  listExpiring(): readonly ExpiringSecret[] {
    return [...this.#states]
      .flatMap(([secret, { cached }]) =>
        cached?.expiresMs === undefined ? [] : [{ secret, expiresMs: cached.expiresMs }],
      )
      .sort((a, b) => a.expiresMs - b.expiresMs);
  }

  #getState(name: string): SecretState {
    const state = this.#states.get(name) ?? {
      cached: undefined,
      triedMs: -Infinity,
      failure: undefined,
      refused: undefined,
      reconsideredMs: -Infinity,
      reading: undefined,
    };
    this.#states.set(name, state);
    return state;
  }

  /** False also for an instant of the future: then the local clock was set back. */
  #isWithin(atMs: number, ms: number): boolean {
    const ageMs = this.#options.clock.now() - atMs;
    return ageMs >= 0 && ageMs < ms;
  }

  #isRefused({ refused }: SecretState, value: string): boolean {
    return refused?.value === value && this.#isWithin(refused.atMs, refusedMs);
  }

  #isDue(state: SecretState, { readMs, value }: CachedSecret): boolean {
    if (this.#isRefused(state, value)) return !this.#isWithin(state.reconsideredMs, minRereadMs);
    if (this.#isWithin(readMs, cacheMs)) return false;
    return !this.#isWithin(state.triedMs, minRereadMs) || !this.#isWithin(readMs, maxStaleMs);
  }

  /**
   * Reads the secret. Tries again while the vault fails and the only known value is a refused one.
   */
  async #refresh(name: string, state: SecretState): Promise<string> {
    const { clock } = this.#options;
    for (const pauseMs of [...replacePausesMs, undefined]) {
      const refusedBefore = state.refused;
      const result = await this.#readOnce(name, state);
      if (typeof result === "string") {
        if (!this.#isRefused(state, result)) return result;
        // A refusal that arrived during the read says nothing about the value now in the vault.
        if (state.refused === refusedBefore) break;
      } else {
        const { cached } = state;
        if (!result.isTransient || !cached) throw result;
        const isStale = !this.#isWithin(cached.readMs, maxStaleMs);
        if (!isStale && !this.#isRefused(state, cached.value)) return cached.value;
        if (isStale || pauseMs === undefined) throw result;
        await clock.sleep(pauseMs);
      }
    }
    state.reconsideredMs = clock.now();
    throw createRefusedError(name);
  }

  /** Returns the value, or the failure when the vault gives none. */
  async #readOnce(name: string, state: SecretState): Promise<string | SecretError> {
    const { clock, log } = this.#options;
    state.triedMs = clock.now();
    try {
      const fetched = await readSecret(await this.#client(), name);
      if (state.cached && state.cached.value !== fetched.value)
        log("secret.rotated", { secret: name });
      state.cached = { ...fetched, readMs: clock.now() };
      state.failure = undefined;
      await failpoints.failpoint("S1 secret refreshed");
      return fetched.value;
    } catch (error) {
      if (!(error instanceof SecretError)) throw error;
      state.failure = { error, atMs: clock.now() };
      return error;
    }
  }
}

const createRefusedError = (name: string): SecretError =>
  new SecretError(name, "a service refused its value, and the vault has no other", true);

const loopbackHosts = new Set(["localhost", "127.0.0.1", "[::1]"]);

async function createSecretClient({ identityClientId, url }: VaultOptions): Promise<SecretClient> {
  const { ManagedIdentityCredential, SecretClient } = await import("./azure.ts");
  const credential = new ManagedIdentityCredential(
    identityClientId === undefined ? {} : { clientId: identityClientId },
  );
  // A loopback address cannot pass the check of the challenge's host and has no certificate.
  const localOptions = loopbackHosts.has(new URL(url).hostname)
    ? { allowInsecureConnection: true, disableChallengeResourceVerification: true }
    : {};
  return new SecretClient(url, credential, {
    ...localOptions,
    retryOptions: { maxRetries: 2, retryDelayInMs: 300 },
  });
}
