/** Runs one command line of `npm run tenants`. */
import { tenantName } from "../../app/tenant-settings.ts";
import { createConsentUrl, listTenants } from "../../app/tenants.ts";
import { defaultTenant } from "../../storage/tenant-records.ts";
import {
  parseCommandLine,
  throwUnknownCommand,
  UsageError,
  type CommandLine,
} from "../command-line.ts";
import { formatTable, type Output } from "../output.ts";
import { requireTenant } from "../tenant-option.ts";
import { forgetTenant, type TenantBlobs } from "./forget-tenant.ts";

const usage = `npm run tenants -- <command> [options]

  list                     lists the tenants of the setting TENANTS
  consent <tenant>         prints the address at which its administrator consents
  forget <tenant>          deletes its exports, records and dead letters
      --dry-run            counts them and deletes nothing

  --simulator              use the simulated cloud that npm start runs
  --help, -h

It reads local.settings.json and the environment. Remove a tenant from TENANTS, or set its enabled
to false, before its data is deleted. The audit log stays until its immutability ends.`;

/** What the command line runs with. */
export interface TenantsContext {
  readonly output: Output;
  readonly loadSettings: (isSimulated: boolean) => void;
  readonly openBlobs: () => Promise<TenantBlobs>;
}

const commandNames = ["list", "consent", "forget"];

/** Returns the exit code. @throws UsageError */
export async function runTenants(
  words: readonly string[],
  { loadSettings, openBlobs, output }: TenantsContext,
): Promise<number> {
  const line = parseCommandLine(words, { "dry-run": "flag", simulator: "flag" });
  const [command, name, ...extra] = line.positionals;
  if (line.isHelp || command === undefined) {
    output.line(usage);
    return 0;
  }
  if (!commandNames.includes(command)) return throwUnknownCommand(command, commandNames);
  const [unexpected] = command === "list" ? [name, ...extra] : extra;
  if (unexpected !== undefined)
    throw new UsageError(`Unexpected "${unexpected}". Run with --help.`);
  loadSettings(line.hasFlag("simulator"));
  if (command === "list") return printTenants(output);
  if (name === undefined) throw new UsageError(`tenants ${command} requires a tenant.`);
  return command === "consent"
    ? printConsent(name, output)
    : forget(name, line, await openBlobs(), output);
}

function printTenants(output: Output): number {
  const rows = listTenants().map(({ name, readSettings }) => {
    const { CLOUD, HUNTING_API, TENANT_ID } = readSettings(["TENANT_ID", "CLOUD", "HUNTING_API"]);
    return [name, TENANT_ID, CLOUD, HUNTING_API];
  });
  for (const text of formatTable(["tenant", "id", "cloud", "hunting"], rows)) output.line(text);
  return 0;
}

async function printConsent(name: string, output: Output): Promise<number> {
  const url = createConsentUrl(await requireTenant(name));
  if (url === undefined)
    throw new UsageError(
      `${name} uses the managed identities of the deployment, which need no consent.`,
    );
  output.line(url);
  output.line("");
  output.line(
    `An administrator of ${name} opens this address and accepts the permissions. Then run`,
  );
  output.line(`  npm run doctor -- --tenant ${name}`);
  return 0;
}

async function forget(
  name: string,
  line: CommandLine,
  blobs: TenantBlobs,
  output: Output,
): Promise<number> {
  const { error } = tenantName.safeParse(name);
  if (error) throw new UsageError(`The tenant ${error.issues[0]?.message ?? "is invalid"}.`);
  const isEnabled = listTenants().some((tenant) => tenant.name === name);
  if (name === defaultTenant || (isEnabled && !line.hasFlag("dry-run")))
    throw new UsageError(
      name === defaultTenant
        ? "The tenant default belongs to the deployment; delete the deployment instead."
        : `${name} is enabled, so its runs would write again. Set "enabled": false in TENANTS first.`,
    );
  return forgetTenant(name, line.hasFlag("dry-run"), blobs, output);
}
