/** Runs the host as a child process: for journeys, for tests that kill it, for benchmarks. */
import { spawn, type ChildProcess } from "node:child_process";
import { join, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { maxBodyBytes } from "../../shared/contracts/parsed-body.ts";
import type { Refusal } from "./index-functions.ts";
import type { Keys } from "./keys.ts";

export interface RunOptions {
  /** The app settings. The child also sees PATH, HOME, TMPDIR and TZ, and no other variable. */
  readonly settings?: Readonly<Record<string, string>>;
  /** Folder of host.json and package.json; the project's own when absent. */
  readonly root?: string;
  /** A file or glob in place of package.json's `main`, such as `functions/index.ts`. */
  readonly entry?: string;
  /** Any free one when absent. */
  readonly port?: number;
  readonly functions?: readonly string[];
  readonly enableAuth?: boolean;
  /**
   * Length of a timer's lease, 15 to 60. A killed host keeps its timers for this time.
   *
   * @default 60
   */
  readonly leaseSeconds?: number;
  /**
   * How long a fetched message stays invisible. A killed host keeps its messages for this time.
   *
   * @default 600
   */
  readonly invisibilitySeconds?: number;
  /** Modules loaded before the host, each by `--import`: to arm kill points. */
  readonly preload?: readonly string[];
  /** More for `node` itself, such as `--expose-gc`. */
  readonly nodeOptions?: readonly string[];
  /** More for `serve.ts`. */
  readonly arguments?: readonly string[];
  /**
   * Read the root's local.settings.json too; not by default, so that a person's own settings stay
   * out of tests.
   */
  readonly localSettings?: boolean;
  /** Receives the host's output as it is written. */
  readonly onOutput?: (text: string) => void;
}

interface HostExit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

export interface RunningHost {
  readonly url: string;
  /** The host key with `enableAuth`: opens every function. */
  readonly key: string | undefined;
  readonly keys: Keys | undefined;
  readonly functions: readonly string[];
  readonly refused: readonly Refusal[];
  readonly pid: number;
  /** All that it wrote so far. */
  readonly output: () => string;
  /** Fires a function as `POST /admin/functions/{name}` does. */
  readonly fire: (name: string, input?: string) => Promise<void>;
  /** Resolves when the process is gone, for whatever reason. */
  readonly exited: Promise<HostExit>;
  /** Asks it to stop (SIGTERM) and waits. */
  readonly stop: () => Promise<HostExit>;
  /** Kills it (SIGKILL) and waits. */
  readonly kill: (signal?: NodeJS.Signals) => Promise<HostExit>;
}

const projectRoot = resolve(import.meta.dirname, "../..");

/** @throws Error with all output when the host ends before it serves */
export async function runHost(options: RunOptions = {}): Promise<RunningHost> {
  const child = spawn(process.execPath, buildCommandLine(options), {
    stdio: ["ignore", "pipe", "pipe", "ipc"],
    cwd: resolve(options.root ?? projectRoot),
    env: { ...inheritEnvironment(), ...platformSettings, ...options.settings },
  });
  const chunks: string[] = [];
  for (const stream of [child.stdout, child.stderr])
    stream?.setEncoding("utf8").on("data", (text: string) => {
      chunks.push(text);
      options.onOutput?.(text);
    });
  const exited = new Promise<HostExit>((done) =>
    child.once("close", (code, signal) => done({ code, signal })),
  );
  const ready = await Promise.race([waitUntilReady(child), exited]);
  const readOutput = (): string => chunks.join("");
  if (!("url" in ready))
    throw new Error(
      `the host ended (${ready.code ?? ready.signal}) before it served:\n${readOutput()}`,
    );
  const endProcess = (signal: NodeJS.Signals): Promise<HostExit> => (child.kill(signal), exited);
  return {
    ...ready,
    key: ready.keys?.host,
    pid: child.pid ?? 0,
    output: readOutput,
    exited,
    fire: (name, input) => fireFunction(ready, name, input),
    stop: () => endProcess("SIGTERM"),
    kill: (signal = "SIGKILL") => endProcess(signal),
  };
}

function buildCommandLine(options: RunOptions): string[] {
  const preloads = (options.preload ?? []).flatMap((file) => [
    "--import",
    pathToFileURL(resolve(file)).href,
  ]);
  const toOption = (name: string, value: string | number | undefined): string[] =>
    value === undefined ? [] : [`--${name}`, String(value)];
  return [
    ...(options.nodeOptions ?? []),
    ...preloads,
    join(import.meta.dirname, "serve.ts"),
    ...toOption("port", options.port ?? 0),
    ...toOption("root", resolve(options.root ?? projectRoot)),
    ...toOption("entry", options.entry),
    ...toOption("functions", options.functions?.join(",")),
    ...toOption("lease-seconds", options.leaseSeconds),
    ...toOption("invisibility-seconds", options.invisibilitySeconds),
    ...(options.enableAuth === true ? ["--enable-auth"] : []),
    ...(options.localSettings === true ? [] : ["--no-local-settings"]),
    ...(options.arguments ?? []),
  ];
}

/** As infra/modules/app.bicep sets them. */
const platformSettings = { FUNCTIONS_REQUEST_BODY_SIZE_LIMIT: String(2 * maxBodyBytes) };

const inheritEnvironment = (): Record<string, string> =>
  Object.fromEntries(
    ["PATH", "HOME", "TMPDIR", "TZ", "SystemRoot", "TEMP"].flatMap((name) => {
      const value = process.env[name];
      return value === undefined ? [] : [[name, value]];
    }),
  );

type ReadyHost = Pick<RunningHost, "url" | "functions" | "refused" | "keys">;

const waitUntilReady = (child: ChildProcess): Promise<ReadyHost> =>
  new Promise((done, fail) => {
    child.once("error", fail);
    child.on("message", (message: { ready?: ReadyHost }) => {
      if (message.ready) done(message.ready);
    });
  });

async function fireFunction({ url, keys }: ReadyHost, name: string, input = ""): Promise<void> {
  const reply = await fetch(`${url}/admin/functions/${name}`, {
    method: "POST",
    headers: {
      "content-type": "application/json",
      ...(keys ? { "x-functions-key": keys.master } : {}),
    },
    body: JSON.stringify({ input }),
  });
  if (reply.status !== 202) throw new Error(`firing ${name} answered ${reply.status}`);
}
