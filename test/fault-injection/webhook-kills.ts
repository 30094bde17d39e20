/**
 * Kills the built app at each named point of a webhook, then lets the sender repeat as senders do, to two instances at
 * once, and looks at what came of the delivery: closed once, looked up once, nothing lost and nothing twice. Storage and tenant live on.
 */
import { randomBytes } from "node:crypto";
import type { WebhookStatus } from "../../shared/contracts/webhook.ts";
import { runHost, type RunningHost } from "../functions-host/run.ts";
import { startAzurite } from "../support/azurite.ts";
import { sentinelAlert, sentinelFileHash, sentinelIncident } from "../support/webhook-payloads.ts";
import { standardHeaders, standardKey } from "../support/webhook-senders.ts";
import { startTenant } from "../simulator/simulator.ts";
import { oneDeath } from "./kill-trials.ts";

/** Where a webhook may be cut short. */
export const webhookKillPoints = [
  "W1 verified",
  "W2 validated",
  "J1 input written",
  "W3 claim-check written",
  "J3 message sent",
  "W4 enqueued",
  "W5 receipt written",
  "W6 before answer",
] as const;

/** What one kill came to. */
export interface WebhookKill {
  readonly point: string;
  readonly died: boolean;
  /** The promises that did not hold; empty when all did. */
  readonly broken: readonly string[];
}

const functions = ["webhooks", "webhook_receipts", "close_alerts", "look_up_files"];
const patienceMs = 60_000;

/** Kills once at each of the points, with a fresh alert and a fresh hash each time. */
export async function killWebhooks(
  points: readonly string[],
  say: (kill: WebhookKill) => void,
): Promise<readonly WebhookKill[]> {
  const key = standardKey();
  const [azurite, tenant] = await Promise.all([
    startAzurite(),
    startTenant({ secrets: { "webhook-sentinel": key } }),
  ]);
  const storage = azurite.connectionString();
  const settings = {
    ...tenant.settings,
    DataStorage: storage,
    AzureWebJobsStorage: storage,
    WEBHOOKS: JSON.stringify({ sentinel: { proof: "standard" } }),
  };
  const kills: WebhookKill[] = [];
  try {
    for (const [index, point] of points.entries()) {
      const alertId = randomBytes(12).toString("hex");
      tenant.cloudApps.alerts.add(1, { _id: alertId });
      const hash = tenant.world.files[index]?.sha1 ?? "";
      const body = JSON.stringify(
        sentinelIncident([sentinelAlert(alertId)], { relatedEntities: [sentinelFileHash(hash)] }),
      );
      const send = (host: RunningHost): Promise<Response> =>
        fetch(`${host.url}/api/webhooks/sentinel`, {
          method: "POST",
          headers: standardHeaders(key, body, `msg_${index}`),
          body,
        });
      const before = tenant.requests().length;
      const death = oneDeath();
      const doomed = await runHost({
        settings: { ...settings, ...death.at(point) },
        functions: ["webhooks"],
        preload: death.preload,
      });
      const answered = await send(doomed).then(
        ({ status }) => status,
        () => undefined,
      );
      const died = answered === undefined && (await doomed.ended).signal === "SIGKILL";
      if (!died) await doomed.kill();
      death.forget();
      const hosts = await Promise.all(
        [1, 2].map(() => runHost({ settings, functions, invisibilitySeconds: 5 })),
      );
      const replies = await Promise.all(hosts.map(send));
      const broken = [
        ...(await outcomeFaults(replies)),
        ...effectFaults(tenant.requests().slice(before), alertId),
      ];
      await Promise.all(hosts.map((host) => host.kill()));
      const kill = { point, died, broken };
      kills.push(kill);
      say(kill);
    }
  } finally {
    await Promise.all([tenant.stop(), azurite.stop()]);
  }
  return kills;
}

/** P7 and the first half of P8: both repetitions get the same 202, and everything asked for ends well. */
async function outcomeFaults(replies: readonly Response[]): Promise<string[]> {
  const faults = replies
    .filter(({ status }) => status !== 202)
    .map(({ status }) => `answered ${status}`);
  const bodies = new Set(await Promise.all(replies.map((reply) => reply.text())));
  if (bodies.size !== 1) faults.push("two answers to one delivery");
  const location = replies[0]?.headers.get("location") ?? "";
  const end = Date.now() + patienceMs;
  for (;;) {
    const reply = await fetch(location);
    const status = (await reply.json()) as WebhookStatus;
    if (reply.status === 200) {
      const outcomes = status.verdicts.flatMap(({ alerts }) =>
        alerts.map(({ outcome }) => outcome),
      );
      if (outcomes.join() !== "closed") faults.push(`P7: alerts ended as ${outcomes.join()}`);
      if (status.lookup?.report?.summary.found !== 1) faults.push("P7: the hash was not found");
      return faults;
    }
    if (Date.now() > end) return [...faults, `P7: not done after ${patienceMs / 1_000} s`];
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

/** The second half of P8: what reached Cloud Apps. */
function effectFaults(requests: readonly { readonly path: string }[], alertId: string): string[] {
  const closes = requests.filter(({ path }) => path.includes("/alerts/close_true_positive"));
  return closes.length === 1 ? [] : [`P8: ${closes.length} calls closed ${alertId}`];
}
