/**
 * The local Functions host as a program: `node test/functions-host/serve.ts`. Serves the built app
 * of a folder until Ctrl+C. Started as a child process with a message channel, it sends `{ ready }`
 * over it.
 */
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { secondMs } from "../../shared/runtime/time.ts";
import { startHost, type Host, type HostOptions } from "./host.ts";
import type { RegisteredFunction } from "./index-functions.ts";
import { describeError, createConsoleLog } from "./log.ts";
import { readLocalSettings } from "./local-settings.ts";
import { createPrincipalHeaders } from "./principal.ts";

const usage = `node test/functions-host/serve.ts [options]
  --port <n>           7071 by default; 0 for any free one
  --address <a>        127.0.0.1 by default
  --root <folder>      where host.json and package.json are; the current folder by default
  --entry <file>       in place of package.json's "main"
  --functions <a,b>    serve only these
  --enable-auth        ask for function keys; they are made once, in .huntline/keys.json
  --principal <name>   pretend that this user has signed in at the front end
  --roles <a,b>        app roles of that user
  --read-chunked       give functions the body of a chunked request; the platform does not
  --no-local-settings  do not read local.settings.json
  --lease-seconds <n>  length of a timer's lease, 15 to 60; 60 by default, as on the platform
  --invisibility-seconds <n>  how long a fetched queue message stays invisible, renewed at half time;
                       600 by default, as on the platform: so long a message rests when the host is killed`;

function parseOrExit(): ReturnType<typeof parseArguments> {
  try {
    return parseArguments();
  } catch (error) {
    return exitWith(2, `${error instanceof Error ? error.message : String(error)}\n\n${usage}`);
  }
}

const parseArguments = () =>
  parseArgs({
    options: {
      port: { type: "string", default: "7071" },
      address: { type: "string", default: "127.0.0.1" },
      root: { type: "string", default: "." },
      entry: { type: "string" },
      functions: { type: "string" },
      "enable-auth": { type: "boolean", default: false },
      principal: { type: "string" },
      roles: { type: "string", default: "" },
      "read-chunked": { type: "boolean", default: false },
      "no-local-settings": { type: "boolean", default: false },
      "lease-seconds": { type: "string", default: "60" },
      "invisibility-seconds": { type: "string", default: "600" },
      help: { type: "boolean", default: false },
    },
  }).values;

function exitWith(code: number, text: string): never {
  process.stderr.write(`${text}\n`);
  process.exit(code);
}

type CliOptions = ReturnType<typeof parseOrExit>;

function readWholeNumber(
  cliOptions: CliOptions,
  name: "port" | "lease-seconds" | "invisibility-seconds",
  low: number,
  high: number,
): number {
  const value = Number(cliOptions[name]);
  if (Number.isInteger(value) && value >= low && value <= high) return value;
  return exitWith(
    2,
    `--${name} is ${cliOptions[name]}, want a whole number from ${low} to ${high}`,
  );
}

function toHostOptions(cliOptions: CliOptions): HostOptions {
  return {
    port: readWholeNumber(cliOptions, "port", 0, 65_535),
    leaseSeconds: readWholeNumber(cliOptions, "lease-seconds", 15, 60),
    invisibilityMs: readWholeNumber(cliOptions, "invisibility-seconds", 1, 604_800) * secondMs,
    address: cliOptions.address,
    root: resolve(cliOptions.root),
    enableAuth: cliOptions["enable-auth"],
    chunkedBodies: cliOptions["read-chunked"] ? "read" : "empty",
    log: createConsoleLog(),
    onOverrun: exitOnOverrun,
    ...(cliOptions.entry === undefined ? {} : { entry: cliOptions.entry }),
    ...(cliOptions.functions === undefined
      ? {}
      : { functions: cliOptions.functions.split(",").map((name) => name.trim()) }),
    ...(cliOptions.principal === undefined
      ? {}
      : {
          principal: createPrincipalHeaders(
            cliOptions.principal,
            cliOptions.roles.split(",").filter((role) => role !== ""),
          ),
        }),
  };
}

/**
 * The platform ends the worker process on an overrun; here worker and host are one, so this process
 * ends.
 */
function exitOnOverrun(func: RegisteredFunction): void {
  setImmediate(() =>
    exitWith(
      1,
      `functionTimeout was overrun by ${func.name}: the platform ends the process, and so does this host.`,
    ),
  );
}

/**
 * An unhandled rejection ends the worker process on the platform, and with it the calls in flight.
 */
function exitOnStrayErrors(): void {
  process.on("unhandledRejection", (error) =>
    exitWith(1, `Unhandled rejection, the process ends: ${describeError(error)}`),
  );
  process.on("uncaughtException", (error) =>
    exitWith(1, `Uncaught exception, the process ends: ${describeError(error)}`),
  );
}

function printFunctions({ url, app, keys }: Host): void {
  console.log(`\nFunctions of ${app.root}:\n`);
  for (const func of app.functions)
    console.log(
      `  ${func.name}${func.isDisabled ? " (disabled)" : ""}: ${describeTrigger(func, url)}`,
    );
  for (const { name, reason } of app.refused) console.log(`  ${name}: NOT SERVED, ${reason}`);
  if (keys)
    console.log(`\nKeys are asked for; they are in ${join(app.root, ".huntline/keys.json")}.`);
  console.log("");
}

function describeTrigger({ trigger }: RegisteredFunction, url: string): string {
  if (trigger.kind === "http")
    return `[${trigger.methods.join(",") || "any method"}] ${url}/${trigger.template}`;
  return trigger.kind === "timer" ? `timer ${trigger.declared}` : `queue ${trigger.declared}`;
}

/**
 * Stops on a signal; a second Ctrl+C ends the host at once. Only SIGINT counts for that: the parent
 * process may send SIGTERM together with the terminal's SIGINT, in either order.
 */
function stopOnSignals(host: Host): void {
  let stopping: Promise<void> | undefined;
  let interrupts = 0;
  const stopHost = (): void => {
    stopping ??= host.stop().then((cutOff) => {
      if (cutOff > 0)
        process.stderr.write(`${cutOff} calls were still running and were cut off.\n`);
      process.exit(0);
    });
  };
  process.on("SIGTERM", stopHost).on("SIGINT", () => {
    interrupts += 1;
    if (interrupts > 1) exitWith(130, "Stopped at once.");
    stopHost();
  });
  // The parent process has ended, so no process would stop this host.
  process.on("disconnect", stopHost);
}

async function main(): Promise<void> {
  const cliOptions = parseOrExit();
  if (cliOptions.help) return console.log(usage);
  exitOnStrayErrors();
  const options = toHostOptions(cliOptions);
  try {
    if (!cliOptions["no-local-settings"])
      process.env = { ...readLocalSettings(resolve(cliOptions.root)), ...process.env };
    const host = await startHost(options);
    stopOnSignals(host);
    printFunctions(host);
    const { url, keys, app } = host;
    process.send?.({
      ready: { url, keys, functions: app.functions.map(({ name }) => name), refused: app.refused },
    });
  } catch (error) {
    exitWith(1, `The host did not start: ${describeError(error)}`);
  }
}

await main();
