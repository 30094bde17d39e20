import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { build } from "esbuild";
import { afterEach, expect, test } from "vitest";
import { bundleOptions, debugOptions } from "../../../shared/build/bundle-options.ts";

const source = resolve(import.meta.dirname, "../../../shared/runtime/suggest-word.ts");
const folder = mkdtempSync(join(tmpdir(), "huntline-bundle-"));
afterEach(() => rmSync(folder, { recursive: true, force: true }));

test("a debug build links a source map to the sources, a deployed build has none", async () => {
  const bundle = async (name: string, options: object): Promise<string> => {
    const outfile = join(folder, name);
    await build({ ...bundleOptions, ...options, entryPoints: [source], outfile });
    return readFileSync(outfile, "utf8");
  };
  const deployed = await bundle("deployed.cjs", {});
  const debug = await bundle("debug.cjs", debugOptions);
  expect(deployed).not.toContain("sourceMappingURL");
  expect(debug).toContain("sourceMappingURL=debug.cjs.map");
  const map = JSON.parse(readFileSync(join(folder, "debug.cjs.map"), "utf8")) as {
    sources: string[];
  };
  expect(map.sources.map((path) => resolve(folder, path))).toEqual([source]);
});
