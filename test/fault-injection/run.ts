/**
 * `npm run test:faults`: the long form of the promise tests, with one line for each suite. Needs `npm run build` first.
 *
 * `--only hunts` runs one suite; `--seeds 1-20000` chooses the schedules, `--kills E9,C1` the points whose names begin so
 * (`no` for none and for no other processes), `--faults F0,P15` the faults, `--at-once 4` how many of the trials with processes run side by side.
 */
import { parseArgs } from "node:util";
import { checkAlerts } from "./alerts.ts";
import { checkFiles } from "./files.ts";
import { checkHunts } from "./hunts.ts";
import { checkWebhooks } from "./webhooks.ts";

const { values } = parseArgs({
  options: {
    only: { type: "string", default: "" },
    seeds: { type: "string", default: "1-2000" },
    kills: { type: "string", default: "E,C,R,A,D,J,F,W" },
    faults: { type: "string", default: "F,P" },
    "at-once": { type: "string", default: "3" },
  },
});
const [from = 1, to = 2_000] = values.seeds.split("-").map(Number);
const failpoints = values.kills === "no" ? [] : values.kills.split(",");
const parallelism = Number(values["at-once"]);

const printLine = (line: string): void => void process.stdout.write(`${line}\n`);

const suites = {
  hunts: () =>
    checkHunts(
      {
        seeds: [from, to],
        faultIds: values.faults.split(","),
        failpoints,
        parallelism,
        shouldCheckPace: failpoints.length > 0,
      },
      printLine,
    ),
  alerts: () =>
    checkAlerts({ schedules: Math.min(to - from + 1, 2_000), failpoints, parallelism }, printLine),
  files: () => checkFiles({ failpoints, parallelism }, printLine),
  webhooks: () =>
    checkWebhooks({ schedules: Math.min(to - from + 1, 2_000), failpoints }, printLine),
};

let hasPassed = true;
for (const [name, suite] of Object.entries(suites))
  if (values.only === "" || values.only === name) hasPassed = (await suite()) && hasPassed;
process.exitCode = hasPassed ? 0 : 1;
