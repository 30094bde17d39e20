/**
 * Finds and loads the files that `main` of package.json names, as the Node.js worker does, but
 * never in silence.
 */
import { existsSync, globSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { extname, join, resolve } from "node:path";
import { pathToFileURL } from "node:url";

interface PackageFile {
  readonly main?: string;
  readonly type?: string;
}

function readPackage(root: string): PackageFile {
  const file = join(root, "package.json");
  if (!existsSync(file)) return {};
  const parsed = JSON.parse(readFileSync(file, "utf8")) as Record<string, unknown>;
  const toText = (value: unknown): string | undefined =>
    typeof value === "string" ? value : undefined;
  const main = toText(parsed["main"]);
  const type = toText(parsed["type"]);
  return { ...(main === undefined ? {} : { main }), ...(type === undefined ? {} : { type }) };
}

/**
 * @param root - folder of package.json
 * @param entry - a path or glob in place of `main`
 * @returns absolute paths, in order of their names
 * @throws Error when there is no `main` or nothing matches it
 */
export function findEntries(root: string, entry?: string): string[] {
  const pattern = entry ?? readPackage(root).main;
  if (pattern === undefined)
    throw new Error(`${join(root, "package.json")} names no "main": the app has no entry`);
  if (existsSync(resolve(root, pattern))) return [resolve(root, pattern)];
  const files = globSync(pattern, { cwd: root }).sort();
  if (files.length === 0)
    throw new Error(
      `nothing in ${root} matches the entry "${pattern}"; has the app been built (npm run build)?`,
    );
  return files.map((file) => resolve(root, file));
}

/**
 * Loads one entry file: by extension, else by the package's `type`.
 *
 * @throws Error naming the file, with what it threw as the cause
 */
export async function loadEntry(root: string, file: string): Promise<void> {
  try {
    if (isCommonJs(root, file)) createRequire(join(root, "package.json"))(file);
    else await import(pathToFileURL(file).href);
  } catch (error) {
    throw new Error(`the entry ${file} failed to load`, { cause: error });
  }
}

function isCommonJs(root: string, file: string): boolean {
  const extension = extname(file);
  if (extension === ".cjs") return true;
  return extension === ".js" && readPackage(root).type !== "module";
}
