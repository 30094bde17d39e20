/**
 * `npm run build [-- --debug]`: writes what is deployed to `dist/`: a small main file that
 * registers every function, the app that it loads at the first call, one file for each module that
 * is loaded at first use (such as the Azure SDKs), the compiled hunts, mappings, descriptions and
 * the console.
 *
 * CommonJS, because it loads fastest in the Functions worker. With `--debug` the files are not
 * minified and have linked source maps.
 */
import { existsSync } from "node:fs";
import { mkdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { createRequire, Module } from "node:module";
import { basename, join, relative, resolve } from "node:path";
import { parseArgs } from "node:util";
import { build, type Plugin } from "esbuild";
import { compileCatalog } from "../kql/compile/compile-catalog.ts";
import { describeApi } from "./openapi/describe-api.ts";
import { compileMappings } from "./compile-mappings.ts";
import type { Core, Registrations } from "../contracts/registrations.ts";
import { buildConsole } from "./build-console.ts";
import { bundleOptions, debugOptions } from "./bundle-options.ts";

const root = resolve(import.meta.dirname, "../..");
// Written aside and renamed at the end: a running app never sees half of a build.
const dist = join(root, `dist.${process.pid}`);
const { values: options } = parseArgs({ options: { debug: { type: "boolean", default: false } } });

/** Converts each `import("./x.ts")` to `require("./x.cjs")`; the file gets its own bundle. */
function splitDynamicImports(lazyFiles: Set<string>): Plugin {
  return {
    name: "split-dynamic-imports",
    setup: (bundle) => {
      bundle.onResolve({ filter: /^\.{1,2}\// }, ({ kind, path, resolveDir }) => {
        if (kind !== "dynamic-import") return undefined;
        const file = resolve(resolveDir, path);
        lazyFiles.add(file);
        return { path: `./${toChunkName(file)}`, external: true };
      });
    },
  };
}

/** Redirects the worker's module to the main file, which provides it to the app. */
const redirectWorkerModule: Plugin = {
  name: "redirect-worker-module",
  setup: (bundle) =>
    bundle.onResolve({ filter: /^@azure\/functions-core$/ }, () => ({
      path: "./main.cjs",
      external: true,
    })),
};

const toChunkName = (file: string): string => `${basename(file, ".ts")}.cjs`;

/** Bundles one file. Returns the files that it imports at first use, and the size in bytes. */
async function bundleFile(
  file: string,
  name: string,
): Promise<{ lazy: Set<string>; bytes: number }> {
  const lazy = new Set<string>();
  const plugins = [redirectWorkerModule, splitDynamicImports(lazy)];
  const result = await build({
    ...bundleOptions,
    ...(options.debug ? debugOptions : {}),
    metafile: true,
    entryPoints: [file],
    outfile: join(dist, name),
    plugins,
  });
  const bytes = Object.entries(result.metafile.outputs)
    .filter(([path]) => !path.endsWith(".map"))
    .reduce((sum, [, output]) => sum + output.bytes, 0);
  return { lazy, bytes };
}

async function bundleAll(): Promise<void> {
  const pending = new Map([
    [join(root, "functions/main.ts"), "main.cjs"],
    [join(root, "functions/index.ts"), "app.cjs"],
  ]);
  const bundled = new Set<string>();
  for (const [file, name] of pending) {
    if (bundled.has(name)) continue;
    bundled.add(name);
    const { lazy, bytes } = await bundleFile(file, name);
    for (const next of lazy) pending.set(next, toChunkName(next));
    console.log(
      `dist/${name}`.padEnd(24),
      `${Math.ceil(bytes / 1_024)} kB`.padStart(8),
      relative(root, file),
    );
  }
}

/** Loads the app once, as the worker does, and stores its registrations for the main file. */
async function recordRegistrations(): Promise<Registrations> {
  const require = createRequire(join(dist, "app.cjs"));
  const functions: { readonly name: string }[] = [];
  const hooks: string[] = [];
  let model: Registrations["model"] | undefined;
  const main = new Module(require.resolve("./main.cjs"));
  main.loaded = true;
  main.exports = {
    version: "",
    hostVersion: "",
    Disposable: Object,
    log: () => undefined,
    registerFunction: (metadata) => functions.push(metadata),
    registerHook: (name) => hooks.push(name),
    setProgrammingModel: ({ name, version }) => (model = { name, version }),
  } satisfies Core;
  require.cache[main.id] = main;
  require("./app.cjs");
  if (!model) throw new Error("the app registers no function");
  const registrations: Registrations = { functions, hooks, model };
  await writeFile(join(dist, "registrations.json"), `${JSON.stringify(registrations)}\n`);
  console.log("dist/registrations.json".padEnd(24), `${functions.length} functions`);
  return registrations;
}

/** Writes the API descriptions of the registered functions. */
async function writeDescriptions(registrations: Registrations): Promise<void> {
  const { version } = JSON.parse(await readFile(join(root, "package.json"), "utf8")) as {
    version: string;
  };
  const descriptions = describeApi(registrations, version);
  for (const [name, description] of Object.entries(descriptions)) {
    const text = `${JSON.stringify(description)}\n`;
    await writeFile(join(dist, `${name}.json`), text);
    console.log(`dist/${name}.json`.padEnd(24), `${Math.ceil(text.length / 1_024)} kB`.padStart(8));
  }
}

/** Writes the static files of the operator console. */
async function writeConsole(): Promise<void> {
  const bytes = await buildConsole(root, dist);
  console.log("dist/console".padEnd(24), `${Math.ceil(bytes / 1_024)} kB compressed`);
}

async function writeCatalog(): Promise<boolean> {
  const compiled = compileCatalog(join(root, "shared/hunts/catalog"));
  if ("problems" in compiled) {
    for (const { file, line, column, message } of compiled.problems)
      console.error(`${relative(root, resolve(root, file))}:${line}:${column} ${message}`);
    console.error(
      "The catalog was not built. Fix these hunts; `npm run hunts` checks only the hunts.",
    );
    return false;
  }
  await writeFile(join(dist, "catalog.json"), `${JSON.stringify(compiled.catalog)}\n`);
  console.log("dist/catalog.json".padEnd(24), `${compiled.catalog.hunts.length} hunts`);
  return true;
}

/** Writes the webhook mappings. */
async function writeMappings(): Promise<boolean> {
  const compiled = compileMappings(join(root, "shared/webhooks/mappings"));
  if (compiled.kind === "problems") {
    for (const { file, path, message } of compiled.problems)
      console.error(`${relative(root, file)} ${path}: ${message}`);
    return false;
  }
  await writeFile(join(dist, "webhook-mappings.json"), `${JSON.stringify(compiled.mappings)}\n`);
  console.log("dist/webhook-mappings.json", `${Object.keys(compiled.mappings).length} mappings`);
  return true;
}

/** Adds the tenants that the setting `TENANTS` names as `file:tenants.json`. */
async function copyTenants(): Promise<void> {
  const source = join(root, "infra/tenants.json");
  if (!existsSync(source)) return;
  const tenants: unknown = JSON.parse(await readFile(source, "utf8"));
  await writeFile(join(dist, "tenants.json"), `${JSON.stringify(tenants)}\n`);
}

await mkdir(dist, { recursive: true });
try {
  if ((await writeCatalog()) && (await writeMappings())) {
    await copyTenants();
    await bundleAll();
    await writeConsole();
    await writeDescriptions(await recordRegistrations());
    await rm(join(root, "dist"), { recursive: true, force: true });
    await rename(dist, join(root, "dist"));
  } else {
    process.exitCode = 1;
  }
} finally {
  await rm(dist, { recursive: true, force: true });
}
