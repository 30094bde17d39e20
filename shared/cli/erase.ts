/** `npm run erase`: erases what verdicts say about people. */
import { runProgram } from "./command-line.ts";
import { runErase } from "./erase/run.ts";
import { loadLocalSettings, loadSimulatorSettings } from "./local-settings.ts";
import { createOutput } from "./output.ts";
import { requireTenant } from "./tenant-option.ts";

const output = createOutput(process.stdout, process.stderr);

await runProgram(output, () =>
  runErase(process.argv.slice(2), {
    output,
    openDeps: async (isSimulated, tenantName) => {
      if (isSimulated) loadSimulatorSettings();
      else loadLocalSettings();
      const { createErasureDeps } = await import("../app/alerts.ts");
      return createErasureDeps(await requireTenant(tenantName));
    },
  }),
);
