/** Knocks on one door of a loaded app, through the real conversions and hooks; outputs are handed back, not written. */
import { randomUUID } from "node:crypto";
import { freshTrace } from "./calls.ts";
import type { Door, HttpTrigger } from "./indexing.ts";
import { invoke, type Worker } from "./invoke.ts";
import type { LogLine } from "./lines.ts";
import type { InvocationResponse, TypedData } from "./protocol.ts";
import { bindingData, type RawMessage } from "./queue-message.ts";
import { fromRpcHttp, toRpcHttp } from "./rpc-http.ts";
import { timerInput, type TimerStatus } from "./timer-input.ts";

/** A request; the method is the door's first when absent. */
interface HttpKnock {
  /** With the prefix, query included: `/api/files/stats?x=1`. */
  readonly path: string;
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Uint8Array;
}

/** A queue message: text goes in as it is, anything else as JSON. */
interface QueueKnock {
  readonly message: unknown;
  readonly dequeueCount?: number;
  readonly id?: string;
}

/** A timer's state; without `status` it is not monitored. */
interface TimerKnock {
  readonly isPastDue?: boolean;
  readonly status?: TimerStatus;
}

export type Knock = HttpKnock | QueueKnock | TimerKnock;

/** What came of it. */
export interface Knocked {
  readonly invocationId: string;
  /** Of an HTTP door; 204 without a body for the others. */
  readonly response: Response;
  /** As the protocol carries it. */
  readonly returnValue: TypedData | null | undefined;
  /** Extra outputs by binding name. */
  readonly outputs: Readonly<Record<string, TypedData>>;
  readonly log: readonly LogLine[];
}

/**
 * @throws what the handler threw; Error when no door has this name or the request does not reach it
 */
export async function knock(
  worker: Worker,
  doors: readonly Door[],
  name: string,
  input: Knock = {},
): Promise<Knocked> {
  const door = doors.find((candidate) => candidate.name === name);
  if (!door)
    throw new Error(
      `no door is named ${name}; there are ${doors.map((one) => one.name).join(", ")}`,
    );
  const log: LogLine[] = [];
  const invocationId = randomUUID();
  const { data, metadata } = typedInput(door, input);
  const hear = (line: LogLine): void => {
    log.push(line);
    worker.log(line);
  };
  const response = await invoke({ ...worker, log: hear }, door.registration, invocationId, {
    inputData: [{ name: door.triggerName, data }],
    triggerMetadata: metadata,
    traceContext: freshTrace(),
  });
  return knocked(door, response, { invocationId, log });
}

function knocked(
  door: Door,
  response: InvocationResponse,
  rest: { readonly invocationId: string; readonly log: readonly LogLine[] },
): Knocked {
  const reply = fromRpcHttp(door.trigger.kind === "http" ? response.returnValue : undefined);
  const body = reply.body.length === 0 ? null : Buffer.from(reply.body);
  return {
    ...rest,
    response: new Response(body, {
      status: reply.status,
      headers: reply.headers.map(([name, value]) => [name, value]),
    }),
    returnValue: response.returnValue,
    outputs: Object.fromEntries((response.outputData ?? []).map(({ name, data }) => [name, data])),
  };
}

interface TypedInput {
  readonly data: TypedData;
  readonly metadata: Readonly<Record<string, TypedData>>;
}

function typedInput(door: Door, input: Knock): TypedInput {
  const { trigger } = door;
  if (trigger.kind === "http" && "path" in input) return httpInput(trigger, input);
  if (trigger.kind === "queue" && "message" in input) return queueInput(input);
  if (trigger.kind === "timer" && !("path" in input) && !("message" in input))
    return { data: { json: timerInput(input.status, input.isPastDue ?? false) }, metadata: {} };
  throw new TypeError(`${door.name} is a ${trigger.kind} door: want { ${wanted[trigger.kind]} }`);
}

const wanted = {
  http: "path, method?, headers?, body?",
  queue: "message",
  timer: "isPastDue?, status?",
} as const;

function httpInput(trigger: HttpTrigger, input: HttpKnock): TypedInput {
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

function queueInput(input: QueueKnock): TypedInput {
  const text = typeof input.message === "string" ? input.message : JSON.stringify(input.message);
  return { data: { string: text }, metadata: bindingData(freshMessage(text, input), text) };
}

/** A message as if it had just been put on the queue and fetched. */
export function freshMessage(
  messageText: string,
  given: { id?: string; dequeueCount?: number } = {},
): RawMessage {
  const now = new Date();
  return {
    messageId: given.id ?? randomUUID(),
    popReceipt: "",
    messageText,
    dequeueCount: given.dequeueCount ?? 1,
    insertedOn: now,
    expiresOn: now,
    nextVisibleOn: now,
  };
}
