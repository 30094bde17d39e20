/**
 * Takes the place of the Node.js worker: resolves `require("@azure/functions-core")`, a module that
 * exists only inside the worker, and records what the app registers through it.
 */
import { createRequire, Module } from "node:module";
import type {
  FunctionCallback,
  FunctionMetadata,
  Level,
  LogCategory,
  ProgrammingModel,
  Registration,
} from "./protocol.ts";

const hookNames = ["appStart", "appTerminate", "preInvocation", "postInvocation", "log"] as const;
export type HookName = (typeof hookNames)[number];
type HookCallback = (context: object) => unknown;

/** What one app has registered. */
export interface Registry {
  readonly functions: Map<string, Registration>;
  readonly hooks: Record<HookName, HookCallback[]>;
  /** Set once the host has asked for the functions: later registrations are refused. */
  isLocked: boolean;
  /** The library's system lines: outside of any call. */
  log: (level: Level, category: LogCategory, message: string) => void;
}

export function createRegistry(log: Registry["log"]): Registry {
  const hooks = { appStart: [], appTerminate: [], preInvocation: [], postInvocation: [], log: [] };
  return { functions: new Map(), hooks, isLocked: false, log };
}

// The library keeps the module for the life of the process, so the module points to whichever app
// loads now.
let currentRegistry: Registry = createRegistry(() => undefined);
let model: ProgrammingModel | undefined;

/** From here on registrations go into `registry`. */
export function setRegistry(registry: Registry): void {
  currentRegistry = registry;
}

/** The library's side of every call; there is one as soon as any function was registered. */
export const readProgrammingModel = (): ProgrammingModel | undefined => model;

// A class because the protocol has one: `new Disposable(callback)`.
class Disposable {
  readonly #callback: () => unknown;
  constructor(callback: () => unknown) {
    this.#callback = callback;
  }
  dispose(): unknown {
    return this.#callback();
  }
}

function registerFunction(metadata: FunctionMetadata, callback: FunctionCallback): Disposable {
  const registry = currentRegistry;
  if (registry.isLocked) throw new Error("A function can only be registered during app startup.");
  const id = metadata.functionId ?? metadata.name;
  if (registry.functions.has(id))
    throw new Error(`A function with id "${id}" has already been registered.`);
  registry.functions.set(id, { ...metadata, callback });
  return new Disposable(() => {
    if (registry.isLocked) throw new Error("A function can only be disposed during app startup.");
    registry.functions.delete(id);
  });
}

function registerHook(name: string, callback: HookCallback): Disposable {
  const list = hookNames.includes(name as HookName)
    ? currentRegistry.hooks[name as HookName]
    : undefined;
  if (!list) throw new RangeError(`Unrecognized hook "${name}"`);
  list.push(callback);
  return new Disposable(() => {
    const index = list.indexOf(callback);
    if (index >= 0) list.splice(index, 1);
  });
}

const workerModule = {
  version: "3.14.1",
  hostVersion: "4.1052.200",
  Disposable,
  registerFunction,
  registerHook,
  setProgrammingModel: (nextModel: ProgrammingModel): void => {
    model = nextModel;
  },
  getProgrammingModel: readProgrammingModel,
  log: (level: Level, category: LogCategory, message: string): void =>
    currentRegistry.log(level, category, message),
};

/** Puts the module in front of Node's own `require`; every other id goes the usual way. */
function interceptRequire(): void {
  // oxlint-disable-next-line typescript/unbound-method -- on purpose: the proxy passes every `this` on
  Module.prototype.require = new Proxy(Module.prototype.require, {
    apply: (real, self, args: [string]): unknown =>
      args[0] === "@azure/functions-core" ? workerModule : Reflect.apply(real, self, args),
  });
}

interceptRequire();

/**
 * Throws when `@azure/functions` was used before this module was loaded: it then stays in its "test
 * mode" until the process ends and skips every registration.
 *
 * @throws Error saying what to import first
 */
export function refuseTestMode(): void {
  const require = createRequire(import.meta.url);
  const path = require.resolve("@azure/functions");
  if (!require.cache[path]) return;
  const probe = createRegistry(() => undefined);
  const previous = currentRegistry;
  setRegistry(probe);
  const library = require(path) as {
    app: { hook: { appStart: (handler: () => void) => unknown } };
  };
  library.app.hook.appStart(() => undefined);
  setRegistry(previous);
  if (probe.hooks.appStart.length === 0)
    throw new Error(
      "@azure/functions was used before test/functions-host/load-app.ts was imported and is stuck in its test mode",
    );
}
