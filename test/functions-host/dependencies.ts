/**
 * Starts what `npm start` needs: Azurite, and the simulated cloud unless there are own settings.
 */
import { randomBytes } from "node:crypto";
import { mkdir, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { dirname, join } from "node:path";
import { simulatorSettingsPath } from "../../shared/cli/local-settings.ts";
import { startAzurite, type Azurite } from "../support/azurite.ts";
import { seedExamples } from "../simulator/seed-examples.ts";
import { startSimulator, type Simulator } from "../simulator/simulator.ts";
import { readLocalSettings } from "./local-settings.ts";

export interface Dependencies {
  /** All settings of the app. */
  readonly settings: Readonly<Record<string, string>>;
  /** Absent when the app uses the real Microsoft APIs. */
  readonly simulator: Simulator | undefined;
  readonly azurite: Azurite | undefined;
  /** Alerts that this start opened: the demo closes the first. */
  readonly alerts: readonly string[];
  readonly stop: () => Promise<void>;
}

/**
 * Starts the dependencies.
 *
 * @param root - the project's folder, with a person's own local.settings.json
 * @param options.folder - where Azurite stores its data
 * @param options.tenants - names of further simulated tenants
 * @param options.fresh - whether to forget what earlier starts exported
 */
export async function startDependencies(
  root: string,
  options: { folder: string; fresh: boolean; tenants?: readonly string[] },
): Promise<Dependencies> {
  const own = readLocalSettings(root);
  // A copy of the sample without a tenant keeps the simulator; its webhook sources count.
  const hasTenant = (own["TENANT_ID"] ?? "") !== "";
  const dataFolder = join(options.folder, hasTenant ? "azurite-own" : "azurite");
  if (options.fresh) await rm(dataFolder, { recursive: true, force: true });
  await mkdir(dataFolder, { recursive: true });
  const [azurite, simulator] = await Promise.all([
    !hasTenant || usesDevelopmentStorage(own) ? startLocalStorage(dataFolder) : undefined,
    hasTenant
      ? undefined
      : startSimulator({ tenants: (options.tenants ?? []).map((name) => ({ name })) }),
  ]);
  const storage = azurite
    ? { DataStorage: azurite.connectionString(), AzureWebJobsStorage: azurite.connectionString() }
    : {};
  for (const each of simulator ? [simulator, ...simulator.tenants.values()] : [])
    seedExamples(each);
  const settings = {
    ...simulator?.settings,
    ...(hasTenant ? own : pickWebhooks(own, simulator?.settings ?? {})),
    ...storage,
  };
  if (simulator) await publishSettings(settings);
  return {
    settings,
    simulator,
    azurite,
    alerts: simulator ? [addAlert(simulator)] : [],
    stop: async () => {
      if (simulator) await rm(simulatorSettingsPath, { force: true });
      await Promise.all([simulator?.stop(), azurite?.stop()]);
    },
  };
}

/** Uses Azurite's own ports where they are free. */
async function startLocalStorage(folder: string): Promise<Azurite> {
  const blobPort = await findPort(10_000);
  const queuePort = await findPort(Math.max(10_001, blobPort + 1));
  try {
    return await startAzurite({ folder, blobPort, queuePort });
  } catch {
    // Another program took a port after it was found free.
    return startAzurite({ folder });
  }
}

/** Lets `--simulator` of the other commands find this cloud and its storage. */
async function publishSettings(settings: Readonly<Record<string, string>>): Promise<void> {
  await mkdir(dirname(simulatorSettingsPath), { recursive: true });
  await writeFile(simulatorSettingsPath, JSON.stringify({ Values: settings }, null, 2));
}

/** Adds the person's own webhook sources to those of the simulated cloud. */
function pickWebhooks(
  own: Readonly<Record<string, string>>,
  simulated: Readonly<Record<string, string>>,
): Record<string, string> {
  const text = process.env["WEBHOOKS"] ?? own["WEBHOOKS"] ?? "";
  if (text === "" || text === "{}") return {};
  try {
    const merged: unknown = {
      ...(JSON.parse(simulated["WEBHOOKS"] ?? "{}") as object),
      ...(JSON.parse(text) as object),
    };
    return { WEBHOOKS: JSON.stringify(merged) };
  } catch {
    throw new Error("WEBHOOKS must be a JSON object.");
  }
}

/** Adds an alert with a new ID: a verdict is final, and its record outlives a start. */
function addAlert({ cloudApps }: Simulator): string {
  const id = randomBytes(12).toString("hex");
  cloudApps.alerts.add(1, { _id: id });
  return id;
}

const developmentStorage = "UseDevelopmentStorage=true";

const usesDevelopmentStorage = (own: Readonly<Record<string, string>>): boolean =>
  (own["DataStorage"] ?? developmentStorage) === developmentStorage &&
  own["DataStorage__blobServiceUri"] === undefined;

const maxPortTries = 50;

/** Returns the port, or the next free one; 0 when none of the next 50 is free. */
export async function findPort(port: number): Promise<number> {
  for (let next = port; next < port + maxPortTries && next <= 65_535; next += 1)
    if (await isFree(next)) return next;
  return 0;
}

const isFree = (port: number): Promise<boolean> =>
  new Promise((resolve) => {
    const probe = createServer();
    probe.once("error", () => resolve(false));
    probe.listen(port, "127.0.0.1", () => probe.close(() => resolve(true)));
  });
