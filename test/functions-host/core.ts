/**
 * The app in this process, for tests and for the server: loads an entry through the real `@azure/functions`, checks
 * what it registered, and knocks on its doors. Import this file before `@azure/functions` is used.
 */
import { resolve } from "node:path";
import { readHostConfig, type HostConfig } from "./config.ts";
import { findEntries, loadEntry } from "./entries.ts";
import { indexDoors, type Door, type Refusal } from "./indexing.ts";
import { runHooks, type Worker } from "./invoke.ts";
import { knock, type Knock, type Knocked } from "./call-function.ts";
import { filtered, type Log } from "./lines.ts";
import type { Env } from "./substitute.ts";
import { emptyRegistry, programmingModel, refuseTestMode, registerInto } from "./worker-module.ts";

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
  readonly doors: readonly Door[];
  readonly refused: readonly Refusal[];
  readonly worker: Worker;
  /** Calls one function through the real conversions and hooks; outputs are handed back, not written. */
  readonly knock: (name: string, input?: Knock) => Promise<Knocked>;
  /** Runs the `appTerminate` hooks. */
  readonly terminate: () => Promise<void>;
}

/**
 * @throws Error when the entry throws, nothing matches it, an `appStart` hook throws, or nothing usable is registered
 */
export async function loadApp(options: LoadOptions = {}): Promise<App> {
  const root = resolve(options.root ?? ".");
  const env = options.env ?? process.env;
  const config = readHostConfig(root, env);
  const log = filtered(config.logLevels, options.log ?? (() => undefined));
  const appHookData = {};
  refuseTestMode();
  const registry = emptyRegistry((level, _, message) =>
    log({ level, category: "Worker", message }),
  );
  registerInto(registry);
  for (const file of findEntries(root, options.entry)) await loadEntry(root, file);
  await runHooks(registry, "appStart", { hookData: appHookData, appHookData });
  registry.locked = true;
  const indexed = indexDoors(registry.functions.values(), config, env);
  const doors = indexed.doors.filter(({ name }) => options.functions?.includes(name) ?? true);
  refuseUnknown(options.functions ?? [], [...indexed.doors, ...indexed.refused]);
  warnOfRetries(doors, log);
  const model = await readyModel(doors, indexed.refused);
  const worker: Worker = { model, registry, appHookData, log };
  return {
    root,
    config,
    doors,
    refused: indexed.refused,
    worker,
    knock: (name, input) => knock(worker, doors, name, input),
    terminate: () => runHooks(registry, "appTerminate", { hookData: appHookData, appHookData }),
  };
}

function refuseUnknown(
  asked: readonly string[],
  known: readonly { readonly name: string }[],
): void {
  const strangers = asked.filter((name) => !known.some((door) => door.name === name));
  if (strangers.length > 0) throw new Error(`no function is named ${strangers.join(" or ")}`);
}

/** As the platform does: such a policy looks like a promise and does nothing. */
function warnOfRetries(doors: readonly Door[], log: Log): void {
  for (const { name, trigger, registration } of doors)
    if (registration.retryOptions && trigger.kind !== "timer")
      log({
        level: "warning",
        category: "Host.Startup",
        message: `${name}: a retry policy has no effect on a ${trigger.kind} trigger`,
      });
}

async function readyModel(
  doors: readonly Door[],
  refused: readonly Refusal[],
): Promise<Worker["model"]> {
  const model = programmingModel();
  if (!model || doors.length === 0) {
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
