/** A resource of Cloud Apps: a name and a table of routes. */
import type { Exchange, Reply } from "../server/exchange.ts";
import type { Behaviors } from "../behaviors.ts";

/** The action that a route performs; `access.ts` maps permissions to actions. */
export type Action =
  | "activities"
  | "alerts.read"
  | "alerts.close"
  | "entities"
  | "files"
  | "subnet.read"
  | "subnet.write"
  | "discovery.read"
  | "discovery.write"
  | "governance";

/** The caller, as shown in `handledByUser`. */
export interface Caller {
  readonly kind: "token" | "oauth";
  readonly user: string;
}

export interface ResourceRoute {
  /**
   * Name in the log and in faults, after the resource's name: `close_benign` becomes
   * `alerts.close_benign`.
   */
  readonly name: string;
  readonly methods: readonly string[];
  /** Path below `/api/v1/`, with a trailing slash where the API has one: `alerts/{id}/read/`. */
  readonly path: string;
  readonly action: Action;
  readonly answer: (call: ResourceCall) => Reply | Promise<Reply>;
}

/** One authorized call. */
export interface ResourceCall {
  readonly exchange: Exchange;
  readonly caller: Caller;
  /** The body, the query or both, as an object. */
  readonly fields: Readonly<Record<string, unknown>>;
  readonly behaviors: Behaviors["cloudApps"];
  readonly nowMs: number;
}

/** One resource: alerts, activities, … To add one, write a file and list it in `portal.ts`. */
export interface CloudAppsResource {
  readonly name: string;
  /** The first route that matches answers, so fixed paths come before `{id}`. */
  readonly routes: readonly ResourceRoute[];
}
