/**
 * Runs schedules with changes over the app's source with one replacement: `node mutant-run.ts
 * '{"file","from","to"}' 500`. Prints `seed n` for the first schedule that fails, else `held`.
 */
import { registerHooks } from "node:module";
import { applyMutant, readMutantFile, type ChangeMutant } from "./hunt-change-mutants.ts";

const [mutantJson = "{}", maxSeed = "500"] = process.argv.slice(2);
const mutant = JSON.parse(mutantJson) as ChangeMutant; // written by findMutantSeed
registerHooks({
  load: (url, context, nextLoad) => {
    const loaded = nextLoad(url, context);
    if (!url.endsWith(mutant.file)) return loaded;
    return { ...loaded, source: applyMutant(mutant, readMutantFile(mutant)) };
  },
});
const { findFailingSeed } = await import("./hunt-change-suite.ts");
const seed = await findFailingSeed(1, Number(maxSeed));
process.stdout.write(`${seed === undefined ? "held" : `seed ${seed}`}\n`);
