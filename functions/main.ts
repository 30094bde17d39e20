/**
 * The file that the Functions worker loads: registers every function as the build recorded it in
 * `registrations.json`, and loads the app at the first call. A new instance registers its functions
 * as fast as a hello-world app does.
 *
 * For the app (`app.cjs`) this file takes the place of `@azure/functions-core`.
 */
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import type { Callback, Core, Model, Registrations } from "../shared/contracts/registrations.ts";

const require = createRequire(import.meta.url);
const core = require("@azure/functions-core") as Core;
const registrations = JSON.parse(
  readFileSync(require.resolve("./registrations.json"), "utf8"),
) as Registrations;

let model: Model | undefined;
const functions = new Map<string, Callback>();
const hooks: Callback[] = [];

/** Keeps the callback of a function: the worker has the registration already. */
export const registerFunction: Core["registerFunction"] = ({ name }, callback) =>
  functions.set(name, callback);
export const registerHook: Core["registerHook"] = (_, callback) => hooks.push(callback);
export const setProgrammingModel = (newModel: Model): void => void (model = newModel);
export const { version, hostVersion, Disposable, log } = core;

const loadApp = (): unknown => require("./app.cjs");

core.setProgrammingModel({
  ...registrations.model,
  getInvocationModel: (call) => (loadApp(), model?.getInvocationModel(call)),
});
for (const metadata of registrations.functions)
  core.registerFunction(
    metadata,
    (...inputs) => (loadApp(), functions.get(metadata.name)?.(...inputs)),
  );
for (const [index, name] of registrations.hooks.entries())
  core.registerHook(name, (context) => (loadApp(), hooks[index]?.(context)));
