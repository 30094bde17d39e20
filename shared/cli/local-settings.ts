/** What a command run by a person reads before the settings: `local.settings.json`, as the Functions host would. */
import { existsSync, readFileSync } from "node:fs";
import { resolve } from "node:path";

interface LocalSettings {
  readonly IsEncrypted?: boolean;
  readonly Values?: Readonly<Record<string, string>>;
}

/**
 * Puts the file's values into the environment where they are not set yet. Without a file does nothing.
 *
 * @throws Error when the file is encrypted or no JSON
 */
export function loadLocalSettings(
  file = resolve(import.meta.dirname, "../../local.settings.json"),
): void {
  if (!existsSync(file)) return;
  const settings = JSON.parse(readFileSync(file, "utf8")) as LocalSettings;
  if (settings.IsEncrypted === true)
    throw new Error(
      "local.settings.json is encrypted; write it in plain form with IsEncrypted false",
    );
  for (const [name, value] of Object.entries(settings.Values ?? {})) process.env[name] ??= value;
}
