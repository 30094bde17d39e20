/**
 * Verdicts while Cloud Apps changes under them: analysts close and reopen alerts, alerts appear
 * late, a token with a smaller scope hides some. Statuses are read all the time, and each answer
 * is judged by the service's history (P23: an answer is about the request that it answers).
 */
import { dryRunVerdict } from "../../shared/alerts/dry-run-verdict.ts";
import { handleVerdictMessage } from "../../shared/alerts/handle-verdict-message.ts";
import type { AlertDeps } from "../../shared/alerts/ports.ts";
import { submitVerdict } from "../../shared/alerts/submit-verdict.ts";
import { undoVerdict } from "../../shared/alerts/undo-verdict.ts";
import { readVerdictStatus } from "../../shared/alerts/verdict-status.ts";
import type { AlertId } from "../../shared/contracts/alert-id.ts";
import { verdictMessage, verdictRequest } from "../../shared/contracts/alert-verdict.ts";
import { alertHarness, validVerdict } from "../support/alert-harness.ts";
import { alertIdOf } from "../support/alert-service-model.ts";
import { unchanged, type AlertChangeMutant } from "./alert-change-mutants.ts";
import { createAnswerJudge } from "./alert-answer-judge.ts";
import { createXorShift } from "./alert-model.ts";

const minuteMs = 60_000;

/** The result of a schedule in which the service changes. */
export interface ChangingVerdictHistory {
  /** Answers that contradict the service's history, in words. */
  readonly contradictions: readonly string[];
  /** Closes without a verdict that had no outcome yet. */
  readonly strayCloses: number;
  /** Reopenings of an alert that the undone verdict had not closed. */
  readonly strayReopenings: number;
  /** Verdicts that had not ended after the last change. */
  readonly unfinished: number;
  readonly answers: number;
  readonly changes: number;
}

const actions = ["resolve", "dismiss", "closeBenign"] as const;
const changingMs = 40 * minuteMs;
/** Longer than the pauses that a verdict takes while its alerts are refused. */
const quietMs = 120 * minuteMs;
const states = ["open", "open", "truePositive", "falsePositive", "benign", undefined] as const;

/** Returns an element of a list. */
type Choose = <T>(values: readonly T[]) => T;

interface Schedule {
  readonly random: () => number;
  readonly choose: Choose;
  readonly ids: readonly AlertId[];
  readonly harness: ReturnType<typeof alertHarness>;
  readonly judge: ReturnType<typeof createAnswerJudge>;
  readonly mutant: AlertChangeMutant;
  readonly createInstance: () => AlertDeps;
  readonly endMs: number;
}

/** Runs actors until the last change, then instances alone until all verdicts have ended. */
export async function runChangingSchedule(
  seed: number,
  mutant: AlertChangeMutant = unchanged,
): Promise<ChangingVerdictHistory> {
  const schedule = createSchedule(seed, mutant);
  const { harness, judge } = schedule;
  const { clock } = harness;
  const actors = [submitVerdicts, changeAlerts, readStatuses, undoVerdicts, planVerdicts];
  const workers = [1, 2].flatMap(() => {
    const deps = schedule.createInstance();
    return [1, 2].map(() => runWorker(schedule, deps));
  });
  await clock.run(Promise.all([...actors.map((act) => act(schedule)), ...workers]));
  const unfinished = await judge.judgeEnd();
  return { ...judge.summarize(), unfinished };
}

function createSchedule(seed: number, mutant: AlertChangeMutant): Schedule {
  const random = createXorShift(seed);
  const choose: Choose = (values) => values[Math.floor(random() * values.length)] as never;
  const count = 1 + Math.floor(random() * 4);
  const ids = Array.from({ length: count }, (_, index) => alertIdOf(index + 1));
  const [crashRate, lostRate] = [random() * 0.03, random() * 0.2];
  let crashes = 0;
  const harness = alertHarness(count, {
    fate: ({ kind }) =>
      kind !== "getStates" && random() < lostRate ? (random() < 0.5 ? "lost" : "down") : "answered",
    cut: () => random() < 0.05,
    failpoint: async (point) => {
      if (crashes < 10 && random() < crashRate) {
        crashes += 1;
        judge.recordCrash();
        throw new Error(`crashed at ${point}`);
      }
    },
  });
  const readStatus = (id: string) => (mutant.readStatus ?? readVerdictStatus)(harness.deps, id);
  const judge = createAnswerJudge(harness, readStatus);
  return {
    random,
    choose,
    ids,
    harness,
    judge,
    mutant,
    createInstance: () => mutant.change(harness.createInstance()),
    endMs: harness.clock.now() + changingMs,
  };
}

/** Repeats an action after random pauses, at most `maxPauseMs`, until the changes end. */
async function repeat(
  { random, harness: { clock }, endMs }: Schedule,
  maxPauseMs: number,
  act: () => Promise<void> | void,
): Promise<void> {
  for (;;) {
    await clock.sleep(1 + random() * maxPauseMs);
    if (clock.now() >= endMs) return;
    await act();
  }
}

async function submitVerdicts(schedule: Schedule): Promise<void> {
  const { choose, harness, ids, judge, random } = schedule;
  let count = 0;
  await repeat(schedule, 6 * minuteMs, async () => {
    const id = `v${(count += 1)}`;
    const { reason: _reason, ...rest } = validVerdict;
    const alertIds = ids.filter(() => random() < 0.6);
    const request = verdictRequest.parse({
      ...rest,
      id,
      action: choose(actions),
      alertIds: alertIds.length > 0 ? alertIds : [choose(ids)],
      comment: choose(["first", "second"]),
    });
    judge.expectVerdict(request);
    await submitVerdict(harness.deps, request, "api", 20_000);
    // The platform may deliver a message twice, the second time much later.
    if (random() < 0.3) {
      const { dryRun: _dryRun, ...message } = request;
      const delaySeconds = Math.floor(random() * 900);
      await harness.queues.send("alert-verdicts", message, { delaySeconds });
    }
  });
}

/** Acts as analysts, as late alerts and as tokens with a smaller scope. */
const changeAlerts = (schedule: Schedule): Promise<void> =>
  repeat(schedule, 3 * minuteMs, () => {
    schedule.judge.countChange();
    schedule.harness.service.change(schedule.choose(schedule.ids), schedule.choose(states));
  });

/** Reads statuses until the end of the quiet time, so that late changes of an answer show. */
async function readStatuses({ harness: { clock }, judge, endMs, random }: Schedule): Promise<void> {
  while (clock.now() < endMs + quietMs) {
    await clock.sleep(1 + random() * (clock.now() < endMs ? 20_000 : 10 * minuteMs));
    await judge.readAnswers();
  }
}

const undoVerdicts = (schedule: Schedule): Promise<void> =>
  repeat(schedule, 15 * minuteMs, async () => {
    const { choose, createInstance, judge } = schedule;
    const id = choose(judge.listVerdicts());
    if (id === undefined) return;
    judge.expectUndo(id);
    await undoVerdict(createInstance(), id, "analyst@contoso.com");
    await judge.readAnswers();
  });

/** Plans verdicts without carrying them out. */
const planVerdicts = (schedule: Schedule): Promise<void> =>
  repeat(schedule, 5 * minuteMs, async () => {
    const { choose, createInstance, harness, ids, judge, mutant } = schedule;
    const { reason: _reason, ...rest } = validVerdict;
    const action = choose(actions);
    const request = verdictRequest.parse({ ...rest, id: "plan", action, alertIds: ids });
    const fromMs = harness.clock.now();
    const plan = await (mutant.planVerdict ?? dryRunVerdict)(createInstance(), request);
    if (plan.kind === "planned") judge.judgePlan(fromMs, plan.alerts);
  });

async function runWorker({ harness, endMs }: Schedule, deps: AlertDeps): Promise<void> {
  const { clock, queues } = harness;
  while (clock.now() < endMs + quietMs) {
    const message = queues.takeNext("alert-verdicts");
    if (message === undefined) {
      await clock.sleep(2_000);
      continue;
    }
    try {
      await handleVerdictMessage(deps, verdictMessage.parse(message));
    } catch {
      await queues.send("alert-verdicts", message, { delaySeconds: 60 });
    }
  }
}
