/** Options of esbuild: minified CommonJS for the Node.js of the Functions worker. */
import type { BuildOptions } from "esbuild";

export const bundleOptions = {
  bundle: true,
  minify: true,
  platform: "node",
  target: "node22",
  format: "cjs",
  supported: { "dynamic-import": false },
  // Some SDK files use import.meta.url also in CommonJS; the banner provides it.
  define: { "import.meta.url": "__moduleUrl" },
  banner: { js: 'var __moduleUrl=require("node:url").pathToFileURL(__filename).href;' },
  legalComments: "none",
  logLevel: "warning",
} as const satisfies BuildOptions;

/** Replace the options above for a debugger. */
export const debugOptions = {
  minify: false,
  sourcemap: "linked",
} as const satisfies BuildOptions;
