/** Carries calls out as the host does: log lines, time limit, retries of timers, outputs; knows what is running. */
import { randomBytes, randomUUID } from "node:crypto";
import { systemClock, type Clock } from "../../shared/runtime/time.ts";
import type { HostConfig } from "./config.ts";
import { invoke, type Worker } from "./invoke.ts";
import type { Door } from "./indexing.ts";
import { describe } from "./lines.ts";
import { applyOutputs } from "./outputs.ts";
import type {
  InvocationResponse,
  RetryContext,
  RetryOptions,
  TraceContext,
  TypedData,
} from "./protocol.ts";

/** What set a door off. */
export interface Trigger {
  readonly input: TypedData;
  readonly metadata: Readonly<Record<string, TypedData>>;
  readonly traceContext?: TraceContext;
  /** For the log, such as `New queue message detected on 'x'`. */
  readonly reason: string;
}

export interface Calls {
  /** @throws what the function threw, or what writing its outputs threw */
  readonly run: (door: Door, trigger: Trigger) => Promise<InvocationResponse>;
  readonly running: () => number;
}

export interface CallOptions {
  readonly worker: Worker;
  readonly config: HostConfig;
  /** Called when a call overruns `functionTimeout`; the platform ends the worker process then. */
  readonly onOverrun: (door: Door) => void;
  readonly clock?: Clock;
}

export function openCalls(options: CallOptions): Calls {
  const running = new Set<string>();
  return {
    running: () => running.size,
    run: async (door, trigger) => {
      const invocationId = randomUUID();
      running.add(invocationId);
      try {
        return await logged(options, door, { ...trigger, invocationId });
      } finally {
        running.delete(invocationId);
      }
    },
  };
}

interface Started extends Trigger {
  readonly invocationId: string;
}

async function logged(
  options: CallOptions,
  door: Door,
  trigger: Started,
): Promise<InvocationResponse> {
  const { log } = options.worker;
  const category = `Function.${door.name}`;
  const startedMs = performance.now();
  const id = `Id=${trigger.invocationId}`;
  const ended = (how: string): string =>
    `Executed 'Functions.${door.name}' (${how}, ${id}, Duration=${Math.round(performance.now() - startedMs)}ms)`;
  log({
    level: "information",
    category,
    message: `Executing 'Functions.${door.name}' (Reason='${trigger.reason}', ${id})`,
  });
  try {
    const response = await withRetries(options, door, trigger);
    log({ level: "information", category, message: ended("Succeeded") });
    return response;
  } catch (error) {
    log({ level: "error", category, message: `${ended("Failed")}\n${describe(error)}` });
    throw error;
  }
}

/** Only timers are tried again; queues have their own way, HTTP callers theirs. The invocation id stays the same. */
async function withRetries(
  options: CallOptions,
  door: Door,
  trigger: Started,
): Promise<InvocationResponse> {
  const retry = door.trigger.kind === "timer" ? door.registration.retryOptions : undefined;
  let again: RetryContext | undefined;
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await once(options, door, trigger, again);
    } catch (error) {
      if (!retry || (retry.maxRetryCount !== -1 && attempt > retry.maxRetryCount)) throw error;
      const message = error instanceof Error ? error.message : String(error);
      again = { retryCount: attempt, maxRetryCount: retry.maxRetryCount, exception: { message } };
      await (options.clock ?? systemClock).sleep(retryDelayMs(retry, attempt));
    }
  }
}

/** Fixed, or doubling from the least to the most. */
export function retryDelayMs(retry: RetryOptions, attempt: number): number {
  if (retry.retryStrategy === "fixedDelay") return (retry.delayInterval?.seconds ?? 0) * 1_000;
  const least = (retry.minimumInterval?.seconds ?? 0) * 1_000;
  const most = (retry.maximumInterval?.seconds ?? 0) * 1_000;
  return Math.min(most, least * 2 ** (attempt - 1));
}

async function once(
  options: CallOptions,
  door: Door,
  trigger: Started,
  retryContext: RetryContext | undefined,
): Promise<InvocationResponse> {
  const { worker, config } = options;
  const call = invoke(worker, door.registration, trigger.invocationId, {
    inputData: [{ name: door.triggerName, data: trigger.input }],
    triggerMetadata: { ...trigger.metadata, sys: sysData(door) },
    traceContext: trigger.traceContext ?? freshTrace(),
    ...(retryContext ? { retryContext } : {}),
  });
  const response = await withinLimit(call, config.functionTimeoutMs, door, options.onOverrun);
  await applyOutputs(door, response, {
    encoding: config.queues.messageEncoding,
    fillings: trigger.metadata,
  });
  return response;
}

const sysData = (door: Door): TypedData => ({
  json: JSON.stringify({
    MethodName: door.name,
    UtcNow: new Date().toISOString(),
    RandGuid: randomUUID(),
  }),
});

/** A trace of its own for what no caller traces. */
export const freshTrace = (): TraceContext => ({
  traceParent: `00-${randomBytes(16).toString("hex")}-${randomBytes(8).toString("hex")}-00`,
  traceState: "",
  attributes: {},
});

const longestTimerMs = 2_147_483_647;

async function withinLimit<T>(
  call: Promise<T>,
  limitMs: number,
  door: Door,
  tell: (door: Door) => void,
): Promise<T> {
  const { promise, reject } = Promise.withResolvers<never>();
  const limit = setTimeout(
    () => {
      reject(
        new Error(`Timeout value of ${limitMs} ms exceeded by function Functions.${door.name}`),
      );
      tell(door);
    },
    Math.min(limitMs, longestTimerMs),
  );
  try {
    return await Promise.race([call, promise]);
  } finally {
    clearTimeout(limit);
  }
}
