/** What `npm start` sets up around the app: Azurite, and the simulated tenant unless the person brings settings of their own. */
import { randomBytes } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { mkdir, rm } from "node:fs/promises";
import { createServer } from "node:net";
import { join } from "node:path";
import { startAzurite, type Azurite } from "../support/azurite.ts";
import { startSimulator, type Simulator } from "../simulator/simulator.ts";

export interface Dependencies {
  /** Everything the app needs in its environment. */
  readonly settings: Readonly<Record<string, string>>;
  /** Absent when the app talks to the real Microsoft APIs. */
  readonly simulator: Simulator | undefined;
  readonly azurite: Azurite | undefined;
  /** Alerts that this start opened: the tour closes the first, the person the second. */
  readonly alerts: readonly string[];
  readonly stop: () => Promise<void>;
}

/**
 * @param root - the project's folder, where a person's own settings lie
 * @param options.folder - where Azurite keeps its data
 * @param options.fresh - start without the exports of earlier runs
 */
export async function startDependencies(
  root: string,
  options: { folder: string; fresh: boolean },
): Promise<Dependencies> {
  const ownSettings = readOwnSettings(root);
  const dataFolder = join(options.folder, ownSettings ? "azurite-own" : "azurite");
  if (options.fresh) await rm(dataFolder, { recursive: true, force: true });
  await mkdir(dataFolder, { recursive: true });
  const [azurite, simulator] = await Promise.all([
    needsAzurite(ownSettings)
      ? startAzurite({
          folder: dataFolder,
          blobPort: await findPort(10_000),
          queuePort: await findPort(10_001),
        })
      : undefined,
    ownSettings ? undefined : startSimulator(),
  ]);
  const storage = azurite
    ? { DataStorage: azurite.connectionString(), AzureWebJobsStorage: azurite.connectionString() }
    : {};
  return {
    settings: { ...simulator?.settings, ...ownSettings, ...storage },
    simulator,
    azurite,
    alerts: simulator ? [addAlert(simulator), addAlert(simulator)] : [],
    stop: async () => {
      await Promise.all([simulator?.stop(), azurite?.stop()]);
    },
  };
}

/** An alert with an id that no earlier start knew: a verdict is final, and records outlive a start. */
function addAlert({ cloudApps }: Simulator): string {
  const id = randomBytes(12).toString("hex");
  cloudApps.alerts.add(1, { _id: id });
  return id;
}

/** Reads the user's local.settings.json when it names a tenant; an unedited copy of the sample does not. */
function readOwnSettings(folder: string): Record<string, string> | undefined {
  const file = join(folder, "local.settings.json");
  if (!existsSync(file)) return undefined;
  const { Values: values } = JSON.parse(readFileSync(file, "utf8")) as {
    Values?: Record<string, string>;
  };
  return values?.["TENANT_ID"] ? values : undefined;
}

const developmentStorage = "UseDevelopmentStorage=true";

const needsAzurite = (ownSettings: Readonly<Record<string, string>> | undefined): boolean =>
  ownSettings === undefined ||
  ((ownSettings["DataStorage"] ?? developmentStorage) === developmentStorage &&
    ownSettings["DataStorage__blobServiceUri"] === undefined);

/** The usual port, or any free one when it is taken. */
export function findPort(port: number): Promise<number> {
  return new Promise((resolve) => {
    const probe = createServer();
    probe.once("error", () => resolve(0));
    probe.listen(port, "127.0.0.1", () => probe.close(() => resolve(port)));
  });
}
