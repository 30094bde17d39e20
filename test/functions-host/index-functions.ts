/**
 * Converts registrations into functions that the host can run. Refuses an invalid one with the
 * reason; the others run.
 */
import { resolveConnection, type Connection } from "./connections.ts";
import type { HostConfig } from "./config.ts";
import type { CronSchedule } from "../../shared/runtime/ncrontab.ts";
import { readSchedule } from "./read-schedule.ts";
import type { Binding, Registration } from "./protocol.ts";
import { compileRoute, type Route } from "./routes.ts";
import { substituteSettings, type Env } from "./substitute-settings.ts";

export type AuthLevel = "anonymous" | "function" | "admin";

export interface HttpTrigger {
  readonly kind: "http";
  /** Upper case; empty means any. */
  readonly methods: readonly string[];
  readonly authLevel: AuthLevel;
  /** With the prefix, without a leading slash. */
  readonly template: string;
  readonly route: Route;
}

export interface TimerTrigger {
  readonly kind: "timer";
  /** As declared, settings not filled in. */
  readonly declared: string;
  readonly schedule: CronSchedule;
  readonly runOnStartup: boolean;
  readonly useMonitor: boolean;
}

export interface QueueTrigger {
  readonly kind: "queue";
  readonly declared: string;
  readonly queueName: string;
  readonly connection: Connection;
}

/** Where an output goes once the call has succeeded. */
export type Output =
  | { readonly kind: "queue"; readonly queueName: string; readonly connection: Connection }
  | { readonly kind: "blob"; readonly path: string; readonly connection: Connection };

/** A function the host serves. */
export interface RegisteredFunction {
  readonly name: string;
  readonly registration: Registration;
  /** Name of the trigger's binding. */
  readonly triggerName: string;
  readonly trigger: HttpTrigger | TimerTrigger | QueueTrigger;
  /** By binding name; `$return` among them unless it is HTTP. */
  readonly outputs: ReadonlyMap<string, Output>;
  readonly isDisabled: boolean;
}

export interface Refusal {
  readonly name: string;
  readonly reason: string;
}

const functionNamePattern = /^[a-z][a-z0-9_-]{0,127}$/i;
const bindingNamePattern = /^[a-zA-Z][a-zA-Z0-9]{0,127}$/;

/** Checks names, settings, routes and schedules of all registered functions. */
export function indexFunctions(
  registrations: Iterable<Registration>,
  config: HostConfig,
  env: Env,
): { functions: RegisteredFunction[]; refused: Refusal[] } {
  const functions: RegisteredFunction[] = [];
  const refused: Refusal[] = [];
  for (const registration of registrations) {
    const { name } = registration;
    try {
      if (functions.some((func) => func.name.toLowerCase() === name.toLowerCase()))
        throw new Error("another function has this name, but for upper and lower case");
      functions.push(indexFunction(registration, config, env));
    } catch (error) {
      refused.push({ name, reason: error instanceof Error ? error.message : String(error) });
    }
  }
  return { functions, refused };
}

function indexFunction(
  registration: Registration,
  config: HostConfig,
  env: Env,
): RegisteredFunction {
  const { name, bindings } = registration;
  if (!functionNamePattern.test(name) || name.toLowerCase() === "host")
    throw new Error(`"${name}" is no function name`);
  for (const binding of Object.keys(bindings))
    if (binding !== "$return" && !bindingNamePattern.test(binding))
      throw new Error(`"${binding}" is no binding name`);
  const inputs = Object.entries(bindings).filter(([, { direction }]) => direction === "in");
  const [trigger, ...otherInputs] = inputs;
  if (!trigger) throw new Error("it has no trigger");
  if (otherInputs.length > 0) throw new Error("this host has no input bindings");
  const context = { name, config, env };
  return {
    name,
    registration,
    triggerName: trigger[0],
    trigger: indexTrigger(trigger[1], context),
    outputs: indexOutputs(bindings, context),
    isDisabled: isFunctionDisabled(name, env),
  };
}

interface IndexContext {
  readonly name: string;
  readonly config: HostConfig;
  readonly env: Env;
}

const toText = (value: unknown): string | undefined =>
  typeof value === "string" ? value : undefined;

function indexTrigger(binding: Binding, context: IndexContext): RegisteredFunction["trigger"] {
  const type = binding.type.toLowerCase();
  if (type === "httptrigger") return indexHttpTrigger(binding, context);
  if (type === "timertrigger") return indexTimerTrigger(binding, context);
  if (type !== "queuetrigger") throw new Error(`this host has no ${binding.type}`);
  if (!context.config.hasExtensionBundle)
    throw new Error(
      "host.json names no extensionBundle, and without one there is no queueTrigger in Azure",
    );
  return {
    kind: "queue",
    declared: toText(binding["queueName"]) ?? "",
    ...resolveQueue(binding, context.env),
  };
}

function indexHttpTrigger(binding: Binding, { name, config }: IndexContext): HttpTrigger {
  const methods = Array.isArray(binding["methods"]) ? (binding["methods"] as string[]) : [];
  const authLevel = (toText(binding["authLevel"]) ?? "function").toLowerCase();
  if (authLevel !== "anonymous" && authLevel !== "function" && authLevel !== "admin")
    throw new Error(`authLevel "${authLevel}" is none of anonymous, function, admin`);
  const ownRoute = (toText(binding["route"]) ?? name).replaceAll(/^\/+|\/+$/g, "");
  const template = [config.routePrefix, ownRoute].filter((part) => part !== "").join("/");
  return {
    kind: "http",
    methods: methods.map((method) => method.toUpperCase()),
    authLevel,
    template,
    route: compileRoute(template),
  };
}

function indexTimerTrigger(binding: Binding, { env }: IndexContext): TimerTrigger {
  const declared = toText(binding["schedule"]) ?? "";
  const schedule = readSchedule(substituteSettings(declared, env));
  resolveConnection(undefined, env);
  return {
    kind: "timer",
    declared,
    schedule,
    runOnStartup: binding["runOnStartup"] === true,
    useMonitor: binding["useMonitor"] !== false && !schedule.isSubMinute,
  };
}

function resolveQueue(binding: Binding, env: Env): { queueName: string; connection: Connection } {
  const queueName = substituteSettings(toText(binding["queueName"]) ?? "", env).toLowerCase();
  if (!/^[a-z0-9](?:-?[a-z0-9])+$/.test(queueName) || queueName.length < 3 || queueName.length > 63)
    throw new Error(
      `"${toText(binding["queueName"])}" gives no queue name (3 to 63 letters, digits and single hyphens)`,
    );
  return { queueName, connection: resolveNamedConnection(binding, env) };
}

const resolveNamedConnection = (binding: Binding, env: Env): Connection =>
  resolveConnection(substituteSettings(toText(binding["connection"]) ?? "", env), env);

function indexOutputs(
  bindings: Registration["bindings"],
  { env, config }: IndexContext,
): Map<string, Output> {
  const outputs = new Map<string, Output>();
  for (const [name, binding] of Object.entries(bindings)) {
    const type = binding.type.toLowerCase();
    if (binding.direction !== "out" || type === "http") continue;
    if (type !== "queue" && type !== "blob")
      throw new Error(`this host has no ${binding.type} output`);
    if (!config.hasExtensionBundle)
      throw new Error(`host.json names no extensionBundle, which the ${type} output needs`);
    if (type === "queue") outputs.set(name, { kind: "queue", ...resolveQueue(binding, env) });
    else {
      const path = substituteSettings(toText(binding["path"]) ?? "", env);
      outputs.set(name, { kind: "blob", path, connection: resolveNamedConnection(binding, env) });
    }
  }
  return outputs;
}

/** The setting's second form is the one Linux can hold. */
const isFunctionDisabled = (name: string, env: Env): boolean =>
  ["true", "1"].includes(
    (
      env[`AzureWebJobs.${name}.Disabled`] ??
      env[`AzureWebJobs_${name}_Disabled`] ??
      ""
    ).toLowerCase(),
  );
