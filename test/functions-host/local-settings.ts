/** Reads the `local.settings.json` of a folder, as Core Tools does. */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { parseLocalSettings } from "../../shared/runtime/local-settings.ts";

/**
 * Returns the file's `Values`, or no settings without a file.
 *
 * @throws LocalSettingsError, which never quotes the file
 */
export function readLocalSettings(root: string): Record<string, string> {
  const file = join(root, "local.settings.json");
  return existsSync(file) ? parseLocalSettings(readFileSync(file)) : {};
}
