/**
 * A folder to run the app from with hunts of the test's own: the built bundle, host.json and
 * another catalogue.
 */
import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { compileCatalog } from "../../shared/kql/compile/compile-catalog.ts";

/**
 * @param hunts - YAML by file name
 * @returns the folder; `remove` deletes it
 */
export function createAppRoot(hunts: Readonly<Record<string, string>>): {
  readonly root: string;
  readonly remove: () => void;
} {
  const root = mkdtempSync(join(tmpdir(), "huntline-app-"));
  const catalog = join(root, "catalog");
  mkdirSync(catalog);
  for (const [name, yaml] of Object.entries(hunts)) writeFileSync(join(catalog, name), yaml);
  const compiled = compileCatalog(catalog);
  if ("problems" in compiled)
    throw new Error(`the test's hunts do not compile: ${JSON.stringify(compiled.problems)}`);
  cpSync("dist", join(root, "dist"), { recursive: true });
  writeFileSync(join(root, "dist/catalog.json"), JSON.stringify(compiled.catalog));
  for (const file of ["host.json", "package.json"]) cpSync(file, join(root, file));
  return { root, remove: () => rmSync(root, { recursive: true, force: true }) };
}
