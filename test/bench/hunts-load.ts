/** Loading the built app against loading a function that says hello, both bundled alike, in the same harness. */
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { build } from "esbuild";
import { childCommand, ran } from "./children.ts";
import { ceilingResult, interleaved, skipped, spreadOf, type Result } from "./harness.ts";

const rounds = 11;
const root = resolve(import.meta.dirname, "../..");
const hello = `import { app } from "@azure/functions";
app.http("hello", { methods: ["GET"], authLevel: "anonymous", handler: async () => ({ body: "hello" }) });`;

export async function* loadResults(): AsyncIterable<Result> {
  const name = "load of the built app, against a hello-world function";
  const main = join(root, "dist/main.cjs");
  if (!existsSync(main)) {
    yield skipped(name, "needs dist/main.cjs: npm run build");
    return;
  }
  const folder = mkdtempSync(join(tmpdir(), "huntline-hello-"));
  try {
    const outfile = join(folder, "hello.cjs");
    await build({
      stdin: { contents: hello, resolveDir: root },
      outfile,
      bundle: true,
      minify: true,
      platform: "node",
      target: "node22",
      format: "cjs",
      external: ["@azure/functions-core"],
      logLevel: "warning",
    });
    const loaded = (file: string) => async () => Number((await ran(childCommand("load", file))).text);
    const spreads = await interleaved({ hello: loaded(outfile), app: loaded(main) }, rounds);
    const ratio = {
      ...spreadOf([spreads.app.median / spreads.hello.median]),
      min: spreads.app.min / spreads.hello.min,
    };
    yield { ...ceilingResult(name, ratio, 1.2, "x"), samples: spreads };
  } finally {
    rmSync(folder, { recursive: true });
  }
}
