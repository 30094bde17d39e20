/**
 * The long form of the webhook suite: many schedules, the mutants, 10,000 forgeries, and a kill at
 * each failpoint.
 */
import { receiveDelivery } from "../../shared/webhooks/receive.ts";
import { toRequest, validEvent, webhookHarness } from "../support/webhook-harness.ts";
import { standardHeaders, standardKey } from "../support/webhook-senders.ts";
import { killWebhooks, webhookFailpoints } from "./webhook-kills.ts";
import { countCaughtMutants } from "./source-mutants.ts";
import {
  isWebhookHistoryValid,
  runWebhookSchedule,
  webhookMutants,
  webhookSourceMutants,
} from "./webhook-model.ts";

const forgeries = 10_000;

/** X37: 10,000 forged deliveries cost no storage call. */
async function checkForgeries(): Promise<boolean> {
  const harness = webhookHarness();
  const body = JSON.stringify(validEvent(20));
  let refused = 0;
  for (let index = 0; index < forgeries; index += 1) {
    const headers = standardHeaders(
      standardKey(),
      body,
      `msg_${index}`,
      Math.floor(harness.clock.now() / 1_000),
    );
    const call = { source: "test", request: toRequest(body, headers), isKeyed: false };
    await receiveDelivery(harness.deps, call).catch((error: unknown) => {
      if (error instanceof Error && "status" in error && error.status === 401) refused += 1;
    });
  }
  const verbs = ["read", "create", "replace", "remove", "list"] as const;
  return (
    refused === forgeries &&
    verbs.every((verb) => harness.records.count(verb) === 0) &&
    harness.queues.sent.length === 0
  );
}

/** @returns whether everything held */
export async function checkWebhooks(
  { schedules, failpoints }: { readonly schedules: number; readonly failpoints: readonly string[] },
  printLine: (line: string) => void,
): Promise<boolean> {
  let passed = 0;
  let crashes = 0;
  for (let seed = 1; seed <= schedules; seed += 1) {
    const history = await runWebhookSchedule(seed);
    crashes += history.crashes;
    if (isWebhookHistoryValid(history)) passed += 1;
    else printLine(`webhooks, seed ${seed}: ${JSON.stringify(history)}`);
  }
  let caught = 0;
  for (const [name, mutant] of Object.entries(webhookMutants)) {
    let seed = 1;
    while (seed <= 500 && isWebhookHistoryValid(await runWebhookSchedule(seed, mutant))) seed += 1;
    if (seed <= 500) caught += 1;
    printLine(`mutant ${seed <= 500 ? `caught: ${name} (seed ${seed})` : `MISSED: ${name}`}`);
  }
  caught += await countCaughtMutants("webhook-model.ts", webhookSourceMutants, 500, printLine);
  const areForgeriesFree = await checkForgeries();
  printLine(
    `${forgeries} forged deliveries: ${areForgeriesFree ? "each refused, no storage call" : "NOT FREE"}`,
  );
  const selected = webhookFailpoints.filter((failpoint) =>
    failpoints.some((name) => failpoint.startsWith(name)),
  );
  const killResults = await killWebhooks(selected, ({ violations, died, failpoint }) =>
    printLine(
      `${died ? "killed at" : "NEVER REACHED"} ${failpoint}: ${violations.length === 0 ? "held" : violations.join("; ")}`,
    ),
  );
  const passedKills = killResults.filter(
    ({ violations, died }) => died && violations.length === 0,
  ).length;
  const mutantCount = Object.keys({ ...webhookMutants, ...webhookSourceMutants }).length;
  printLine(
    `webhooks: schedules survived ${passed} of ${schedules} · crashes ${crashes} · kill points ${passedKills} of ${killResults.length} · mutants caught ${caught} of ${mutantCount}`,
  );
  return (
    passed === schedules &&
    caught === mutantCount &&
    areForgeriesFree &&
    passedKills === killResults.length
  );
}
