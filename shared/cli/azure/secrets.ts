/**
 * Creates the secrets that Huntline needs in its key vault. Values are random; they are never
 * printed and never part of a command line. A secret that exists is kept.
 */
import { randomBytes } from "node:crypto";
import { UsageError } from "../command-line.ts";
import type { Output } from "../output.ts";
import { AzureCliError, runAzJson, withPrivateFile, type RunAz } from "./az.ts";

/** What the command needs from outside. */
export interface SecretsDeps {
  readonly az: RunAz;
  readonly output: Output;
  /** Asks for a secret without echo; Absent without a terminal. */
  readonly askSecret?: (question: string) => Promise<string>;
  readonly sleep: (ms: number) => Promise<void>;
  /** The current time, milliseconds since 1970. */
  readonly now: () => number;
}

/** What to create. */
export interface SecretsRequest {
  readonly vault: string;
  /** Ask for the Cloud Apps token. */
  readonly asksForToken: boolean;
  /** Webhook sources that need a secret. */
  readonly sources: readonly string[];
  /** Secrets that get a new version. */
  readonly renewed: readonly string[];
}

const tokenName = "cloud-apps-token";
const sourcePattern = /^[a-z0-9-]{1,40}$/;
const renewablePattern = /^(?:audit-key|job-key|queue-key|webhook-[a-z0-9-]{1,40})$/;
const dayMs = 86_400_000;

/** Days after which a secret expires; former audit keys verify old records for years. */
const expiryDays = (name: string): number => (name === "audit-key" ? 1_095 : 365);

/** @throws UsageError for a source or secret that cannot be created */
export async function makeSecrets(deps: SecretsDeps, request: SecretsRequest): Promise<void> {
  for (const source of request.sources)
    if (!sourcePattern.test(source))
      throw new UsageError("--webhook must be a source such as sentinel.");
  for (const name of request.renewed)
    if (!renewablePattern.test(name))
      throw new UsageError("--renew must be audit-key, job-key, queue-key or webhook-<source>.");

  const existing = await waitForSecretNames(deps, request.vault);
  const required = [
    "audit-key",
    "job-key",
    "queue-key",
    ...request.sources.map((name) => `webhook-${name}`),
  ];
  const storeValue = (name: string, value: string): Promise<void> =>
    storeSecret(deps, request.vault, name, value);
  for (const name of new Set([...required, ...request.renewed])) {
    if (existing.includes(name) && !request.renewed.includes(name)) {
      deps.output.line(`${name}: kept`);
      continue;
    }
    await storeValue(name, randomBytes(32).toString("base64"));
    deps.output.line(`${name}: created`);
  }
  if (request.asksForToken) await askForToken(deps, request.vault, existing, storeValue);
}

const maxAttempts = 10;
const attemptDelayMs = 30_000;

/**
 * Lists the names of the vault's secrets. A new role assignment takes effect within minutes, so a
 * refusal is repeated; any other error ends the command.
 */
async function waitForSecretNames(
  { az, output, sleep }: SecretsDeps,
  vault: string,
): Promise<readonly string[]> {
  const command = ["keyvault", "secret", "list", "--vault-name", vault, "--query", "[].name"];
  for (let attempt = 1; ; attempt += 1) {
    try {
      return (await runAzJson<string[]>(az, command)) ?? [];
    } catch (error) {
      const isForbidden = error instanceof AzureCliError && /forbidden/i.test(error.message);
      if (!isForbidden || attempt === maxAttempts) throw error;
      output.line(
        `The role Key Vault Secrets Officer on ${vault} has no effect yet; next attempt in ` +
          `${attemptDelayMs / 1_000} s (${attempt} of ${maxAttempts}).`,
      );
      await sleep(attemptDelayMs);
    }
  }
}

/** The value passes through a file, because command lines are visible to other users. */
async function storeSecret(
  { az, now }: SecretsDeps,
  vault: string,
  name: string,
  value: string,
): Promise<void> {
  const expires = new Date(now() + expiryDays(name) * dayMs).toISOString().replace(/\..*/, "Z");
  await withPrivateFile(value, (file) =>
    az([
      "keyvault",
      "secret",
      "set",
      "--vault-name",
      vault,
      "--name",
      name,
      "--file",
      file,
      "--encoding",
      "utf-8",
      "--content-type",
      "text/plain",
      "--expires",
      expires,
      "--output",
      "none",
    ]),
  );
}

async function askForToken(
  { askSecret, output }: SecretsDeps,
  vault: string,
  existing: readonly string[],
  storeValue: (name: string, value: string) => Promise<void>,
): Promise<void> {
  const command = `npm run azure -- secrets ${vault} --cloud-apps-token`;
  if (!askSecret) {
    output.line(`${tokenName}: not asked without a terminal. Run: ${command}`);
    return;
  }
  const isStored = existing.includes(tokenName);
  const hint = isStored ? "not shown; Enter keeps the existing one" : "not shown";
  const token = await askSecret(
    `Cloud Apps token (portal: Settings, Cloud Apps, API tokens; ${hint}): `,
  );
  if (token !== "") {
    await storeValue(tokenName, token);
    output.line(`${tokenName}: set`);
  } else output.line(`${tokenName}: ${isStored ? "kept" : `missing. Run: ${command}`}`);
}
