/** `npm run hunts`: check, import, explain, plan, try and compare hunts. Exit code 0 done, 1 something to mend, 2 not understood. */
import { join } from "node:path";
import { systemClock } from "../runtime/time.ts";
import type { CreateHuntingPort } from "./hunts/run-query.ts";
import { createOutput } from "./output.ts";
import { runHunts } from "./hunts/run.ts";
import { loadLocalSettings } from "./local-settings.ts";

loadLocalSettings();

/** The live back-ends are loaded for `try` and `compare` alone: a check needs neither settings nor SDKs. */
const createHuntingPort: CreateHuntingPort = async (api) =>
  (await import("../app/services.ts")).createHuntingPort(api);

const output = createOutput(process.stdout, process.stderr);
try {
  process.exitCode = await runHunts(process.argv.slice(2), {
    catalog: join(import.meta.dirname, "../hunts/catalog"),
    api: process.env["HUNTING_API"] ?? "graph",
    nowMs: systemClock.now,
    createHuntingPort,
    output,
  });
} catch (error) {
  output.error(error instanceof Error ? error.message : String(error));
  process.exitCode = 1;
}
