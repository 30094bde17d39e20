/**
 * The local Functions host as a program: `node test/functions-host/serve.ts`. Serves the built app of a folder until Ctrl+C.
 * Started as a child process with a message channel, it sends `{ ready }` over it.
 */
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { secondMs } from "../../shared/runtime/time.ts";
import { startHost, type Host, type HostOptions } from "./host.ts";
import type { Door } from "./indexing.ts";
import { describe, toConsole } from "./lines.ts";
import { readLocalSettings } from "./local-settings.ts";
import { principalHeaders } from "./principal.ts";

const usage = `node test/functions-host/serve.ts [options]
  --port <n>           7071 by default; 0 for any free one
  --address <a>        127.0.0.1 by default
  --root <folder>      where host.json and package.json are; the current folder by default
  --entry <file>       in place of package.json's "main"
  --functions <a,b>    serve only these
  --enable-auth        ask for function keys; they are made once, in .huntline/keys.json
  --principal <name>   pretend that this user has signed in at the front end
  --read-chunked       give functions the body of a chunked request; the platform does not
  --no-local-settings  do not read local.settings.json
  --lease-seconds <n>  length of a timer's lease, 15 to 60; 60 by default, as on the platform
  --invisibility-seconds <n>  how long a fetched queue message stays invisible, renewed at half time;
                       600 by default, as on the platform: so long a message rests when the host is killed`;

function parse(): ReturnType<typeof parseArguments> {
  try {
    return parseArguments();
  } catch (error) {
    return die(2, `${error instanceof Error ? error.message : String(error)}\n\n${usage}`);
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
      "read-chunked": { type: "boolean", default: false },
      "no-local-settings": { type: "boolean", default: false },
      "lease-seconds": { type: "string", default: "60" },
      "invisibility-seconds": { type: "string", default: "600" },
      help: { type: "boolean", default: false },
    },
  }).values;

function die(code: number, text: string): never {
  process.stderr.write(`${text}\n`);
  process.exit(code);
}

type Given = ReturnType<typeof parse>;

function whole(
  given: Given,
  name: "port" | "lease-seconds" | "invisibility-seconds",
  low: number,
  high: number,
): number {
  const value = Number(given[name]);
  if (Number.isInteger(value) && value >= low && value <= high) return value;
  return die(2, `--${name} is ${given[name]}, want a whole number from ${low} to ${high}`);
}

function hostOptions(given: Given): HostOptions {
  return {
    port: whole(given, "port", 0, 65_535),
    leaseSeconds: whole(given, "lease-seconds", 15, 60),
    invisibilityMs: whole(given, "invisibility-seconds", 1, 604_800) * secondMs,
    address: given.address,
    root: resolve(given.root),
    enableAuth: given["enable-auth"],
    chunkedBodies: given["read-chunked"] ? "read" : "empty",
    log: toConsole(),
    onOverrun: endOverrun,
    ...(given.entry === undefined ? {} : { entry: given.entry }),
    ...(given.functions === undefined
      ? {}
      : { functions: given.functions.split(",").map((name) => name.trim()) }),
    ...(given.principal === undefined ? {} : { principal: principalHeaders(given.principal) }),
  };
}

/** The platform ends the worker process on an overrun; here worker and host are one, so this process ends. */
function endOverrun(door: Door): void {
  setImmediate(() =>
    die(
      1,
      `functionTimeout was overrun by ${door.name}: the platform ends the process, and so does this host.`,
    ),
  );
}

/** A rejection nobody handles ends the worker process on the platform; the calls in flight die with it. */
function endOnStrayErrors(): void {
  process.on("unhandledRejection", (error) =>
    die(1, `Unhandled rejection, the process ends: ${describe(error)}`),
  );
  process.on("uncaughtException", (error) =>
    die(1, `Uncaught exception, the process ends: ${describe(error)}`),
  );
}

function printDoors({ url, app, keys }: Host): void {
  console.log(`\nFunctions of ${app.root}:\n`);
  for (const door of app.doors)
    console.log(`  ${door.name}${door.disabled ? " (disabled)" : ""}: ${place(door, url)}`);
  for (const { name, reason } of app.refused) console.log(`  ${name}: NOT SERVED, ${reason}`);
  if (keys)
    console.log(`\nKeys are asked for; they are in ${join(app.root, ".huntline/keys.json")}.`);
  console.log("");
}

function place({ trigger }: Door, url: string): string {
  if (trigger.kind === "http")
    return `[${trigger.methods.join(",") || "any method"}] ${url}/${trigger.template}`;
  return trigger.kind === "timer" ? `timer ${trigger.declared}` : `queue ${trigger.declared}`;
}

/**
 * A second Ctrl+C ends it at once. Only SIGINTs count for that: whoever started this host may well send SIGTERM along
 * with the terminal's SIGINT, in either order.
 */
function stopOnSignals(host: Host): void {
  let stopping: Promise<void> | undefined;
  let interrupts = 0;
  const stop = (): void => {
    stopping ??= host.stop().then((cutOff) => {
      if (cutOff > 0)
        process.stderr.write(`${cutOff} calls were still running and were cut off.\n`);
      process.exit(0);
    });
  };
  process.on("SIGTERM", stop).on("SIGINT", () => {
    interrupts += 1;
    if (interrupts > 1) die(130, "Stopped at once.");
    stop();
  });
  // Whoever started this host as a child is gone: nobody would stop it.
  process.on("disconnect", stop);
}

async function main(): Promise<void> {
  const given = parse();
  if (given.help) return console.log(usage);
  endOnStrayErrors();
  const options = hostOptions(given);
  try {
    if (!given["no-local-settings"])
      process.env = { ...readLocalSettings(resolve(given.root)), ...process.env };
    const host = await startHost(options);
    stopOnSignals(host);
    printDoors(host);
    const { url, keys, app } = host;
    process.send?.({
      ready: { url, keys, functions: app.doors.map(({ name }) => name), refused: app.refused },
    });
  } catch (error) {
    die(1, `The host did not start: ${describe(error)}`);
  }
}

await main();
