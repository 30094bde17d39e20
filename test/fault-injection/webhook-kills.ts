/**
 * Kills the built app at each failpoint of a webhook, then repeats the delivery to two instances at
 * once and checks it: the alert is closed once, the hash looked up once. Storage and simulator keep
 * running.
 */
import { randomBytes } from "node:crypto";
import type { WebhookStatus } from "../../shared/contracts/webhook.ts";
import { runHost, type RunningHost } from "../functions-host/run-host.ts";
import { startAzurite } from "../support/azurite.ts";
import { sentinelAlert, sentinelFileHash, sentinelIncident } from "../support/webhook-payloads.ts";
import { standardHeaders, standardKey } from "../support/webhook-senders.ts";
import { startSimulator } from "../simulator/simulator.ts";
import { createKillSwitch } from "./kill-trials.ts";

/** The failpoints of a webhook. */
export const webhookFailpoints = [
  "W1 verified",
  "W2 validated",
  "J1 input written",
  "W3 claim-check written",
  "J3 message sent",
  "W4 enqueued",
  "W5 receipt written",
  "W6 before answer",
] as const;

/** The result of one kill. */
export interface WebhookKillResult {
  readonly failpoint: string;
  readonly died: boolean;
  /** Guarantees that did not hold. */
  readonly violations: readonly string[];
}

const functionNames = [
  "receive_webhook",
  "get_webhook_receipt",
  "process_alert_verdicts",
  "process_file_lookups",
];
const timeoutMs = 60_000;

/** Kills once at each failpoint, with a new alert and a new hash each time. */
export async function killWebhooks(
  failpoints: readonly string[],
  onKill: (result: WebhookKillResult) => void,
): Promise<readonly WebhookKillResult[]> {
  const key = standardKey();
  const [azurite, simulator] = await Promise.all([
    startAzurite(),
    startSimulator({ secrets: { "webhook-sentinel": key } }),
  ]);
  const storage = azurite.connectionString();
  const settings = {
    ...simulator.settings,
    DataStorage: storage,
    AzureWebJobsStorage: storage,
    WEBHOOKS: JSON.stringify({ sentinel: { auth: "standard" } }),
  };
  const results: WebhookKillResult[] = [];
  try {
    for (const [index, failpoint] of failpoints.entries()) {
      const alertId = randomBytes(12).toString("hex");
      simulator.cloudApps.alerts.add(1, { _id: alertId });
      const hash = simulator.dataset.files[index]?.sha1 ?? "";
      const body = JSON.stringify(
        sentinelIncident([sentinelAlert(alertId)], { relatedEntities: [sentinelFileHash(hash)] }),
      );
      const sendDelivery = (host: RunningHost): Promise<Response> =>
        fetch(`${host.url}/api/webhooks/sentinel`, {
          method: "POST",
          headers: standardHeaders(key, body, `msg_${index}`),
          body,
        });
      const callsBefore = simulator.listRequests().length;
      const killSwitch = createKillSwitch();
      const armedHost = await runHost({
        settings: { ...settings, ...killSwitch.settingsFor(failpoint) },
        functions: ["receive_webhook"],
        preload: killSwitch.preload,
      });
      const status = await sendDelivery(armedHost).then(
        ({ status }) => status,
        () => undefined,
      );
      const died = status === undefined && (await armedHost.exited).signal === "SIGKILL";
      if (!died) await armedHost.kill();
      killSwitch.remove();
      const hosts = await Promise.all(
        [1, 2].map(() => runHost({ settings, functions: functionNames, invisibilitySeconds: 5 })),
      );
      const replies = await Promise.all(hosts.map(sendDelivery));
      const violations = [
        ...(await checkOutcomes(replies)),
        ...checkEffects(simulator.listRequests().slice(callsBefore), alertId),
      ];
      await Promise.all(hosts.map((host) => host.kill()));
      const result = { failpoint, died, violations };
      results.push(result);
      onKill(result);
    }
  } finally {
    await Promise.all([simulator.stop(), azurite.stop()]);
  }
  return results;
}

/** P7 and the first half of P8: both repetitions get the same 202, and every action succeeds. */
async function checkOutcomes(replies: readonly Response[]): Promise<string[]> {
  const violations = replies
    .filter(({ status }) => status !== 202)
    .map(({ status }) => `answered ${status}`);
  const bodies = new Set(await Promise.all(replies.map((reply) => reply.text())));
  if (bodies.size !== 1) violations.push("two answers to one delivery");
  const location = replies[0]?.headers.get("location") ?? "";
  const deadlineMs = Date.now() + timeoutMs;
  for (;;) {
    const reply = await fetch(location);
    const status = (await reply.json()) as WebhookStatus;
    if (reply.status === 200) {
      const outcomes = (status.result?.verdicts ?? []).flatMap(({ alerts }) =>
        alerts.map(({ outcome }) => outcome),
      );
      if (outcomes.join() !== "closed") violations.push(`P7: alerts ended as ${outcomes.join()}`);
      if (status.result?.lookup?.result?.summary.found !== 1)
        violations.push("P7: the hash was not found");
      return violations;
    }
    if (Date.now() > deadlineMs)
      return [...violations, `P7: not done after ${timeoutMs / 1_000} s`];
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

/** The second half of P8: Cloud Apps got one call for the alert. */
function checkEffects(requests: readonly { readonly path: string }[], alertId: string): string[] {
  const closes = requests.filter(({ path }) => path.includes("/alerts/close_true_positive"));
  return closes.length === 1 ? [] : [`P8: ${closes.length} calls closed ${alertId}`];
}
