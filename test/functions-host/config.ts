/** host.json, read once, with `AzureFunctionsJobHost__…` settings laid over it. */
import { readFileSync } from "node:fs";
import { availableParallelism } from "node:os";
import { join } from "node:path";
import type { Level } from "./protocol.ts";
import type { Env } from "./substitute-settings.ts";

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
  const flat = flattenConfig(readHostFile(root));
  for (const [name, value] of Object.entries(env)) applyOverride(flat, name, value);
  const reader = createReader(flat);
  if (reader.readText("version", "") !== "2.0")
    throw new Error('host.json: /version must be "2.0"');
  return {
    routePrefix: reader.readText("extensions/http/routePrefix", "api").replaceAll(/^\/+|\/+$/g, ""),
    functionTimeoutMs:
      reader.readText("functionTimeout", "") === "-1"
        ? Infinity
        : reader.readSpan("functionTimeout", "00:30:00"),
    queues: readQueueConfig(reader),
    logLevels: readLogLevels(flat),
    hasExtensionBundle: reader.readText("extensionBundle/id", "") !== "",
  };
}

function readQueueConfig(reader: ConfigReader): QueueConfig {
  const batchSize = reader.readWhole("extensions/queues/batchSize", 1, 32, 16);
  const threshold = Math.max(1, Math.floor(batchSize / 2)) * availableParallelism();
  const encoding = reader.readText("extensions/queues/messageEncoding", "base64").toLowerCase();
  if (encoding !== "base64" && encoding !== "none")
    throw new Error("host.json: /extensions/queues/messageEncoding must be base64 or none");
  return {
    batchSize,
    newBatchThreshold: reader.readWhole("extensions/queues/newBatchThreshold", 0, 1_000, threshold),
    maxDequeueCount: reader.readWhole("extensions/queues/maxDequeueCount", 1, 1_000, 5),
    visibilityTimeoutMs: reader.readSpan("extensions/queues/visibilityTimeout", "00:00:00"),
    maxPollingIntervalMs: Math.max(
      100,
      reader.readSpan("extensions/queues/maxPollingInterval", "00:01:00"),
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

function flattenConfig(value: unknown, path = "", flat: Flat = new Map()): Flat {
  if (typeof value !== "object" || value === null)
    flat.set(path, value === null ? "" : `${value as string | number | boolean}`);
  else
    for (const [key, inner] of Object.entries(value))
      flattenConfig(inner, join(path, key.toLowerCase()), flat);
  return flat;
}

const overridePrefix = /^AzureFunctionsJobHost(?:__|:)/i;

function applyOverride(flat: Flat, name: string, value: string | undefined): void {
  if (value === undefined || !overridePrefix.test(name)) return;
  const path = name.replace(overridePrefix, "").split(/__|:/).join("/").toLowerCase();
  flat.set(path, value);
}

interface ConfigReader {
  readonly readText: (path: string, fallback: string) => string;
  readonly readWhole: (path: string, min: number, max: number, fallback: number) => number;
  readonly readSpan: (path: string, fallback: string) => number;
}

function createReader(flat: Flat): ConfigReader {
  const readText: ConfigReader["readText"] = (path, fallback) =>
    flat.get(path.toLowerCase()) ?? fallback;
  return {
    readText,
    readWhole: (path, min, max, fallback) => {
      const value = Number(readText(path, String(fallback)));
      if (Number.isInteger(value) && value >= min && value <= max) return value;
      throw new Error(`host.json: /${path} must be a whole number from ${min} to ${max}`);
    },
    readSpan: (path, fallback) => {
      const value = parseTimeSpan(readText(path, fallback));
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

function readLogLevels(flat: Flat): Map<string, Level> {
  const prefix = "logging/loglevel/";
  const entries = [...flat].filter(([path]) => path.startsWith(prefix));
  return new Map(
    entries.map(([path, value]) => {
      const level = value.toLowerCase();
      if (!levelNames.includes(level))
        throw new Error(`host.json: /${path} must be one of ${levelNames.join(", ")}`);
      return [path.slice(prefix.length), level as Level];
    }),
  );
}
