/**
 * Delivers verdicts as the platform does, on a virtual clock: a message is hidden while it is
 * handled, is redelivered after a throw, and is poisoned after five deliveries. Dependencies can be
 * switched off.
 */
import { alertRecord, type AlertRecord } from "../../shared/alerts/alert-record.ts";
import type { AlertsPort, AlertDeps } from "../../shared/alerts/ports.ts";
import { handleVerdictMessage } from "../../shared/alerts/handle-verdict-message.ts";
import { createAuditLog } from "../../shared/audit/audit-log.ts";
import { auditRecord } from "../../shared/audit/chain.ts";
import { verdictMessage } from "../../shared/contracts/alert-verdict.ts";
import { minuteMs, secondMs } from "../../shared/runtime/time.ts";
import { alertIdOf, type AlertServiceOptions, type ChangeCall } from "./alert-service-model.ts";
import { auditKey, validVerdict, alertHarness } from "./alert-harness.ts";
import { createVirtualClock } from "./virtual-clock.ts";

export interface AlertPlatformOptions extends Pick<AlertServiceOptions, "refuse" | "block"> {
  readonly callsPerMinute?: number;
  readonly latencyMs?: number;
  readonly fate?: (call: ChangeCall) => "answered" | "throttled";
  /** True: answers of closes report that nothing was closed. */
  readonly silent?: boolean;
  /** Number of closing calls that leave the alerts open. */
  readonly keepOpen?: number;
  /** A failpoint at which every process crashes. */
  readonly dieAt?: string;
}

type Dependency = "cloud-apps" | "storage" | "key-vault";

const redeliveryMs = minuteMs;
const maxDeliveries = 5;
const workersPerInstance = 4;
const pollMs = 2 * secondMs;

export function alertPlatform(alerts: number, options: AlertPlatformOptions = {}) {
  const clock = createVirtualClock();
  const down = new Set<Dependency>();
  let fatalPoint = options.dieAt;
  const harness = alertHarness(
    alerts,
    {
      ...(options.refuse ? { refuse: options.refuse } : {}),
      ...(options.block ? { block: options.block } : {}),
      ...(options.callsPerMinute === undefined ? {} : { callsPerMinute: options.callsPerMinute }),
      ...(options.latencyMs === undefined ? {} : { latencyMs: options.latencyMs }),
      fate: () => (down.has("cloud-apps") ? "down" : "answered"),
      readyInMs: () => (down.has("key-vault") ? minuteMs : 0),
      failpoint: async (point) => {
        if (point === fatalPoint) throw new Error(`crashed at ${point}`);
      },
      records: {
        before: () => {
          if (down.has("storage")) throw new Error("storage: 503 ServerBusy");
        },
      },
    },
    clock,
  );
  const { queues, store, service } = harness;
  const appendAudit = createAuditLog({ store, readKey: async () => auditKey });
  const durations: number[] = [];
  const poisoned: object[] = [];
  const deliveries = new Map<object, number>();
  let waiting: { message: object; visibleMs: number }[] = [];
  let sends: Promise<void> = Promise.resolve();

  const createDeps = (): AlertDeps => ({
    ...harness.createInstance(),
    alerts: withFaults(service.port, options),
    writeAudit: (event) => appendAudit({ ...event }),
  });
  /** The queue is part of storage: while storage is down, nothing is delivered. */
  const takeNext = (): object | undefined => {
    if (down.has("storage")) return undefined;
    const index = waiting.findIndex(({ visibleMs }) => visibleMs <= clock.now());
    return index < 0 ? queues.takeNext("alert-verdicts") : waiting.splice(index, 1)[0]?.message;
  };
  const deliverMessage = async (deps: AlertDeps, message: object): Promise<void> => {
    const startMs = clock.now();
    const deliveryCount = (deliveries.get(message) ?? 0) + 1;
    deliveries.set(message, deliveryCount);
    try {
      await handleVerdictMessage(deps, verdictMessage.parse(message));
    } catch {
      if (deliveryCount >= maxDeliveries) poisoned.push(message);
      else waiting.push({ message, visibleMs: clock.now() + redeliveryMs });
    }
    durations.push(clock.now() - startMs);
  };
  const runWorker = async (deps: AlertDeps, untilMs: number): Promise<void> => {
    while (clock.now() < untilMs) {
      const message = takeNext();
      if (message === undefined)
        await clock.sleep(Math.min(pollMs, Math.max(1, untilMs - clock.now())));
      else await deliverMessage(deps, message);
    }
  };
  const sendVerdict = (change: object, copies = 1): object => {
    const message = { ...validVerdict, ...change };
    for (let copy = 0; copy < copies; copy += 1)
      sends = sends.then(() => queues.send("alert-verdicts", message));
    return message;
  };
  const readAlertRecord = (index: number): AlertRecord | undefined =>
    alertRecord.safeParse(JSON.parse(store.peek(`state/alerts/${alertIdOf(index)}.json`) ?? "null"))
      .data;
  return {
    clock,
    store,
    queues,
    service,
    down,
    poisoned,
    auditKey,
    sendVerdict,
    readAlertRecord,
    submit: (ids: readonly string[]) => harness.submit({ alertIds: ids }),
    /** One message for each alert. */
    sendEach: (more: (index: number) => object = () => ({})): void => {
      for (let index = 1; index <= alerts; index += 1)
        sendVerdict({ id: `alert-${index}`, alertIds: [alertIdOf(index)], ...more(index) });
    },
    setDieAt: (point: string | undefined): void => void (fatalPoint = point),
    /** Runs instances for a time. */
    runFor: async (ms: number, instances = 1): Promise<void> => {
      await sends;
      const untilMs = clock.now() + ms;
      const workers = Array.from({ length: instances }, () => createDeps()).flatMap((deps) =>
        Array.from({ length: workersPerInstance }, () => runWorker(deps, untilMs)),
      );
      await clock.run(Promise.all(workers));
    },
    /** Alerts with a record that is not final. */
    listUnsettled: (): string[] =>
      store
        .paths()
        .filter(
          (path) =>
            path.startsWith("state/alerts/") &&
            /"state":"(waiting|sending)"/.test(store.peek(path) ?? ""),
        ),
    maxDurationMs: (): number => Math.max(0, ...durations),
    /** Kinds of the audit's events, in order. */
    readAuditKinds: async (): Promise<unknown[]> =>
      store
        .paths()
        .filter((path) => path.startsWith("audit/"))
        .map((path) => auditRecord.parse(JSON.parse(store.peek(path) ?? "")).body["kind"]),
  };
}

/** Wraps Cloud Apps with faulty answers. */
function withFaults(port: AlertsPort, options: AlertPlatformOptions): AlertsPort {
  let closeCalls = 0;
  return {
    ...port,
    close: async (ids, request, permit) => {
      const call: ChangeCall = { atMs: 0, kind: "close", ids, request };
      if (options.fate?.(call) === "throttled")
        return { kind: "later", retryAfterMs: 5 * secondMs };
      if ((closeCalls += 1) <= (options.keepOpen ?? 0)) {
        await port.getStates(ids);
        return { kind: "answer", changed: 0, notFound: [...ids] };
      }
      const reply = await port.close(ids, request, permit);
      return options.silent === true && reply.kind === "answer"
        ? { kind: "answer", changed: 0, notFound: [] }
        : reply;
    },
  };
}
