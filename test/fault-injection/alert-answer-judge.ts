/**
 * Judges each answer about verdicts by the history of Cloud Apps: an outcome must have been true at
 * an instant between the acceptance of its own verdict and the answer.
 */
import { closureOf, type Closure } from "../../shared/alerts/closures.ts";
import type { AlertState } from "../../shared/alerts/ports.ts";
import type { readVerdictStatus } from "../../shared/alerts/verdict-status.ts";
import type { AlertStatus, VerdictRequest } from "../../shared/contracts/alert-verdict.ts";
import type { alertHarness } from "../support/alert-harness.ts";

interface ExpectedVerdict {
  readonly id: string;
  readonly closure: Closure;
  readonly alertIds: readonly string[];
  readonly fromMs: number;
  undoneFromMs: number | undefined;
  /** The first final outcome that was read for each alert, and when. */
  readonly final: Map<string, { readonly outcome: string; readonly atMs: number }>;
}

interface PlannedAlert {
  readonly alertId: string;
  readonly plannedAction: string;
  readonly currentState: string;
}

type Harness = Pick<ReturnType<typeof alertHarness>, "clock" | "service">;
type StatusReader = (id: string) => ReturnType<typeof readVerdictStatus>;

/** The detail of an alert that a try of unknown result may have closed. */
const unknownTry = "found closed after a try whose result is unknown";

export function createAnswerJudge({ clock, service }: Harness, readStatus: StatusReader) {
  const verdicts = new Map<string, ExpectedVerdict>();
  const contradictions: string[] = [];
  const crashes: number[] = [];
  let [answers, changes] = [0, 0];

  /** Tells whether the alert was in such a state at an instant of the span. */
  const wasSeen = (
    alertId: string,
    [fromMs, toMs]: readonly [fromMs: number, toMs: number],
    matches: (state: AlertState | undefined) => boolean,
  ): boolean => {
    const past = service.history.get(alertId) ?? [];
    return past.some(
      ({ state, fromMs: beginMs }, index) =>
        matches(state) && beginMs <= toMs && (past[index + 1]?.fromMs ?? Infinity) >= fromMs,
    );
  };
  const isClosed = (state: AlertState | undefined): boolean =>
    state !== undefined && state !== "open";
  const wasCalled = (kind: string, alertId: string, fromMs: number, closure?: Closure): boolean =>
    service.calls.some(
      (call) =>
        call.kind === kind &&
        call.atMs >= fromMs &&
        call.ids.includes(alertId) &&
        (closure === undefined || call.request?.closure === closure),
    );
  const hasRival = ({ id, closure }: ExpectedVerdict, alertId: string): boolean =>
    [...verdicts.values()].some(
      (other) => other.id !== id && other.closure !== closure && other.alertIds.includes(alertId),
    );

  /** Tells whether an outcome is true of its own verdict. */
  const isTrue = (verdict: ExpectedVerdict, { alertId, outcome, detail }: AlertStatus): boolean => {
    const { closure, fromMs, undoneFromMs } = verdict;
    const saw = (matches: (state: AlertState | undefined) => boolean): boolean =>
      wasSeen(alertId, [fromMs, clock.now()], matches);
    switch (outcome) {
      case "waiting":
        return true;
      case "closed":
        return (
          saw((state) => state === closure) &&
          (wasCalled("close", alertId, fromMs, closure) ||
            // A crash leaves open whether the call was sent.
            (detail === unknownTry && crashes.some((atMs) => atMs >= fromMs)))
        );
      case "alreadyClosed":
        return saw((state) => isClosed(state) && detail === `already closed as ${state}`);
      case "notFound":
        return saw((state) => state === undefined);
      case "conflict":
        return detail?.startsWith("closed as ") === true
          ? saw((state) => isClosed(state) && detail.startsWith(`closed as ${state};`))
          : hasRival(verdict, alertId);
      case "failed":
        return saw((state) => state === "open") && wasCalled("close", alertId, fromMs, closure);
      case "reopened":
        return (
          undoneFromMs !== undefined &&
          wasSeen(alertId, [undoneFromMs, clock.now()], (state) => state === "open")
        );
    }
  };

  const judgeStatus = (verdict: ExpectedVerdict, status: AlertStatus): void => {
    answers += 1;
    const name = `${verdict.id} ${status.alertId.slice(-2)} ${status.outcome} (${status.detail})`;
    if (!isTrue(verdict, status)) contradictions.push(`untrue: ${name}`);
    const former = verdict.final.get(status.alertId);
    const isUndone = former?.outcome === "closed" && status.outcome === "reopened";
    if (former && former.outcome !== status.outcome && !isUndone)
      contradictions.push(`${former.outcome} became ${name}`);
    if (status.outcome !== "waiting" && (!former || isUndone))
      verdict.final.set(status.alertId, { outcome: status.outcome, atMs: clock.now() });
  };
  const readAnswers = async (): Promise<void> => {
    for (const verdict of verdicts.values()) {
      const status = await readStatus(verdict.id);
      for (const alert of status?.alerts ?? []) judgeStatus(verdict, alert);
    }
  };

  /** Counts closes that no verdict without an outcome asked for. */
  const countStrayCloses = (): number =>
    service.calls.filter(
      ({ kind, ids, request, atMs }) =>
        kind === "close" &&
        ids.some(
          (alertId) =>
            ![...verdicts.values()].some(
              ({ alertIds, closure, final, fromMs }) =>
                alertIds.includes(alertId) &&
                closure === request?.closure &&
                fromMs <= atMs &&
                (final.get(alertId)?.atMs ?? Infinity) >= atMs,
            ),
        ),
    ).length;

  /** Counts reopenings of alerts that were not closed as the undone verdict closed them. */
  const countStrayReopenings = (): number =>
    service.calls.filter(
      ({ kind, ids, atMs }) =>
        kind === "reopen" &&
        ids.some(
          (alertId) =>
            ![...verdicts.values()].some(
              ({ alertIds, closure, undoneFromMs }) =>
                alertIds.includes(alertId) &&
                undoneFromMs !== undefined &&
                wasSeen(alertId, [undoneFromMs, atMs], (state) => state === closure),
            ),
        ),
    ).length;

  return {
    readAnswers,
    recordCrash: (): void => void crashes.push(clock.now()),
    countChange: (): void => void (changes += 1),
    listVerdicts: (): readonly (string | undefined)[] => [...verdicts.keys()],
    expectVerdict: ({ action, alertIds, id }: VerdictRequest): void =>
      void verdicts.set(id, {
        id,
        closure: closureOf[action],
        alertIds,
        fromMs: clock.now(),
        undoneFromMs: undefined,
        final: new Map(),
      }),
    expectUndo: (id: string): void => {
      const verdict = verdicts.get(id);
      if (verdict) verdict.undoneFromMs ??= clock.now();
    },
    judgePlan: (fromMs: number, alerts: readonly PlannedAlert[]): void => {
      for (const { alertId, currentState, plannedAction } of alerts) {
        answers += 1;
        const isSeen = wasSeen(
          alertId,
          [fromMs, clock.now()],
          (state) => (state ?? "unknown") === currentState,
        );
        const wouldClose = plannedAction === "close" && currentState !== "open";
        const wouldLeave = plannedAction === "leave" && !isClosed(currentState as AlertState);
        if (!isSeen || wouldClose || wouldLeave)
          contradictions.push(`planned ${plannedAction} of ${alertId.slice(-2)} (${currentState})`);
      }
    },
    /** Reads all answers once more. @returns how many verdicts have not ended */
    judgeEnd: async (): Promise<number> => {
      await readAnswers();
      return [...verdicts.values()].filter(({ alertIds, final }) =>
        alertIds.some((id) => !final.has(id)),
      ).length;
    },
    summarize: () => ({
      contradictions,
      strayCloses: countStrayCloses(),
      strayReopenings: countStrayReopenings(),
      answers,
      changes,
    }),
  };
}
