/**
 * `npm run doctor [-- --json]`: looks at everything Huntline stands on, before and after deployment, and says of each thing
 * that is wrong which command mends it. Reads `local.settings.json`, as `npm start` does. Exit code 1 when something is ill.
 */
import { readSettings } from "../runtime/settings.ts";
import { systemClock } from "../runtime/time.ts";
import { cloudApps, filesApi, openHunting, wiring } from "../app/services.ts";
import { examine, type Patient } from "./doctor/examine.ts";
import type { Finding } from "./doctor/finding.ts";
import { openOutput } from "./hunts/output.ts";
import { loadLocalSettings } from "./local-settings.ts";

loadLocalSettings();
const out = openOutput(process.stdout, process.stderr);
const asJson = process.argv.includes("--json");

const patient: Patient = {
  settings: () => readSettings(),
  records: wiring.records,
  queues: wiring.queues,
  vault: wiring.vault,
  hunting: () => openHunting(),
  files: async () => (await filesApi()).pipe,
  cloudApps: async () => (await cloudApps()).pipe,
  hunts: wiring.enabledHunts(),
  clock: systemClock,
};

const words = { well: "well   ", limited: "limited", ill: "ILL    " } as const;

function show(finding: Finding): void {
  if (asJson) return out.line(JSON.stringify(finding));
  out.line(`${words[finding.state]}  ${finding.about}: ${finding.says}`);
  if (finding.mend !== undefined) out.line(`         → ${finding.mend}`);
}

const found: Finding[] = [];
for await (const finding of examine(patient)) {
  found.push(finding);
  show(finding);
}
const sick = found.filter(({ state }) => state === "ill").length;
if (!asJson)
  out.line(
    sick === 0
      ? "Nothing is wrong."
      : `${sick} to mend, in this order: one may be the cause of the next.`,
  );
process.exitCode = sick === 0 ? 0 : 1;
