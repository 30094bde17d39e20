/**
 * Runs one hunt within the time of one invocation. What is left, and what a service refused for
 * now, continues by message.
 */
import { onQueueMessage } from "../shared/app/queue-handler.ts";
import { services } from "../shared/app/services.ts";
import { huntRun } from "../shared/contracts/hunt-run.ts";
import { handleRunMessage } from "../shared/hunts/run/handle-run-message.ts";

onQueueMessage("process_hunt_runs", "hunt-runs", huntRun, async (message) => {
  const hunt = services.findHunt(message.hunt);
  if (!hunt) return { reason: "permanent", detail: `No hunt is named ${message.hunt}.` };
  await handleRunMessage(await services.huntDeps(), hunt, message);
  return undefined;
});
