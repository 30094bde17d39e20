/**
 * The long form of what is promised of file lookups: 10,000 cold hashes hash by hash against each
 * way of counting, and a job whose worker is killed.
 */
import { minuteMs, hourMs, secondMs } from "../../shared/runtime/time.ts";
import { measureFilesPace } from "../support/measure-files-pace.ts";
import { killFiles } from "./file-kills.ts";
import { countBusiest, serverModels } from "../support/server-quotas.ts";

const hashCount = 10_000;
/** Two seconds of margin in each minute that is full. */
const marginMs = (hashCount / 100) * 2 * secondMs;

/**
 * @param options.kills - beginnings of the points' names
 * @returns whether everything held
 */
export async function checkFiles(
  options: { readonly failpoints: readonly string[]; readonly parallelism: number },
  printLine: (line: string) => void,
): Promise<boolean> {
  let passed = 0;
  let runs = 0;
  for (const model of serverModels)
    for (const instances of [1, 4]) {
      const run = await measureFilesPace({ model, instances, hashes: hashCount });
      const [busiestMinute, busiestHour] = [
        countBusiest(run.arrivals, minuteMs),
        countBusiest(run.arrivals, hourMs),
      ];
      const hasPassed =
        run.found === hashCount &&
        run.calls === hashCount &&
        run.rejections === 0 &&
        run.repeatedCalls === 0 &&
        busiestMinute <= 100 &&
        busiestHour <= 1_500 &&
        run.lastMs <= 1.02 * run.minDurationMs + marginMs;
      runs += 1;
      passed += hasPassed ? 1 : 0;
      printLine(
        `files, ${model} server, ${instances} alive: ${run.calls} calls in ${(run.lastMs / hourMs).toFixed(3)} h` +
          ` (${(run.lastMs / run.minDurationMs).toFixed(4)} of the bound), ${run.rejections} refused,` +
          ` busiest minute ${busiestMinute}, hour ${busiestHour}${hasPassed ? "" : " — BROKEN"}`,
      );
    }
  printLine(`files: runs held ${passed} of ${runs}`);
  const haveKillsPassed = await killFiles(options.failpoints, options.parallelism, printLine);
  return passed === runs && haveKillsPassed;
}
