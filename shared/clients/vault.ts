/** Secrets of Key Vault by name: kept five minutes, read again when refused, the last good value through an outage of a day. */
import type { SecretClient } from "@azure/keyvault-secrets";
import type { Log } from "../runtime/log.ts";
import { once } from "../runtime/lazy.ts";
import { points } from "../runtime/failpoints.ts";
import { UpstreamError } from "../http-pipeline/upstream-error.ts";
import { dayMs, minuteMs, secondMs, type Clock } from "../runtime/time.ts";

/** A secret that cannot be used. Names the secret and the reason, never a value. */
export class SecretError extends Error {
  override readonly name = "SecretError";
  readonly secret: string;
  /** True when the vault may give it later without anybody's doing. */
  readonly passing: boolean;

  constructor(secret: string, why: string, passing: boolean) {
    super(`secret ${secret}: ${why}`);
    this.secret = secret;
    this.passing = passing;
  }
}

/**
 * How long to wait before trying again, ms, when what failed may mend itself; 0 when it did not fail.
 *
 * @throws what it failed with, when only people can mend it
 */
export async function passingTroubleMs(tried: Promise<unknown>): Promise<number> {
  try {
    await tried;
    return 0;
  } catch (error) {
    if (error instanceof SecretError && error.passing) return minuteMs;
    if (error instanceof UpstreamError && error.code === "unavailable")
      return error.retryAfterMs ?? minuteMs;
    throw error;
  }
}

/** A secret with an end in sight, as the vault has it. */
export interface ExpiringSecret {
  readonly secret: string;
  readonly expiresMs: number;
}

export interface Vault {
  /** @throws SecretError */
  readonly secret: (name: string) => Promise<string>;
  /** Told when a service refused the value: the next `secret` reads it again, every 30 seconds at most. */
  readonly refused: (name: string) => void;
  /** The secrets read so far that have an expiry, soonest first; one that is over is among them. */
  readonly expiring: () => readonly ExpiringSecret[];
}

export interface VaultOptions {
  /** `https://name.vault.azure.net`; plain http only on this machine. */
  readonly url: string;
  /** Client id of the user-assigned identity; absent for the system's own. */
  readonly identityClientId: string | undefined;
  readonly clock: Clock;
  readonly log: Log;
}

/** One secret as read from a vault. */
interface ReadSecret {
  readonly value: string;
  readonly expiresMs: number | undefined;
}

interface Kept extends ReadSecret {
  readonly readMs: number;
}

/** What is remembered of one name. */
interface Drawer {
  kept: Kept | undefined;
  /** The last try, whether it came to something or not. */
  triedMs: number;
  /** The last try that a refusal led to: a value refused again and again must not be read again and again. */
  reconsideredMs: number;
  isRefused: boolean;
  reading: Promise<string> | undefined;
}

const keepMs = 5 * minuteMs;
const rereadMs = 30 * secondMs;
const lastGoodMs = dayMs;

/** Opens the vault; nothing is read before the first `secret`. */
export function openVault(options: VaultOptions): Vault {
  const { clock, log } = options;
  const drawers = new Map<string, Drawer>();
  const client = once(() => openClient(options));

  const drawerOf = (name: string): Drawer => {
    const drawer = drawers.get(name) ?? {
      kept: undefined,
      triedMs: -Infinity,
      reconsideredMs: -Infinity,
      isRefused: false,
      reading: undefined,
    };
    drawers.set(name, drawer);
    return drawer;
  };

  const reread = async (name: string, drawer: Drawer): Promise<string> => {
    drawer.triedMs = clock.now();
    if (drawer.isRefused) drawer.reconsideredMs = drawer.triedMs;
    try {
      const read = await readSecret(await client(), name);
      if (drawer.kept && drawer.kept.value !== read.value) log("secret.rotated", { secret: name });
      drawer.kept = { ...read, readMs: clock.now() };
      drawer.isRefused = false;
      await points.reach("S1 secret refreshed");
      return read.value;
    } catch (error) {
      const { kept } = drawer;
      const isOutage = error instanceof SecretError && error.passing;
      if (isOutage && kept && clock.now() - kept.readMs < lastGoodMs) return kept.value;
      throw error;
    }
  };

  return {
    secret: async (name) => {
      const drawer = drawerOf(name);
      const { kept, triedMs } = drawer;
      const age = clock.now() - (kept?.readMs ?? -Infinity);
      const isOld = age >= keepMs && (clock.now() - triedMs >= rereadMs || age >= lastGoodMs);
      const isDoubtful = drawer.isRefused && clock.now() - drawer.reconsideredMs >= rereadMs;
      const isDue = kept === undefined || isOld || isDoubtful;
      if (!isDue) return kept.value;
      drawer.reading ??= reread(name, drawer).finally(() => (drawer.reading = undefined));
      return drawer.reading;
    },
    refused: (name) => {
      drawerOf(name).isRefused = true;
    },
    expiring: () =>
      [...drawers]
        .flatMap(([secret, { kept }]) =>
          kept?.expiresMs === undefined ? [] : [{ secret, expiresMs: kept.expiresMs }],
        )
        .sort((a, b) => a.expiresMs - b.expiresMs),
  };
}

const loopback = new Set(["localhost", "127.0.0.1", "[::1]"]);

async function openClient({ identityClientId, url }: VaultOptions): Promise<SecretClient> {
  const { ManagedIdentityCredential, SecretClient } = await import("./azure.ts");
  const credential = new ManagedIdentityCredential(
    identityClientId === undefined ? {} : { clientId: identityClientId },
  );
  // No address of this machine can pass the check of the challenge's host, and none has a certificate to show.
  const local = loopback.has(new URL(url).hostname)
    ? { allowInsecureConnection: true, disableChallengeResourceVerification: true }
    : {};
  return new SecretClient(url, credential, {
    ...local,
    retryOptions: { maxRetries: 2, retryDelayInMs: 300 },
  });
}

const readDeadlineMs = 20 * secondMs;

async function readSecret(client: SecretClient, name: string): Promise<ReadSecret> {
  let answer: Awaited<ReturnType<SecretClient["getSecret"]>>;
  try {
    answer = await client.getSecret(name, { abortSignal: AbortSignal.timeout(readDeadlineMs) });
  } catch (error) {
    throw failureOf(name, error);
  }
  const value = (answer.value ?? "").trim();
  const fault = faultOf(value);
  if (fault) throw new SecretError(name, fault, false);
  return { value, expiresMs: answer.properties.expiresOn?.getTime() };
}

/** Values that stand for a secret without being one. */
function faultOf(value: string): string | undefined {
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

function failureOf(name: string, error: unknown): SecretError {
  // The seam to the SDK: a RestError has these members, anything else has none of them.
  const { code, details, statusCode } = error as {
    statusCode?: number;
    code?: string;
    details?: { error?: { innerError?: { code?: string }; innererror?: { code?: string } } };
  };
  const inner = details?.error?.innerError?.code ?? details?.error?.innererror?.code;
  const said = [statusCode, inner ?? code].filter(Boolean).join(" ");
  if (statusCode === 404) return new SecretError(name, `it is not in the vault (${said})`, false);
  if (statusCode === 403) return new SecretError(name, `this app may not read it (${said})`, false);
  if (statusCode === 401)
    return new SecretError(name, `the vault did not accept this app's token (${said})`, false);
  if (statusCode === 400)
    return new SecretError(name, `the vault refused the request (${said})`, false);
  const kind = said === "" && error instanceof Error ? error.name : said;
  return new SecretError(name, `the vault cannot be reached (${kind})`, true);
}
