/** local.settings.json: app settings of a person's own machine. Its values are never printed. */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";

interface LocalSettings {
  readonly IsEncrypted?: unknown;
  readonly Values?: Readonly<Record<string, unknown>>;
}

/**
 * Reads the file's `Values`; none when the file is absent.
 *
 * @throws Error when it is invalid JSON, is encrypted, or has a value that is not text, number or boolean
 */
export function readLocalSettings(root: string): Record<string, string> {
  const file = join(root, "local.settings.json");
  if (!existsSync(file)) return {};
  const { IsEncrypted, Values = {} } = parseFile(file);
  if (IsEncrypted === true)
    throw new Error(`${file} is encrypted; this host reads plain ones only ("IsEncrypted": false)`);
  return Object.fromEntries(
    Object.entries(Values).map(([name, value]) => {
      if (typeof value === "string") return [name, value];
      if (typeof value === "number" || typeof value === "boolean") return [name, String(value)];
      throw new Error(`${file}: /Values/${name} must be text`);
    }),
  );
}

/** The parser's own message would quote the file, hence none of it is kept. */
function parseFile(file: string): LocalSettings {
  try {
    return JSON.parse(readFileSync(file, "utf8")) as LocalSettings;
  } catch {
    throw new Error(`${file} is not readable JSON`);
  }
}
