/** `npm run doctor`: checks settings, clock, storage, secrets and each service's answers. */
import { systemClock } from "../runtime/time.ts";
import { parseCommandLine, runProgram, UsageError } from "./command-line.ts";
import { examineApp } from "./doctor/examine.ts";
import type { DoctorFinding } from "./doctor/finding.ts";
import { loadLocalSettings, loadSimulatorSettings } from "./local-settings.ts";
import { createOutput, formatCount } from "./output.ts";
import { requireTenant } from "./tenant-option.ts";

const usage = `npm run doctor -- [--tenant <name>] [--json] [--simulator]

Checks everything that Huntline needs: settings, clock, storage, secrets, hunting, files and
Cloud Apps. For each problem it finds, it prints the command that fixes it.

  --tenant      check a tenant of the setting TENANTS; else the tenant default
  --json        one JSON object a line
  --simulator   check against the simulated cloud that npm start runs
  --help, -h

It reads local.settings.json and the environment. Exit codes: 0 no problem, 1 a problem was found,
2 the command line is wrong.`;

const output = createOutput(process.stdout, process.stderr);

const stateLabels = { ok: "ok     ", warning: "warning", error: "ERROR  " } as const;

function printFinding({ state, subject, message, fix }: DoctorFinding): void {
  output.line(`${stateLabels[state]}  ${subject}: ${message}`);
  if (fix !== undefined) output.line(`         fix: ${fix}`);
}

async function examine(isJson: boolean, tenantName: string | undefined): Promise<number> {
  const tenant = await requireTenant(tenantName);
  const { getTenantServices } = await import("../app/tenant-services.ts");
  const { createConsentUrl } = await import("../app/tenants.ts");
  const { getVault } = await import("../app/platform.ts");
  const { enabledHunts, queues, records } = getTenantServices(tenant);
  const { getCloudApps } = await import("../app/alerts.ts");
  const { getFilesApi } = await import("../app/files.ts");
  const { createHuntingPort } = await import("../app/hunting-api.ts");
  const findings = examineApp({
    settings: () => tenant.readSettings(),
    tenant,
    consentUrl: tenant.isDefault ? undefined : createConsentUrl(tenant),
    records,
    queues,
    vault: getVault,
    hunting: () => createHuntingPort(tenant),
    files: async () => (await getFilesApi(tenant)).client,
    cloudApps: async () => (await getCloudApps(tenant)).client,
    hunts: enabledHunts(),
    storageEndpoint: process.env["DataStorage"] ?? process.env["DataStorage__blobServiceUri"] ?? "",
    hasManagedIdentity: process.env["IDENTITY_ENDPOINT"] !== undefined,
    clock: systemClock,
  });
  let errorCount = 0;
  for await (const finding of findings) {
    if (finding.state === "error") errorCount += 1;
    if (isJson) output.line(JSON.stringify(finding));
    else printFinding(finding);
  }
  if (!isJson) output.line(formatSummary(errorCount));
  return errorCount === 0 ? 0 : 1;
}

const formatSummary = (errorCount: number): string =>
  errorCount === 0
    ? "No problems found."
    : `${formatCount(errorCount, "problem")} found. Fix them in order; later ones may be side effects.`;

await runProgram(output, async () => {
  const line = parseCommandLine(process.argv.slice(2), {
    json: "flag",
    simulator: "flag",
    tenant: "text",
  });
  if (line.isHelp) {
    output.line(usage);
    return 0;
  }
  const [unexpected] = line.positionals;
  if (unexpected !== undefined)
    throw new UsageError(`Unexpected "${unexpected}". Run with --help.`);
  if (line.hasFlag("simulator")) loadSimulatorSettings();
  else loadLocalSettings();
  return examine(line.hasFlag("json"), line.readText("tenant"));
});
