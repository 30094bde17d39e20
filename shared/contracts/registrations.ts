/**
 * The registrations of the app, which the build writes to `dist/registrations.json` for the main
 * file.
 */

export type Callback = (...inputs: unknown[]) => unknown;

/** The library's side of every call. */
export interface Model {
  readonly name: string;
  readonly version: string;
  readonly getInvocationModel: Callback;
}

/** The module that exists only inside the worker, as far as `@azure/functions` uses it. */
export interface Core {
  readonly version: string;
  readonly hostVersion: string;
  readonly Disposable: new (callback: Callback) => unknown;
  readonly log: Callback;
  readonly registerFunction: (metadata: { readonly name: string }, callback: Callback) => unknown;
  readonly registerHook: (name: string, callback: Callback) => unknown;
  readonly setProgrammingModel: (model: Model) => void;
}

/** What the app registered when the build loaded it. */
export interface Registrations {
  readonly functions: readonly { readonly name: string }[];
  readonly hooks: readonly string[];
  readonly model: Pick<Model, "name" | "version">;
}
