/** Reads what is deployed: `host.json`, a `package.json` of five lines, and the built `dist/`. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { ZipEntry } from "./zip.ts";

/** The members that the platform reads; scripts and dependencies are for development. */
const manifestKeys = ["name", "version", "license", "type", "main"] as const;

const requiredFiles = [
  "main.cjs",
  "app.cjs",
  "registrations.json",
  "catalog.json",
  "webhook-mappings.json",
  "openapi.json",
  "swagger.json",
] as const;

/**
 * @param root - folder with `host.json`, `package.json` and `dist/`
 * @throws Error when `dist/` holds no bundle and catalog
 */
export function readPackageContents(root: string): readonly ZipEntry[] {
  const source = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as Readonly<
    Record<string, unknown>
  >;
  const manifest = Object.fromEntries(manifestKeys.map((name) => [name, source[name]]));
  const builtFiles = readdirSync(join(root, "dist")).filter((name) => /\.(?:cjs|json)$/.test(name));
  const missing = requiredFiles.filter((name) => !builtFiles.includes(name));
  if (missing.length > 0)
    throw new Error(`dist/ lacks ${missing.join(" and ")}: run npm run build`);
  return [
    { name: "host.json", bytes: readFileSync(join(root, "host.json")) },
    { name: "package.json", bytes: Buffer.from(`${JSON.stringify(manifest, null, 2)}\n`) },
    ...builtFiles.map((name) => ({
      name: `dist/${name}`,
      bytes: readFileSync(join(root, "dist", name)),
    })),
    ...readdirSync(join(root, "dist/console"))
      .toSorted()
      .map((name) => ({
        name: `dist/console/${name}`,
        bytes: readFileSync(join(root, "dist/console", name)),
      })),
  ];
}
