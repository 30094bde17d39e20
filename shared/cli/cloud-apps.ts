/**
 * `npm run cloud-apps -- <resource> <command>`: the Cloud Apps API from the command line. It does
 * not close alerts: POST /api/alerts/verdicts does, because it records each change.
 */
import { runCloudApps } from "./cloud-apps/run.ts";
import { runProgram } from "./command-line.ts";
import { loadLocalSettings, loadSimulatorSettings } from "./local-settings.ts";
import { createOutput } from "./output.ts";
import { requireTenant } from "./tenant-option.ts";

const output = createOutput(process.stdout, process.stderr);

await runProgram(output, () =>
  runCloudApps(process.argv.slice(2), {
    output,
    isTerminal: process.stdout.isTTY,
    nowMs: Date.now,
    createClient: async (isSimulated, tenantName) => {
      if (isSimulated) loadSimulatorSettings();
      else loadLocalSettings();
      const { getCloudApps } = await import("../app/alerts.ts");
      return (await getCloudApps(await requireTenant(tenantName))).client;
    },
  }),
);
