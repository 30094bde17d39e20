/**
 * Interprets the answer of a closing call, id by id. Pure: takes the answer, returns the result of
 * each record.
 */
import type { AlertId } from "../contracts/alert-id.ts";
import type { Closure } from "./closures.ts";
import type { AlertState, ChangeReply } from "./ports.ts";

/**
 * The result of one alert. `open`: Cloud Apps shows the alert open, so it waits for another try.
 */
export type AlertResult =
  | { readonly state: "closed"; readonly detail?: string }
  | { readonly state: "alreadyClosed" | "notFound" | "failed"; readonly detail: string }
  | { readonly state: "open" };

/** Ids that the answer settles, and ids that need one list call. */
interface InterpretedResponse {
  readonly settled: ReadonlyMap<AlertId, AlertResult>;
  readonly toCheck: readonly AlertId[];
  /**
   * True when the answer is inconsistent, so that an alert closed as requested may have been closed
   * by this call.
   */
  readonly inDoubt: boolean;
}

/**
 * Splits the ids of a call. A count with a not-found list accounts for every id only when both add
 * up and name no other id; otherwise every id is looked up.
 */
export function interpretCloseResponse(
  ids: readonly AlertId[],
  reply: Extract<ChangeReply, { kind: "answer" }>,
): InterpretedResponse {
  const missing = new Set(reply.notFound.map((id) => id.toLowerCase()));
  const closed = ids.filter((id) => !missing.has(id));
  const isConsistent =
    reply.changed === closed.length && missing.size === ids.length - closed.length;
  if (!isConsistent) return { settled: new Map(), toCheck: ids, inDoubt: true };
  // Cloud Apps reports unknown and already closed alerts alike as not found: only a list call
  // distinguishes them.
  return {
    settled: new Map(closed.map((id) => [id, { state: "closed" }])),
    toCheck: ids.filter((id) => missing.has(id)),
    inDoubt: false,
  };
}

/**
 * Returns the result that an alert's state implies for its verdict.
 *
 * @param wasTried - whether a try of this verdict may have reached Cloud Apps; a matching state
 *   then counts as its effect
 */
export function interpretAlertState(
  state: AlertState | undefined,
  expected: Closure,
  wasTried: boolean,
): AlertResult {
  if (state === undefined)
    return { state: "notFound", detail: "Cloud Apps has no alert with this id" };
  if (state === "open") return { state: "open" };
  if (state === expected && wasTried)
    return { state: "closed", detail: "found closed after a try whose result is unknown" };
  return { state: "alreadyClosed", detail: `already closed as ${state}` };
}
