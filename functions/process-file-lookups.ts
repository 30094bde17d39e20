/**
 * Starts a file lookup job, or looks up one part of it; a part that has to wait returns to the
 * queue.
 */
import { onQueueMessage } from "../shared/app/queue-handler.ts";
import { fileLookupMessage } from "../shared/contracts/file-lookup.ts";

onQueueMessage(
  "process_file_lookups",
  "file-lookups",
  fileLookupMessage,
  async (message, tenant) => {
    const service = await tenant.fileLookupService();
    await service.handleMessage(message);
    return undefined;
  },
);
