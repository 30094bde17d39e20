/** The host in this process: the loaded app behind HTTP, timers and queues, until it is stopped. */
import type { AddressInfo } from "node:net";
import { createHash } from "node:crypto";
import { hostname } from "node:os";
import { join } from "node:path";
import { secondMs } from "../../shared/runtime/time.ts";
import { openAdmin } from "./admin.ts";
import { openCalls, type Calls } from "./calls.ts";
import { openQueues } from "./connections.ts";
import { loadApp, type App, type LoadOptions } from "./core.ts";
import { createHttp } from "./http.ts";
import type { Door } from "./indexing.ts";
import { openKeys, type Keys } from "./keys.ts";
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
  readonly onOverrun?: (door: Door) => void;
  /** How long fetched messages stay invisible, and the length of a timer's lease, where not the platform's. */
  readonly invisibilityMs?: number;
  readonly leaseSeconds?: number;
  /** How long `stop` waits for running calls; 5 s when absent. */
  readonly patienceMs?: number;
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

const defaultPatienceMs = 5 * secondMs;

/** @throws Error when the app cannot be loaded or the port is taken */
export async function startHost(options: HostOptions = {}): Promise<Host> {
  const env = options.env ?? process.env;
  const app = await loadApp(options);
  const onOverrun = options.onOverrun ?? (() => undefined);
  const calls = openCalls({ worker: app.worker, config: app.config, onOverrun });
  const hostId = env["AzureFunctionsWebHost__hostid"] ?? localHostId(app.root);
  const names = app.doors.map(({ name }) => name);
  const keys =
    options.enableAuth === true
      ? openKeys(join(app.root, ".huntline/keys.json"), names)
      : undefined;
  const limit = Number(env["FUNCTIONS_REQUEST_BODY_SIZE_LIMIT"]);
  const server = createHttp({
    doors: app.doors,
    calls,
    keys,
    admin: openAdmin({ ...app, calls, hostId, version: "4.1052.200" }),
    chunkedBodies: options.chunkedBodies,
    principal: options.principal,
    bodyLimitBytes: limit > 0 ? limit : undefined,
    homepage: env["AzureWebJobsDisableHomepage"]?.toLowerCase() !== "true",
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
      const idle = [...listeners.map((listener) => listener.stop()), untilIdle(calls)];
      await Promise.race([Promise.all(idle), wait(options.patienceMs ?? defaultPatienceMs)]);
      server.closeAllConnections();
      const cutOff = calls.running();
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
  const open = app.doors.filter((door) => !door.disabled);
  const queues = open.map(async (door): Promise<Listener[]> => {
    const { trigger } = door;
    if (trigger.kind !== "queue") return [];
    const service = await openQueues(trigger.connection);
    const tuned =
      options.invisibilityMs === undefined ? {} : { invisibilityMs: options.invisibilityMs };
    return [
      listenToQueue({ service, door, trigger, config: app.config.queues, calls, log, ...tuned }),
    ];
  });
  const timers = startTimers({ ...options, doors: open, calls, log });
  return [...(await Promise.all(queues)).flat(), ...(await timers)];
}

/** The same for the same folder on the same machine, as the platform's local host has it. */
const localHostId = (root: string): string => {
  const machine = hostname()
    .toLowerCase()
    .replaceAll(/[^a-z0-9]/g, "")
    .slice(0, 16);
  return `${machine}-${createHash("sha256").update(root).digest("hex").slice(0, 10)}`;
};

async function untilIdle(calls: Calls): Promise<void> {
  while (calls.running() > 0) await wait(20);
}

const wait = (ms: number): Promise<void> =>
  new Promise((resolve) => {
    setTimeout(resolve, ms).unref();
  });
