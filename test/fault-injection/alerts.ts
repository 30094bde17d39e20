/**
 * The long form of the alert suite: many schedules, also with a service that changes, the mutants, 100,000 random requests, 10,000
 * messages of one alert each, every record of an audit chain changed, and the built app killed at
 * each failpoint.
 */
import { sendSingleAlerts, alertHarness } from "../support/alert-harness.ts";
import { runChangingSchedule } from "./alert-change-model.ts";
import { alertChangeMutants, isChangingHistoryValid } from "./alert-change-mutants.ts";
import { killAlerts } from "./alert-kills.ts";
import { alertMutants, runVerdictSchedule, isVerdictHistoryValid } from "./alert-model.ts";
import { checkRandomRequests } from "./alert-requests.ts";
import { auditMutants, isAuditHistoryValid, runAuditSchedule } from "./audit-model.ts";
import { checkAuditTampering } from "./audit-tampering.ts";
import { countCaughtMutants } from "./source-mutants.ts";

/** The extent of the suite. */
export interface AlertCheckOptions {
  readonly schedules: number;
  /** Prefixes of the failpoint names. */
  readonly failpoints: readonly string[];
  /** How many trials with processes run side by side. */
  readonly parallelism: number;
}

/** The result of a load of messages with one alert each. */
interface LoadResult {
  readonly calls: number;
  readonly closed: number;
  readonly busiestMinute: number;
  readonly seconds: number;
}

const messages = 10_000;

async function runLoad(instances: number, groups: number): Promise<LoadResult> {
  const { clock, queues, runWorkers, service } = alertHarness(messages);
  const startMs = clock.now();
  await sendSingleAlerts(queues, messages, groups);
  await clock.run(runWorkers(instances));
  const closes = service.calls.filter(({ kind }) => kind === "close");
  const lastMs = Math.max(...closes.map(({ atMs }) => atMs));
  return {
    calls: closes.length,
    closed: service.closes.size,
    busiestMinute: service.countBusiestMinute(),
    seconds: (lastMs - startMs) / 1_000,
  };
}

const maxMutantSeeds = 200;

/** Runs the schedules in which Cloud Apps changes, and their mutants. @returns whether all held */
async function checkChangingService(
  schedules: number,
  printLine: (line: string) => void,
): Promise<boolean> {
  let [passed, answers, contradictions] = [0, 0, 0];
  for (let seed = 1; seed <= schedules; seed += 1) {
    const history = await runChangingSchedule(seed);
    answers += history.answers;
    contradictions += history.contradictions.length;
    if (isChangingHistoryValid(history)) passed += 1;
    else printLine(`alerts, changing service, seed ${seed}: ${JSON.stringify(history)}`);
  }
  const mutants = Object.entries(alertChangeMutants);
  let caught = 0;
  for (const [name, mutant] of mutants) {
    let seed = 1;
    while (
      seed <= maxMutantSeeds &&
      isChangingHistoryValid(await runChangingSchedule(seed, mutant))
    )
      seed += 1;
    if (seed <= maxMutantSeeds) caught += 1;
    printLine(
      `mutant ${seed <= maxMutantSeeds ? `caught: ${name} (seed ${seed})` : `MISSED: ${name}`}`,
    );
  }
  printLine(
    `alerts, changing service: schedules survived ${passed} of ${schedules} · ${answers} answers, ${contradictions} contradictions · mutants caught ${caught} of ${mutants.length}`,
  );
  return passed === schedules && caught === mutants.length;
}

/** Runs the schedules of the audit, and their mutants. @returns whether all held */
async function checkAudit(schedules: number, printLine: (line: string) => void): Promise<boolean> {
  let [passed, attacks, found] = [0, 0, 0];
  for (let seed = 1; seed <= schedules; seed += 1) {
    const history = await runAuditSchedule(seed);
    if (history.attack !== undefined) attacks += 1;
    if (history.attack !== undefined && history.isFound) found += 1;
    if (isAuditHistoryValid(history)) passed += 1;
    else printLine(`audit, seed ${seed}: ${JSON.stringify(history)}`);
  }
  const caught = await countCaughtMutants(
    "audit-model.ts",
    auditMutants,
    maxMutantSeeds,
    printLine,
  );
  const mutantCount = Object.keys(auditMutants).length;
  printLine(
    `audit: schedules survived ${passed} of ${schedules} · manipulations found ${found} of ${attacks} · mutants caught ${caught} of ${mutantCount}`,
  );
  return passed === schedules && caught === mutantCount;
}

/** @returns whether everything held */
export async function checkAlerts(
  { parallelism, failpoints, schedules }: AlertCheckOptions,
  printLine: (line: string) => void,
): Promise<boolean> {
  let passed = 0;
  let flips = 0;
  for (let seed = 1; seed <= schedules; seed += 1) {
    const history = await runVerdictSchedule(seed);
    flips += history.flips;
    if (isVerdictHistoryValid(history)) passed += 1;
    else printLine(`alerts, seed ${seed}: ${JSON.stringify(history)}`);
  }
  let caught = 0;
  for (const [name, mutant] of Object.entries(alertMutants)) {
    let seed = 1;
    while (seed <= 200 && isVerdictHistoryValid(await runVerdictSchedule(seed, mutant))) seed += 1;
    if (seed <= 200) caught += 1;
    printLine(`mutant ${seed <= 200 ? `caught: ${name} (seed ${seed})` : `MISSED: ${name}`}`);
  }
  // Thirty calls a minute: ten thousand alerts in hundreds take three minutes, and a tenth more is
  // allowed.
  const maxSeconds = (Math.ceil(messages / 100 / 30) - 1) * 60 * 1.1;
  let areWithinBounds = true;
  for (const [instances, groups] of [
    [1, 1],
    [4, 1],
    [4, 10],
  ] as const) {
    const { busiestMinute, calls, closed, seconds } = await runLoad(instances, groups);
    const isWithinBounds =
      calls <= 110 && closed === messages && busiestMinute <= 30 && seconds <= maxSeconds;
    areWithinBounds &&= isWithinBounds;
    printLine(
      `${messages} messages, ${instances} instances, ${groups} groups: ${calls} calls, ${closed} closed, ${busiestMinute} in the busiest minute, ${seconds} s${isWithinBounds ? "" : " NOT GOOD"}`,
    );
  }
  const mutantCount = Object.keys(alertMutants).length;
  printLine(
    `alerts: schedules survived ${passed} of ${schedules} · verdict flips ${flips} · mutants caught ${caught} of ${mutantCount}`,
  );
  const areAnswersTrue = await checkChangingService(schedules, printLine);
  const requestCheck = await checkRandomRequests(100_000, 1);
  printLine(
    `X35: ${requestCheck.requests} random requests, ${requestCheck.calls} calls, ${requestCheck.strayCalls} of them wrong, ${requestCheck.seconds} s`,
  );
  const areAuditsVerified = await checkAudit(schedules, printLine);
  const tampering = await checkAuditTampering(1_000);
  printLine(
    `X34: ${tampering.attempts} changes to 1,000 audit records, ${tampering.detected} found at the right index, ${tampering.seconds} s`,
  );
  const haveKillsPassed = await killAlerts(failpoints, parallelism, printLine);
  const haveChecksPassed =
    requestCheck.strayCalls === 0 && tampering.detected === tampering.attempts;
  return (
    passed === schedules &&
    caught === mutantCount &&
    areWithinBounds &&
    areAnswersTrue &&
    areAuditsVerified &&
    haveChecksPassed &&
    haveKillsPassed
  );
}
