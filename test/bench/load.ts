/**
 * `npm run bench -- load`: what a user waits for when the platform starts a process, relative to a
 * minimal function in the same harness: loading the app, and the first answer of each kind of
 * endpoint.
 */
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { build } from "esbuild";
import { bundleOptions } from "../../shared/build/bundle-options.ts";
import { startSimulator } from "../simulator/simulator.ts";
import { startAzurite } from "../support/azurite.ts";
import { bundleChild, getChildCommand, runCommand } from "./children.ts";
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
  const main = join(root, "dist/main.cjs");
  if (!existsSync(main)) {
    yield toSkippedResult("load of the built app", "needs dist/main.cjs: npm run build");
    return;
  }
  const helloFolder = await createHelloWorld();
  try {
    yield* measureLoading(join(helloFolder, "hello.cjs"), main);
    yield* measureFirstAnswers(helloFolder);
  } finally {
    rmSync(helloFolder, { recursive: true });
  }
}

/** Writes a minimal app, bundled like ours. */
async function createHelloWorld(): Promise<string> {
  const folder = mkdtempSync(join(tmpdir(), "huntline-hello-"));
  await build({
    ...bundleOptions,
    // A minimal function does not load what the SDKs need.
    banner: {},
    define: {},
    stdin: { contents: helloWorld, resolveDir: root },
    outfile: join(folder, "hello.cjs"),
    external: ["@azure/functions-core"],
  });
  writeFileSync(join(folder, "host.json"), JSON.stringify({ version: "2.0" }));
  writeFileSync(join(folder, "package.json"), JSON.stringify({ main: "hello.cjs" }));
  return folder;
}

const divideBy = (spread: Spread, limit: Spread): Spread => ({
  ...spreadOf([spread.median / limit.median]),
  min: spread.min / limit.min,
});

async function* measureLoading(hello: string, main: string): AsyncIterable<Result> {
  const createLoadRun = (file: string, firstCallFile = "") => {
    return async () =>
      Number((await runCommand(getChildCommand("load", file, firstCallFile))).text);
  };
  const spreads = await measureInterleaved(
    {
      hello: createLoadRun(hello),
      app: createLoadRun(main),
      firstCall: createLoadRun(main, join(root, "dist/app.cjs")),
    },
    rounds,
  );
  yield {
    ...toCeilingResult(
      "load of the built app, against a hello-world function",
      divideBy(spreads.app, spreads.hello),
      1.2,
      "x",
    ),
    samples: { hello: spreads.hello, app: spreads.app },
  };
  yield {
    ...toCeilingResult(
      "the same, with what the first call loads",
      divideBy(spreads.firstCall, spreads.hello),
      undefined,
      "x",
    ),
    samples: { hello: spreads.hello, firstCall: spreads.firstCall },
  };
}

/** A first call of one kind of endpoint. */
interface FirstCall {
  readonly kind: string;
  readonly name: string;
  readonly input: object;
  /** Maximum relative to hello-world; absent: only stated. */
  readonly goal?: number;
}

const createFirstCalls = (sha1: string): readonly FirstCall[] => [
  { kind: "health", name: "get_health", input: { path: "/api/health" }, goal: 1.2 },
  {
    kind: "a file lookup",
    name: "enrich_files",
    input: {
      path: "/api/files/stats",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ sha1: [sha1] }),
    },
    goal: 1.4,
  },
  { kind: "the list of hunts", name: "list_hunts", input: { path: "/api/hunts" } },
  {
    kind: "a verdict",
    name: "close_alerts",
    input: {
      path: "/api/alerts/verdicts",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({
        version: 1,
        id: "bench",
        alertIds: ["603e4f1b2c3d4e5f60718293"],
        action: "resolve",
        requestedBy: "bench",
        requestedAt: "2026-01-05T00:00:00Z",
      }),
    },
  },
];

async function* measureFirstAnswers(helloFolder: string): AsyncIterable<Result> {
  const azurite = await startAzurite();
  const simulator = await startSimulator();
  const child = await bundleChild("first-answer-once.ts");
  const storage = azurite.connectionString();
  const env = {
    ...simulator.settings,
    DataStorage: storage,
    AzureWebJobsStorage: storage,
    // The harness resolves the library of functions, which an app has bundled.
    NODE_PATH: join(root, "node_modules"),
  };
  const createAnswerRun = (folder: string, name: string, input: object) => async () =>
    Number((await runCommand(child.command(folder, name, JSON.stringify(input)), env)).text);
  try {
    const sha1 = simulator.dataset.files[0]?.sha1 ?? "";
    for (const { kind, name, input, goal } of createFirstCalls(sha1)) {
      const { app, hello } = await measureInterleaved(
        {
          hello: createAnswerRun(helloFolder, "hello", { path: "/api/hello" }),
          app: createAnswerRun(root, name, input),
        },
        rounds,
      );
      const title = `first answer of a process, ${kind}, against hello-world`;
      yield { ...toCeilingResult(title, divideBy(app, hello), goal, "x"), samples: { hello, app } };
    }
  } finally {
    await Promise.all([simulator.stop(), azurite.stop(), child.remove()]);
  }
}
