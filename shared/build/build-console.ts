/** Bundles the operator console into static files whose names contain their content's hash. */
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { build } from "esbuild";

/** Limit of all files of the page together, gzip-compressed. */
const maxCompressedBytes = 250_000;

/**
 * Writes `console/` into `dist`: scripts, style sheets and `index.html`.
 *
 * @returns the compressed size of all files, bytes
 * @throws Error if the page is larger than its limit
 */
export async function buildConsole(root: string, dist: string): Promise<number> {
  const folder = join(dist, "console");
  await mkdir(folder, { recursive: true });
  const source = join(root, "shared/console");
  const result = await build({
    entryPoints: [join(source, "main.tsx"), join(source, "console.css")],
    outdir: folder,
    write: false,
    bundle: true,
    splitting: true,
    minify: true,
    format: "esm",
    platform: "browser",
    target: "es2022",
    entryNames: "[name]-[hash]",
    chunkNames: "[name]-[hash]",
    jsx: "automatic",
    jsxImportSource: "preact",
    tsconfig: join(source, "tsconfig.json"),
    legalComments: "none",
    logLevel: "warning",
  });
  const names = result.outputFiles.map(({ path }) => path.slice(folder.length + 1));
  const template = await readFile(join(source, "index.html"), "utf8");
  const index = template
    .replace("{{script}}", `/api/console/${findName(names, /^main-.*\.js$/)}`)
    .replace("{{style}}", `/api/console/${findName(names, /^console-.*\.css$/)}`);
  const files = new Map<string, Uint8Array>(
    result.outputFiles.map(({ contents }, at) => [names[at] ?? "", contents]),
  );
  files.set("index.html", Buffer.from(index));
  let compressedBytes = 0;
  for (const [name, contents] of files) {
    await writeFile(join(folder, name), contents);
    compressedBytes += gzipSync(contents, { level: 9 }).length;
  }
  if (compressedBytes > maxCompressedBytes)
    throw new Error(`The console has ${compressedBytes} bytes, more than ${maxCompressedBytes}.`);
  return compressedBytes;
}

function findName(names: readonly string[], pattern: RegExp): string {
  const name = names.find((one) => pattern.test(one));
  if (name === undefined) throw new Error(`The console has no file ${String(pattern)}.`);
  return name;
}
