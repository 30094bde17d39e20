/** Secrets of Key Vault by name: cached five minutes, read again when refused; the last good value serves for 24 hours. */
import type { SecretClient } from "@azure/keyvault-secrets";
import type { Log } from "../runtime/log.ts";
import { lazy } from "../runtime/lazy.ts";
import { failpoints } from "../runtime/failpoints.ts";
import { UpstreamError } from "../http-pipeline/upstream-error.ts";
import { dayMs, minuteMs, secondMs, type Clock } from "../runtime/time.ts";

/** A secret that cannot be used. Has the secret's name and the reason, never a value. */
export class SecretError extends Error {
  override readonly name = "SecretError";
  readonly secret: string;
  /** True when the vault may return it later without a change by an operator. */
  readonly isTransient: boolean;

  constructor(secret: string, why: string, isTransient: boolean) {
    super(`secret ${secret}: ${why}`);
    this.secret = secret;
    this.isTransient = isTransient;
  }
}

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
  /** Reports that a service refused the value: the next `getSecret` reads it again, at most every 30 seconds. */
  readonly reportRefused: (name: string) => void;
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

/** One secret as read from a vault. */
interface VaultSecret {
  readonly value: string;
  readonly expiresMs: number | undefined;
}

interface CachedSecret extends VaultSecret {
  readonly readMs: number;
}

/** The state of one name. */
interface SecretState {
  cached: CachedSecret | undefined;
  /** The last try, successful or not. */
  triedMs: number;
  /** The last try after a refusal: a value that stays refused must not be read with every call. */
  reconsideredMs: number;
  isRefused: boolean;
  reading: Promise<string> | undefined;
}

const cacheMs = 5 * minuteMs;
const minRereadMs = 30 * secondMs;
const maxStaleMs = dayMs;

/** Creates the vault. Nothing is read before the first `getSecret`. */
export function createVault(options: VaultOptions): Vault {
  const { clock, log } = options;
  const states = new Map<string, SecretState>();
  const client = lazy(() => createSecretClient(options));

  const getState = (name: string): SecretState => {
    const state = states.get(name) ?? {
      cached: undefined,
      triedMs: -Infinity,
      reconsideredMs: -Infinity,
      isRefused: false,
      reading: undefined,
    };
    states.set(name, state);
    return state;
  };

  const refreshSecret = async (name: string, state: SecretState): Promise<string> => {
    state.triedMs = clock.now();
    if (state.isRefused) state.reconsideredMs = state.triedMs;
    try {
      const fetched = await readSecret(await client(), name);
      if (state.cached && state.cached.value !== fetched.value)
        log("secret.rotated", { secret: name });
      state.cached = { ...fetched, readMs: clock.now() };
      state.isRefused = false;
      await failpoints.failpoint("S1 secret refreshed");
      return fetched.value;
    } catch (error) {
      const { cached } = state;
      const isOutage = error instanceof SecretError && error.isTransient;
      if (isOutage && cached && clock.now() - cached.readMs < maxStaleMs) return cached.value;
      throw error;
    }
  };

  return {
    getSecret: async (name) => {
      const state = getState(name);
      const { cached, triedMs } = state;
      const ageMs = clock.now() - (cached?.readMs ?? -Infinity);
      const isOld =
        ageMs >= cacheMs && (clock.now() - triedMs >= minRereadMs || ageMs >= maxStaleMs);
      const isDoubtful = state.isRefused && clock.now() - state.reconsideredMs >= minRereadMs;
      const isDue = cached === undefined || isOld || isDoubtful;
      if (!isDue) return cached.value;
      state.reading ??= refreshSecret(name, state).finally(() => (state.reading = undefined));
      return state.reading;
    },
    reportRefused: (name) => {
      getState(name).isRefused = true;
    },
    listExpiring: () =>
      [...states]
        .flatMap(([secret, { cached }]) =>
          cached?.expiresMs === undefined ? [] : [{ secret, expiresMs: cached.expiresMs }],
        )
        .sort((a, b) => a.expiresMs - b.expiresMs),
  };
}

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

const readDeadlineMs = 20 * secondMs;

async function readSecret(client: SecretClient, name: string): Promise<VaultSecret> {
  let response: Awaited<ReturnType<SecretClient["getSecret"]>>;
  try {
    response = await client.getSecret(name, { abortSignal: AbortSignal.timeout(readDeadlineMs) });
  } catch (error) {
    throw toSecretError(name, error);
  }
  const value = (response.value ?? "").trim();
  const fault = findFault(value);
  if (fault) throw new SecretError(name, fault, false);
  return { value, expiresMs: response.properties.expiresOn?.getTime() };
}

/** Returns why a value is a placeholder instead of a secret. */
function findFault(value: string): string | undefined {
  if (value === "") return "it is empty in the vault";
  if (value.startsWith("@Microsoft.KeyVault("))
    return "its value is an unresolved Key Vault reference";
  if (
    /^(?:<.*>|\{\{.*\}\}|change[-_ ]?me|replace[-_ ]?me|placeholder|to-?do|x{3,}|\.{3})$/i.test(
      value,
    )
  )
    return "its value is a placeholder";
  return undefined;
}

function toSecretError(name: string, error: unknown): SecretError {
  // A RestError of the SDK has these members; any other error has none of them.
  const { code, details, statusCode } = error as {
    statusCode?: number;
    code?: string;
    details?: { error?: { innerError?: { code?: string }; innererror?: { code?: string } } };
  };
  const { innerError, innererror = innerError } = details?.error ?? {};
  const inner = innererror?.code;
  const codes = [statusCode, inner ?? code].filter(Boolean).join(" ");
  const refusal = refusals.get(statusCode ?? 0);
  if (refusal !== undefined) return new SecretError(name, `${refusal} (${codes})`, false);
  const kind = codes === "" && error instanceof Error ? error.name : codes;
  return new SecretError(name, `the vault cannot be reached (${kind})`, true);
}

/** Statuses that only an operator can fix. */
const refusals: ReadonlyMap<number, string> = new Map([
  [400, "the vault refused the request"],
  [401, "the vault did not accept this app's token"],
  [403, "this app may not read it"],
  [404, "it is not in the vault"],
]);
