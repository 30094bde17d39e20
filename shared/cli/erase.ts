/** `npm run erase`: erases what verdicts say about people. */
import { runProgram } from "./command-line.ts";
import { runErase } from "./erase/run.ts";
import { loadLocalSettings, loadSimulatorSettings } from "./local-settings.ts";
import { createOutput } from "./output.ts";

const output = createOutput(process.stdout, process.stderr);

await runProgram(output, () =>
  runErase(process.argv.slice(2), {
    output,
    openDeps: async (isSimulated) => {
      if (isSimulated) loadSimulatorSettings();
      else loadLocalSettings();
      const { services } = await import("../app/services.ts");
      return services.erasureDeps();
    },
  }),
);
