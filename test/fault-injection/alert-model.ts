/**
 * Verdicts under seeded schedules: several instances, conflicting verdicts, repeated messages,
 * processes that crash at failpoints, lost answers, and a service that applies every close. The
 * result is judged from the history of Cloud Apps alone.
 */
import type { AlertsPort, AlertDeps } from "../../shared/alerts/ports.ts";
import { handleVerdictMessage } from "../../shared/alerts/handle-verdict-message.ts";
import { verdictMessage } from "../../shared/contracts/alert-verdict.ts";
import type { RecordStore } from "../../shared/storage/record-store.ts";
import { alertIdOf } from "../support/alert-service-model.ts";
import { validVerdict, alertHarness } from "../support/alert-harness.ts";

/** Breaks the module on purpose. */
export interface AlertMutant {
  readonly store?: (store: RecordStore) => RecordStore;
  readonly alerts?: (port: AlertsPort) => AlertsPort;
}

export const alertMutants = {
  "no record": {
    store: (store) => ({
      ...store,
      read: async (path) =>
        path.startsWith("state/alerts/")
          ? { kind: "absent", serverNowMs: (await store.read(path)).serverNowMs }
          : store.read(path),
      create: async (path, value) => {
        if (!path.startsWith("state/alerts/")) return store.create(path, value);
        const read = await store.read(path);
        return read.kind === "absent"
          ? store.create(path, value)
          : store.replace(path, value, read.etag);
      },
    }),
  },
  "second try without looking": {
    alerts: (port) => ({
      ...port,
      getStates: async (ids) => ({
        kind: "answer",
        alerts: new Map(ids.map((id) => [id, "open"])),
      }),
    }),
  },
} as const satisfies Record<string, AlertMutant>;

/** The result of a schedule. */
export interface AlertVerdictHistory {
  readonly closed: number;
  readonly alerts: number;
  readonly flips: number;
  readonly closedTwice: number;
  /** Calls with an id of no accepted request, or with a wrong number of ids. */
  readonly strayCalls: number;
  readonly openIntents: number;
  readonly crashes: number;
}

/** Creates a generator of its own, so that a seed gives the same schedule everywhere. */
export function createXorShift(seed: number): () => number {
  let state = (seed * 2_654_435_761) >>> 0 || 1;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) / 2 ** 32;
  };
}

const maxMessages = 2_000;

const actions = ["resolve", "dismiss", "closeBenign"] as const;

export async function runVerdictSchedule(
  seed: number,
  mutant: AlertMutant = {},
): Promise<AlertVerdictHistory> {
  const random = createXorShift(seed);
  const count = 3 + Math.floor(random() * 30);
  const [crashRate, lostRate] = [random() * 0.04, random() * 0.3];
  let crashes = 0;
  const harness = alertHarness(count, {
    overwrites: true,
    fate: ({ kind }) =>
      kind === "close" && random() < lostRate ? (random() < 0.5 ? "lost" : "down") : "answered",
    failpoint: async (point) => {
      if (crashes < 20 && random() < crashRate) {
        crashes += 1;
        throw new Error(`died at ${point}`);
      }
    },
  });
  const { clock, queues, service, audit } = harness;
  const accepted = new Set<string>();
  const requests = 2 + Math.floor(random() * 8);
  for (let index = 0; index < requests; index += 1) {
    const ids = Array.from({ length: 1 + Math.floor(random() * count) }, () =>
      alertIdOf(1 + Math.floor(random() * count)),
    );
    const { reason: _reason, ...rest } = validVerdict;
    const action = actions[Math.floor(random() * actions.length)] ?? "dismiss";
    const message = verdictMessage.parse({ ...rest, id: `r${index}`, action, alertIds: ids });
    for (const id of message.alertIds) accepted.add(id);
    for (let copies = random() < 0.3 ? 2 : 1; copies > 0; copies -= 1)
      await queues.send("alert-verdicts", message, { delaySeconds: Math.floor(random() * 30) });
  }
  const applyMutant = (deps: AlertDeps): AlertDeps => ({
    ...deps,
    store: mutant.store?.(deps.store) ?? deps.store,
    alerts: mutant.alerts?.(deps.alerts) ?? deps.alerts,
  });
  let handled = 0;
  const createWorker = (deps: AlertDeps) => async (message: object) => {
    // Work that never settles would never end: beyond the limit, the rest counts as not closed.
    if ((handled += 1) > maxMessages) return;
    try {
      await handleVerdictMessage(deps, verdictMessage.parse(message));
    } catch {
      await queues.send("alert-verdicts", message, { delaySeconds: 600 });
    }
  };
  await clock.run(
    Promise.all(
      [1, 2].map(() =>
        queues.drain("alert-verdicts", 2, createWorker(applyMutant(harness.createInstance()))),
      ),
    ).then(() => undefined),
  );
  const closes = service.calls.filter(({ kind }) => kind === "close");
  const strayCalls = closes.filter(
    ({ ids }) => ids.length < 1 || ids.length > 100 || ids.some((id) => !accepted.has(id)),
  ).length;
  const outcomes = new Set(audit.filter(({ kind }) => kind === "outcome").map(({ call }) => call));
  return {
    closed:
      handled > maxMessages
        ? 0
        : [...accepted].filter((id) => service.state.get(id) !== "open").length,
    alerts: accepted.size,
    flips: service.countFlips(),
    closedTwice: [...service.closes.values()].filter((times) => times > 1).length,
    strayCalls,
    openIntents: audit.filter(({ kind, call }) => kind === "intent" && !outcomes.has(call)).length,
    crashes,
  };
}

/**
 * Tells whether the guarantees of verdicts held. An intent may lack its outcome only where a
 * process crashed.
 */
export const isVerdictHistoryValid = ({
  closed,
  alerts,
  flips,
  closedTwice,
  strayCalls,
  openIntents,
  crashes,
}: AlertVerdictHistory): boolean =>
  closed === alerts &&
  flips === 0 &&
  closedTwice === 0 &&
  strayCalls === 0 &&
  openIntents <= crashes;
