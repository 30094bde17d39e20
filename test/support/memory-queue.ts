/** The queues in memory, on a virtual clock: delayed messages, and workers as the platform runs them. */
import type { MessageQueues, QueueName } from "../../shared/storage/record-store.ts";
import type { Clock } from "../../shared/runtime/time.ts";

interface Waiting {
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
  readonly take: (queue: QueueName) => object | undefined;
  readonly waiting: (queue: QueueName) => number;
  /** Works a queue off with so many workers, sleeping while nothing is visible, until it is empty. */
  readonly drain: (
    queue: QueueName,
    workers: number,
    work: (message: object) => Promise<void>,
  ) => Promise<void>;
}

const pollMs = 500;

export function memoryQueues(clock: Clock): MemoryQueues {
  const queues = new Map<string, Waiting[]>();
  const sent: MemoryQueues["sent"] = [];
  let busy = 0;
  const of = (queue: string): Waiting[] => {
    const there = queues.get(queue) ?? [];
    queues.set(queue, there);
    return there;
  };
  const take: MemoryQueues["take"] = (queue) => {
    const index = of(queue).findIndex(({ visibleAtMs }) => visibleAtMs <= clock.now());
    return index < 0 ? undefined : of(queue).splice(index, 1)[0]?.message;
  };
  return {
    sent,
    take,
    waiting: (queue) => of(queue).length,
    send: async (queue, message, { delaySeconds = 0 } = {}) => {
      sent.push({ queue, message, delaySeconds });
      of(queue).push({
        message: structuredClone(message),
        visibleAtMs: clock.now() + delaySeconds * 1_000,
      });
    },
    depth: async (queue) => of(queue).length,
    drain: async (queue, workers, work) => {
      const worker = async (): Promise<void> => {
        while (of(queue).length > 0 || busy > 0) {
          const message = take(queue);
          if (message === undefined) {
            await clock.sleep(pollMs);
            continue;
          }
          busy += 1;
          try {
            await work(message);
          } finally {
            busy -= 1;
          }
        }
      };
      await Promise.all(Array.from({ length: workers }, worker));
    },
  };
}
