/**
 * Decides what a verdict does to an alert. Pure; the queue function and the dry run share these
 * decisions.
 */
import { isClaimed, isSameVerdict, isSettled, type AlertRecord } from "./alert-record.ts";
import type { AlertState, CloseRequest } from "./ports.ts";
import type { VerdictOutcome } from "./verdict-outcomes.ts";

/**
 * `wait`: a call for an agreeing verdict is under way. `mark`: an agreeing verdict waits for its
 * call. `look`: an earlier verdict is settled, so the service's state decides. `conflict`: another
 * verdict is being carried out. `settled`: this verdict has its outcome already.
 */
type RecordDecision = "wait" | "mark" | "look" | "conflict" | "settled";

/**
 * Decides by the alert's record.
 *
 * @param nowMs - the store's clock
 */
export function decideByRecord(
  record: AlertRecord,
  verdict: string,
  request: CloseRequest,
  nowMs: number,
): RecordDecision {
  if (isSettled(record)) {
    // Whatever the record says, the alert may have been reopened, closed or added since.
    return record.verdict === verdict ? "settled" : "look";
  }
  if (record.verdict !== verdict && !isSameVerdict(record, request)) return "conflict";
  return isClaimed(record, nowMs) ? "wait" : "mark";
}

/**
 * Decides by the state that the service shows; undefined for an alert that it does not show.
 *
 * @param record - the settled record of the alert, if it has one
 * @returns `close`, or the outcome of the verdict
 */
export function decideByState(
  state: AlertState | undefined,
  request: CloseRequest,
  record: AlertRecord | undefined,
): "close" | VerdictOutcome {
  if (state === "open") return "close";
  if (state === undefined)
    return { outcome: "notFound", detail: "Cloud Apps has no alert with this id" };
  const isClosedByVerdict = record?.state === "closed";
  if (isClosedByVerdict && (state !== request.closure || !isSameVerdict(record, request)))
    return {
      outcome: "conflict",
      detail: `closed as ${state}; the verdict ${record.verdict} is in force`,
    };
  return { outcome: "alreadyClosed", detail: `already closed as ${state}` };
}
