/** Reads one secret from Key Vault and says why a value or a response is not usable. */
import type { SecretClient } from "@azure/keyvault-secrets";
import { secondMs } from "../runtime/time.ts";

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

/** One secret as read from a vault. */
export interface VaultSecret {
  readonly value: string;
  readonly expiresMs: number | undefined;
}

const readDeadlineMs = 20 * secondMs;

/** @throws SecretError */
export async function readSecret(client: SecretClient, name: string): Promise<VaultSecret> {
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
