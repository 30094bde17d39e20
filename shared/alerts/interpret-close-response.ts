/** Reads a closing call's answer id by id. Pure: the answer in, what each record becomes out. */
import type { AlertId } from "../contracts/alert-id.ts";
import type { Closure } from "./closures.ts";
import type { ChangeReply, AlertState } from "./ports.ts";

/** What a record becomes. `open`: Cloud Apps still shows the alert open, so it waits for another try. */
export type AlertResult =
  | { readonly state: "closed"; readonly detail?: string }
  | { readonly state: "already_closed" | "not_found" | "failed"; readonly detail: string }
  | { readonly state: "open" };

/** Ids settled by the answer alone, and those that one list call must tell about. */
export interface InterpretedResponse {
  readonly settled: ReadonlyMap<AlertId, AlertResult>;
  readonly toCheck: readonly AlertId[];
  /** True when the answer does not add up, so that an alert found closed as wanted may be our doing. */
  readonly inDoubt: boolean;
}

/**
 * A count plus a not-found list accounts for every id only when the two add up and name nothing that was not sent;
 * otherwise nothing is believed but the list call.
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
  // "Not found" is said of unknown and of already closed alerts alike: only a look tells them apart.
  return {
    settled: new Map(closed.map((id) => [id, { state: "closed" }])),
    toCheck: ids.filter((id) => missing.has(id)),
    inDoubt: false,
  };
}

/**
 * What a look at an alert means for its verdict.
 *
 * @param wasTried - true when a try of ours may have reached Cloud Apps, so that an alert closed as wanted is ours
 */
export function interpretAlertState(
  state: AlertState | undefined,
  expected: Closure,
  wasTried: boolean,
): AlertResult {
  if (state === undefined)
    return { state: "not_found", detail: "Cloud Apps knows no alert with this id" };
  if (state === "open") return { state: "open" };
  if (state === expected && wasTried)
    return { state: "closed", detail: "found closed after a try whose answer was lost" };
  return { state: "already_closed", detail: `already closed as ${state}` };
}
