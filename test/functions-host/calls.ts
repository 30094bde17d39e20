/**
 * Carries calls out as the host does: log lines, time limit, retries of timers, outputs; knows what
 * is running.
 */
import { randomBytes, randomUUID } from "node:crypto";
import { systemClock, type Clock } from "../../shared/runtime/time.ts";
import type { HostConfig } from "./config.ts";
import { runInvocation, type Worker } from "./run-invocation.ts";
import type { RegisteredFunction } from "./index-functions.ts";
import { describeError } from "./log.ts";
import { applyOutputs } from "./outputs.ts";
import type {
  InvocationResponse,
  RetryContext,
  RetryOptions,
  TraceContext,
  TypedData,
} from "./protocol.ts";

/** The trigger of a call. */
export interface Trigger {
  readonly input: TypedData;
  readonly metadata: Readonly<Record<string, TypedData>>;
  readonly traceContext?: TraceContext;
  /** For the log, such as `New queue message detected on 'x'`. */
  readonly reason: string;
}

export interface Calls {
  /** @throws what the function threw, or what writing its outputs threw */
  readonly run: (func: RegisteredFunction, trigger: Trigger) => Promise<InvocationResponse>;
  readonly countRunning: () => number;
}

export interface CallOptions {
  readonly worker: Worker;
  readonly config: HostConfig;
  /** Called when a call overruns `functionTimeout`; the platform ends the worker process then. */
  readonly onOverrun: (func: RegisteredFunction) => void;
  readonly clock?: Clock;
}

export function createCalls(options: CallOptions): Calls {
  const running = new Set<string>();
  return {
    countRunning: () => running.size,
    run: async (func, trigger) => {
      const invocationId = randomUUID();
      running.add(invocationId);
      try {
        return await runLogged(options, func, { ...trigger, invocationId });
      } finally {
        running.delete(invocationId);
      }
    },
  };
}

interface StartedCall extends Trigger {
  readonly invocationId: string;
}

async function runLogged(
  options: CallOptions,
  func: RegisteredFunction,
  trigger: StartedCall,
): Promise<InvocationResponse> {
  const { log } = options.worker;
  const category = `Function.${func.name}`;
  const startedMs = performance.now();
  const id = `Id=${trigger.invocationId}`;
  const formatEnd = (outcome: string): string =>
    `Executed 'Functions.${func.name}' (${outcome}, ${id}, Duration=${Math.round(performance.now() - startedMs)}ms)`;
  log({
    level: "information",
    category,
    message: `Executing 'Functions.${func.name}' (Reason='${trigger.reason}', ${id})`,
  });
  try {
    const response = await runWithRetries(options, func, trigger);
    log({ level: "information", category, message: formatEnd("Succeeded") });
    return response;
  } catch (error) {
    log({ level: "error", category, message: `${formatEnd("Failed")}\n${describeError(error)}` });
    throw error;
  }
}

/**
 * Only timers are tried again; queues have their own way, HTTP callers theirs. The invocation id
 * stays the same.
 */
async function runWithRetries(
  options: CallOptions,
  func: RegisteredFunction,
  trigger: StartedCall,
): Promise<InvocationResponse> {
  const retry = func.trigger.kind === "timer" ? func.registration.retryOptions : undefined;
  let lastRetry: RetryContext | undefined;
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await runAttempt(options, func, trigger, lastRetry);
    } catch (error) {
      if (!retry || (retry.maxRetryCount !== -1 && attempt > retry.maxRetryCount)) throw error;
      const message = error instanceof Error ? error.message : String(error);
      lastRetry = {
        retryCount: attempt,
        maxRetryCount: retry.maxRetryCount,
        exception: { message },
      };
      await (options.clock ?? systemClock).sleep(retryDelayMs(retry, attempt));
    }
  }
}

/** Fixed, or doubling from the least to the most. */
export function retryDelayMs(retry: RetryOptions, attempt: number): number {
  if (retry.retryStrategy === "fixedDelay") return (retry.delayInterval?.seconds ?? 0) * 1_000;
  const minMs = (retry.minimumInterval?.seconds ?? 0) * 1_000;
  const maxMs = (retry.maximumInterval?.seconds ?? 0) * 1_000;
  return Math.min(maxMs, minMs * 2 ** (attempt - 1));
}

async function runAttempt(
  options: CallOptions,
  func: RegisteredFunction,
  trigger: StartedCall,
  retryContext: RetryContext | undefined,
): Promise<InvocationResponse> {
  const { worker, config } = options;
  const call = runInvocation(worker, func.registration, trigger.invocationId, {
    inputData: [{ name: func.triggerName, data: trigger.input }],
    triggerMetadata: { ...trigger.metadata, sys: createSysData(func) },
    traceContext: trigger.traceContext ?? createTrace(),
    ...(retryContext ? { retryContext } : {}),
  });
  const response = await limitDuration(call, config.functionTimeoutMs, func, options.onOverrun);
  await applyOutputs(func, response, {
    encoding: config.queues.messageEncoding,
    templateValues: trigger.metadata,
  });
  return response;
}

const createSysData = (func: RegisteredFunction): TypedData => ({
  json: JSON.stringify({
    MethodName: func.name,
    UtcNow: new Date().toISOString(),
    RandGuid: randomUUID(),
  }),
});

/** A trace of its own for what no caller traces. */
export const createTrace = (): TraceContext => ({
  traceParent: `00-${randomBytes(16).toString("hex")}-${randomBytes(8).toString("hex")}-00`,
  traceState: "",
  attributes: {},
});

const maxTimerMs = 2_147_483_647;

async function limitDuration<T>(
  call: Promise<T>,
  limitMs: number,
  func: RegisteredFunction,
  onOverrun: (func: RegisteredFunction) => void,
): Promise<T> {
  const { promise, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(
    () => {
      reject(
        new Error(`Timeout value of ${limitMs} ms exceeded by function Functions.${func.name}`),
      );
      onOverrun(func);
    },
    Math.min(limitMs, maxTimerMs),
  );
  try {
    return await Promise.race([call, promise]);
  } finally {
    clearTimeout(timer);
  }
}
