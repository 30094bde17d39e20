/**
 * The app in this process, for tests and for the server: loads an entry through the real
 * `@azure/functions`, checks what it registered, and invokes its functions. Import this file before
 * `@azure/functions` is used.
 */
import { resolve } from "node:path";
import { readHostConfig, type HostConfig } from "./config.ts";
import { findEntries, loadEntry } from "./entries.ts";
import { indexFunctions, type RegisteredFunction, type Refusal } from "./index-functions.ts";
import { runHooks, type Worker } from "./run-invocation.ts";
import { invokeFunction, type InvokeInput, type InvokeResult } from "./invoke-function.ts";
import { filterLog, type Log } from "./log.ts";
import type { Env } from "./substitute-settings.ts";
import {
  createRegistry,
  readProgrammingModel,
  refuseTestMode,
  setRegistry,
} from "./worker-module.ts";

export interface LoadOptions {
  /** Folder of host.json and package.json; the current one when absent. */
  readonly root?: string;
  /** A file or glob in place of package.json's `main`. */
  readonly entry?: string;
  /** Only these functions; the others are not served. */
  readonly functions?: readonly string[];
  readonly env?: Env;
  readonly log?: Log;
}

/** A loaded app. */
export interface App {
  readonly root: string;
  readonly config: HostConfig;
  readonly functions: readonly RegisteredFunction[];
  readonly refused: readonly Refusal[];
  readonly worker: Worker;
  /**
   * Calls one function through the real conversions and hooks; outputs are handed back, not
   * written.
   */
  readonly invoke: (name: string, input?: InvokeInput) => Promise<InvokeResult>;
  /** Runs the `appTerminate` hooks. */
  readonly terminate: () => Promise<void>;
}

/**
 * @throws Error when the entry throws, nothing matches it, an `appStart` hook throws, or nothing
 *   usable is registered
 */
export async function loadApp(options: LoadOptions = {}): Promise<App> {
  const root = resolve(options.root ?? ".");
  const env = options.env ?? process.env;
  const config = readHostConfig(root, env);
  const log = filterLog(config.logLevels, options.log ?? (() => undefined));
  const appHookData = {};
  refuseTestMode();
  const registry = createRegistry((level, _, message) =>
    log({ level, category: "Worker", message }),
  );
  setRegistry(registry);
  for (const file of findEntries(root, options.entry)) await loadEntry(root, file);
  await runHooks(registry, "appStart", { hookData: appHookData, appHookData });
  registry.isLocked = true;
  const indexed = indexFunctions(registry.functions.values(), config, env);
  const functions = indexed.functions.filter(
    ({ name }) => options.functions?.includes(name) ?? true,
  );
  refuseUnknown(options.functions ?? [], [...indexed.functions, ...indexed.refused]);
  warnAboutRetries(functions, log);
  const model = await prepareModel(functions, indexed.refused);
  const worker: Worker = { model, registry, appHookData, log };
  return {
    root,
    config,
    functions,
    refused: indexed.refused,
    worker,
    invoke: (name, input) => invokeFunction(worker, functions, name, input),
    terminate: () => runHooks(registry, "appTerminate", { hookData: appHookData, appHookData }),
  };
}

function refuseUnknown(
  requested: readonly string[],
  known: readonly { readonly name: string }[],
): void {
  const unknownNames = requested.filter((name) => !known.some((func) => func.name === name));
  if (unknownNames.length > 0) throw new Error(`no function is named ${unknownNames.join(" or ")}`);
}

/** As the platform does: such a policy looks like a promise and does nothing. */
function warnAboutRetries(functions: readonly RegisteredFunction[], log: Log): void {
  for (const { name, trigger, registration } of functions)
    if (registration.retryOptions && trigger.kind !== "timer")
      log({
        level: "warning",
        category: "Host.Startup",
        message: `${name}: a retry policy has no effect on a ${trigger.kind} trigger`,
      });
}

async function prepareModel(
  functions: readonly RegisteredFunction[],
  refused: readonly Refusal[],
): Promise<Worker["model"]> {
  const model = readProgrammingModel();
  if (!model || functions.length === 0) {
    const reasons = refused.map(({ name, reason }) => `\n  ${name}: ${reason}`).join("");
    throw new Error(
      `the app registered no function that this host can serve${reasons}` +
        (refused.length === 0
          ? " (a module that this process has loaded before registers nothing again)"
          : ""),
    );
  }
  const capabilities = (await model.getCapabilities?.({})) ?? {};
  if (capabilities["HttpUri"] !== undefined)
    throw new Error("enableHttpStream is on; this host has no HTTP streaming");
  return model;
}
