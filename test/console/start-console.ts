/** Starts what pictures and measurements of the console need: the app, its cloud and a browser. */
import type { Browser } from "playwright-core";
import { runHost, type RunningHost } from "../functions-host/run-host.ts";
import { startSimulator, type Simulator } from "../simulator/simulator.ts";
import { startAzurite } from "../support/azurite.ts";
import { launchChromium } from "./browser.ts";

export interface StartedConsole {
  readonly host: RunningHost;
  readonly simulator: Simulator;
  readonly browser: Browser;
  readonly stop: () => Promise<void>;
}

/** @throws Error without a Chromium */
export async function startConsole(): Promise<StartedConsole> {
  const [azurite, simulator, browser] = await Promise.all([
    startAzurite(),
    startSimulator(),
    launchChromium(),
  ]);
  const storage = azurite.connectionString();
  const host = await runHost({
    settings: { ...simulator.settings, DataStorage: storage, AzureWebJobsStorage: storage },
  });
  return {
    host,
    simulator,
    browser,
    stop: async () => {
      await Promise.all([browser.close(), host.kill()]);
      await Promise.all([simulator.stop(), azurite.stop()]);
    },
  };
}
