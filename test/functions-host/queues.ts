/**
 * Storage queue triggers: polls with a growing pause, keeps messages invisible while they are
 * worked on, tries again, and moves what keeps failing to `<queue>-poison`.
 */
import type { QueueClient, QueueServiceClient } from "@azure/storage-queue";
import { minuteMs, systemClock } from "../../shared/runtime/time.ts";
import type { Calls } from "./calls.ts";
import type { QueueConfig } from "./config.ts";
import type { RegisteredFunction, QueueTrigger } from "./index-functions.ts";
import { describeError, type Log } from "./log.ts";
import { createBindingData, decodeMessage, type RawMessage } from "./queue-message.ts";

export interface QueueOptions {
  readonly service: QueueServiceClient;
  readonly func: RegisteredFunction;
  readonly trigger: QueueTrigger;
  readonly config: QueueConfig;
  readonly calls: Calls;
  readonly log: Log;
  /**
   * How long a fetched message stays invisible unless renewed; the platform's 10 minutes when
   * absent.
   */
  readonly invisibilityMs?: number;
}

export interface Listener {
  /** Stops fetching at once; resolves when the messages in work are done with. */
  readonly stop: () => Promise<void>;
}

const defaultInvisibilityMs = 10 * minuteMs;
const minPollMs = 100;

interface QueueContext extends QueueOptions {
  readonly queue: QueueClient;
  /**
   * Undefined for a queue that is itself a poison queue, or whose name has no room for the suffix.
   */
  readonly poisonQueue: QueueClient | undefined;
  readonly invisibleMs: number;
  readonly writeLog: (level: "information" | "warning" | "error", message: string) => void;
}

export function listenToQueue(options: QueueOptions): Listener {
  const { service, trigger, func } = options;
  const poisonName = `${trigger.queueName}-poison`;
  const hasPoison = !trigger.queueName.endsWith("-poison") && poisonName.length <= 63;
  const context: QueueContext = {
    ...options,
    queue: service.getQueueClient(trigger.queueName),
    poisonQueue: hasPoison ? service.getQueueClient(poisonName) : undefined,
    invisibleMs: options.invisibilityMs ?? defaultInvisibilityMs,
    writeLog: (level, message) =>
      options.log({ level, category: `Host.Triggers.Queues.${func.name}`, message }),
  };
  const stopping = new AbortController();
  const running = new Set<Promise<void>>();
  const polling = pollQueue(context, running, stopping.signal);
  return {
    stop: async () => {
      stopping.abort();
      await polling;
      await Promise.all(running);
    },
  };
}

async function pollQueue(
  context: QueueContext,
  running: Set<Promise<void>>,
  stop: AbortSignal,
): Promise<void> {
  const stopped = new Promise<void>((resolve) =>
    stop.addEventListener("abort", () => resolve(), { once: true }),
  );
  for (let emptyPolls = 0; !stop.aborted;) {
    if (running.size > context.config.newBatchThreshold) {
      await Promise.race([...running, stopped]);
      continue;
    }
    const batch = await fetchBatch(context);
    for (const message of batch) {
      const work = handleMessage(context, message, stop).finally(() => running.delete(work));
      running.add(work);
    }
    emptyPolls = batch.length > 0 ? 0 : emptyPolls + 1;
    if (emptyPolls > 0)
      await systemClock
        .sleep(computePauseMs(emptyPolls, context.config.maxPollingIntervalMs), stop)
        .catch(() => undefined);
  }
}

/** Doubles from 100 ms to the longest pause, a fifth to either side. */
export function computePauseMs(
  emptyPolls: number,
  maxMs: number,
  random: () => number = Math.random,
): number {
  const grown = minPollMs * (2 ** Math.min(emptyPolls - 1, 20) * (0.8 + random() * 0.4));
  return Math.min(maxMs, Math.max(minPollMs, grown));
}

/** Treats a missing queue as empty; logs any other failure and polls again. */
async function fetchBatch(context: QueueContext): Promise<RawMessage[]> {
  try {
    const visibilityTimeout = context.invisibleMs / 1_000;
    const numberOfMessages = context.config.batchSize;
    return (await context.queue.receiveMessages({ numberOfMessages, visibilityTimeout }))
      .receivedMessageItems;
  } catch (error) {
    if (!isMissing(error))
      context.writeLog("error", `cannot fetch messages: ${describeError(error)}`);
    return [];
  }
}

const isMissing = (error: unknown): boolean =>
  (error as { statusCode?: number }).statusCode === 404;

/**
 * Never rejects: storage trouble leaves the message to come back by itself. What was fetched during
 * a stop goes back.
 */
async function handleMessage(
  context: QueueContext,
  message: RawMessage,
  stop: AbortSignal,
): Promise<void> {
  try {
    if (stop.aborted)
      await context.queue.updateMessage(message.messageId, message.popReceipt, undefined, 0);
    else await processMessage(context, message);
  } catch (error) {
    context.writeLog(
      "error",
      `message ${message.messageId} could not be settled: ${describeError(error)}`,
    );
  }
}

async function processMessage(context: QueueContext, message: RawMessage): Promise<void> {
  const text = decodeMessage(message.messageText, context.config.messageEncoding);
  if (text === undefined) {
    context.writeLog(
      "error",
      `message ${message.messageId} is no Base64, as host.json's messageEncoding asks for`,
    );
    return moveToPoison(context, message, message.popReceipt);
  }
  if (message.dequeueCount > context.config.maxDequeueCount)
    return moveToPoison(context, message, message.popReceipt);
  const invisible = keepInvisible(context, message);
  const hasSucceeded = await callFunction(context, message, text);
  const receipt = await invisible.release();
  if (hasSucceeded) await context.queue.deleteMessage(message.messageId, receipt);
  else if (message.dequeueCount >= context.config.maxDequeueCount)
    await moveToPoison(context, message, receipt);
  else await makeVisible(context, message, receipt);
}

async function callFunction(
  { calls, func, trigger }: QueueContext,
  message: RawMessage,
  text: string,
): Promise<boolean> {
  const reason = `New queue message detected on '${trigger.queueName}'.`;
  try {
    await calls.run(func, {
      input: { string: text },
      metadata: createBindingData(message, text),
      reason,
    });
    return true;
  } catch {
    // The call's own line in the log has the error.
    return false;
  }
}

async function makeVisible(
  { queue, config }: QueueContext,
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
async function moveToPoison(
  context: QueueContext,
  message: RawMessage,
  receipt: string,
): Promise<void> {
  if (!context.poisonQueue) return;
  const { maxDequeueCount } = context.config;
  context.writeLog(
    "warning",
    `Message has reached MaxDequeueCount of ${maxDequeueCount}. Moving message to queue '${context.poisonQueue.name}'.`,
  );
  await context.poisonQueue.createIfNotExists();
  await context.poisonQueue.sendMessage(message.messageText);
  await context.queue.deleteMessage(message.messageId, receipt);
}

/**
 * Renews a message's invisibility at half time until released; `release` gives the receipt that
 * counts now.
 */
function keepInvisible(
  context: QueueContext,
  message: RawMessage,
): { release: () => Promise<string> } {
  let receipt = message.popReceipt;
  let renewal = Promise.resolve();
  const renewInvisibility = async (): Promise<void> => {
    try {
      const seconds = Math.ceil(context.invisibleMs / 1_000);
      const renewed = await context.queue.updateMessage(
        message.messageId,
        receipt,
        undefined,
        seconds,
      );
      receipt = renewed.popReceipt ?? receipt;
    } catch (error) {
      context.writeLog(
        "warning",
        `message ${message.messageId} could not be kept invisible: ${describeError(error)}`,
      );
    }
  };
  const timer = setInterval(() => {
    renewal = renewal.then(renewInvisibility);
  }, context.invisibleMs / 2);
  return {
    release: async () => {
      clearInterval(timer);
      await renewal;
      return receipt;
    },
  };
}
