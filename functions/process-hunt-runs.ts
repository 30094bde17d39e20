/**
 * Runs one hunt within the time of one invocation. What is left, and what a service refused for
 * now, continues by message.
 */
import { onQueueMessage } from "../shared/app/queue-handler.ts";
import { services } from "../shared/app/services.ts";
import { computeShareDelaySeconds, createTenantShare } from "../shared/app/tenant-share.ts";
import { huntRun } from "../shared/contracts/hunt-run.ts";
import { handleRunMessage } from "../shared/hunts/run/handle-run-message.ts";

const runWithinShare = createTenantShare();

onQueueMessage("process_hunt_runs", "hunt-runs", huntRun, async (message, tenant) => {
  const hunt = tenant.findHunt(message.hunt);
  if (!hunt) return { reason: "permanent", detail: `No hunt is named ${message.hunt}.` };
  const isDone = await runWithinShare(tenant.tenant.name, services.all().length, async () => {
    await handleRunMessage(await tenant.huntDeps(), hunt, message);
  });
  if (isDone) return undefined;
  const queues = await tenant.queues();
  const delaySeconds = computeShareDelaySeconds(message.reason);
  await queues.send("hunt-runs", message, { delaySeconds });
  return undefined;
});
