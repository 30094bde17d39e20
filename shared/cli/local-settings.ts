/** Puts the settings of a command into its environment, as the Functions host does for the app. */
import { existsSync, readFileSync } from "node:fs";
import { resolve } from "node:path";
import tls from "node:tls";
import { parseLocalSettings } from "../runtime/local-settings.ts";
import { UsageError } from "./command-line.ts";

const root = resolve(import.meta.dirname, "../..");

/** Written by `npm start` while it runs; holds settings of the simulated cloud only. */
export const simulatorSettingsPath = resolve(root, ".huntline/simulator.json");

/**
 * Sets each value of `local.settings.json` that the environment does not have yet. Without a file
 * it does nothing.
 *
 * @throws LocalSettingsError
 */
export function loadLocalSettings(file = resolve(root, "local.settings.json")): void {
  if (!existsSync(file)) return;
  for (const [name, value] of Object.entries(parseLocalSettings(readFileSync(file))))
    process.env[name] ??= value;
}

/**
 * Sets the settings of the simulated cloud that `npm start` runs, over all others.
 *
 * @throws UsageError when none is running
 */
export function loadSimulatorSettings(file = simulatorSettingsPath): void {
  if (!existsSync(file))
    throw new UsageError("No simulated cloud is running. Start it with npm start, then try again.");
  const settings = parseLocalSettings(readFileSync(file));
  Object.assign(process.env, settings);
  trustCertificate(settings["NODE_EXTRA_CA_CERTS"]);
}

/**
 * Trusts the certificate of the simulated login endpoint. Node reads `NODE_EXTRA_CA_CERTS` only when
 * a process starts; versions without this function reach the simulator by managed identity alone.
 */
function trustCertificate(file: string | undefined): void {
  if (file === undefined || !existsSync(file) || !("setDefaultCACertificates" in tls)) return;
  tls.setDefaultCACertificates([...tls.getCACertificates("default"), readFileSync(file, "utf8")]);
}
