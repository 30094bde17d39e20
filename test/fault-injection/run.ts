/**
 * `npm run test:faults`: the long form of the promise tests, with one line for each suite. Needs `npm run build` first.
 *
 * `--only hunts` runs one suite; `--seeds 1-20000` chooses the schedules, `--kills E9,C1` the points whose names begin so
 * (`no` for none and for no other processes), `--faults F0,P15` the faults, `--at-once 4` how many of the trials with processes run side by side.
 */
import { parseArgs } from "node:util";
import { promiseAlerts } from "./alerts.ts";
import { promiseFiles } from "./files.ts";
import { promiseHunts } from "./hunts.ts";
import { promiseWebhooks } from "./webhooks.ts";

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
const kills = values.kills === "no" ? [] : values.kills.split(",");
const atOnce = Number(values["at-once"]);

const say = (line: string): void => void process.stdout.write(`${line}\n`);

const suites = {
  hunts: () =>
    promiseHunts(
      {
        seeds: [from, to],
        faults: values.faults.split(","),
        kills,
        atOnce,
        hosts: kills.length > 0,
      },
      say,
    ),
  alerts: () => promiseAlerts({ schedules: Math.min(to - from + 1, 2_000), kills, atOnce }, say),
  files: () => promiseFiles({ kills, atOnce }, say),
  webhooks: () => promiseWebhooks({ schedules: Math.min(to - from + 1, 2_000), kills }, say),
};

let held = true;
for (const [name, suite] of Object.entries(suites))
  if (values.only === "" || values.only === name) held = (await suite()) && held;
process.exitCode = held ? 0 : 1;
