/**
 * Closes the alerts of one verdict message, at most 100 in a call. What cannot be closed yet
 * returns to the queue with a delay.
 */
import { findReasonFault } from "../shared/alerts/closures.ts";
import { receiveVerdictMessage } from "../shared/alerts/receive-verdict-message.ts";
import { onQueueMessage } from "../shared/app/queue-handler.ts";
import { verdictMessage } from "../shared/contracts/alert-verdict.ts";

onQueueMessage(
  "process_alert_verdicts",
  "alert-verdicts",
  verdictMessage,
  async (message, tenant) => {
    const detail = findReasonFault(message.action, message.reason);
    if (detail !== undefined) return { reason: "schema", detail };
    return receiveVerdictMessage(await tenant.receivingDeps(), message);
  },
);
