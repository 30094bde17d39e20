/** How the app is bundled: minified CommonJS for the Functions worker's Node. */
import type { BuildOptions } from "esbuild";

export const bundleOptions = {
  bundle: true,
  minify: true,
  platform: "node",
  target: "node22",
  format: "cjs",
  supported: { "dynamic-import": false },
  // Some SDK files ask for import.meta.url even in CommonJS; the banner answers.
  define: { "import.meta.url": "__moduleUrl" },
  banner: { js: 'var __moduleUrl=require("node:url").pathToFileURL(__filename).href;' },
  legalComments: "none",
  logLevel: "warning",
} as const satisfies BuildOptions;
