/**
 * Storage queue triggers: polls with a growing pause, keeps messages invisible while they are worked on, tries again,
 * and moves what keeps failing to `<queue>-poison`.
 */
import type { QueueClient, QueueServiceClient } from "@azure/storage-queue";
import { minuteMs, systemClock } from "../../shared/runtime/time.ts";
import type { Calls } from "./calls.ts";
import type { QueueConfig } from "./config.ts";
import type { Door, QueueTrigger } from "./indexing.ts";
import { describe, type Log } from "./lines.ts";
import { bindingData, decodeMessage, type RawMessage } from "./queue-message.ts";

export interface QueueOptions {
  readonly service: QueueServiceClient;
  readonly door: Door;
  readonly trigger: QueueTrigger;
  readonly config: QueueConfig;
  readonly calls: Calls;
  readonly log: Log;
  /** How long a fetched message stays invisible unless renewed; the platform's 10 minutes when absent. */
  readonly invisibilityMs?: number;
}

export interface Listener {
  /** Stops fetching at once; resolves when the messages in work are done with. */
  readonly stop: () => Promise<void>;
}

const defaultInvisibilityMs = 10 * minuteMs;
const leastPollMs = 100;

interface Desk extends QueueOptions {
  readonly queue: QueueClient;
  /** Undefined for a queue that is itself a poison queue, or whose name has no room for the suffix. */
  readonly poison: QueueClient | undefined;
  readonly invisibleMs: number;
  readonly say: (level: "information" | "warning" | "error", message: string) => void;
}

export function listenToQueue(options: QueueOptions): Listener {
  const { service, trigger, door } = options;
  const poisonName = `${trigger.queueName}-poison`;
  const hasPoison = !trigger.queueName.endsWith("-poison") && poisonName.length <= 63;
  const desk: Desk = {
    ...options,
    queue: service.getQueueClient(trigger.queueName),
    poison: hasPoison ? service.getQueueClient(poisonName) : undefined,
    invisibleMs: options.invisibilityMs ?? defaultInvisibilityMs,
    say: (level, message) =>
      options.log({ level, category: `Host.Triggers.Queues.${door.name}`, message }),
  };
  const stopping = new AbortController();
  const running = new Set<Promise<void>>();
  const polling = poll(desk, running, stopping.signal);
  return {
    stop: async () => {
      stopping.abort();
      await polling;
      await Promise.all(running);
    },
  };
}

async function poll(desk: Desk, running: Set<Promise<void>>, stop: AbortSignal): Promise<void> {
  const stopped = new Promise<void>((resolve) =>
    stop.addEventListener("abort", () => resolve(), { once: true }),
  );
  for (let idle = 0; !stop.aborted;) {
    if (running.size > desk.config.newBatchThreshold) {
      await Promise.race([...running, stopped]);
      continue;
    }
    const batch = await fetchBatch(desk);
    for (const message of batch) {
      const work = handle(desk, message, stop).finally(() => running.delete(work));
      running.add(work);
    }
    idle = batch.length > 0 ? 0 : idle + 1;
    if (idle > 0)
      await systemClock
        .sleep(pauseMs(idle, desk.config.maxPollingIntervalMs), stop)
        .catch(() => undefined);
  }
}

/** Doubles from 100 ms to the longest pause, a fifth to either side. */
export function pauseMs(idle: number, mostMs: number, random: () => number = Math.random): number {
  const grown = leastPollMs * (2 ** Math.min(idle - 1, 20) * (0.8 + random() * 0.4));
  return Math.min(mostMs, Math.max(leastPollMs, grown));
}

/** A queue that does not exist yet is an empty one; any other trouble is told and waited out. */
async function fetchBatch(desk: Desk): Promise<RawMessage[]> {
  try {
    const visibilityTimeout = desk.invisibleMs / 1_000;
    const numberOfMessages = desk.config.batchSize;
    return (await desk.queue.receiveMessages({ numberOfMessages, visibilityTimeout }))
      .receivedMessageItems;
  } catch (error) {
    if (!isMissing(error)) desk.say("error", `cannot fetch messages: ${describe(error)}`);
    return [];
  }
}

const isMissing = (error: unknown): boolean =>
  (error as { statusCode?: number }).statusCode === 404;

/** Never rejects: storage trouble leaves the message to come back by itself. What was fetched during a stop goes back. */
async function handle(desk: Desk, message: RawMessage, stop: AbortSignal): Promise<void> {
  try {
    if (stop.aborted)
      await desk.queue.updateMessage(message.messageId, message.popReceipt, undefined, 0);
    else await work(desk, message);
  } catch (error) {
    desk.say("error", `message ${message.messageId} could not be settled: ${describe(error)}`);
  }
}

async function work(desk: Desk, message: RawMessage): Promise<void> {
  const text = decodeMessage(message.messageText, desk.config.messageEncoding);
  if (text === undefined) {
    desk.say(
      "error",
      `message ${message.messageId} is no Base64, as host.json's messageEncoding asks for`,
    );
    return moveToPoison(desk, message, message.popReceipt);
  }
  if (message.dequeueCount > desk.config.maxDequeueCount)
    return moveToPoison(desk, message, message.popReceipt);
  const invisible = keepInvisible(desk, message);
  const succeeded = await call(desk, message, text);
  const receipt = await invisible.release();
  if (succeeded) await desk.queue.deleteMessage(message.messageId, receipt);
  else if (message.dequeueCount >= desk.config.maxDequeueCount)
    await moveToPoison(desk, message, receipt);
  else await makeVisible(desk, message, receipt);
}

async function call(
  { calls, door, trigger }: Desk,
  message: RawMessage,
  text: string,
): Promise<boolean> {
  const reason = `New queue message detected on '${trigger.queueName}'.`;
  try {
    await calls.run(door, {
      input: { string: text },
      metadata: bindingData(message, text),
      reason,
    });
    return true;
  } catch {
    // The call's own line in the log has the error.
    return false;
  }
}

async function makeVisible(
  { queue, config }: Desk,
  message: RawMessage,
  receipt: string,
): Promise<void> {
  await queue.updateMessage(
    message.messageId,
    receipt,
    undefined,
    Math.floor(config.visibilityTimeoutMs / 1_000),
  );
}

/** Copies, then deletes: a stop in between leaves the message twice, never lost. */
async function moveToPoison(desk: Desk, message: RawMessage, receipt: string): Promise<void> {
  if (!desk.poison) return;
  const { maxDequeueCount } = desk.config;
  desk.say(
    "warning",
    `Message has reached MaxDequeueCount of ${maxDequeueCount}. Moving message to queue '${desk.poison.name}'.`,
  );
  await desk.poison.createIfNotExists();
  await desk.poison.sendMessage(message.messageText);
  await desk.queue.deleteMessage(message.messageId, receipt);
}

/** Renews a message's invisibility at half time until released; `release` gives the receipt that counts now. */
function keepInvisible(desk: Desk, message: RawMessage): { release: () => Promise<string> } {
  let receipt = message.popReceipt;
  let renewal = Promise.resolve();
  const renew = async (): Promise<void> => {
    try {
      const seconds = Math.ceil(desk.invisibleMs / 1_000);
      const renewed = await desk.queue.updateMessage(
        message.messageId,
        receipt,
        undefined,
        seconds,
      );
      receipt = renewed.popReceipt ?? receipt;
    } catch (error) {
      desk.say(
        "warning",
        `message ${message.messageId} could not be kept invisible: ${describe(error)}`,
      );
    }
  };
  const timer = setInterval(() => {
    renewal = renewal.then(renew);
  }, desk.invisibleMs / 2);
  return {
    release: async () => {
      clearInterval(timer);
      await renewal;
      return receipt;
    },
  };
}
