/** `npm run hunts`: checks, imports, explains, plans, tries and compares hunts. */
import { join } from "node:path";
import { listTenants } from "../app/tenants.ts";
import { systemClock } from "../runtime/time.ts";
import { runProgram } from "./command-line.ts";
import { runHunts } from "./hunts/run.ts";
import { loadLocalSettings, loadSimulatorSettings } from "./local-settings.ts";
import { createOutput } from "./output.ts";
import { requireTenant } from "./tenant-option.ts";

const output = createOutput(process.stdout, process.stderr);

await runProgram(output, () =>
  runHunts(process.argv.slice(2), {
    catalog: join(import.meta.dirname, "../hunts/catalog"),
    // A check must work without settings, so they are read only by the commands that need them.
    readTenants: () => {
      loadLocalSettings();
      return listTenants().map(({ name, readSettings, runsHunt }) => ({
        name,
        api: readSettings(["HUNTING_API"]).HUNTING_API,
        runsHunt,
      }));
    },
    nowMs: systemClock.now,
    createHuntingPort: async ({ api, isSimulated, tenant }) => {
      if (isSimulated) loadSimulatorSettings();
      else loadLocalSettings();
      return (await import("../app/hunting-api.ts")).createHuntingPort(
        await requireTenant(tenant),
        api,
      );
    },
    output,
  }),
);
