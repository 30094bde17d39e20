/**
 * `npm run build`: what is deployed, in `dist/`. A small main file that registers every door, the app that it loads at the
 * first call, one file per module that is loaded at first use (the Azure SDKs above all), and the compiled hunt catalogue.
 *
 * CommonJS on purpose: it loads fastest in the Functions worker.
 */
import { mkdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { createRequire, Module } from "node:module";
import { basename, join, relative, resolve } from "node:path";
import { build, type Plugin } from "esbuild";
import { compileCatalog } from "../kql/compile/compile-catalog.ts";
import { describeApi } from "./openapi/describe-api.ts";
import { compileMappings } from "./compile-mappings.ts";
import type { Core, Registrations } from "../contracts/registrations.ts";
import { buildConsole } from "./build-console.ts";
import { bundleOptions } from "./bundle-options.ts";

const root = resolve(import.meta.dirname, "../..");
// Made aside and put in place at the end: whoever runs the app meanwhile never sees half of it.
const dist = join(root, `dist.${process.pid}`);

/** Turns each `import("./x.ts")` into a `require("./x.cjs")` and notes the file, so that it becomes a bundle of its own. */
function splitDynamicImports(lazyFiles: Set<string>): Plugin {
  return {
    name: "lazily",
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

/** The worker's own module, as the app sees it: the main file stands in front of it. */
const redirectWorkerModule: Plugin = {
  name: "behind-main",
  setup: (bundle) =>
    bundle.onResolve({ filter: /^@azure\/functions-core$/ }, () => ({
      path: "./main.cjs",
      external: true,
    })),
};

const toChunkName = (file: string): string => `${basename(file, ".ts")}.cjs`;

/** Bundles one file; returns the files it asks for at first use and the bundle's size in bytes. */
async function bundleFile(
  file: string,
  name: string,
): Promise<{ lazy: Set<string>; bytes: number }> {
  const lazy = new Set<string>();
  const plugins = [redirectWorkerModule, splitDynamicImports(lazy)];
  const result = await build({
    ...bundleOptions,
    metafile: true,
    entryPoints: [file],
    outfile: join(dist, name),
    plugins,
  });
  const bytes = Object.values(result.metafile.outputs).reduce(
    (sum, output) => sum + output.bytes,
    0,
  );
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

/** Loads the app once, as the worker would, and keeps what it registers for the main file. */
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
  console.log("dist/registrations.json".padEnd(24), `${functions.length} doors`);
  return registrations;
}

/** The API's own description, made of what the app registered. */
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

/** The operator console. */
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
      "The catalogue was not built. Mend the hunts named above; `npm run hunts` checks them alone.",
    );
    return false;
  }
  await writeFile(join(dist, "catalog.json"), `${JSON.stringify(compiled.catalog)}\n`);
  console.log("dist/catalog.json".padEnd(24), `${compiled.catalog.hunts.length} hunts`);
  return true;
}

/** The mappings of webhooks, as the app reads them. */
async function writeMappings(): Promise<boolean> {
  const compiled = compileMappings(join(root, "shared/webhooks/mappings"));
  if (compiled.kind === "problems") {
    for (const { file, path, message } of compiled.problems)
      console.error(`${relative(root, file)} ${path}: want ${message}`);
    return false;
  }
  await writeFile(join(dist, "webhook-mappings.json"), `${JSON.stringify(compiled.mappings)}\n`);
  console.log("dist/webhook-mappings.json", `${Object.keys(compiled.mappings).length} mappings`);
  return true;
}

await mkdir(dist, { recursive: true });
try {
  if ((await writeCatalog()) && (await writeMappings())) {
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
