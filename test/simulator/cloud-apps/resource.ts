/** How a resource of Cloud Apps plugs into the tenant: a name, a table of routes, and nothing else. */
import type { Exchange, Reply } from "../server/exchange.ts";
import type { Behaviors } from "../behaviors.ts";

/** What a route needs; which permission gives which is one table in `access.ts`. */
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

/** Who calls, as shown in `handledByUser`. */
export interface Caller {
  readonly kind: "token" | "oauth";
  readonly user: string;
}

export interface ResourceRoute {
  /** For the log and for faults, after the resource's name: `close_benign` becomes `alerts.close_benign`. */
  readonly name: string;
  readonly methods: readonly string[];
  /** Below `/api/v1/`, with its trailing slash where the API has one: `alerts/{id}/read/`. */
  readonly path: string;
  readonly action: Action;
  readonly answer: (call: ResourceCall) => Reply | Promise<Reply>;
}

/** One call that got past the guards. */
export interface ResourceCall {
  readonly exchange: Exchange;
  readonly caller: Caller;
  /** The body, the query or both, as an object. */
  readonly fields: Readonly<Record<string, unknown>>;
  readonly behaviors: Behaviors["cloudApps"];
  readonly nowMs: number;
}

/** One resource: alerts, activities, … Add a file with one of these and name it in `cloud-apps.ts`. */
export interface CloudAppsResource {
  readonly name: string;
  /** In order: the first route that matches answers, so fixed paths stand before `{id}`. */
  readonly routes: readonly ResourceRoute[];
}
