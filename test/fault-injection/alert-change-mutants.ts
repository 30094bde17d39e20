/** Mutants of verdicts that answer from memory instead of asking the service. */
import type { dryRunVerdict } from "../../shared/alerts/dry-run-verdict.ts";
import { findAlertRecord } from "../../shared/alerts/alert-record.ts";
import type { AlertDeps, AlertState } from "../../shared/alerts/ports.ts";
import { findRequestRecord } from "../../shared/alerts/request-record.ts";
import { readVerdictStatus } from "../../shared/alerts/verdict-status.ts";
import type { AlertId } from "../../shared/contracts/alert-id.ts";
import type { RecordStore } from "../../shared/storage/record-store.ts";

/** Breaks the module on purpose. */
export interface AlertChangeMutant {
  readonly change: (deps: AlertDeps) => AlertDeps;
  readonly readStatus?: typeof readVerdictStatus;
  readonly planVerdict?: typeof dryRunVerdict;
}

export const unchanged: AlertChangeMutant = { change: (deps) => deps };

/** Answers a list call for the alerts whose record has a state from the record alone. */
const answerFromRecords = (
  deps: AlertDeps,
  answer: (state: string, closure: AlertState) => AlertState | "absent" | undefined,
): AlertDeps => ({
  ...deps,
  alerts: {
    ...deps.alerts,
    getStates: async (ids) => {
      const known = new Map<AlertId, AlertState | "absent">();
      for (const id of ids) {
        const record = await findAlertRecord(deps.store, id);
        const remembered = record && answer(record.state, record.closure);
        if (remembered !== undefined) known.set(id, remembered);
      }
      const rest = ids.filter((id) => !known.has(id));
      const reply =
        rest.length > 0
          ? await deps.alerts.getStates(rest)
          : ({ kind: "answer", alerts: new Map<AlertId, AlertState>() } as const);
      if (reply.kind !== "answer") return reply;
      const remembered = [...known].flatMap(([id, state]) =>
        state === "absent" ? [] : [[id, state] as const],
      );
      return { kind: "answer", alerts: new Map([...reply.alerts, ...remembered]) };
    },
  },
});

const changeStore = (deps: AlertDeps, change: Partial<RecordStore>): AlertDeps => ({
  ...deps,
  store: { ...deps.store, ...change },
});

export const alertChangeMutants = {
  "a closed record is in force": {
    change: (deps) =>
      answerFromRecords(deps, (state, closure) => (state === "closed" ? closure : undefined)),
  },
  "not found is for ever": {
    change: (deps) =>
      answerFromRecords(deps, (state) => (state === "notFound" ? "absent" : undefined)),
  },
  "the status is that of the alert's record": {
    change: (deps) => deps,
    readStatus: async (deps, id) => {
      const status = await readVerdictStatus(deps, id);
      const request = await findRequestRecord(deps.store, id);
      if (!status || !request) return status;
      const alerts = await Promise.all(
        status.alerts.map(async (own) => {
          const record = await findAlertRecord(deps.store, own.alertId);
          if (!record || record.state === "waiting" || record.state === "sending") return own;
          return { ...own, outcome: record.state, detail: record.detail ?? null };
        }),
      );
      return { ...status, alerts };
    },
  },
  "the first look is remembered": {
    change: (deps) => {
      const seen = new Map<AlertId, AlertState>();
      return {
        ...deps,
        alerts: {
          ...deps.alerts,
          getStates: async (ids) => {
            const reply = await deps.alerts.getStates(ids);
            if (reply.kind !== "answer") return reply;
            for (const [id, state] of reply.alerts) if (!seen.has(id)) seen.set(id, state);
            return { kind: "answer", alerts: new Map([...reply.alerts, ...seen]) };
          },
        },
      };
    },
  },
  "a replaced verdict loses its outcome": {
    change: (deps) =>
      changeStore(deps, {
        create: async (path, value) =>
          path.startsWith("state/outcomes/")
            ? { kind: "written", etag: "none", serverNowMs: deps.clock.now() }
            : deps.store.create(path, value),
      }),
  },
  "a lost answer counts as closed": {
    change: (deps) => ({
      ...deps,
      alerts: {
        ...deps.alerts,
        close: async (ids, request, permit) => {
          const reply = await deps.alerts.close(ids, request, permit);
          return reply.kind === "unknown"
            ? { kind: "answer", changed: ids.length, notFound: [] }
            : reply;
        },
      },
    }),
  },
} as const satisfies Record<string, AlertChangeMutant>;

/** Tells whether no answer contradicted the service. */
export const isChangingHistoryValid = (history: {
  readonly contradictions: readonly string[];
  readonly strayCloses: number;
  readonly strayReopenings: number;
  readonly unfinished: number;
}): boolean =>
  history.contradictions.length === 0 &&
  history.strayCloses + history.strayReopenings + history.unfinished === 0;
