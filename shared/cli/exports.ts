/** `npm run exports`: lists, shows and downloads the exports of hunts. */
import { mkdir } from "node:fs/promises";
import { dirname } from "node:path";
import { createExportStore } from "../clients/exports.ts";
import { createStorageClients, toStorageError } from "../clients/storage.ts";
import { readStorageConnection } from "../runtime/settings.ts";
import { runProgram } from "./command-line.ts";
import { runExports } from "./exports/run.ts";
import { loadLocalSettings, loadSimulatorSettings } from "./local-settings.ts";
import { createOutput } from "./output.ts";

const output = createOutput(process.stdout, process.stderr);

await runProgram(output, () =>
  runExports(process.argv.slice(2), {
    output,
    isTerminal: process.stdout.isTTY,
    openExports: async (isSimulated) => {
      if (isSimulated) loadSimulatorSettings();
      else loadLocalSettings();
      const { blobs } = await createStorageClients(readStorageConnection());
      const container = blobs.getContainerClient("exports");
      return {
        store: createExportStore(container),
        download: async (path, file) => {
          await mkdir(dirname(file), { recursive: true });
          try {
            await container.getBlobClient(path).downloadToFile(file);
          } catch (error) {
            throw toStorageError(error, `download ${path}`);
          }
        },
      };
    },
  }),
);
