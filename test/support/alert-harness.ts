/** A verdict desk over memory: store, queues, Cloud Apps and audit, on one virtual clock. */
import type { AuditEvent, VerdictDesk } from "../../shared/alerts/ports.ts";
import { handleVerdict } from "../../shared/alerts/handle-verdict-message.ts";
import { submitVerdict, verdictStatus } from "../../shared/alerts/verdict-requests.ts";
import { verdictMessage, verdictRequest } from "../../shared/contracts/alert-verdict.ts";
import type { MessageQueues } from "../../shared/storage/record-store.ts";
import { alertIdOf, alertWorld, type AlertWorldOptions } from "./alert-service-model.ts";
import { memoryQueues } from "./memory-queue.ts";
import { memoryRecords, type MemoryRecordsOptions } from "./memory-records.ts";
import { virtualClock } from "./virtual-clock.ts";

/** A sound request; each test changes one field. */
export const soundVerdict = {
  version: 1,
  id: "incident-4711",
  alertIds: [alertIdOf(1), alertIdOf(2)],
  action: "dismiss",
  reason: "not_of_interest",
  comment: "Known scanner",
  requestedBy: "soc@contoso.com",
  requestedAt: "2026-11-22T08:00:00Z",
} as const;

/** The named points of a verdict, as research numbers them. */
export const verdictPoints = [
  "A1 dequeued",
  "A2 intent record created",
  "A3 audit intent written",
  "A4 permit reserved",
  "A5 close sent",
  "A6 reply read",
  "A7 record done",
  "A8 audit outcome written",
  "A9 deferred copy enqueued",
] as const;

/** Sends verdicts over one alert each, which fall into so many groups that close alike. */
export async function sendSingles(
  queues: MessageQueues,
  alerts: number,
  groups = 1,
): Promise<void> {
  for (let index = 1; index <= alerts; index += 1)
    await queues.send("alert-verdicts", {
      ...soundVerdict,
      id: `a${index}`,
      comment: `group ${index % groups}`,
      alertIds: [alertIdOf(index)],
    });
}

/** What a bench may be told besides what its Cloud Apps may be told. */
interface BenchOptions extends Partial<AlertWorldOptions> {
  /** What happens at a kill point; nothing when absent. */
  readonly reach?: (point: string) => Promise<void>;
  /** How long token and audit key are not to be had; 0 when absent. */
  readonly readyInMs?: () => number;
  readonly records?: Omit<MemoryRecordsOptions, "clock">;
}

export function verdictBench(alerts: number, options: BenchOptions = {}, clock = virtualClock()) {
  const store = memoryRecords({ ...options.records, clock });
  const queues = memoryQueues(clock);
  const world = alertWorld(
    Array.from({ length: alerts }, (_, index) => alertIdOf(index + 1)),
    { clock, ...options },
  );
  const audit: AuditEvent[] = [];
  let ids = 0;
  const desk: VerdictDesk = {
    store,
    queues,
    alerts: world.port,
    audit: async (event) => void audit.push(event),
    clock,
    readyInMs: async () => options.readyInMs?.() ?? 0,
    newId: () => `id-${(ids += 1)}`,
    reach: options.reach ?? (async () => undefined),
    note: () => undefined,
    closing: new Map(),
  };
  const submit = (change: object = {}, mostPerDay = 20_000) =>
    submitVerdict(desk, verdictRequest.parse({ ...soundVerdict, ...change }), "api", mostPerDay);
  /** Another instance over the same store, queues and Cloud Apps. */
  const instance = (): VerdictDesk => ({ ...desk, closing: new Map() });
  /** So many instances, each with the four workers that host.json gives it. */
  const work = async (instances = 1): Promise<void> => {
    const worker = (one: VerdictDesk) => async (message: object) =>
      void (await handleVerdict(one, verdictMessage.parse(message)));
    await Promise.all(
      Array.from({ length: instances }, () =>
        queues.drain("alert-verdicts", 4, worker(instance())),
      ),
    );
  };
  const outcomes = async (id: string = soundVerdict.id) =>
    Object.fromEntries(
      ((await verdictStatus(desk, id))?.alerts ?? []).map(({ alertId, outcome }) => [
        alertId,
        outcome,
      ]),
    );
  return { instance, clock, store, queues, world, audit, desk, submit, work, outcomes };
}
