/**
 * The long form of what is promised of file lookups: 10,000 cold hashes hash by hash against each way of counting, and a
 * job whose worker is killed.
 */
import { minuteMs, hourMs, secondMs } from "../../shared/runtime/time.ts";
import { paceRun } from "../support/files-pace.ts";
import { killFiles } from "./file-kills.ts";
import { busiest, serverModels } from "../support/server-quotas.ts";

const hashes = 10_000;
/** Two seconds of margin in each minute that is full. */
const marginMs = (hashes / 100) * 2 * secondMs;

/**
 * @param options.kills - beginnings of the points' names
 * @returns whether everything held
 */
export async function promiseFiles(
  options: { readonly kills: readonly string[]; readonly atOnce: number },
  say: (line: string) => void,
): Promise<boolean> {
  let held = 0;
  let runs = 0;
  for (const model of serverModels)
    for (const instances of [1, 4]) {
      const run = await paceRun({ model, instances, hashes });
      const [minute, hour] = [busiest(run.arrivals, minuteMs), busiest(run.arrivals, hourMs)];
      const isHeld =
        run.found === hashes &&
        run.calls === hashes &&
        run.rejections === 0 &&
        run.callsAgain === 0 &&
        minute <= 100 &&
        hour <= 1_500 &&
        run.lastMs <= 1.02 * run.boundMs + marginMs;
      runs += 1;
      held += isHeld ? 1 : 0;
      say(
        `files, ${model} server, ${instances} alive: ${run.calls} calls in ${(run.lastMs / hourMs).toFixed(3)} h` +
          ` (${(run.lastMs / run.boundMs).toFixed(4)} of the bound), ${run.rejections} refused,` +
          ` busiest minute ${minute}, hour ${hour}${isHeld ? "" : " — BROKEN"}`,
      );
    }
  say(`files: runs held ${held} of ${runs}`);
  const killsHeld = await killFiles(options.kills, options.atOnce, say);
  return held === runs && killsHeld;
}
