/** Files that the build writes beside the bundle, each read once. */
import { existsSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Catalog, CompiledHunt } from "../contracts/compiled-hunt.ts";
import type { ApiForm } from "../http/api-description.ts";
import type { Mappings } from "../webhooks/mapping.ts";

const artifactCache = new Map<string, unknown>();

/** Reads a file beside the bundle; when run from source, in `dist/`. */
export function readBuildArtifact(name: string): unknown {
  if (artifactCache.has(name)) return artifactCache.get(name);
  const folder = dirname(fileURLToPath(import.meta.url));
  const bundledPath = join(folder, name);
  const content: unknown = JSON.parse(
    readFileSync(existsSync(bundledPath) ? bundledPath : join(folder, "../../dist", name), "utf8"),
  );
  artifactCache.set(name, content);
  return content;
}

/** Returns the compiled hunts. Timers need them while functions are registered. */
export const readCatalog = (): Catalog => readBuildArtifact("catalog.json") as Catalog;

export const listEnabledHunts = (): readonly CompiledHunt[] =>
  readCatalog().hunts.filter(({ enabled }) => enabled);

export const findHunt = (name: string | undefined): CompiledHunt | undefined =>
  readCatalog().hunts.find((hunt) => hunt.name === name);

export const readMappings = (): Mappings => readBuildArtifact("webhook-mappings.json") as Mappings;

export const readApiDescription = (form: ApiForm): object =>
  readBuildArtifact(`${form}.json`) as object;
