/**
 * Starts a file lookup job, or looks up one part of it; a part that has to wait returns to the
 * queue.
 */
import { onQueueMessage } from "../shared/app/queue-handler.ts";
import { services } from "../shared/app/services.ts";
import { fileLookupMessage } from "../shared/contracts/file-lookup.ts";

onQueueMessage("process_file_lookups", "file-lookups", fileLookupMessage, async (message) => {
  const service = await services.fileLookupService();
  await service.handleMessage(message);
  return undefined;
});
