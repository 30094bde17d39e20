/**
 * Child: loads a bundle like the Functions worker does (`require` with `@azure/functions-core`
 * present), and the file that its first call loads, if named. Prints ms.
 */
import { createRequire, Module } from "node:module";

interface Loader {
  _load: (name: string, ...rest: unknown[]) => unknown;
}

export function loadOnce(file: string, firstCallFile: string): void {
  // Node's hook that the worker uses; Node's types omit it.
  const loader = Module as unknown as Loader;
  const load = loader._load;
  let registrations = 0;
  loader._load = (name, ...rest) =>
    name === "@azure/functions-core" ? createCore(() => (registrations += 1)) : load(name, ...rest);
  const require = createRequire(file);
  const startMs = performance.now();
  require(file);
  if (firstCallFile !== "") require(firstCallFile);
  const ms = performance.now() - startMs;
  if (registrations === 0) throw new Error(`${file} registers no function`);
  console.log(ms);
}

class Disposable {
  readonly dispose = (): void => undefined;
}

const createCore = (onRegister: () => void): object => ({
  version: "3.11.0",
  hostVersion: "4.1040.0",
  Disposable,
  log: () => undefined,
  registerHook: () => new Disposable(),
  setProgrammingModel: () => undefined,
  getProgrammingModel: () => ({}),
  registerFunction: () => {
    onRegister();
    return new Disposable();
  },
});
