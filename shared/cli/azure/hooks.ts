/** What azd runs after it provisioned the resources and after it deployed the app. */
import type { Output } from "../output.ts";
import { AzureCliError, type RunAz } from "./az.ts";
import { grantRoles } from "./roles.ts";
import { makeSecrets, type SecretsDeps } from "./secrets.ts";

/** Outputs of `infra/main.bicep`, which azd passes to its hooks as environment variables. */
export type AzdEnvironment = Readonly<Record<string, string | undefined>>;

/** @throws Error naming the variable */
function readOutput(environment: AzdEnvironment, name: string): string {
  const value = environment[name];
  if (value === undefined || value === "")
    throw new Error(`${name} must be set. azd sets it from the outputs of infra/main.bicep.`);
  return value;
}

/**
 * Creates the secrets and grants the app roles between provisioning and deployment, so that the
 * app starts with both. A role that is granted after the first start takes effect within 24 hours,
 * because the platform caches the tokens of managed identities.
 */
export async function finishProvisioning(
  deps: SecretsDeps,
  environment: AzdEnvironment,
): Promise<void> {
  const usesOauth = environment["CLOUD_APPS_AUTH"] === "oauth";
  const huntingPrincipal = readOutput(environment, "HUNTING_PRINCIPAL_ID");
  const responsePrincipal = readOutput(environment, "RESPONSE_PRINCIPAL_ID");
  const vault = readOutput(environment, "KEY_VAULT_NAME");
  await requireSignIn(deps.az);
  await makeSecrets(deps, { vault, asksForToken: !usesOauth, sources: [], renewed: [] });
  try {
    await grantRoles(deps, {
      huntingPrincipal,
      grantsDefenderHunting: false,
      cloudAppsPrincipal: usesOauth ? responsePrincipal : undefined,
    });
  } catch (error) {
    const option = usesOauth ? ` --cloud-apps ${responsePrincipal}` : "";
    deps.output.line(
      `The app roles are not granted: ${error instanceof Error ? error.message : String(error)}\n` +
        "Ask a Privileged Role Administrator to run, before the app is deployed:\n" +
        `  npm run azure -- roles ${huntingPrincipal}${option}`,
    );
  }
}

/** azd has a sign-in of its own, so the one of `az` can be missing. */
async function requireSignIn(az: RunAz): Promise<void> {
  try {
    await az(["account", "show", "--output", "none"]);
  } catch (error) {
    if (!(error instanceof AzureCliError) || /not on the PATH/.test(error.message)) throw error;
    throw new AzureCliError("Sign in to the Azure CLI, too: az login");
  }
}

/** Prints the addresses to open and what is still to do. */
export function printNextSteps(output: Output, environment: AzdEnvironment): void {
  const url = readOutput(environment, "APP_URL");
  const app = readOutput(environment, "APP_NAME");
  const group = environment["AZURE_RESOURCE_GROUP"] ?? "<group>";
  const principal = readOutput(environment, "HUNTING_PRINCIPAL_ID");
  output.line(
    [
      "Huntline is deployed:",
      `  Console          ${url}/api/console`,
      `  Health           ${url}/api/health`,
      `  API description  ${url}/api/openapi.json`,
      "Still to do:",
      "  1. Create a key for the console, which asks for it:",
      `     az functionapp keys set -g ${group} -n ${app} --key-type functionKeys --key-name console`,
      "  2. Where the app roles were not granted above, a Privileged Role Administrator runs:",
      `     npm run azure -- roles ${principal}`,
      "  3. Check the deployment, which runs one hunt:",
      `     npm run azure -- check ${group} ${app}`,
    ].join("\n"),
  );
}
