/** Queue door: one job or one part of it in, answered or put back on the queue; what cannot be read is a dead letter. */
import { app } from "@azure/functions";
import { fileLookupMessage } from "../shared/contracts/file-lookup.ts";
import { inputFaults } from "../shared/http/problem.ts";
import { readQueueMessage } from "../shared/storage/queue-message.ts";
import { wiring } from "../shared/app/services.ts";

app.storageQueue("look_up_files", {
  queueName: "file-lookups",
  connection: "DataStorage",
  handler: async (raw) => {
    const read = readQueueMessage(raw);
    if (read.kind === "broken") return wiring.bury("file-lookups", raw, { reason: read.reason });
    const { data: message, error } = fileLookupMessage.safeParse(read.value);
    if (error) {
      const detail = inputFaults(error)
        .map(({ path, message: wanted }) => `${path}: ${wanted}`)
        .join("; ");
      return wiring.bury("file-lookups", raw, { reason: "schema", detail });
    }
    const desk = await wiring.filesDesk();
    await desk.work(message);
  },
});
