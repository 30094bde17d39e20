/**
 * Queue door: one verdict message in, its alerts written down and closed a hundred a call. What cannot be closed yet
 * goes back delayed; what can never be read becomes a dead letter. Only trouble with storage is thrown, for the platform
 * to try again.
 */
import { app } from "@azure/functions";
import { reasonFault } from "../shared/alerts/closures.ts";
import { handleVerdict } from "../shared/alerts/handle-verdict-message.ts";
import { verdictMessage } from "../shared/contracts/alert-verdict.ts";
import { inputFaults } from "../shared/http/problem.ts";
import { readQueueMessage } from "../shared/storage/queue-message.ts";
import { wiring } from "../shared/app/services.ts";

app.storageQueue("close_alerts", {
  queueName: "alert-verdicts",
  connection: "DataStorage",
  handler: async (raw) => {
    const read = readQueueMessage(raw);
    if (read.kind === "broken") return wiring.bury("alert-verdicts", raw, { reason: read.reason });
    const { data: message, error } = verdictMessage.safeParse(read.value);
    const fault = error
      ? inputFaults(error)
          .map(({ path, message: wanted }) => `${path}: ${wanted}`)
          .join("; ")
      : reasonFault(message.action, message.reason);
    if (!message || fault !== undefined)
      return wiring.bury("alert-verdicts", raw, { reason: "schema", detail: fault });
    await handleVerdict(await wiring.verdictDesk(), message);
  },
});
