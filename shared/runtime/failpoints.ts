/**
 * Failpoints: named places in the code at which a test stops, kills or delays the process. In
 * production each is a no-op. The hook is on the global object, so that a test's preload replaces
 * it for every bundle: the tested bytes are the shipped bytes.
 *
 * The letter names the work, the number the order in which it passes: A closing alerts, C the
 * circuit breaker, D dead letters, E exporting a window, F looking up one hash, J jobs of file
 * lookups, R recounting late rows, S secrets, W webhooks.
 */

/**
 * A named failpoint, or the sending of a request or the arrival of its headers in the client of one
 * API.
 */
type FailpointName =
  | "A1 dequeued"
  | "A2 intent record created"
  | "A3 audit intent written"
  | "A4 permit reserved"
  | "A5 close sent"
  | "A6 reply read"
  | "A7 record done"
  | "A8 audit outcome written"
  | "A9 deferred copy enqueued"
  | "A10 before message delete"
  | "C1 breaker opened"
  | "D1 dead letter written"
  | "E1 head read"
  | "E2 window planned"
  | "E3 permit reserved"
  | "E4 request sent"
  | "E5 headers in"
  | "E6 body parsed"
  | "E7 completeness proven"
  | "E8 window halved"
  | "E9 known rows loaded"
  | "E10 compressed"
  | "E11 put sent"
  | "E12 put acknowledged"
  | "E13 head cache written"
  | "E14 result message sent"
  | "E15 continuation enqueued"
  | "E16 before message delete"
  | "F1 permit acquired"
  | "F2 lease acquired"
  | "F3 answer read"
  | "F4 answer stored"
  | "F5 profile read"
  | "F6 organization read"
  | "J1 input written"
  | "J2 header written"
  | "J3 message sent"
  | "J4 message read"
  | "J5 part looked up"
  | "J6 result written"
  | "J7 part requeued"
  | "R1 recount half done"
  | "S1 secret refreshed"
  | "W1 verified"
  | "W2 validated"
  | "W3 claim-check written"
  | "W4 enqueued"
  | "W5 receipt written"
  | "W6 before answer"
  | `${string} request`
  | `${string} headers`;

/** Passes a failpoint. */
export type Failpoint = (name: FailpointName) => void | Promise<void>;

/** The replaceable hook. */
export interface Failpoints {
  failpoint: Failpoint;
}

/** Where a test's preload finds the hook. */
const globalKey = Symbol.for("huntline.failpoints");

// The untyped global object gains one typed member.
const globals = globalThis as { [globalKey]?: Failpoints };

export const failpoints: Failpoints = (globals[globalKey] ??= { failpoint: () => undefined });
