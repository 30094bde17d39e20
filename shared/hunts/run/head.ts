/** The head cache that a run leaves for the next. */
import type { HuntHead } from "../../contracts/hunt-state.ts";
import { formatInstant } from "../../runtime/time.ts";
import type { SchemaState } from "./schema-changes.ts";
import type { AppendResult } from "./windows.ts";

/** What was announced, and what the service showed. */
interface LearnedState extends SchemaState {
  readonly notified: HuntHead["notified"];
  readonly lateNotified: HuntHead["lateNotified"];
  readonly suppressed: HuntHead["suppressed"];
  readonly form: HuntHead["form"];
}

/** @param newestPath - the newest export of the log; undefined while it is empty */
export function createHead(
  { logEnd, pace, emptyTo }: Pick<AppendResult, "logEnd" | "pace" | "emptyTo">,
  newestPath: string | undefined,
  { notified, ...learned }: LearnedState,
): HuntHead {
  const optional = {
    head: logEnd.last?.path ?? newestPath,
    emptyTo: emptyTo === undefined ? undefined : formatInstant(emptyTo),
    ...learned,
    widthTicks: pace.widthTicks === undefined ? undefined : String(pace.widthTicks),
    heavyTicks: pace.heavyTicks === undefined ? undefined : String(pace.heavyTicks),
    halvings: pace.halvings > 0 ? pace.halvings : undefined,
  };
  const present = Object.fromEntries(
    Object.entries(optional).filter(([, value]) => value !== undefined),
  );
  return { to: formatInstant(logEnd.from), version: logEnd.version, notified, ...present };
}
