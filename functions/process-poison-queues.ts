/**
 * Moves messages that five deliveries could not process from the poison queues to the dead letters.
 */
import { onPoisonMessage } from "../shared/app/queue-handler.ts";
import { deadLetterQueues } from "../shared/contracts/dead-letter.ts";

for (const queue of deadLetterQueues)
  onPoisonMessage(`process_${queue.replaceAll("-", "_")}_poison`, queue);
