/**
 * Queue door: one verdict message in, its alerts written down and closed a hundred a call. What cannot be closed yet
 * goes back delayed; what can never be read becomes a dead letter. Only trouble with storage is thrown, for the platform
 * to try again.
 */
import { app } from "@azure/functions";
import { findReasonFault } from "../shared/alerts/closures.ts";
import { handleVerdictMessage } from "../shared/alerts/handle-verdict-message.ts";
import { verdictMessage } from "../shared/contracts/alert-verdict.ts";
import { toInputFaults } from "../shared/http/problem.ts";
import { readQueueMessage } from "../shared/storage/queue-message.ts";
import { services } from "../shared/app/services.ts";

app.storageQueue("process_alert_verdicts", {
  queueName: "alert-verdicts",
  connection: "DataStorage",
  handler: async (raw) => {
    const read = readQueueMessage(raw);
    if (read.kind === "broken")
      return services.moveToDeadLetters("alert-verdicts", raw, { reason: read.reason });
    const { data: message, error } = verdictMessage.safeParse(read.value);
    const fault = error
      ? toInputFaults(error)
          .map(({ path, message: expected }) => `${path}: ${expected}`)
          .join("; ")
      : findReasonFault(message.action, message.reason);
    if (!message || fault !== undefined)
      return services.moveToDeadLetters("alert-verdicts", raw, { reason: "schema", detail: fault });
    await handleVerdictMessage(await services.alertDeps(), message);
  },
});
