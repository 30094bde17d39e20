/**
 * The local Functions host as a program: `node test/host/serve.ts`. Serves the built app of a folder until Ctrl+C.
 * Started as a child process with a message channel, it sends `{ ready }` over it.
 */
import { existsSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { startHost, type Host, type HostOptions } from "./host.ts";
import type { Door } from "./indexing.ts";
import { describe, toConsole } from "./lines.ts";

const usage = `node test/host/serve.ts [options]
  --port <n>           7071 by default; 0 for any free one
  --address <a>        127.0.0.1 by default
  --root <folder>      where host.json and package.json are; the current folder by default
  --entry <file>       in place of package.json's "main"
  --functions <a,b>    serve only these
  --enable-auth        ask for function keys; they are made once, in .huntline/keys.json
  --principal <name>   pretend that this user has signed in at the front end
  --read-chunked       give functions the body of a chunked request; the platform does not
  --no-local-settings  do not read local.settings.json
  --lease-seconds <n>  length of a timer's lease, 15 to 60; 60 by default, as on the platform`;

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
      help: { type: "boolean", default: false },
    },
  }).values;

function die(code: number, text: string): never {
  process.stderr.write(`${text}\n`);
  process.exit(code);
}

/** `Values` of local.settings.json become settings where none is set; no value is ever printed. */
function readLocalSettings(root: string): void {
  const file = join(root, "local.settings.json");
  if (!existsSync(file)) return;
  const read = JSON.parse(readFileSync(file, "utf8")) as { IsEncrypted?: unknown; Values?: Record<string, unknown> };
  if (read.IsEncrypted === true)
    throw new Error(`${file} is encrypted; this host reads plain ones only ("IsEncrypted": false)`);
  for (const [name, value] of Object.entries(read.Values ?? {})) {
    if (!["string", "number", "boolean"].includes(typeof value))
      throw new Error(`${file}: /Values/${name} must be text`);
    process.env[name] ??= String(value);
  }
}

function hostOptions(given: ReturnType<typeof parse>): HostOptions {
  const port = Number(given.port);
  const leaseSeconds = Number(given["lease-seconds"]);
  if (!Number.isInteger(port) || port < 0 || port > 65_535) die(2, `--port is ${given.port}, want 0 to 65535`);
  if (!(leaseSeconds >= 15 && leaseSeconds <= 60)) die(2, `--lease-seconds is ${leaseSeconds}, want 15 to 60`);
  return {
    port,
    leaseSeconds,
    address: given.address,
    root: resolve(given.root),
    enableAuth: given["enable-auth"],
    chunkedBodies: given["read-chunked"] ? "read" : "empty",
    log: toConsole(),
    onOverrun: endOverrun,
    ...(given.entry === undefined ? {} : { entry: given.entry }),
    ...(given.functions === undefined ? {} : { functions: given.functions.split(",").map((name) => name.trim()) }),
    ...(given.principal === undefined ? {} : { principal: principalHeaders(given.principal) }),
  };
}

/** As the App Service front end writes them for somebody who signed in with Entra. */
function principalHeaders(name: string): [string, string][] {
  const claims = { auth_typ: "aad", name_typ: "name", role_typ: "roles", claims: [{ typ: "name", val: name }] };
  return [
    ["x-ms-client-principal", Buffer.from(JSON.stringify(claims)).toString("base64")],
    ["x-ms-client-principal-id", "00000000-0000-0000-0000-000000000001"],
    ["x-ms-client-principal-name", name],
    ["x-ms-client-principal-idp", "aad"],
  ];
}

/** The platform ends the worker process on an overrun; here worker and host are one, so this process ends. */
function endOverrun(door: Door): void {
  setImmediate(() =>
    die(1, `functionTimeout was overrun by ${door.name}: the platform ends the process, and so does this host.`),
  );
}

/** A rejection nobody handles ends the worker process on the platform; the calls in flight die with it. */
function endOnStrayErrors(): void {
  process.on("unhandledRejection", (error) => die(1, `Unhandled rejection, the process ends: ${describe(error)}`));
  process.on("uncaughtException", (error) => die(1, `Uncaught exception, the process ends: ${describe(error)}`));
}

function printDoors({ url, app, keys }: Host): void {
  console.log(`\nFunctions of ${app.root}:\n`);
  for (const door of app.doors) console.log(`  ${door.name}${door.disabled ? " (disabled)" : ""}: ${place(door, url)}`);
  for (const { name, reason } of app.refused) console.log(`  ${name}: NOT SERVED, ${reason}`);
  if (keys) console.log(`\nKeys are asked for; they are in ${join(app.root, ".huntline/keys.json")}.`);
  console.log("");
}

function place({ trigger }: Door, url: string): string {
  if (trigger.kind === "http") return `[${trigger.methods.join(",") || "any method"}] ${url}/${trigger.template}`;
  return trigger.kind === "timer" ? `timer ${trigger.declared}` : `queue ${trigger.declared}`;
}

function stopOnSignals(host: Host): void {
  let stopping = false;
  const stop = (): void => {
    if (stopping) die(130, "Stopped at once.");
    stopping = true;
    void host.stop().then((cutOff) => {
      if (cutOff > 0) process.stderr.write(`${cutOff} calls were still running and were cut off.\n`);
      process.exit(0);
    });
  };
  process.on("SIGINT", stop).on("SIGTERM", stop);
  // Whoever started this host as a child is gone: nobody would stop it.
  process.on("disconnect", stop);
}

async function main(): Promise<void> {
  const given = parse();
  if (given.help) return console.log(usage);
  endOnStrayErrors();
  const options = hostOptions(given);
  try {
    if (!given["no-local-settings"]) readLocalSettings(options.root ?? ".");
    const host = await startHost(options);
    stopOnSignals(host);
    printDoors(host);
    const { url, keys, app } = host;
    process.send?.({ ready: { url, keys, functions: app.doors.map(({ name }) => name), refused: app.refused } });
  } catch (error) {
    die(1, `The host did not start: ${describe(error)}`);
  }
}

await main();
