/** Injected faults: what fails, for which requests, and how often. */
import * as z from "zod/mini";
import type { Exchange } from "./exchange.ts";

const wholeNumber = z.number().check(z.int(), z.gte(0));

const targetFields = {
  /** entra, identity, vault, hunting, files, cloud-apps; every API if absent. */
  api: z.optional(z.enum(["entra", "identity", "vault", "hunting", "files", "cloud-apps"])),
  /** Name of a route, such as `graph`, `statistics`, `alerts.close_benign`. */
  route: z.optional(z.string()),
  /** A regular expression over the path, a line feed and the body. */
  match: z.optional(z.string()),
  /** Number of affected requests; null = until removed. */
  count: z._default(z.nullable(wholeNumber), 1),
  /** Number of unaffected requests before the first affected one. */
  skip: z._default(wholeNumber, 0),
  /** Ends at this instant of the simulator's clock, in epoch milliseconds. */
  untilMs: z.optional(z.number()),
};

/** Classes of `bad-query` faults; each has the service's own status and body. */
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
  /** Any answer. */
  z.strictObject({
    ...targetFields,
    kind: z.literal("answer"),
    status: wholeNumber,
    headers: z.optional(z.record(z.string(), z.string())),
    body: z.optional(z.unknown()),
  }),
  /** 429 of either kind; `retryAfterS: null` omits the header. */
  z.strictObject({
    ...targetFields,
    kind: z.literal("throttled"),
    cause: z._default(z.enum(["calls", "run-time"]), "calls"),
    retryAfterS: z._default(z.nullable(z.number()), 10),
    waitS: z.optional(z.number()),
    wording: z._default(z.enum(["api", "old", "new", "graph"]), "api"),
  }),
  /** A hunting 400. */
  z.strictObject({ ...targetFields, kind: z.literal("bad-query"), class: z.enum(queryFaults) }),
  z.strictObject({ ...targetFields, kind: z.literal("unauthorized") }),
  z.strictObject({ ...targetFields, kind: z.literal("forbidden") }),
  /** 500, 502, 503 or 504 in the service's envelope. */
  z.strictObject({
    ...targetFields,
    kind: z.literal("failed"),
    status: z._default(wholeNumber, 500),
  }),
  /** The same as an HTML page of a gateway. */
  z.strictObject({
    ...targetFields,
    kind: z.literal("html"),
    status: z._default(wholeNumber, 502),
  }),
  z.strictObject({ ...targetFields, kind: z.literal("login-redirect") }),
  /** An error body that repeats the caller's Authorization header. */
  z.strictObject({
    ...targetFields,
    kind: z.literal("token-echo"),
    status: z._default(wholeNumber, 500),
  }),
  z.strictObject({ ...targetFields, kind: z.literal("delay"), ms: wholeNumber }),
  /** No answer until the caller disconnects. */
  z.strictObject({
    ...targetFields,
    kind: z.literal("hang"),
    effect: z._default(z.enum(["before", "after"]), "before"),
  }),
  /** The connection is reset before or after the request took effect (a lost answer). */
  z.strictObject({
    ...targetFields,
    kind: z.literal("reset"),
    effect: z._default(z.enum(["before", "after"]), "before"),
  }),
  /** The body ends early: by a reset or as if it were complete. */
  z.strictObject({
    ...targetFields,
    kind: z.literal("cut"),
    afterBytes: z._default(wholeNumber, 100),
    end: z._default(z.enum(["reset", "clean"]), "reset"),
  }),
  z.strictObject({
    ...targetFields,
    kind: z.literal("slow-body"),
    bytesPerSecond: z._default(wholeNumber, 1),
  }),
  z.strictObject({
    ...targetFields,
    kind: z.literal("content-type"),
    value: z._default(z.string(), "text/html"),
  }),
  /** Hunting sees only rows ingested at least this long ago. */
  z.strictObject({ ...targetFields, kind: z.literal("late-rows"), byMs: wholeNumber }),
]);

export type Fault = z.infer<typeof faultSchema>;
export type FaultSpec = z.input<typeof faultSchema>;

/** An active fault. */
interface ActiveFault {
  readonly id: number;
  readonly fault: Fault;
  /** Requests that matched so far, affected or not. */
  matchedCount: number;
  strikeCount: number;
}

export interface Faults {
  /**
   * @returns its number
   * @throws z.core.$ZodError for an unknown kind or key
   */
  readonly add: (spec: FaultSpec) => number;
  readonly remove: (id: number) => boolean;
  readonly clear: () => void;
  readonly listActive: () => ActiveFault[];
  /** Returns the first added fault that affects this request, and counts it. */
  readonly takeFault: (exchange: Exchange) => Fault | undefined;
  /** Returns the delay of rows for this request; 0 by default. */
  readonly findLateByMs: (exchange: Exchange) => number;
}

export function createFaults(): Faults {
  let activeFaults: ActiveFault[] = [];
  let lastId = 0;
  const takeMatching = (
    exchange: Exchange,
    isCandidate: (fault: Fault) => boolean,
  ): Fault | undefined => {
    for (const activeFault of activeFaults) {
      if (!isCandidate(activeFault.fault) || !matchesRequest(activeFault.fault, exchange)) continue;
      activeFault.matchedCount += 1;
      if (activeFault.matchedCount <= activeFault.fault.skip || isSpent(activeFault)) continue;
      activeFault.strikeCount += 1;
      return activeFault.fault;
    }
    return undefined;
  };
  return {
    add: (spec) => {
      const fault = z.parse(faultSchema, spec);
      lastId += 1;
      activeFaults.push({ id: lastId, fault, matchedCount: 0, strikeCount: 0 });
      return lastId;
    },
    remove: (id) => {
      const before = activeFaults.length;
      activeFaults = activeFaults.filter((activeFault) => activeFault.id !== id);
      return activeFaults.length < before;
    },
    clear: () => {
      activeFaults = [];
    },
    listActive: () => activeFaults.filter((active) => !isSpent(active)),
    takeFault: (exchange) => takeMatching(exchange, (fault) => fault.kind !== "late-rows"),
    findLateByMs: (exchange) => {
      const fault = takeMatching(exchange, ({ kind }) => kind === "late-rows");
      return fault?.kind === "late-rows" ? fault.byMs : 0;
    },
  };
}

const isSpent = ({ fault, strikeCount }: ActiveFault): boolean =>
  fault.count !== null && strikeCount >= fault.count;

function matchesRequest(fault: Fault, exchange: Exchange): boolean {
  const { api, route } = exchange.record;
  if (fault.api !== undefined && fault.api !== api) return false;
  if (fault.route !== undefined && fault.route !== route) return false;
  if (fault.untilMs !== undefined && exchange.arrivedAtMs >= fault.untilMs) return false;
  return (
    fault.match === undefined ||
    new RegExp(fault.match).test(`${exchange.path}\n${exchange.bodyText}`)
  );
}
