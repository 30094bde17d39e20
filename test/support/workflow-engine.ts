/**
 * Runs a workflow like Logic Apps, as far as the samples need it: orders actions by `runAfter`,
 * follows the Location of a 202 without the headers of the first request, and sends every POST
 * twice, as after a lost answer.
 */
import { setTimeout as pause } from "node:timers/promises";
import { evaluateExpression, resolveValue, type Lookups } from "./workflow-expressions.ts";

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

/** Calls that the workflow makes. */
export interface WorkflowDeps {
  readonly http: (call: HttpCall) => Promise<Response>;
  readonly connector: (call: ConnectorCall) => void;
}

export interface ActionResult {
  readonly status: "Succeeded" | "Failed" | "Skipped";
  readonly body: unknown;
}

export interface WorkflowRun {
  readonly trigger: unknown;
  readonly parameters: Readonly<Record<string, { readonly value: unknown }>>;
  /** Identifies the run. */
  readonly name: string;
}

const maxPauseMs = 200;

/** Runs a workflow. @returns the result of each action by name */
export async function runWorkflow(
  actions: Actions,
  run: WorkflowRun,
  deps: WorkflowDeps,
): Promise<ReadonlyMap<string, ActionResult>> {
  const results = new Map<string, ActionResult>();
  const startTime = new Date().toISOString();
  const readBody = (name: unknown): unknown => results.get(String(name))?.body ?? null;
  const lookups: Lookups = {
    actions: (name) => results.get(String(name)) ?? null,
    body: readBody,
    outputs: readBody,
    parameters: (name) => run.parameters[String(name)]?.value ?? null,
    trigger: () => ({ startTime }),
    triggerBody: () => run.trigger,
    workflow: () => ({ run: { name: run.name } }),
  };

  /** Runs siblings in the order of `runAfter`. @returns true if no relevant action failed */
  async function runActions(siblings: Actions): Promise<boolean> {
    const pending = new Set(Object.keys(siblings));
    for (const name of pending) results.delete(name);
    while (pending.size > 0) {
      const ready = [...pending].find((name) =>
        Object.keys(siblings[name]?.runAfter ?? {}).every((each) => !pending.has(each)),
      );
      const action = ready === undefined ? undefined : siblings[ready];
      if (ready === undefined || !action)
        throw new Error(`${[...pending].join(", ")} wait for each other`);
      pending.delete(ready);
      const isDue = Object.entries(action.runAfter).every(([each, states]) =>
        states.includes(results.get(each)?.status ?? ""),
      );
      results.set(ready, isDue ? await runAction(action) : { status: "Skipped", body: null });
    }
    const handled = new Set(
      Object.values(siblings).flatMap(({ runAfter }) =>
        Object.entries(runAfter).flatMap(([each, states]) =>
          states.includes("Failed") ? [each] : [],
        ),
      ),
    );
    return Object.keys(siblings).every(
      (name) => results.get(name)?.status !== "Failed" || handled.has(name),
    );
  }

  const runNested = async (siblings: Actions): Promise<ActionResult> => ({
    status: (await runActions(siblings)) ? "Succeeded" : "Failed",
    body: null,
  });

  async function runAction(action: Action): Promise<ActionResult> {
    switch (action.type) {
      case "Http":
        return runHttp(action);
      case "If":
        return runNested(
          (isConditionMet(action.expression, lookups) ? action.actions : action.else?.actions) ??
            {},
        );
      case "Scope":
        return runNested(action.actions ?? {});
      case "Until":
        return runUntil(action);
      case "Wait":
        await pause(maxPauseMs);
        return { status: "Succeeded", body: null };
      case "ApiConnection": {
        const { method, path, body } = resolveValue(action.inputs, lookups) as ConnectorCall;
        deps.connector({ method, path, body });
        return { status: "Succeeded", body: null };
      }
      default:
        return { status: "Succeeded", body: runDataOperation(action, lookups) };
    }
  }

  async function runUntil({
    actions: inner = {},
    expression,
    limit,
  }: Action): Promise<ActionResult> {
    for (let round = 0; round < (limit?.count ?? 60); round += 1) {
      const { status } = await runNested(inner);
      if (status === "Failed") return { status, body: null };
      if (resolveValue(expression, lookups) === true) break;
    }
    return { status: "Succeeded", body: null };
  }

  async function runHttp({ inputs, operationOptions }: Action): Promise<ActionResult> {
    const call = resolveValue({ headers: {}, ...inputs }, lookups) as HttpCall;
    if (call.method === "POST") await (await deps.http(call)).arrayBuffer();
    let reply = await deps.http(call);
    for (
      let location = reply.headers.get("location");
      shouldFollow(reply, operationOptions) && location !== null;
    ) {
      await pause(maxPauseMs);
      reply = await deps.http({ method: "GET", uri: location, headers: {}, body: undefined });
      location = reply.headers.get("location") ?? location;
    }
    const text = await reply.text();
    const body: unknown = text === "" ? null : JSON.parse(text);
    return { status: reply.ok ? "Succeeded" : "Failed", body };
  }

  await runActions(actions);
  return results;
}

const shouldFollow = ({ status }: Response, options: string | undefined): boolean =>
  status === 202 && options !== "DisableAsyncPattern";

/** Runs a data operation. */
function runDataOperation({ type, inputs }: Action, lookups: Lookups): unknown {
  if (type === "Compose") return resolveValue(inputs, lookups);
  const from = resolveValue(inputs["from"], lookups) as unknown[];
  const withItem = (item: unknown): Lookups => ({ ...lookups, item: () => item });
  switch (type) {
    case "Select":
      return from.map((item) => resolveValue(inputs["select"], withItem(item)));
    case "Query":
      return from.filter((item) => resolveValue(inputs["where"], withItem(item)) === true);
    case "Table":
      return `<table>${from.map((row) => JSON.stringify(row)).join("")}</table>`;
    default:
      throw new Error(`this engine knows no action ${type}`);
  }
}

type Condition = Readonly<Record<string, unknown>>;

/** Evaluates the condition of an `If` action. */
function isConditionMet(condition: unknown, lookups: Lookups): boolean {
  const [[name, value] = ["", null]] = Object.entries(condition as Condition);
  if (name === "and") return (value as Condition[]).every((each) => isConditionMet(each, lookups));
  if (name === "not") return !isConditionMet(value, lookups);
  const args = (value as unknown[]).map((each) => resolveValue(each, lookups));
  return (
    evaluateExpression(`${name}(left(), right())`, {
      left: () => args[0],
      right: () => args[1],
    }) === true
  );
}
