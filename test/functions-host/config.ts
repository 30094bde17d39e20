/** host.json, read once, with `AzureFunctionsJobHost__…` settings laid over it. */
import { readFileSync } from "node:fs";
import { availableParallelism } from "node:os";
import { join } from "node:path";
import type { Level } from "./protocol.ts";
import type { Env } from "./substitute.ts";

export interface QueueConfig {
  /** Messages fetched at once, 1 to 32. */
  readonly batchSize: number;
  /** The next batch is fetched when no more than this many messages are being worked on. */
  readonly newBatchThreshold: number;
  readonly maxDequeueCount: number;
  /** How long a message that failed rests before the next attempt. */
  readonly visibilityTimeoutMs: number;
  readonly maxPollingIntervalMs: number;
  readonly messageEncoding: "base64" | "none";
}

export interface HostConfig {
  readonly routePrefix: string;
  /** Infinity when switched off by "-1". */
  readonly functionTimeoutMs: number;
  readonly queues: QueueConfig;
  /** Category prefix, lower case, to the least level shown. */
  readonly logLevels: ReadonlyMap<string, Level>;
  /** Without one, no trigger but HTTP and timers exists in Azure. */
  readonly hasExtensionBundle: boolean;
}

/**
 * @param root - folder of host.json
 * @throws Error naming the file, or the wrong value's place as a JSON pointer and the expected form
 */
export function readHostConfig(root: string, env: Env): HostConfig {
  const flat = flatten(readHostFile(root));
  for (const [name, value] of Object.entries(env)) overlay(flat, name, value);
  const read = readers(flat);
  if (read.text("version", "") !== "2.0") throw new Error('host.json: /version must be "2.0"');
  return {
    routePrefix: read.text("extensions/http/routePrefix", "api").replaceAll(/^\/+|\/+$/g, ""),
    functionTimeoutMs:
      read.text("functionTimeout", "") === "-1"
        ? Infinity
        : read.span("functionTimeout", "00:30:00"),
    queues: queueConfig(read),
    logLevels: logLevels(flat),
    hasExtensionBundle: read.text("extensionBundle/id", "") !== "",
  };
}

function queueConfig(read: Readers): QueueConfig {
  const batchSize = read.whole("extensions/queues/batchSize", 1, 32, 16);
  const threshold = Math.max(1, Math.floor(batchSize / 2)) * availableParallelism();
  const encoding = read.text("extensions/queues/messageEncoding", "base64").toLowerCase();
  if (encoding !== "base64" && encoding !== "none")
    throw new Error("host.json: /extensions/queues/messageEncoding must be base64 or none");
  return {
    batchSize,
    newBatchThreshold: read.whole("extensions/queues/newBatchThreshold", 0, 1_000, threshold),
    maxDequeueCount: read.whole("extensions/queues/maxDequeueCount", 1, 1_000, 5),
    visibilityTimeoutMs: read.span("extensions/queues/visibilityTimeout", "00:00:00"),
    maxPollingIntervalMs: Math.max(
      100,
      read.span("extensions/queues/maxPollingInterval", "00:01:00"),
    ),
    messageEncoding: encoding,
  };
}

function readHostFile(root: string): unknown {
  const file = join(root, "host.json");
  try {
    return JSON.parse(readFileSync(file, "utf8")) as unknown;
  } catch (error) {
    throw new Error(`cannot read ${file}; a function app's root has a host.json`, { cause: error });
  }
}

// The platform's configuration is a flat list of paths in any case; so is ours.
type Flat = Map<string, string>;

function flatten(value: unknown, path = "", into: Flat = new Map()): Flat {
  if (typeof value !== "object" || value === null)
    into.set(path, value === null ? "" : `${value as string | number | boolean}`);
  else
    for (const [key, inner] of Object.entries(value))
      flatten(inner, join(path, key.toLowerCase()), into);
  return into;
}

const overridePrefix = /^AzureFunctionsJobHost(?:__|:)/i;

function overlay(flat: Flat, name: string, value: string | undefined): void {
  if (value === undefined || !overridePrefix.test(name)) return;
  const path = name.replace(overridePrefix, "").split(/__|:/).join("/").toLowerCase();
  flat.set(path, value);
}

interface Readers {
  readonly text: (path: string, fallback: string) => string;
  readonly whole: (path: string, least: number, most: number, fallback: number) => number;
  readonly span: (path: string, fallback: string) => number;
}

function readers(flat: Flat): Readers {
  const text: Readers["text"] = (path, fallback) => flat.get(path.toLowerCase()) ?? fallback;
  return {
    text,
    whole: (path, least, most, fallback) => {
      const value = Number(text(path, String(fallback)));
      if (Number.isInteger(value) && value >= least && value <= most) return value;
      throw new Error(`host.json: /${path} must be a whole number from ${least} to ${most}`);
    },
    span: (path, fallback) => {
      const value = parseTimeSpan(text(path, fallback));
      if (value !== undefined) return value;
      throw new Error(`host.json: /${path} must be a time span such as 00:10:00`);
    },
  };
}

const timeSpan = /^(?:(\d+)\.)?(\d{1,2}):(\d{1,2})(?::(\d{1,2})(?:\.(\d{1,7}))?)?$/;

/** `[d.]hh:mm[:ss[.fffffff]]` in milliseconds; undefined when it is none. */
export function parseTimeSpan(text: string): number | undefined {
  const match = timeSpan.exec(text.trim());
  if (!match) return undefined;
  const [days, hours, minutes, seconds] = [match[1], match[2], match[3], match[4]].map((part) =>
    Number(part ?? 0),
  );
  if (days === undefined || hours === undefined || minutes === undefined || seconds === undefined)
    return undefined;
  if (hours > 23 || minutes > 59 || seconds > 59) return undefined;
  const fractionMs = Number(`0.${match[5] ?? "0"}`) * 1_000;
  return (((days * 24 + hours) * 60 + minutes) * 60 + seconds) * 1_000 + fractionMs;
}

const levelNames: readonly string[] = [
  "trace",
  "debug",
  "information",
  "warning",
  "error",
  "critical",
  "none",
];

function logLevels(flat: Flat): Map<string, Level> {
  const prefix = "logging/loglevel/";
  const found = [...flat].filter(([path]) => path.startsWith(prefix));
  return new Map(
    found.map(([path, value]) => {
      const level = value.toLowerCase();
      if (!levelNames.includes(level))
        throw new Error(`host.json: /${path} must be one of ${levelNames.join(", ")}`);
      return [path.slice(prefix.length), level as Level];
    }),
  );
}
