/** The alerts module in memory: store, queues, Cloud Apps and audit on one virtual clock. */
import type { AuditEvent, AlertDeps } from "../../shared/alerts/ports.ts";
import { createTextWriter } from "../../shared/audit/personal-texts.ts";
import { handleVerdictMessage } from "../../shared/alerts/handle-verdict-message.ts";
import { submitVerdict } from "../../shared/alerts/submit-verdict.ts";
import { readVerdictStatus } from "../../shared/alerts/verdict-status.ts";
import { verdictMessage, verdictRequest } from "../../shared/contracts/alert-verdict.ts";
import type { MessageQueues } from "../../shared/storage/record-store.ts";
import { alertIdOf, createAlertService, type AlertServiceOptions } from "./alert-service-model.ts";
import { createMemoryQueues } from "./memory-queue.ts";
import { createMemoryRecords, type MemoryRecordsOptions } from "./memory-records.ts";
import { createVirtualClock } from "./virtual-clock.ts";

/** A valid request; each test changes one field. */
export const validVerdict = {
  version: 1,
  id: "incident-4711",
  alertIds: [alertIdOf(1), alertIdOf(2)],
  action: "dismiss",
  reason: "notOfInterest",
  comment: "Known scanner",
  requestedBy: "soc@contoso.com",
  requestedAt: "2026-11-22T08:00:00Z",
} as const;

/** The failpoints of a verdict. */
export const verdictFailpoints = [
  "A1 dequeued",
  "A2 intent record created",
  "A3 audit intent written",
  "A4 permit reserved",
  "A5 close sent",
  "A6 reply read",
  "A7 record done",
  "A8 audit outcome written",
  "A9 deferred copy enqueued",
  "A10 before message delete",
] as const;

/** Sends verdicts for one alert each, in `groups` groups that close alike. */
export async function sendSingleAlerts(
  queues: MessageQueues,
  alerts: number,
  groups = 1,
): Promise<void> {
  for (let index = 1; index <= alerts; index += 1)
    await queues.send("alert-verdicts", {
      ...validVerdict,
      id: `a${index}`,
      comment: `group ${index % groups}`,
      alertIds: [alertIdOf(index)],
    });
}

/** Options of the harness and of its Cloud Apps. */
interface AlertHarnessOptions extends Partial<AlertServiceOptions> {
  /** Runs at each failpoint. */
  readonly failpoint?: (name: string) => Promise<void>;
  /** How long until token and audit key are available, in milliseconds. @default 0 */
  readonly readyInMs?: () => number;
  readonly records?: Omit<MemoryRecordsOptions, "clock">;
}

/** The audit key of every harness. */
export const auditKey = "the audit key of a harness";

export function alertHarness(
  alerts: number,
  options: AlertHarnessOptions = {},
  clock = createVirtualClock(),
) {
  const store = createMemoryRecords({ ...options.records, clock });
  const queues = createMemoryQueues(clock);
  const service = createAlertService(
    Array.from({ length: alerts }, (_, index) => alertIdOf(index + 1)),
    { clock, ...options },
  );
  const audit: AuditEvent[] = [];
  let ids = 0;
  const deps: AlertDeps = {
    store,
    queues,
    alerts: service.port,
    writeAudit: async (event) => void audit.push(event),
    storeTexts: createTextWriter({ store, readKey: async () => auditKey }),
    clock,
    sealMessage: async (message) => message,
    readyInMs: async () => options.readyInMs?.() ?? 0,
    newId: () => `id-${(ids += 1)}`,
    failpoint: options.failpoint ?? (async () => undefined),
    logEvent: () => undefined,
    closingGroups: new Map(),
  };
  const submit = (change: object = {}, maxPerDay = 20_000) =>
    submitVerdict(deps, verdictRequest.parse({ ...validVerdict, ...change }), "api", maxPerDay);
  /** Another instance over the same store, queues and Cloud Apps. */
  const createInstance = (): AlertDeps => ({ ...deps, closingGroups: new Map() });
  /** Runs instances with four workers each, as host.json sets. */
  const runWorkers = async (instances = 1): Promise<void> => {
    const createWorker = (instanceDeps: AlertDeps) => async (message: object) =>
      void (await handleVerdictMessage(instanceDeps, verdictMessage.parse(message)));
    await Promise.all(
      Array.from({ length: instances }, () =>
        queues.drain("alert-verdicts", 4, createWorker(createInstance())),
      ),
    );
  };
  const outcomes = async (id: string = validVerdict.id) =>
    Object.fromEntries(
      ((await readVerdictStatus(deps, id))?.alerts ?? []).map(({ alertId, outcome }) => [
        alertId,
        outcome,
      ]),
    );
  return {
    createInstance,
    clock,
    store,
    queues,
    service,
    audit,
    deps,
    submit,
    runWorkers,
    outcomes,
  };
}
