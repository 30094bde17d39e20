/** The admin addresses: fire any function, list them, say how the host is. All but the ping need the master key. */
import type { Calls, Trigger } from "./calls.ts";
import type { Door, Refusal } from "./indexing.ts";
import { freshMessage } from "./call-function.ts";
import { bindingData } from "./queue-message.ts";
import { toRpcHttp, type PlainReply } from "./rpc-http.ts";
import { timerInput } from "./timer-input.ts";

interface AdminRequest {
  readonly method: string;
  readonly url: URL;
  readonly body: Uint8Array | undefined;
  /** Whether the caller holds the master key. */
  readonly allowed: boolean;
}

export type Admin = (request: AdminRequest) => PlainReply;

export interface AdminOptions {
  readonly doors: readonly Door[];
  readonly refused: readonly Refusal[];
  readonly calls: Calls;
  readonly hostId: string;
  readonly version: string;
}

export function openAdmin(options: AdminOptions): Admin {
  return ({ method, url, body, allowed }) => {
    const path = url.pathname.replace(/^\/admin\//i, "").replace(/\/$/, "");
    if (path.toLowerCase() === "host/ping" && ["GET", "POST"].includes(method)) return status(200);
    if (!allowed) return status(401);
    if (method === "GET" && path.toLowerCase() === "host/status") return json(hostStatus(options));
    const [area, ...rest] = path.toLowerCase().split("/");
    if (area !== "functions") return status(404);
    return aboutFunctions(options, { method, url, body }, rest);
  };
}

function aboutFunctions(
  { doors, calls }: AdminOptions,
  { method, url, body }: Pick<AdminRequest, "method" | "url" | "body">,
  [name, question]: readonly string[],
): PlainReply {
  if (name === undefined)
    return method === "GET" ? json(doors.map((door) => describeDoor(door, url))) : status(404);
  const door = doors.find((candidate) => candidate.name.toLowerCase() === name);
  if (!door) return status(404);
  if (question === "status" && method === "GET") return json({ isDisabled: door.disabled });
  if (question !== undefined) return status(404);
  if (method === "GET") return json(describeDoor(door, url));
  return method === "POST" ? fire(calls, door, { body, url }) : status(404);
}

const status = (code: number): PlainReply => ({
  status: code,
  headers: [],
  body: new Uint8Array(),
});

const json = (value: unknown): PlainReply => ({
  status: 200,
  headers: [["content-type", "application/json; charset=utf-8"]],
  body: Buffer.from(JSON.stringify(value)),
});

const hostStatus = ({ hostId, version, refused }: AdminOptions): object => ({
  id: hostId,
  state: "Running",
  version,
  processUptime: Math.round(process.uptime() * 1_000),
  ...(refused.length > 0
    ? { errors: refused.map(({ name, reason }) => `The '${name}' function is in error: ${reason}`) }
    : {}),
});

const describeDoor = (door: Door, url: URL): object => ({
  name: door.name,
  href: `${url.origin}/admin/functions/${door.name}`,
  invoke_url_template:
    door.trigger.kind === "http" ? `${url.origin}/${door.trigger.template}` : null,
  language: "node",
  config: {
    name: door.name,
    bindings: Object.entries(door.registration.bindings).map(([name, binding]) => ({
      ...binding,
      name,
    })),
  },
  isDisabled: door.disabled,
});

/** Answers at once; how the call ends is in the log. */
function fire(
  calls: Calls,
  door: Door,
  request: { body: Uint8Array | undefined; url: URL },
): PlainReply {
  const input = inputOf(request.body);
  if (input === undefined) return status(400);
  calls.run(door, adminTrigger(door, input, request.url)).catch(() => undefined);
  return status(202);
}

/** The text of `{"input": "…"}`, empty when it is left out; undefined when the body is no such object. */
function inputOf(body: Uint8Array | undefined): string | undefined {
  try {
    const parsed = JSON.parse(Buffer.from(body ?? []).toString()) as unknown;
    if (typeof parsed !== "object" || parsed === null || Array.isArray(parsed)) return undefined;
    const { input = "" } = parsed as { input?: unknown };
    return typeof input === "string" ? input : undefined;
  } catch {
    return undefined;
  }
}

function adminTrigger(door: Door, input: string, url: URL): Trigger {
  const reason = "This function was programmatically called via the host APIs.";
  if (door.trigger.kind === "timer")
    return { input: { json: timerInput(undefined, false) }, metadata: {}, reason };
  if (door.trigger.kind === "queue")
    return { input: { string: input }, metadata: bindingData(freshMessage(input), input), reason };
  const method = door.trigger.methods.includes("POST")
    ? "POST"
    : (door.trigger.methods[0] ?? "POST");
  const target = { method, url: `${url.origin}/${door.trigger.template}`, headers: [], params: {} };
  return {
    input: { http: toRpcHttp({ ...target, body: Buffer.from(input) }) },
    metadata: {},
    reason,
  };
}
