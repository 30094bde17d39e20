/**
 * Closes the alerts of one verdict message, at most 100 in a call. What cannot be closed yet
 * returns to the queue with a delay.
 */
import { findReasonFault } from "../shared/alerts/closures.ts";
import { handleVerdictMessage } from "../shared/alerts/handle-verdict-message.ts";
import { onQueueMessage } from "../shared/app/queue-handler.ts";
import { services } from "../shared/app/services.ts";
import { verdictMessage } from "../shared/contracts/alert-verdict.ts";

onQueueMessage("process_alert_verdicts", "alert-verdicts", verdictMessage, async (message) => {
  const detail = findReasonFault(message.action, message.reason);
  if (detail !== undefined) return { reason: "schema", detail };
  await handleVerdictMessage(await services.alertDeps(), message);
  return undefined;
});
