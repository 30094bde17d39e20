/**
 * Invokes one function of a loaded app through the real conversions and hooks. Outputs are
 * returned, not written.
 */
import { randomUUID } from "node:crypto";
import { createTrace } from "./calls.ts";
import type { RegisteredFunction, HttpTrigger } from "./index-functions.ts";
import { runInvocation, type Worker } from "./run-invocation.ts";
import type { LogLine } from "./log.ts";
import type { InvocationResponse, TypedData } from "./protocol.ts";
import { createBindingData, type RawMessage } from "./queue-message.ts";
import { fromRpcHttp, toRpcHttp } from "./rpc-http.ts";
import { toTimerInput, type TimerStatus } from "./timer-input.ts";

/** A request. The default method is the function's first. */
interface HttpInput {
  /** With the prefix, query included: `/api/files/stats?x=1`. */
  readonly path: string;
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Uint8Array;
}

/** A queue message: text goes in as it is, anything else as JSON. */
interface QueueInput {
  readonly message: unknown;
  readonly dequeueCount?: number;
  readonly id?: string;
}

/** A timer's state; without `status` it is not monitored. */
interface TimerInput {
  readonly isPastDue?: boolean;
  readonly status?: TimerStatus;
}

export type InvokeInput = HttpInput | QueueInput | TimerInput;

/** The result of an invocation. */
export interface InvokeResult {
  readonly invocationId: string;
  /** The reply of an HTTP function; 204 without a body for the others. */
  readonly response: Response;
  /** As the protocol carries it. */
  readonly returnValue: TypedData | null | undefined;
  /** Extra outputs by binding name. */
  readonly outputs: Readonly<Record<string, TypedData>>;
  readonly log: readonly LogLine[];
}

/**
 * @throws what the handler threw; Error when no function has this name or the request does not
 *   match its route
 */
export async function invokeFunction(
  worker: Worker,
  functions: readonly RegisteredFunction[],
  name: string,
  input: InvokeInput = {},
): Promise<InvokeResult> {
  const func = functions.find((candidate) => candidate.name === name);
  if (!func)
    throw new Error(
      `no function is named ${name}; there are ${functions.map((one) => one.name).join(", ")}`,
    );
  const log: LogLine[] = [];
  const invocationId = randomUUID();
  const { data, metadata } = encodeInput(func, input);
  const captureLine = (line: LogLine): void => {
    log.push(line);
    worker.log(line);
  };
  const response = await runInvocation(
    { ...worker, log: captureLine },
    func.registration,
    invocationId,
    {
      inputData: [{ name: func.triggerName, data }],
      triggerMetadata: metadata,
      traceContext: createTrace(),
    },
  );
  return toInvokeResult(func, response, { invocationId, log });
}

function toInvokeResult(
  func: RegisteredFunction,
  response: InvocationResponse,
  call: { readonly invocationId: string; readonly log: readonly LogLine[] },
): InvokeResult {
  const reply = fromRpcHttp(func.trigger.kind === "http" ? response.returnValue : undefined);
  const body = reply.body.length === 0 ? null : Buffer.from(reply.body);
  return {
    ...call,
    response: new Response(body, {
      status: reply.status,
      headers: reply.headers.map(([name, value]) => [name, value]),
    }),
    returnValue: response.returnValue,
    outputs: Object.fromEntries((response.outputData ?? []).map(({ name, data }) => [name, data])),
  };
}

interface EncodedInput {
  readonly data: TypedData;
  readonly metadata: Readonly<Record<string, TypedData>>;
}

function encodeInput(func: RegisteredFunction, input: InvokeInput): EncodedInput {
  const { trigger } = func;
  if (trigger.kind === "http" && "path" in input) return encodeHttpInput(trigger, input);
  if (trigger.kind === "queue" && "message" in input) return encodeQueueInput(input);
  if (trigger.kind === "timer" && !("path" in input) && !("message" in input))
    return { data: { json: toTimerInput(input.status, input.isPastDue ?? false) }, metadata: {} };
  throw new TypeError(
    `${func.name} has a ${trigger.kind} trigger; the input must be { ${expectedInputs[trigger.kind]} }`,
  );
}

const expectedInputs = {
  http: "path, method?, headers?, body?",
  queue: "message",
  timer: "isPastDue?, status?",
} as const;

function encodeHttpInput(trigger: HttpTrigger, input: HttpInput): EncodedInput {
  const url = new URL(input.path, "http://localhost:7071");
  const method = (input.method ?? trigger.methods[0] ?? "GET").toUpperCase();
  const params = trigger.route(url.pathname);
  if (!params || (trigger.methods.length > 0 && !trigger.methods.includes(method)))
    throw new Error(
      `${method} ${url.pathname} does not reach ${trigger.methods.join("|")} /${trigger.template}`,
    );
  const body = typeof input.body === "string" ? Buffer.from(input.body) : input.body;
  const headers = Object.entries(input.headers ?? {});
  return {
    data: { http: toRpcHttp({ method, url: url.href, headers, params, body }) },
    metadata: {},
  };
}

function encodeQueueInput(input: QueueInput): EncodedInput {
  const text = typeof input.message === "string" ? input.message : JSON.stringify(input.message);
  return { data: { string: text }, metadata: createBindingData(createMessage(text, input), text) };
}

/** A message as if it had just been put on the queue and fetched. */
export function createMessage(
  messageText: string,
  overrides: { id?: string; dequeueCount?: number } = {},
): RawMessage {
  const now = new Date();
  return {
    messageId: overrides.id ?? randomUUID(),
    popReceipt: "",
    messageText,
    dequeueCount: overrides.dequeueCount ?? 1,
    insertedOn: now,
    expiresOn: now,
    nextVisibleOn: now,
  };
}
