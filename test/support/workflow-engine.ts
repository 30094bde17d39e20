/**
 * Carries a workflow out as Logic Apps does, as far as the samples need it: the order of `runAfter`, 202 with Location
 * followed without the headers of the first request, and every POST sent twice, as after an answer that was lost.
 */
import { setTimeout as pause } from "node:timers/promises";
import { evaluated, worked, type Lookups } from "./workflow-expressions.ts";

interface Action {
  readonly type: string;
  readonly runAfter: Readonly<Record<string, readonly string[]>>;
  readonly inputs: Readonly<Record<string, unknown>>;
  readonly actions?: Actions;
  readonly else?: { readonly actions: Actions };
  readonly expression?: unknown;
  readonly limit?: { readonly count?: number };
  readonly operationOptions?: string;
}
export type Actions = Readonly<Record<string, Action>>;

export interface HttpCall {
  readonly method: string;
  readonly uri: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: unknown;
}

export interface ConnectorCall {
  readonly method: string;
  readonly path: string;
  readonly body: Readonly<Record<string, unknown>>;
}

/** The world outside the workflow. */
export interface Outside {
  readonly http: (call: HttpCall) => Promise<Response>;
  readonly connector: (call: ConnectorCall) => void;
}

export interface Ended {
  readonly status: "Succeeded" | "Failed" | "Skipped";
  readonly body: unknown;
}

export interface Run {
  readonly trigger: unknown;
  readonly parameters: Readonly<Record<string, { readonly value: unknown }>>;
  /** Tells runs apart. */
  readonly name: string;
}

const longestPauseMs = 200;

/** @returns how each action ended, by its name */
export async function carryOut(
  actions: Actions,
  run: Run,
  outside: Outside,
): Promise<ReadonlyMap<string, Ended>> {
  const ended = new Map<string, Ended>();
  const startTime = new Date().toISOString();
  const bodyOf = (name: unknown): unknown => ended.get(String(name))?.body ?? null;
  const lookups: Lookups = {
    actions: (name) => ended.get(String(name)) ?? null,
    body: bodyOf,
    outputs: bodyOf,
    parameters: (name) => run.parameters[String(name)]?.value ?? null,
    trigger: () => ({ startTime }),
    triggerBody: () => run.trigger,
    workflow: () => ({ run: { name: run.name } }),
  };

  /** Runs siblings in the order of `runAfter`. @returns whether none that mattered failed */
  async function all(siblings: Actions): Promise<boolean> {
    const open = new Set(Object.keys(siblings));
    for (const name of open) ended.delete(name);
    while (open.size > 0) {
      const ready = [...open].find((name) =>
        Object.keys(siblings[name]?.runAfter ?? {}).every((each) => !open.has(each)),
      );
      const action = ready === undefined ? undefined : siblings[ready];
      if (ready === undefined || !action)
        throw new Error(`${[...open].join(", ")} wait for each other`);
      open.delete(ready);
      const due = Object.entries(action.runAfter).every(([each, states]) =>
        states.includes(ended.get(each)?.status ?? ""),
      );
      ended.set(ready, due ? await one(action) : { status: "Skipped", body: null });
    }
    const caught = new Set(
      Object.values(siblings).flatMap(({ runAfter }) =>
        Object.entries(runAfter).flatMap(([each, states]) =>
          states.includes("Failed") ? [each] : [],
        ),
      ),
    );
    return Object.keys(siblings).every(
      (name) => ended.get(name)?.status !== "Failed" || caught.has(name),
    );
  }

  const nested = async (siblings: Actions): Promise<Ended> => ({
    status: (await all(siblings)) ? "Succeeded" : "Failed",
    body: null,
  });

  async function one(action: Action): Promise<Ended> {
    switch (action.type) {
      case "Http":
        return http(action);
      case "If":
        return nested(
          (holds(action.expression, lookups) ? action.actions : action.else?.actions) ?? {},
        );
      case "Scope":
        return nested(action.actions ?? {});
      case "Until":
        return until(action);
      case "Wait":
        await pause(longestPauseMs);
        return { status: "Succeeded", body: null };
      case "ApiConnection": {
        const { method, path, body } = worked(action.inputs, lookups) as ConnectorCall;
        outside.connector({ method, path, body });
        return { status: "Succeeded", body: null };
      }
      default:
        return { status: "Succeeded", body: shaped(action, lookups) };
    }
  }

  async function until({ actions: inner = {}, expression, limit }: Action): Promise<Ended> {
    for (let turn = 0; turn < (limit?.count ?? 60); turn += 1) {
      const { status } = await nested(inner);
      if (status === "Failed") return { status, body: null };
      if (worked(expression, lookups) === true) break;
    }
    return { status: "Succeeded", body: null };
  }

  async function http({ inputs, operationOptions }: Action): Promise<Ended> {
    const call = worked({ headers: {}, ...inputs }, lookups) as HttpCall;
    if (call.method === "POST") await (await outside.http(call)).arrayBuffer();
    let reply = await outside.http(call);
    for (
      let place = reply.headers.get("location");
      isFollowed(reply, operationOptions) && place !== null;
    ) {
      await pause(longestPauseMs);
      reply = await outside.http({ method: "GET", uri: place, headers: {}, body: undefined });
      place = reply.headers.get("location") ?? place;
    }
    const text = await reply.text();
    const body: unknown = text === "" ? null : JSON.parse(text);
    return { status: reply.ok ? "Succeeded" : "Failed", body };
  }

  await all(actions);
  return ended;
}

const isFollowed = ({ status }: Response, options: string | undefined): boolean =>
  status === 202 && options !== "DisableAsyncPattern";

/** The operations on data. */
function shaped({ type, inputs }: Action, lookups: Lookups): unknown {
  if (type === "Compose") return worked(inputs, lookups);
  const from = worked(inputs["from"], lookups) as unknown[];
  const itemOf = (item: unknown): Lookups => ({ ...lookups, item: () => item });
  switch (type) {
    case "Select":
      return from.map((item) => worked(inputs["select"], itemOf(item)));
    case "Query":
      return from.filter((item) => worked(inputs["where"], itemOf(item)) === true);
    case "Table":
      return `<table>${from.map((row) => JSON.stringify(row)).join("")}</table>`;
    default:
      throw new Error(`this engine knows no action ${type}`);
  }
}

type Condition = Readonly<Record<string, unknown>>;

/** The condition of an `If`, in its form of objects. */
function holds(condition: unknown, lookups: Lookups): boolean {
  const [[name, value] = ["", null]] = Object.entries(condition as Condition);
  if (name === "and") return (value as Condition[]).every((each) => holds(each, lookups));
  if (name === "not") return !holds(value, lookups);
  const args = (value as unknown[]).map((each) => worked(each, lookups));
  return (
    evaluated(`${name}(left(), right())`, { left: () => args[0], right: () => args[1] }) === true
  );
}
