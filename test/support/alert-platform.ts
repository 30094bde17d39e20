/**
 * Verdicts as the platform delivers them, on a virtual clock: a message is hidden while it is worked on, comes back after a
 * throw, and is poisoned after five deliveries. What is down is switched on and off.
 */
import { alertRecord, type AlertRecord } from "../../shared/alerts/alert-record.ts";
import type { AlertsPort, VerdictDesk } from "../../shared/alerts/ports.ts";
import { handleVerdict } from "../../shared/alerts/handle-verdict-message.ts";
import { openAuditLog } from "../../shared/audit/audit-log.ts";
import { auditRecord } from "../../shared/audit/chain.ts";
import { verdictMessage } from "../../shared/contracts/alert-verdict.ts";
import { minuteMs, secondMs } from "../../shared/runtime/time.ts";
import { alertIdOf, type ChangeCall } from "./alert-service-model.ts";
import { soundVerdict, verdictBench } from "./alert-harness.ts";
import { virtualClock } from "./virtual-clock.ts";

export interface AlertPlatformOptions {
  readonly callsPerMinute?: number;
  readonly latencyMs?: number;
  readonly fate?: (call: ChangeCall) => "answered" | "throttled";
  /** The first answers say that nothing was closed, whatever was. */
  readonly silent?: boolean;
  /** So many closing calls leave the alerts open. */
  readonly keepOpen?: number;
  /** A kill point at which every process dies. */
  readonly dieAt?: string;
}

type Part = "cloud-apps" | "storage" | "key-vault";

const redeliveryMs = minuteMs;
const mostDeliveries = 5;
const workersPerInstance = 4;
const pollMs = 2 * secondMs;

export function alertPlatform(alerts: number, options: AlertPlatformOptions = {}) {
  const clock = virtualClock();
  const down = new Set<Part>();
  const auditKey = "the audit key of a platform";
  let deadly = options.dieAt;
  const bench = verdictBench(
    alerts,
    {
      ...(options.callsPerMinute === undefined ? {} : { callsPerMinute: options.callsPerMinute }),
      ...(options.latencyMs === undefined ? {} : { latencyMs: options.latencyMs }),
      fate: () => (down.has("cloud-apps") ? "down" : "answered"),
      readyInMs: () => (down.has("key-vault") ? minuteMs : 0),
      reach: async (point) => {
        if (point === deadly) throw new Error(`died at ${point}`);
      },
      records: {
        before: () => {
          if (down.has("storage")) throw new Error("storage: 503 ServerBusy");
        },
      },
    },
    clock,
  );
  const { queues, store, world } = bench;
  const write = openAuditLog({ store, key: async () => auditKey });
  const durations: number[] = [];
  const poisoned: object[] = [];
  const deliveries = new Map<object, number>();
  let waiting: { message: object; visibleMs: number }[] = [];
  let sends: Promise<void> = Promise.resolve();

  const desk = (): VerdictDesk => ({
    ...bench.instance(),
    alerts: troubled(world.port, options),
    audit: (event) => write({ ...event }),
  });
  /** Storage carries the queue, too: while it is down nothing is delivered. */
  const next = (): object | undefined => {
    if (down.has("storage")) return undefined;
    const index = waiting.findIndex(({ visibleMs }) => visibleMs <= clock.now());
    return index < 0 ? queues.take("alert-verdicts") : waiting.splice(index, 1)[0]?.message;
  };
  const deliver = async (one: VerdictDesk, message: object): Promise<void> => {
    const startMs = clock.now();
    const times = (deliveries.get(message) ?? 0) + 1;
    deliveries.set(message, times);
    try {
      await handleVerdict(one, verdictMessage.parse(message));
    } catch {
      if (times >= mostDeliveries) poisoned.push(message);
      else waiting.push({ message, visibleMs: clock.now() + redeliveryMs });
    }
    durations.push(clock.now() - startMs);
  };
  const worker = async (one: VerdictDesk, untilMs: number): Promise<void> => {
    while (clock.now() < untilMs) {
      const message = next();
      if (message === undefined)
        await clock.sleep(Math.min(pollMs, Math.max(1, untilMs - clock.now())));
      else await deliver(one, message);
    }
  };
  const send = (change: object, copies = 1): object => {
    const message = { ...soundVerdict, ...change };
    for (let copy = 0; copy < copies; copy += 1)
      sends = sends.then(() => queues.send("alert-verdicts", message));
    return message;
  };
  const record = (index: number): AlertRecord | undefined =>
    alertRecord.safeParse(JSON.parse(store.peek(`state/alerts/${alertIdOf(index)}.json`) ?? "null"))
      .data;
  return {
    clock,
    store,
    queues,
    world,
    down,
    poisoned,
    auditKey,
    send,
    record,
    submit: (ids: readonly string[]) => bench.submit({ alertIds: ids }),
    /** One message for each alert. */
    sendEach: (more: (index: number) => object = () => ({})): void => {
      for (let index = 1; index <= alerts; index += 1)
        send({ id: `alert-${index}`, alertIds: [alertIdOf(index)], ...more(index) });
    },
    dieAt: (point: string | undefined): void => void (deadly = point),
    /** Lets so much time pass with so many instances. */
    pass: async (ms: number, instances = 1): Promise<void> => {
      await sends;
      const untilMs = clock.now() + ms;
      const workers = Array.from({ length: instances }, () => desk()).flatMap((one) =>
        Array.from({ length: workersPerInstance }, () => worker(one, untilMs)),
      );
      await clock.run(Promise.all(workers));
    },
    /** Alerts with a record that is not final. */
    unsettled: (): string[] =>
      store
        .paths()
        .filter(
          (path) =>
            path.startsWith("state/alerts/") &&
            /"state":"(waiting|sending)"/.test(store.peek(path) ?? ""),
        ),
    longestMs: (): number => Math.max(0, ...durations),
    /** Kinds of the audit's events, in order. */
    audited: async (): Promise<unknown[]> =>
      store
        .paths()
        .filter((path) => path.startsWith("audit/"))
        .map((path) => auditRecord.parse(JSON.parse(store.peek(path) ?? "")).body["kind"]),
  };
}

/** Cloud Apps with troubles of its answers, over the sound one. */
function troubled(port: AlertsPort, options: AlertPlatformOptions): AlertsPort {
  let kept = 0;
  return {
    ...port,
    close: async (ids, closing, turn) => {
      const call: ChangeCall = { atMs: 0, kind: "close", ids, closing };
      if (options.fate?.(call) === "throttled")
        return { kind: "later", retryAfterMs: 5 * secondMs };
      if ((kept += 1) <= (options.keepOpen ?? 0)) {
        await port.look(ids);
        return { kind: "answer", changed: 0, notFound: [...ids] };
      }
      const reply = await port.close(ids, closing, turn);
      return options.silent === true && reply.kind === "answer"
        ? { kind: "answer", changed: 0, notFound: [] }
        : reply;
    },
  };
}
