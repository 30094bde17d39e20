/** Queue door: one run of one hunt, within its budget. Trouble of the outside goes on by message; only a lost queue is thrown. */
import { app } from "@azure/functions";
import { carryOut } from "../shared/hunts/run/handle-run-message.ts";
import { huntRun } from "../shared/contracts/hunt-run.ts";
import { inputFaults } from "../shared/http/problem.ts";
import { readQueueMessage } from "../shared/storage/queue-message.ts";
import { wiring } from "../shared/app/services.ts";

app.storageQueue("run_hunt", {
  queueName: "hunt-runs",
  connection: "DataStorage",
  handler: async (raw) => {
    const read = readQueueMessage(raw);
    if (read.kind === "broken") return wiring.bury("hunt-runs", raw, { reason: read.reason });
    const { data: order, error } = huntRun.safeParse(read.value);
    if (error) {
      const detail = inputFaults(error)
        .map(({ path, message }) => `${path}: ${message}`)
        .join("; ");
      return wiring.bury("hunt-runs", raw, { reason: "schema", detail });
    }
    const hunt = wiring.hunt(order.hunt);
    if (!hunt)
      return wiring.bury("hunt-runs", raw, {
        reason: "permanent",
        detail: `no hunt is called ${order.hunt}`,
      });
    await carryOut(await wiring.huntPorts(), hunt, order);
  },
});
