/** Loading the built app against loading a function that says hello, both bundled alike, in the same harness. */
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { build } from "esbuild";
import { bundleShape } from "../../shared/build/bundle-shape.ts";
import { childCommand, ran } from "./children.ts";
import {
  ceilingResult,
  interleaved,
  skipped,
  spreadOf,
  type Result,
  type Spread,
} from "./harness.ts";

const rounds = 11;
const root = resolve(import.meta.dirname, "../..");
const helloWorld = `import { app } from "@azure/functions";
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
      ...bundleShape,
      // What the SDKs need would only hold a hello-world up.
      banner: {},
      define: {},
      stdin: { contents: helloWorld, resolveDir: root },
      outfile,
      external: ["@azure/functions-core"],
    });
    const loaded = (file: string, more = "") => {
      return async () => Number((await ran(childCommand("load", file, more))).text);
    };
    const { app, firstCall, hello } = await interleaved(
      {
        hello: loaded(outfile),
        app: loaded(main),
        firstCall: loaded(main, join(root, "dist/app.cjs")),
      },
      rounds,
    );
    const ratioOf = (one: Spread): Spread => ({
      ...spreadOf([one.median / hello.median]),
      min: one.min / hello.min,
    });
    yield { ...ceilingResult(name, ratioOf(app), 1.2, "x"), samples: { hello, app } };
    // What the first call of an instance pays once.
    const paid = ceilingResult(
      "the same, with what the first call loads",
      ratioOf(firstCall),
      undefined,
      "x",
    );
    yield { ...paid, samples: { hello, firstCall } };
  } finally {
    rmSync(folder, { recursive: true });
  }
}
