/**
 * `npm run doctor [-- --json]`: looks at everything Huntline stands on, before and after deployment, and says of each thing
 * that is wrong which command mends it. Reads `local.settings.json`, as `npm start` does. Exit code 1 when something is ill.
 */
import { readSettings } from "../runtime/settings.ts";
import { systemClock } from "../runtime/time.ts";
import { cloudApps, filesApi, createHuntingPort, services } from "../app/services.ts";
import { examineApp, type DoctorDeps } from "./doctor/examine.ts";
import type { DoctorFinding } from "./doctor/finding.ts";
import { createOutput } from "./output.ts";
import { loadLocalSettings } from "./local-settings.ts";

loadLocalSettings();
const output = createOutput(process.stdout, process.stderr);
const isJson = process.argv.includes("--json");

const deps: DoctorDeps = {
  settings: () => readSettings(),
  records: services.records,
  queues: services.queues,
  vault: services.vault,
  hunting: () => createHuntingPort(),
  files: async () => (await filesApi()).client,
  cloudApps: async () => (await cloudApps()).client,
  hunts: services.enabledHunts(),
  clock: systemClock,
};

const stateLabels = { well: "well   ", limited: "limited", ill: "ILL    " } as const;

function printFinding(finding: DoctorFinding): void {
  if (isJson) return output.line(JSON.stringify(finding));
  output.line(`${stateLabels[finding.state]}  ${finding.subject}: ${finding.message}`);
  if (finding.fix !== undefined) output.line(`         → ${finding.fix}`);
}

const findings: DoctorFinding[] = [];
for await (const finding of examineApp(deps)) {
  findings.push(finding);
  printFinding(finding);
}
const errorCount = findings.filter(({ state }) => state === "ill").length;
if (!isJson)
  output.line(
    errorCount === 0
      ? "Nothing is wrong."
      : `${errorCount} to mend, in this order: one may be the cause of the next.`,
  );
process.exitCode = errorCount === 0 ? 0 : 1;
