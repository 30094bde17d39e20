/** Queue door: one run of one hunt, within its budget. Trouble of the outside goes on by message; only a lost queue is thrown. */
import { app } from "@azure/functions";
import { handleRunMessage } from "../shared/hunts/run/handle-run-message.ts";
import { huntRun } from "../shared/contracts/hunt-run.ts";
import { toInputFaults } from "../shared/http/problem.ts";
import { readQueueMessage } from "../shared/storage/queue-message.ts";
import { services } from "../shared/app/services.ts";

app.storageQueue("process_hunt_runs", {
  queueName: "hunt-runs",
  connection: "DataStorage",
  handler: async (raw) => {
    const read = readQueueMessage(raw);
    if (read.kind === "broken")
      return services.moveToDeadLetters("hunt-runs", raw, { reason: read.reason });
    const { data: runMessage, error } = huntRun.safeParse(read.value);
    if (error) {
      const detail = toInputFaults(error)
        .map(({ path, message }) => `${path}: ${message}`)
        .join("; ");
      return services.moveToDeadLetters("hunt-runs", raw, { reason: "schema", detail });
    }
    const hunt = services.findHunt(runMessage.hunt);
    if (!hunt)
      return services.moveToDeadLetters("hunt-runs", raw, {
        reason: "permanent",
        detail: `no hunt is called ${runMessage.hunt}`,
      });
    await handleRunMessage(await services.huntDeps(), hunt, runMessage);
  },
});
