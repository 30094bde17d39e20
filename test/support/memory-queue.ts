/**
 * The queues in memory, on a virtual clock: delayed messages, and workers as the platform runs
 * them.
 */
import type { MessageQueues, QueueName } from "../../shared/storage/record-store.ts";
import type { Clock } from "../../shared/runtime/time.ts";

interface QueuedMessage {
  readonly message: object;
  readonly visibleAtMs: number;
}

export interface MemoryQueues extends MessageQueues {
  readonly sent: {
    readonly queue: QueueName;
    readonly message: object;
    readonly delaySeconds: number;
  }[];
  /** Takes the next visible message of a queue. */
  readonly takeNext: (queue: QueueName) => object | undefined;
  readonly countWaiting: (queue: QueueName) => number;
  /** Handles all messages of a queue with a number of workers, sleeping while none is visible. */
  readonly drain: (
    queue: QueueName,
    workers: number,
    work: (message: object) => Promise<void>,
  ) => Promise<void>;
}

const pollMs = 500;

export function createMemoryQueues(clock: Clock): MemoryQueues {
  const queues = new Map<string, QueuedMessage[]>();
  const sent: MemoryQueues["sent"] = [];
  let busyWorkers = 0;
  const messagesOf = (queue: string): QueuedMessage[] => {
    const existing = queues.get(queue) ?? [];
    queues.set(queue, existing);
    return existing;
  };
  const takeNext: MemoryQueues["takeNext"] = (queue) => {
    const index = messagesOf(queue).findIndex(({ visibleAtMs }) => visibleAtMs <= clock.now());
    return index < 0 ? undefined : messagesOf(queue).splice(index, 1)[0]?.message;
  };
  return {
    sent,
    takeNext,
    countWaiting: (queue) => messagesOf(queue).length,
    send: async (queue, message, { delaySeconds = 0 } = {}) => {
      sent.push({ queue, message, delaySeconds });
      messagesOf(queue).push({
        message: structuredClone(message),
        visibleAtMs: clock.now() + delaySeconds * 1_000,
      });
    },
    depth: async (queue) => messagesOf(queue).length,
    drain: async (queue, workers, work) => {
      const runWorker = async (): Promise<void> => {
        while (messagesOf(queue).length > 0 || busyWorkers > 0) {
          const message = takeNext(queue);
          if (message === undefined) {
            await clock.sleep(pollMs);
            continue;
          }
          busyWorkers += 1;
          try {
            await work(message);
          } finally {
            busyWorkers -= 1;
          }
        }
      };
      await Promise.all(Array.from({ length: workers }, runWorker));
    },
  };
}
