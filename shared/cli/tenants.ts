/** `npm run tenants`: lists tenants, prints consent addresses, removes a tenant's data. */
import { createStorageClients, toStorageError } from "../clients/storage.ts";
import { readStorageConnection } from "../runtime/settings.ts";
import { runProgram } from "./command-line.ts";
import { loadLocalSettings, loadSimulatorSettings } from "./local-settings.ts";
import { createOutput } from "./output.ts";
import { runTenants } from "./tenants/run.ts";

const output = createOutput(process.stdout, process.stderr);

await runProgram(output, () =>
  runTenants(process.argv.slice(2), {
    output,
    loadSettings: (isSimulated) => (isSimulated ? loadSimulatorSettings() : loadLocalSettings()),
    openBlobs: async () => {
      const { blobs } = await createStorageClients(readStorageConnection());
      return {
        listFolders: async (container, prefix) => {
          const folders: string[] = [];
          const client = blobs.getContainerClient(container);
          if (await client.exists())
            for await (const item of client.listBlobsByHierarchy("/", { prefix }))
              if (item.kind === "prefix") folders.push(item.name);
          return folders;
        },
        list: async function* (container, prefix) {
          const client = blobs.getContainerClient(container);
          if (!(await client.exists())) return;
          for await (const { name, properties } of client.listBlobsFlat({ prefix }))
            yield { name, bytes: properties.contentLength ?? 0 };
        },
        remove: async (container, name) => {
          try {
            await blobs.getContainerClient(container).deleteBlob(name);
          } catch (error) {
            throw toStorageError(error, `delete ${name}`);
          }
        },
      };
    },
  }),
);
