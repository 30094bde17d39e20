/** The queues of the storage account. A message is durable when `send` resolves. */
import type { QueueServiceClient } from "@azure/storage-queue";
import type { MessageQueues } from "../storage/record-store.ts";
import { dayMs, secondMs } from "../runtime/time.ts";
import { toStorageError, readStorageFailure } from "./storage.ts";

/** Largest message of the service, in bytes of text. */
const maxMessageBytes = 65_536;

const neverExpires = -1;
const timeToLiveSeconds = { "hunt-results": (7 * dayMs) / secondMs } as const;
const maxDelaySeconds = (7 * dayMs) / secondMs;

/**
 * Creates the queues of the storage account. The first message creates a missing queue.
 *
 * @throws RangeError from `send` for a message over 64 KiB or a delay out of range; UpstreamError
 *   with `api: "storage"`
 */
export function createMessageQueues(queues: QueueServiceClient): MessageQueues {
  const putMessage = (queue: string, text: string, delaySeconds: number) =>
    queues.getQueueClient(queue).sendMessage(text, {
      messageTimeToLive:
        queue in timeToLiveSeconds ? timeToLiveSeconds["hunt-results"] : neverExpires,
      visibilityTimeout: delaySeconds,
    });
  return {
    send: async (queue, message, { delaySeconds = 0 } = {}) => {
      const text = toMessageText(queue, message);
      checkDelay(queue, delaySeconds);
      try {
        await putMessage(queue, text, delaySeconds);
      } catch (error) {
        if (readStorageFailure(error).code !== "QueueNotFound")
          throw toStorageError(error, `send to ${queue}`);
        await createQueue(queues, queue);
        await putMessage(queue, text, delaySeconds).catch((retryError: unknown) => {
          throw toStorageError(retryError, `send to ${queue}`);
        });
      }
    },
    depth: async (queue) => {
      try {
        return (await queues.getQueueClient(queue).getProperties()).approximateMessagesCount ?? 0;
      } catch (error) {
        if (readStorageFailure(error).status === 404) return 0;
        throw toStorageError(error, `depth of ${queue}`);
      }
    },
  };
}

/**
 * Returns the message as JSON, with U+FFFE and U+FFFF escaped: the protocol is XML 1.0, which
 * excludes them.
 */
function toMessageText(queue: string, message: object): string {
  const text = JSON.stringify(message).replaceAll(
    /[\uFFFE\uFFFF]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16)}`,
  );
  const bytes = Buffer.byteLength(text);
  if (bytes > maxMessageBytes)
    throw new RangeError(
      `the message for ${queue} has ${bytes} bytes; it must be at most ${maxMessageBytes}`,
    );
  return text;
}

function checkDelay(queue: string, delaySeconds: number): void {
  if (!Number.isInteger(delaySeconds) || delaySeconds < 0 || delaySeconds > maxDelaySeconds)
    throw new RangeError(
      `delaySeconds for ${queue} is ${delaySeconds}; it must be a whole number from 0 to ${maxDelaySeconds}`,
    );
}

async function createQueue(queues: QueueServiceClient, queue: string): Promise<void> {
  try {
    await queues.getQueueClient(queue).create();
  } catch (error) {
    const { code } = readStorageFailure(error);
    if (code !== "QueueAlreadyExists") throw toStorageError(error, `create queue ${queue}`);
  }
}
