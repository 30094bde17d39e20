/**
 * One call of one function, step by step as the Node.js worker makes it: hooks, handler, outputs.
 */
import type { Log } from "./log.ts";
import type {
  CoreInvocationContext,
  FunctionCallback,
  InvocationModel,
  InvocationRequest,
  InvocationResponse,
  Level,
  LogCategory,
  ProgrammingModel,
  Registration,
} from "./protocol.ts";
import type { HookName, Registry } from "./worker-module.ts";

/** The loaded app, seen from a call. */
export interface Worker {
  readonly model: ProgrammingModel;
  readonly registry: Registry;
  /** Shared by the hooks of all calls. */
  readonly appHookData: object;
  readonly log: Log;
}

/**
 * Calls a function. A `preInvocation` hook that throws ends the call: neither the handler nor
 * `postInvocation` runs. An error that is still there after `postInvocation` fails the call, and
 * its outputs are lost.
 *
 * @throws whatever the handler or a hook threw
 */
export async function runInvocation(
  worker: Worker,
  registration: Registration,
  invocationId: string,
  request: InvocationRequest,
): Promise<InvocationResponse> {
  const callLog = createCallLog(worker, registration.name);
  const call: CoreInvocationContext = {
    invocationId,
    request,
    metadata: registration,
    log: callLog.write,
  };
  try {
    const model = await worker.model.getInvocationModel(call);
    const { context, inputs } = await model.getArguments();
    callLog.context = context;
    return await model.getResponse(
      context,
      await runWithHooks({ worker, call, model, context, inputs }, registration),
    );
  } finally {
    callLog.hasEnded = true;
  }
}

interface InvocationStep {
  readonly worker: Worker;
  readonly call: CoreInvocationContext;
  readonly model: InvocationModel;
  readonly context: object;
  readonly inputs: unknown[];
}

async function runWithHooks(step: InvocationStep, registration: Registration): Promise<unknown> {
  const { worker, call, model, context: invocationContext } = step;
  const shared = { hookData: {}, appHookData: worker.appHookData, invocationContext };
  const before = { ...shared, functionCallback: registration.callback, inputs: step.inputs };
  await runInState(call, "preInvocationHooks", () =>
    runHooks(worker.registry, "preInvocation", before),
  );
  const outcome = await runInState(call, "invocation", () =>
    callHandler(model, invocationContext, before.inputs, before.functionCallback),
  );
  const after = { ...shared, inputs: before.inputs, ...outcome };
  await runInState(call, "postInvocationHooks", () =>
    runHooks(worker.registry, "postInvocation", after),
  );
  // oxlint-disable-next-line typescript/only-throw-error -- the handler's own value is thrown again, of whatever type
  if (after.error !== null && after.error !== undefined) throw after.error;
  return after.result;
}

/** `throw undefined` counts as success: the worker looks at the error's value, and so do we. */
async function callHandler(
  model: InvocationModel,
  context: object,
  inputs: unknown[],
  callback: FunctionCallback,
): Promise<{ result: unknown; error: unknown }> {
  try {
    return { result: (await model.invokeFunction(context, inputs, callback)) ?? null, error: null };
  } catch (error) {
    return { result: null, error: error ?? null };
  }
}

async function runInState<T>(
  call: CoreInvocationContext,
  state: Exclude<CoreInvocationContext["state"], undefined>,
  action: () => Promise<T>,
): Promise<T> {
  call.state = state;
  try {
    return await action();
  } finally {
    call.state = undefined;
  }
}

/** Runs the hooks of one kind in the order of their registration. */
export async function runHooks(registry: Registry, name: HookName, context: object): Promise<void> {
  for (const hook of registry.hooks[name]) await hook(context);
}

interface CallLog {
  context: object | undefined;
  hasEnded: boolean;
  readonly write: (level: Level, category: LogCategory, message: string) => void;
}

/**
 * Log lines of one call. The host knows a call only while it runs: what is said afterwards is
 * dropped, but for the warning.
 */
function createCallLog(worker: Worker, name: string): CallLog {
  const hookData = {};
  const callLog: CallLog = {
    context: undefined,
    hasEnded: false,
    write: (level, category, message) => {
      const line = { level, category, message, hookData, appHookData: worker.appHookData };
      const edited = applyLogHooks(worker.registry, {
        ...line,
        invocationContext: callLog.context,
      });
      if (category === "user" && callLog.hasEnded) return;
      const suffix = category === "user" ? ".User" : "";
      worker.log({
        level: edited.level,
        category: `Function.${name}${suffix}`,
        message: edited.message,
      });
    },
  };
  return callLog;
}

interface LogHookContext {
  level: Level;
  message: string;
  readonly category: LogCategory;
}

/** Edits count for the app's own lines only; what a log hook throws is swallowed. */
function applyLogHooks<T extends LogHookContext>(
  registry: Registry,
  line: T,
): { level: Level; message: string } {
  const { level, message } = line;
  try {
    for (const hook of registry.hooks.log) hook(line);
  } catch {
    // As the worker does: a broken log hook must not break the call.
  }
  return line.category === "user" ? line : { level, message };
}
