/** The host in this process: the loaded app behind HTTP, timers and queues, until it is stopped. */
import type { AddressInfo } from "node:net";
import { createHash } from "node:crypto";
import { hostname } from "node:os";
import { join } from "node:path";
import { secondMs } from "../../shared/runtime/time.ts";
import { createAdmin } from "./admin.ts";
import { createCalls, type Calls } from "./calls.ts";
import { createQueueService } from "./connections.ts";
import { loadApp, type App, type LoadOptions } from "./load-app.ts";
import { createHttpServer } from "./http.ts";
import type { RegisteredFunction } from "./index-functions.ts";
import { loadKeys, type Keys } from "./keys.ts";
import { listenToQueue, type Listener } from "./queues.ts";
import { startTimers } from "./timers.ts";

export interface HostOptions extends LoadOptions {
  /** 0 (default) for any free one. */
  readonly port?: number;
  /** 127.0.0.1 when absent. */
  readonly address?: string;
  readonly enableAuth?: boolean;
  readonly chunkedBodies?: "empty" | "read";
  readonly principal?: readonly (readonly [string, string])[];
  readonly onOverrun?: (func: RegisteredFunction) => void;
  /**
   * How long fetched messages stay invisible, and the length of a timer's lease, where not the
   * platform's.
   */
  readonly invisibilityMs?: number;
  readonly leaseSeconds?: number;
  /** How long `stop` waits for running calls; 5 s when absent. */
  readonly stopTimeoutMs?: number;
}

/** A running host. */
export interface Host {
  readonly url: string;
  readonly app: App;
  /** With `enableAuth` only. */
  readonly keys: Keys | undefined;
  readonly calls: Calls;
  /**
   * Stops listening, lets running calls finish, but not for ever, runs the `appTerminate` hooks.
   *
   * @returns how many calls were cut off
   */
  readonly stop: () => Promise<number>;
}

const defaultStopTimeoutMs = 5 * secondMs;

/** @throws Error when the app cannot be loaded or the port is taken */
export async function startHost(options: HostOptions = {}): Promise<Host> {
  const env = options.env ?? process.env;
  const app = await loadApp(options);
  const onOverrun = options.onOverrun ?? (() => undefined);
  const calls = createCalls({ worker: app.worker, config: app.config, onOverrun });
  const hostId = env["AzureFunctionsWebHost__hostid"] ?? createHostId(app.root);
  const names = app.functions.map(({ name }) => name);
  const keys =
    options.enableAuth === true
      ? loadKeys(join(app.root, ".huntline/keys.json"), names)
      : undefined;
  const limit = Number(env["FUNCTIONS_REQUEST_BODY_SIZE_LIMIT"]);
  const server = createHttpServer({
    functions: app.functions,
    calls,
    keys,
    admin: createAdmin({ ...app, calls, hostId, version: "4.1052.200" }),
    chunkedBodies: options.chunkedBodies,
    principal: options.principal,
    bodyLimitBytes: limit > 0 ? limit : undefined,
    hasHomepage: env["AzureWebJobsDisableHomepage"]?.toLowerCase() !== "true",
  });
  const { promise: listening, resolve, reject } = Promise.withResolvers<void>();
  server.once("error", reject).listen(options.port ?? 0, options.address ?? "127.0.0.1", resolve);
  await listening;
  const listeners = await startListeners(app, calls, { ...options, env, hostId });
  const { address, port } = server.address() as AddressInfo;
  return {
    url: `http://${address.includes(":") ? `[${address}]` : address}:${port}`,
    app,
    keys,
    calls,
    stop: async () => {
      server.close();
      server.closeIdleConnections();
      const idle = [...listeners.map((listener) => listener.stop()), waitUntilIdle(calls)];
      await Promise.race([Promise.all(idle), wait(options.stopTimeoutMs ?? defaultStopTimeoutMs)]);
      server.closeAllConnections();
      const cutOff = calls.countRunning();
      await app.terminate();
      return cutOff;
    },
  };
}

async function startListeners(
  app: App,
  calls: Calls,
  options: HostOptions & { readonly env: NonNullable<LoadOptions["env"]>; readonly hostId: string },
): Promise<Listener[]> {
  const { log } = app.worker;
  const enabledFunctions = app.functions.filter((func) => !func.isDisabled);
  const queues = enabledFunctions.map(async (func): Promise<Listener[]> => {
    const { trigger } = func;
    if (trigger.kind !== "queue") return [];
    const service = await createQueueService(trigger.connection);
    const queueOptions =
      options.invisibilityMs === undefined ? {} : { invisibilityMs: options.invisibilityMs };
    return [
      listenToQueue({
        service,
        func,
        trigger,
        config: app.config.queues,
        calls,
        log,
        ...queueOptions,
      }),
    ];
  });
  const timers = startTimers({ ...options, functions: enabledFunctions, calls, log });
  return [...(await Promise.all(queues)).flat(), ...(await timers)];
}

/** The same for the same folder on the same machine, as the platform's local host has it. */
const createHostId = (root: string): string => {
  const machine = hostname()
    .toLowerCase()
    .replaceAll(/[^a-z0-9]/g, "")
    .slice(0, 16);
  return `${machine}-${createHash("sha256").update(root).digest("hex").slice(0, 10)}`;
};

async function waitUntilIdle(calls: Calls): Promise<void> {
  while (calls.countRunning() > 0) await wait(20);
}

const wait = (ms: number): Promise<void> =>
  new Promise((resolve) => {
    setTimeout(resolve, ms).unref();
  });
