/**
 * The admin addresses: fire any function, list them, say how the host is. All but the ping need the
 * master key.
 */
import type { Calls, Trigger } from "./calls.ts";
import type { RegisteredFunction, Refusal } from "./index-functions.ts";
import { createMessage } from "./invoke-function.ts";
import { createBindingData } from "./queue-message.ts";
import { toRpcHttp, type PlainReply } from "./rpc-http.ts";
import { toTimerInput } from "./timer-input.ts";

interface AdminRequest {
  readonly method: string;
  readonly url: URL;
  readonly body: Uint8Array | undefined;
  /** Whether the caller holds the master key. */
  readonly isAllowed: boolean;
}

export type AdminHandler = (request: AdminRequest) => PlainReply;

export interface AdminOptions {
  readonly functions: readonly RegisteredFunction[];
  readonly refused: readonly Refusal[];
  readonly calls: Calls;
  readonly hostId: string;
  readonly version: string;
}

export function createAdmin(options: AdminOptions): AdminHandler {
  return ({ method, url, body, isAllowed }) => {
    const path = url.pathname.replace(/^\/admin\//i, "").replace(/\/$/, "");
    if (path.toLowerCase() === "host/ping" && ["GET", "POST"].includes(method))
      return replyWithStatus(200);
    if (!isAllowed) return replyWithStatus(401);
    if (method === "GET" && path.toLowerCase() === "host/status")
      return replyWithJson(describeHost(options));
    const [area, ...rest] = path.toLowerCase().split("/");
    if (area !== "functions") return replyWithStatus(404);
    return handleFunctionsRequest(options, { method, url, body }, rest);
  };
}

function handleFunctionsRequest(
  { functions, calls }: AdminOptions,
  { method, url, body }: Pick<AdminRequest, "method" | "url" | "body">,
  [name, action]: readonly string[],
): PlainReply {
  if (name === undefined)
    return method === "GET"
      ? replyWithJson(functions.map((func) => describeFunction(func, url)))
      : replyWithStatus(404);
  const func = functions.find((candidate) => candidate.name.toLowerCase() === name);
  if (!func) return replyWithStatus(404);
  if (action === "status" && method === "GET")
    return replyWithJson({ isDisabled: func.isDisabled });
  if (action !== undefined) return replyWithStatus(404);
  if (method === "GET") return replyWithJson(describeFunction(func, url));
  return method === "POST" ? fireFunction(calls, func, { body, url }) : replyWithStatus(404);
}

const replyWithStatus = (code: number): PlainReply => ({
  status: code,
  headers: [],
  body: new Uint8Array(),
});

const replyWithJson = (value: unknown): PlainReply => ({
  status: 200,
  headers: [["content-type", "application/json; charset=utf-8"]],
  body: Buffer.from(JSON.stringify(value)),
});

const describeHost = ({ hostId, version, refused }: AdminOptions): object => ({
  id: hostId,
  state: "Running",
  version,
  processUptime: Math.round(process.uptime() * 1_000),
  ...(refused.length > 0
    ? { errors: refused.map(({ name, reason }) => `The '${name}' function is in error: ${reason}`) }
    : {}),
});

const describeFunction = (func: RegisteredFunction, url: URL): object => ({
  name: func.name,
  href: `${url.origin}/admin/functions/${func.name}`,
  invoke_url_template:
    func.trigger.kind === "http" ? `${url.origin}/${func.trigger.template}` : null,
  language: "node",
  config: {
    name: func.name,
    bindings: Object.entries(func.registration.bindings).map(([name, binding]) => ({
      ...binding,
      name,
    })),
  },
  isDisabled: func.isDisabled,
});

/** Answers at once; how the call ends is in the log. */
function fireFunction(
  calls: Calls,
  func: RegisteredFunction,
  request: { body: Uint8Array | undefined; url: URL },
): PlainReply {
  const input = readInput(request.body);
  if (input === undefined) return replyWithStatus(400);
  calls.run(func, createTrigger(func, input, request.url)).catch(() => undefined);
  return replyWithStatus(202);
}

/**
 * Returns the text of `{"input": "…"}`, empty when it is absent; `undefined` when the body has
 * another form.
 */
function readInput(body: Uint8Array | undefined): string | undefined {
  try {
    const parsed = JSON.parse(Buffer.from(body ?? []).toString()) as unknown;
    if (typeof parsed !== "object" || parsed === null || Array.isArray(parsed)) return undefined;
    const { input = "" } = parsed as { input?: unknown };
    return typeof input === "string" ? input : undefined;
  } catch {
    return undefined;
  }
}

function createTrigger(func: RegisteredFunction, input: string, url: URL): Trigger {
  const reason = "This function was programmatically called via the host APIs.";
  if (func.trigger.kind === "timer")
    return { input: { json: toTimerInput(undefined, false) }, metadata: {}, reason };
  if (func.trigger.kind === "queue")
    return {
      input: { string: input },
      metadata: createBindingData(createMessage(input), input),
      reason,
    };
  const method = func.trigger.methods.includes("POST")
    ? "POST"
    : (func.trigger.methods[0] ?? "POST");
  const target = { method, url: `${url.origin}/${func.trigger.template}`, headers: [], params: {} };
  return {
    input: { http: toRpcHttp({ ...target, body: Buffer.from(input) }) },
    metadata: {},
    reason,
  };
}
