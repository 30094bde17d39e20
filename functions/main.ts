/**
 * What the Functions worker loads, once built: registers every door as the build recorded it in `registrations.json`, and
 * loads the app at the first call. So a new instance knows its doors as fast as a hello-world function does.
 *
 * Stands between the two: for the app (`app.cjs`) this file is `@azure/functions-core`.
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

/** What the app registers on loading is what was registered already: only its functions are wanted. */
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
