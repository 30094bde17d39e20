/**
 * `npm run test:faults`: runs the long fault-injection suites and prints one line per suite. Run
 * `npm run build` first.
 *
 * `--quick` runs a subset in about two minutes; `--only hunts` runs one suite; `--seeds 1-20000`
 * selects schedules; `--failpoints E9,C1` selects failpoints by prefix (`no`: no failpoints and no
 * child processes); `--faults F0,P15` selects faults; `--parallel 4` sets the number of parallel
 * trials with child processes.
 */
import { parseArgs } from "node:util";
import { checkAlerts } from "./alerts.ts";
import { checkFiles } from "./files.ts";
import { checkHuntChanges } from "./hunt-change-suite.ts";
import { checkHunts } from "./hunts.ts";
import { checkTenants } from "./tenants.ts";
import { checkWebhooks } from "./webhooks.ts";

const { values } = parseArgs({
  options: {
    quick: { type: "boolean", default: false },
    only: { type: "string", default: "" },
    seeds: { type: "string" },
    failpoints: { type: "string" },
    faults: { type: "string" },
    parallel: { type: "string", default: "3" },
  },
});
const defaults = values.quick
  ? { seeds: "1-200", failpoints: "E9,C1,R1,A1,D1,J1,F1,W1", faults: "F0,P15" }
  : { seeds: "1-2000", failpoints: "E,C,R,A,D,J,F,W", faults: "F,P" };
const [from = 1, to = 2_000] = (values.seeds ?? defaults.seeds).split("-").map(Number);
const prefixes = values.failpoints ?? defaults.failpoints;
const failpoints = prefixes === "no" ? [] : prefixes.split(",");
const parallelism = Number(values.parallel);

const printLine = (line: string): void => void process.stdout.write(`${line}\n`);

const suites = {
  hunts: () =>
    checkHunts(
      {
        seeds: [from, to],
        faultIds: (values.faults ?? defaults.faults).split(","),
        failpoints,
        parallelism,
        shouldCheckPace: failpoints.length > 0,
      },
      printLine,
    ),
  change: () => {
    const isWhole = values.seeds === undefined && !values.quick;
    return checkHuntChanges([from, isWhole ? 5_000 : to], printLine);
  },
  alerts: () =>
    checkAlerts({ schedules: Math.min(to - from + 1, 2_000), failpoints, parallelism }, printLine),
  files: () => checkFiles({ failpoints, parallelism }, printLine),
  tenants: () => checkTenants(Math.min(to - from + 1, 200), printLine),
  webhooks: () =>
    checkWebhooks({ schedules: Math.min(to - from + 1, 2_000), failpoints }, printLine),
};

let hasPassed = true;
for (const [name, suite] of Object.entries(suites))
  if (values.only === "" || values.only === name) hasPassed = (await suite()) && hasPassed;
process.exitCode = hasPassed ? 0 : 1;
