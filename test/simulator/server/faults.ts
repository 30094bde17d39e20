/** Faults on request: what goes wrong, for which requests, and how often. */
import * as z from "zod/mini";
import type { Exchange } from "./exchange.ts";

const whole = z.number().check(z.int(), z.gte(0));

const target = {
  /** entra, identity, vault, hunting, files, cloud-apps; every API when absent. */
  api: z.optional(z.enum(["entra", "identity", "vault", "hunting", "files", "cloud-apps"])),
  /** Name of a route, such as `graph`, `statistics`, `alerts.close_benign`. */
  route: z.optional(z.string()),
  /** A regular expression over the path, a line feed and the body. */
  match: z.optional(z.string()),
  /** How many requests it strikes; null = until taken away. */
  count: z._default(z.nullable(whole), 1),
  /** Requests it lets pass first. */
  skip: z._default(whole, 0),
  /** Ends at this instant of the tenant's clock, in epoch milliseconds. */
  untilMs: z.optional(z.number()),
};

/** The status and body of `badQuery` faults are the service's own for each class. */
const queryFaults = [
  "preempted",
  "result-size",
  "syntax",
  "semantic",
  "table",
  "function",
  "length",
  "missing-query",
] as const;
export type QueryFault = (typeof queryFaults)[number];

const faultSchema = z.discriminatedUnion("kind", [
  /** Any answer at all. */
  z.strictObject({
    ...target,
    kind: z.literal("answer"),
    status: whole,
    headers: z.optional(z.record(z.string(), z.string())),
    body: z.optional(z.unknown()),
  }),
  /** 429 of either kind; `retryAfterS: null` leaves the header out. */
  z.strictObject({
    ...target,
    kind: z.literal("throttled"),
    cause: z._default(z.enum(["calls", "run-time"]), "calls"),
    retryAfterS: z._default(z.nullable(z.number()), 10),
    waitS: z.optional(z.number()),
    wording: z._default(z.enum(["api", "old", "new", "graph"]), "api"),
  }),
  /** A hunting 400. */
  z.strictObject({ ...target, kind: z.literal("bad-query"), class: z.enum(queryFaults) }),
  z.strictObject({ ...target, kind: z.literal("unauthorized") }),
  z.strictObject({ ...target, kind: z.literal("forbidden") }),
  /** 500, 502, 503 or 504 in the service's envelope. */
  z.strictObject({ ...target, kind: z.literal("failed"), status: z._default(whole, 500) }),
  /** The same as a page of a gateway in front. */
  z.strictObject({ ...target, kind: z.literal("html"), status: z._default(whole, 502) }),
  z.strictObject({ ...target, kind: z.literal("login-redirect") }),
  /** An error body that repeats the caller's Authorization header. */
  z.strictObject({ ...target, kind: z.literal("token-echo"), status: z._default(whole, 500) }),
  z.strictObject({ ...target, kind: z.literal("delay"), ms: whole }),
  /** No answer until the caller gives up. */
  z.strictObject({
    ...target,
    kind: z.literal("hang"),
    effect: z._default(z.enum(["before", "after"]), "before"),
  }),
  /** The connection is reset, before the request took effect or after (a lost answer). */
  z.strictObject({
    ...target,
    kind: z.literal("reset"),
    effect: z._default(z.enum(["before", "after"]), "before"),
  }),
  /** The body ends early: by a reset, or as if it were complete. */
  z.strictObject({
    ...target,
    kind: z.literal("cut"),
    afterBytes: z._default(whole, 100),
    end: z._default(z.enum(["reset", "clean"]), "reset"),
  }),
  z.strictObject({ ...target, kind: z.literal("slow-body"), bytesPerSecond: z._default(whole, 1) }),
  z.strictObject({
    ...target,
    kind: z.literal("content-type"),
    value: z._default(z.string(), "text/html"),
  }),
  /** Hunting sees only rows ingested at least this long ago. */
  z.strictObject({ ...target, kind: z.literal("late-rows"), byMs: whole }),
]);

export type Fault = z.infer<typeof faultSchema>;
export type FaultOrder = z.input<typeof faultSchema>;

/** A fault in force. */
interface ActiveFault {
  readonly id: number;
  readonly fault: Fault;
  /** Requests that matched so far, let pass or struck. */
  seen: number;
  struck: number;
}

export interface Faults {
  /**
   * @returns its number
   * @throws z.core.$ZodError for an unknown kind or key
   */
  readonly add: (order: FaultOrder) => number;
  readonly remove: (id: number) => boolean;
  readonly clear: () => void;
  readonly active: () => ActiveFault[];
  /** The fault that strikes this request, if any; counts as struck. The first added wins. */
  readonly strike: (exchange: Exchange) => Fault | undefined;
  /** How late rows are for this request; 0 usually. */
  readonly lateByMs: (exchange: Exchange) => number;
}

export function createFaults(): Faults {
  let list: ActiveFault[] = [];
  let last = 0;
  const take = (exchange: Exchange, wanted: (fault: Fault) => boolean): Fault | undefined => {
    for (const active of list) {
      if (!wanted(active.fault) || !hits(active.fault, exchange)) continue;
      active.seen += 1;
      if (active.seen <= active.fault.skip || spent(active)) continue;
      active.struck += 1;
      return active.fault;
    }
    return undefined;
  };
  return {
    add: (order) => {
      const fault = z.parse(faultSchema, order);
      last += 1;
      list.push({ id: last, fault, seen: 0, struck: 0 });
      return last;
    },
    remove: (id) => {
      const before = list.length;
      list = list.filter((active) => active.id !== id);
      return list.length < before;
    },
    clear: () => {
      list = [];
    },
    active: () => list.filter((active) => !spent(active)),
    strike: (exchange) => take(exchange, (fault) => fault.kind !== "late-rows"),
    lateByMs: (exchange) => {
      const fault = take(exchange, ({ kind }) => kind === "late-rows");
      return fault?.kind === "late-rows" ? fault.byMs : 0;
    },
  };
}

const spent = ({ fault, struck }: ActiveFault): boolean =>
  fault.count !== null && struck >= fault.count;

function hits(fault: Fault, exchange: Exchange): boolean {
  const { api, route } = exchange.record;
  if (fault.api !== undefined && fault.api !== api) return false;
  if (fault.route !== undefined && fault.route !== route) return false;
  if (fault.untilMs !== undefined && exchange.arrivedAtMs >= fault.untilMs) return false;
  return (
    fault.match === undefined ||
    new RegExp(fault.match).test(`${exchange.path}\n${exchange.bodyText}`)
  );
}
