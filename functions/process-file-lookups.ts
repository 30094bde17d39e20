/** Queue door: one job or one part of it in, answered or put back on the queue; what cannot be read is a dead letter. */
import { app } from "@azure/functions";
import { fileLookupMessage } from "../shared/contracts/file-lookup.ts";
import { toInputFaults } from "../shared/http/problem.ts";
import { readQueueMessage } from "../shared/storage/queue-message.ts";
import { services } from "../shared/app/services.ts";

app.storageQueue("process_file_lookups", {
  queueName: "file-lookups",
  connection: "DataStorage",
  handler: async (raw) => {
    const read = readQueueMessage(raw);
    if (read.kind === "broken")
      return services.moveToDeadLetters("file-lookups", raw, { reason: read.reason });
    const { data: message, error } = fileLookupMessage.safeParse(read.value);
    if (error) {
      const detail = toInputFaults(error)
        .map(({ path, message: expected }) => `${path}: ${expected}`)
        .join("; ");
      return services.moveToDeadLetters("file-lookups", raw, { reason: "schema", detail });
    }
    const service = await services.fileLookupService();
    await service.handleMessage(message);
  },
});
