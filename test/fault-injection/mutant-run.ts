/**
 * Runs schedules of a suite over the app's source with one replacement: `node mutant-run.ts
 * '{"file","from","to"}' 500 webhook-model.ts`. Prints `seed n` for the first schedule that fails,
 * else `held`.
 */
import { registerHooks } from "node:module";
import {
  applyMutant,
  readMutantFile,
  type MutantSuite,
  type SourceMutant,
} from "./source-mutants.ts";

const [mutantJson = "{}", maxSeed = "500", suite = "hunt-change-suite.ts"] = process.argv.slice(2);
const mutant = JSON.parse(mutantJson) as SourceMutant; // written by findMutantSeed
registerHooks({
  load: (url, context, nextLoad) => {
    const loaded = nextLoad(url, context);
    if (!url.endsWith(mutant.file)) return loaded;
    return { ...loaded, source: applyMutant(mutant, readMutantFile(mutant)) };
  },
});
const suites = {
  "hunt-change-suite.ts": () => import("./hunt-change-suite.ts"),
  "webhook-model.ts": () => import("./webhook-model.ts"),
  "audit-model.ts": () => import("./audit-model.ts"),
} as const satisfies Record<MutantSuite, unknown>;
const { findFailingSeed } = await suites[suite as MutantSuite]();
const seed = await findFailingSeed(1, Number(maxSeed));
process.stdout.write(`${seed === undefined ? "held" : `seed ${seed}`}\n`);
