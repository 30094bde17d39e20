/**
 * Cloud Apps behind the port of the alerts module: alerts with a state, a quota, a history for the
 * judge, faults on request.
 */
import type {
  AlertsPort,
  ChangeReply,
  CloseRequest,
  AlertStatesReply,
  AlertState,
} from "../../shared/alerts/ports.ts";
import type { AlertId } from "../../shared/contracts/alert-id.ts";
import type { Clock } from "../../shared/runtime/time.ts";

export interface AlertServiceOptions {
  readonly clock: Clock;
  /** Calls allowed in any sliding minute. */
  readonly callsPerMinute?: number;
  /**
   * Decides the fate of a call: `lost` takes effect but is not answered, `down` takes no effect.
   */
  readonly fate?: (call: ChangeCall) => "answered" | "lost" | "down";
  /**
   * True: closing a closed alert closes it again, also with another closure. Undocumented, so the
   * worst is assumed.
   */
  readonly overwrites?: boolean;
  /** Returns why the service refuses a close (400); undefined accepts it. */
  readonly refuse?: (ids: readonly string[]) => string | undefined;
  /** Returns why the service rejects all calls (403); undefined accepts them. */
  readonly block?: () => string | undefined;
  /** Returns true when a list is cut and therefore says nothing about the requested ids. */
  readonly cut?: () => boolean;
  /** Milliseconds that a call takes. */
  readonly latencyMs?: number;
}

export interface ChangeCall {
  readonly atMs: number;
  readonly kind: "close" | "reopen" | "getStates";
  readonly ids: readonly string[];
  readonly request?: CloseRequest;
}

interface ObservedState {
  readonly fromMs: number;
  readonly state: AlertState | undefined;
  /** Whether a call of Huntline caused the state. */
  readonly isOurs: boolean;
}

export interface AlertServiceModel {
  readonly port: AlertsPort;
  readonly calls: ChangeCall[];
  readonly state: Map<string, AlertState>;
  /**
   * Changes an alert as an analyst would; undefined hides it, as a token with a smaller scope
   * would.
   */
  readonly change: (id: string, state: AlertState | undefined) => void;
  /** Every state of each alert with the instant of its beginning. */
  readonly history: ReadonlyMap<string, readonly ObservedState[]>;
  /** Closes that took effect, per alert. */
  readonly closes: Map<string, number>;
  /** Closes that changed a closed alert to another closure. */
  readonly countFlips: () => number;
  readonly countBusiestMinute: () => number;
}

const minuteMs = 60_000;

export function createAlertService(
  ids: Iterable<string>,
  options: AlertServiceOptions,
): AlertServiceModel {
  const { clock, callsPerMinute = 30, latencyMs = 200 } = options;
  const state = new Map<string, AlertState>([...ids].map((id) => [id, "open"]));
  const history = new Map<string, ObservedState[]>();
  const observe = (id: string, next: AlertState | undefined, isOurs: boolean): void =>
    void history.set(id, [
      ...(history.get(id) ?? []),
      { fromMs: clock.now(), state: next, isOurs },
    ]);
  const change = (id: string, next: AlertState | undefined): void => {
    if (next === undefined) state.delete(id);
    else state.set(id, next);
    observe(id, next, false);
  };
  for (const id of state.keys()) observe(id, "open", false);
  const closes = new Map<string, number>();
  const calls: ChangeCall[] = [];
  let flips = 0;
  const permits: number[] = [];

  const nextFreeMs = (): number => (permits.at(-callsPerMinute) ?? -Infinity) + minuteMs;
  const acquirePermit: AlertsPort["acquirePermit"] = async (maxWaitMs) => {
    const waitMs = Math.max(0, nextFreeMs() - clock.now());
    if (waitMs > maxWaitMs) return { kind: "later", retryAfterMs: waitMs };
    if (waitMs > 0) {
      await clock.sleep(waitMs);
      return acquirePermit(0);
    }
    permits.push(clock.now());
    return { kind: "permit", permit: { usableUntilMs: clock.now() + 1_000 } };
  };

  const receiveCall = async (
    call: Omit<ChangeCall, "atMs">,
  ): Promise<"answered" | "lost" | "down"> => {
    if (call.ids.length < 1 || call.ids.length > 100)
      throw new RangeError(`${call.ids.length} ids in one call`);
    const full = { ...call, atMs: clock.now() };
    calls.push(full);
    await clock.sleep(latencyMs);
    return options.fate?.(full) ?? "answered";
  };

  const unanswered: ChangeReply = { kind: "unknown", message: "no answer" };
  const closeAlerts: AlertsPort["close"] = async (requestedIds, request) => {
    const fate = await receiveCall({ kind: "close", ids: requestedIds, request });
    if (fate === "down") return unanswered;
    const blocked = options.block?.();
    if (blocked !== undefined)
      return { kind: "later", retryAfterMs: 15 * minuteMs, reason: blocked };
    const refusal = options.refuse?.(requestedIds);
    if (refusal !== undefined) return { kind: "refused", message: refusal };
    const isClosable = (id: string): boolean =>
      options.overwrites === true ? state.has(id) : state.get(id) === "open";
    const notFound = requestedIds.filter((id) => !isClosable(id));
    const open = requestedIds.filter(isClosable);
    for (const id of open) {
      if (state.get(id) !== "open" && state.get(id) !== request.closure) flips += 1;
      state.set(id, request.closure);
      observe(id, request.closure, true);
      closes.set(id, (closes.get(id) ?? 0) + 1);
    }
    return fate === "lost" ? unanswered : { kind: "answer", changed: open.length, notFound };
  };
  const reopenAlerts: AlertsPort["reopen"] = async (requestedIds) => {
    const fate = await receiveCall({ kind: "reopen", ids: requestedIds });
    if (fate === "down") return unanswered;
    const known = requestedIds.filter((each) => state.has(each));
    for (const id of known) {
      state.set(id, "open");
      observe(id, "open", true);
    }
    const notFound = requestedIds.filter((each) => !known.includes(each));
    return fate === "lost" ? unanswered : { kind: "answer", changed: known.length, notFound };
  };
  const getStates: AlertsPort["getStates"] = async (requestedIds): Promise<AlertStatesReply> => {
    const permit = await acquirePermit(10_000);
    if (permit.kind === "later") return permit;
    const fate = await receiveCall({ kind: "getStates", ids: requestedIds });
    if (fate !== "answered" || options.cut?.() === true)
      return { kind: "later", retryAfterMs: 30_000 };
    const known = requestedIds.flatMap((id): [AlertId, AlertState][] => {
      const alertState = state.get(id);
      return alertState === undefined ? [] : [[id, alertState]];
    });
    return { kind: "answer", alerts: new Map(known) };
  };

  return {
    port: { acquirePermit, close: closeAlerts, reopen: reopenAlerts, getStates },
    calls,
    state,
    change,
    history,
    closes,
    countFlips: () => flips,
    countBusiestMinute: () =>
      Math.max(
        0,
        ...calls.map(
          ({ atMs }) =>
            calls.filter((other) => other.atMs >= atMs && other.atMs < atMs + minuteMs).length,
        ),
      ),
  };
}

/** 24 hex digits for a number. */
export const alertIdOf = (index: number): AlertId =>
  index.toString(16).padStart(24, "0") as AlertId;
