/**
 * Load time of the built app relative to a minimal function, bundled alike and in the same harness.
 */
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { build } from "esbuild";
import { bundleOptions } from "../../shared/build/bundle-options.ts";
import { getChildCommand, runCommand } from "./children.ts";
import {
  toCeilingResult,
  measureInterleaved,
  toSkippedResult,
  spreadOf,
  type Result,
  type Spread,
} from "./harness.ts";

const rounds = 11;
const root = resolve(import.meta.dirname, "../..");
const helloWorld = `import { app } from "@azure/functions";
app.http("hello", { methods: ["GET"], authLevel: "anonymous", handler: async () => ({ body: "hello" }) });`;

export async function* measureLoad(): AsyncIterable<Result> {
  const name = "load of the built app, against a hello-world function";
  const main = join(root, "dist/main.cjs");
  if (!existsSync(main)) {
    yield toSkippedResult(name, "needs dist/main.cjs: npm run build");
    return;
  }
  const folder = mkdtempSync(join(tmpdir(), "huntline-hello-"));
  try {
    const outfile = join(folder, "hello.cjs");
    await build({
      ...bundleOptions,
      // A minimal function does not load what the SDKs need.
      banner: {},
      define: {},
      stdin: { contents: helloWorld, resolveDir: root },
      outfile,
      external: ["@azure/functions-core"],
    });
    const createLoadRun = (file: string, firstCallFile = "") => {
      return async () =>
        Number((await runCommand(getChildCommand("load", file, firstCallFile))).text);
    };
    const { app, firstCall, hello } = await measureInterleaved(
      {
        hello: createLoadRun(outfile),
        app: createLoadRun(main),
        firstCall: createLoadRun(main, join(root, "dist/app.cjs")),
      },
      rounds,
    );
    const ratioOf = (spread: Spread): Spread => ({
      ...spreadOf([spread.median / hello.median]),
      min: spread.min / hello.min,
    });
    yield { ...toCeilingResult(name, ratioOf(app), 1.2, "x"), samples: { hello, app } };
    // Cost of the first call of an instance.
    const firstCallResult = toCeilingResult(
      "the same, with what the first call loads",
      ratioOf(firstCall),
      undefined,
      "x",
    );
    yield { ...firstCallResult, samples: { hello, firstCall } };
  } finally {
    rmSync(folder, { recursive: true });
  }
}
