/** Cloud Apps behind the alerts room's port: alerts with a state, a quota in turns, a history for the oracle, faults on request. */
import type {
  AlertsPort,
  ChangeReply,
  Closing,
  LookReply,
  SeenAlert,
} from "../../shared/alerts/ports.ts";
import type { AlertId } from "../../shared/contracts/alert-id.ts";
import type { Clock } from "../../shared/runtime/time.ts";

export interface AlertWorldOptions {
  readonly clock: Clock;
  /** Calls allowed in any sliding minute. */
  readonly callsPerMinute?: number;
  /** Decides the fate of a change call: `lost` is carried out but not answered, `down` is not carried out. */
  readonly fate?: (call: ChangeCall) => "answered" | "lost" | "down";
  /** True: closing a closed alert closes it again, another way if so asked. Undocumented, so the worst is assumed. */
  readonly overwrites?: boolean;
  /** Milliseconds that a call takes. */
  readonly latencyMs?: number;
}

export interface ChangeCall {
  readonly atMs: number;
  readonly kind: "close" | "reopen" | "look";
  readonly ids: readonly string[];
  readonly closing?: Closing;
}

export interface AlertWorld {
  readonly port: AlertsPort;
  readonly calls: ChangeCall[];
  readonly state: Map<string, SeenAlert>;
  /** Closes that took effect, per alert. */
  readonly closes: Map<string, number>;
  /** Closes that changed a closed alert to another closure. */
  readonly flips: () => number;
  readonly busiestMinute: () => number;
}

const minuteMs = 60_000;

export function alertWorld(ids: Iterable<string>, options: AlertWorldOptions): AlertWorld {
  const { clock, callsPerMinute = 30, latencyMs = 200 } = options;
  const state = new Map<string, SeenAlert>([...ids].map((id) => [id, "open"]));
  const closes = new Map<string, number>();
  const calls: ChangeCall[] = [];
  let flips = 0;
  const turns: number[] = [];

  const nextFreeMs = (): number => (turns.at(-callsPerMinute) ?? -Infinity) + minuteMs;
  const takeTurn: AlertsPort["takeTurn"] = async (waitMs) => {
    const waitFor = Math.max(0, nextFreeMs() - clock.now());
    if (waitFor > waitMs) return { kind: "later", retryAfterMs: waitFor };
    if (waitFor > 0) {
      await clock.sleep(waitFor);
      return takeTurn(0);
    }
    turns.push(clock.now());
    return { kind: "turn", turn: { usableUntilMs: clock.now() + 1_000 } };
  };

  const arrive = async (call: Omit<ChangeCall, "atMs">): Promise<"answered" | "lost" | "down"> => {
    if (call.ids.length < 1 || call.ids.length > 100)
      throw new RangeError(`${call.ids.length} ids in one call`);
    const full = { ...call, atMs: clock.now() };
    calls.push(full);
    await clock.sleep(latencyMs);
    return options.fate?.(full) ?? "answered";
  };

  const unanswered: ChangeReply = { kind: "unknown", message: "no answer" };
  const close: AlertsPort["close"] = async (wanted, closing) => {
    const fate = await arrive({ kind: "close", ids: wanted, closing });
    if (fate === "down") return unanswered;
    const closable = (id: string): boolean =>
      options.overwrites === true ? state.has(id) : state.get(id) === "open";
    const notFound = wanted.filter((id) => !closable(id));
    const open = wanted.filter(closable);
    for (const id of open) {
      if (state.get(id) !== "open" && state.get(id) !== closing.closure) flips += 1;
      state.set(id, closing.closure);
      closes.set(id, (closes.get(id) ?? 0) + 1);
    }
    return fate === "lost" ? unanswered : { kind: "answer", changed: open.length, notFound };
  };
  const reopen: AlertsPort["reopen"] = async (wanted) => {
    const fate = await arrive({ kind: "reopen", ids: wanted });
    if (fate === "down") return unanswered;
    for (const id of wanted) if (state.has(id)) state.set(id, "open");
    return fate === "lost" ? unanswered : { kind: "answer", changed: wanted.length, notFound: [] };
  };
  const look: AlertsPort["look"] = async (wanted): Promise<LookReply> => {
    const turn = await takeTurn(10_000);
    if (turn.kind === "later") return turn;
    const fate = await arrive({ kind: "look", ids: wanted });
    if (fate !== "answered") return { kind: "later", retryAfterMs: 30_000 };
    const known = wanted.flatMap((id): [AlertId, SeenAlert][] => {
      const seen = state.get(id);
      return seen === undefined ? [] : [[id, seen]];
    });
    return { kind: "answer", alerts: new Map(known) };
  };

  return {
    port: { takeTurn, close, reopen, look },
    calls,
    state,
    closes,
    flips: () => flips,
    busiestMinute: () =>
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
