/**
 * Runs one hunt for days on a virtual clock: the module with its real client, HTTP pipeline and
 * quota against the simulator over HTTP, records and exports in memory, and a platform with a
 * timer, a queue that hides, redelivers and poisons messages, and any number of instances. Faults
 * are switched on and off.
 */
import { channel } from "node:diagnostics_channel";
import type { ClientRequest } from "node:http";
import { createGraphHunting } from "../../shared/clients/hunting/graph.ts";
import { createDefenderHunting } from "../../shared/clients/hunting/defender.ts";
import { compileHunt } from "../../shared/kql/compile/compile-hunt.ts";
import { handleRunMessage } from "../../shared/hunts/run/handle-run-message.ts";
import type { HuntDeps } from "../../shared/hunts/ports.ts";
import { enqueueUnlessWaiting } from "../../shared/hunts/overdue-hunts.ts";
import type { CompiledHunt } from "../../shared/contracts/compiled-hunt.ts";
import type { HuntRun } from "../../shared/contracts/hunt-run.ts";
import { createApiClient } from "../../shared/http-pipeline/send.ts";
import { createQuota } from "../../shared/http-pipeline/quota/shared-quota.ts";
import { createBearerAuthorizer, cacheToken } from "../../shared/http-pipeline/token.ts";
import { UpstreamError } from "../../shared/http-pipeline/upstream-error.ts";
import { hourMs, minuteMs, secondMs, type Clock } from "../../shared/runtime/time.ts";
import {
  memoryExports,
  type ExportOperation,
  type MemoryExports,
} from "../support/memory-exports.ts";
import { createMemoryRecords, type MemoryRecords } from "../support/memory-records.ts";
import { createVirtualClock, type VirtualClock } from "../support/virtual-clock.ts";
import { fetchToken } from "../simulator/caller.ts";
import { parseBehaviors } from "../simulator/behaviors.ts";
import { startSimulator, type Simulator } from "../simulator/simulator.ts";
import { checkExports, watchedQuery, type ExportCheck } from "./hunt-export-check.ts";

/** Current outages; a fault sets and clears them. */
export interface Outages {
  /** Blobs and queues: one account. */
  storage: boolean;
  /** The token endpoint, or the vault with its secret. */
  tokens: boolean;
  /**
   * True when answers may never come: time then passes without them. Else it waits for each answer.
   */
  wire: boolean;
}

interface QueuedMessage {
  readonly body: HuntRun;
  visibleMs: number;
  deliveries: number;
}

/** Changes the dependencies of one instance. */
export type DepsChange = (deps: HuntDeps) => HuntDeps;

export interface Platform {
  readonly clock: VirtualClock;
  readonly simulator: Simulator;
  readonly exports: MemoryExports;
  readonly records: MemoryRecords;
  readonly outages: Outages;
  /** The deployed hunt. */
  hunt: CompiledHunt;
  /** Event and fields of every log line, in order. */
  readonly logLines: {
    readonly event: string;
    readonly fields: Readonly<Record<string, unknown>>;
  }[];
  /** Messages that the platform moved to the poison queue. */
  readonly poisoned: HuntRun[];
  /** Fires the timer; false when storage is down. */
  readonly fireTimer: () => Promise<boolean>;
  /** Puts a run message on the queue. */
  readonly enqueue: (message: Partial<HuntRun>, copies?: number) => void;
  /** Runs for `ms`; the timer fires each hour by default. */
  readonly runFor: (ms: number, options?: RunForOptions) => Promise<void>;
  readonly checkExports: () => ExportCheck;
}

interface RunForOptions {
  readonly timers?: boolean;
  /** How often an instance polls the queue, in milliseconds. */
  readonly pollMs?: number;
  /** The service, and another address for it. */
  readonly api?: "graph" | "defender";
  readonly baseUrl?: string;
  /** The hunt of each instance. @default the platform's hunt */
  readonly hunts?: readonly CompiledHunt[];
  /** One change for each instance; the last one applies to the others. @default 1 instance */
  readonly instances?: number;
  readonly changes?: readonly DepsChange[];
  /** The error of each instance's clock, in milliseconds. */
  readonly skewsMs?: readonly number[];
}

export interface PlatformOptions {
  readonly query?: string;
  readonly beforeExports?: (operation: ExportOperation, platform: Platform) => void;
  readonly afterExports?: (operation: ExportOperation) => void;
}

/**
 * Work in progress; the clock does not move while a token request, which `node:http` does not
 * report, is open.
 */
interface RunCounts {
  active: number;
  tokenRequests: number;
}

/** A simulator on a virtual clock, for one platform after another. */
export interface SharedSimulator {
  readonly outages: Outages;
  /** Runs and token requests in progress. */
  readonly runs: RunCounts;
  readonly clock: VirtualClock;
  readonly simulator: Simulator;
  readonly stop: () => Promise<void>;
}

/** 2026-03-02T08:00:00Z, a Monday. */
const platformStartMs = Date.UTC(2026, 2, 2, 8);
const redeliveryMs = 10 * minuteMs;
const defaultPollMs = 5 * secondMs;
const maxDeliveries = 5;
const createStorageError = (): UpstreamError =>
  new UpstreamError("unavailable", "storage: read failed (503 ServerBusy)", {
    api: "storage",
    status: 503,
  });

export async function startSharedSimulator(): Promise<SharedSimulator> {
  const outages: Outages = { storage: false, tokens: false, wire: false };
  const runs: RunCounts = { active: 0, tokenRequests: 0 };
  const wireWatch = watchWire(outages, runs);
  const clock = createVirtualClock(platformStartMs, wireWatch.waitUntilIdle);
  const dataset = {
    eventsPerHour: { DeviceProcessEvents: 30 },
    startMs: platformStartMs - 40 * 24 * hourMs,
  };
  const simulator = await startSimulator({ dataset, clock });
  return {
    clock,
    outages,
    runs,
    simulator,
    stop: async () => {
      wireWatch.stop();
      await simulator.stop();
    },
  };
}

/** Creates a new account and hunt; the simulator forgets faults, behaviors and quotas. */
export async function createPlatform(
  { clock, outages, runs, simulator }: SharedSimulator,
  options: PlatformOptions = {},
): Promise<Platform> {
  const { afterExports, beforeExports, query = watchedQuery } = options;
  simulator.faults.clear();
  simulator.changeBehaviors(parseBehaviors({}));
  await clock.advance(25 * hourMs);
  clearOutages(outages);
  const assertStorageUp = (): void => {
    if (outages.storage) throw createStorageError();
  };
  const exports = memoryExports({
    clock,
    before: (operation) => {
      assertStorageUp();
      beforeExports?.(operation, platform);
    },
    ...(afterExports ? { after: afterExports } : {}),
  });
  const records = createMemoryRecords({ clock, before: assertStorageUp });
  const queue: QueuedMessage[] = [];
  const logLines: Platform["logLines"] = [];
  const poisoned: HuntRun[] = [];
  const logEvent = (event: string, fields: Readonly<Record<string, unknown>> = {}): void =>
    void logLines.push({ event, fields });

  /**
   * Creates the dependencies of one instance with its own clock, rate limiter, token and client.
   */
  const createDeps = (
    ownClock: Clock,
    api: "graph" | "defender",
    baseUrl = simulator.urls[api],
  ): HuntDeps => {
    const limits = [
      { calls: 45, perMs: minuteMs },
      { calls: 1_500, perMs: hourMs },
    ];
    const nextRandom = (): number => 0.5;
    const quota = createQuota({
      api: "hunting",
      store: records,
      clock: ownClock,
      log: logEvent,
      limits,
      share: 0.5,
      random: nextRandom,
    });
    const issueToken = async () => {
      if (outages.tokens)
        throw new UpstreamError("unavailable", "entra: no token was issued", { api: "entra" });
      runs.tokenRequests += 1;
      const token = await fetchToken(simulator, api).finally(() => (runs.tokenRequests -= 1));
      return { token, expiresMs: ownClock.now() + hourMs };
    };
    const authorizer = createBearerAuthorizer(cacheToken(issueToken, ownClock));
    const client = createApiClient({
      api: "hunting",
      baseUrl,
      authorizer,
      quota,
      clock: ownClock,
      log: logEvent,
      random: nextRandom,
    });
    let attempts = 0;
    return {
      tenant: "default",
      hunting: (api === "graph" ? createGraphHunting : createDefenderHunting)({
        client,
        quota,
        clock: ownClock,
      }),
      exports,
      records,
      queues: {
        send: async (name, message, { delaySeconds = 0 } = {}) => {
          assertStorageUp();
          // The port takes any object; this queue gets run messages.
          if (name === "hunt-runs") putMessage(message as HuntRun, delaySeconds * secondMs);
        },
      },
      logEvent,
      failpoint: () => undefined,
      nowMs: ownClock.now,
      createAttemptId: () => `${instanceCount}-${(attempts += 1)}`,
      createPortalLink: () => "",
      findFileStatistics: async () => new Map(),
    };
  };
  let instanceCount = 0;
  const putMessage = (message: HuntRun, delayMs: number): void =>
    void queue.push({ body: message, visibleMs: clock.now() + delayMs, deliveries: 0 });

  const platform: Platform = {
    clock,
    simulator,
    exports,
    records,
    outages,
    logLines,
    poisoned,
    hunt: compileYaml(`query: ${query}\nqueryFrequency: 1h\nlookBack: PT4H\n`),
    fireTimer: () => {
      const queues = {
        send: async (_: string, message: object) => (
          assertStorageUp(),
          putMessage(message as HuntRun, 0)
        ),
      };
      return enqueueUnlessWaiting({ records, queues }, platform.hunt, "timer", {
        nowMs: clock.now(),
      }).catch(() => false);
    },
    enqueue: (message, copies = 1) => {
      const due = new Date(clock.now()).toISOString();
      for (let copy = 0; copy < copies; copy += 1)
        putMessage({ hunt: platform.hunt.name, reason: "timer", scheduledFor: due, ...message }, 0);
    },
    runFor: async (ms, options = {}) => {
      const {
        api = "graph",
        changes = [],
        hunts = [],
        instances = 1,
        skewsMs = [],
        timers = true,
      } = options;
      const untilMs = clock.now() + ms;
      const runTimers = async (): Promise<void> => {
        while (clock.now() < untilMs) {
          await platform.fireTimer();
          await clock.sleep(Math.min(hourMs, untilMs - clock.now()));
        }
      };
      const runInstance = async (index: number): Promise<void> => {
        instanceCount += 1;
        const change = changes[Math.min(index, changes.length - 1)] ?? ((deps: HuntDeps) => deps);
        const deps = change(
          createDeps(clock.createShiftedClock(skewsMs[index] ?? 0), api, options.baseUrl),
        );
        const hunt = hunts[index] ?? platform.hunt;
        while (clock.now() < untilMs) {
          const message = outages.storage
            ? undefined
            : queue.find(({ visibleMs }) => visibleMs <= clock.now());
          if (message) await handleMessage(message, deps, hunt);
          else await clock.sleep(Math.min(options.pollMs ?? defaultPollMs, untilMs - clock.now()));
        }
      };
      await clock.run(
        Promise.all([
          timers && runTimers(),
          ...Array.from({ length: instances }, (_, index) => runInstance(index)),
        ]),
      );
    },
    checkExports: () => {
      const files = exports
        .listAll()
        .map(({ lines, metadata, path }) => ({ path, lines, metadata: { ...metadata } }));
      return checkExports(simulator, files, clock.now(), query);
    },
  };

  /**
   * Handles a message as the platform does: hidden during work, five deliveries, a minute after a
   * failure.
   */
  const handleMessage = async (
    message: QueuedMessage,
    deps: HuntDeps,
    hunt: CompiledHunt,
  ): Promise<void> => {
    message.visibleMs = clock.now() + redeliveryMs;
    message.deliveries += 1;
    runs.active += 1;
    const isDone = await handleRunMessage(deps, hunt, message.body).then(
      () => true,
      () => false,
    );
    runs.active -= 1;
    if (!isDone) message.visibleMs = clock.now() + minuteMs;
    if (!isDone && message.deliveries >= maxDeliveries) poisoned.push(message.body);
    if (isDone || message.deliveries >= maxDeliveries) queue.splice(queue.indexOf(message), 1);
  };
  return platform;
}

/** Ends all outages. */
export const clearOutages = (outages: Outages): void =>
  void Object.assign(outages, { storage: false, tokens: false, wire: false });

function compileYaml(yaml: string): CompiledHunt {
  const { hunt, problems } = compileHunt("watched.yaml", "watched", yaml);
  if (!hunt) throw new Error(JSON.stringify(problems));
  return hunt;
}

/**
 * Rounds of the event loop without an event after which a run without requests counts as sleeping
 * and an open request as hanging; fewer once it does.
 */
const rounds = { first: 60, later: 4 } as const;

/** Counts open requests through Node's diagnostics channels. */
function watchWire(outages: Outages, runs: Readonly<RunCounts>) {
  const openRequests = new Set<ClientRequest>();
  let [eventCount, quietAt] = [0, -1];
  const trackRequest = (message: unknown): void => {
    const { request } = message as { readonly request: ClientRequest };
    openRequests.add(request);
    eventCount += 1;
    request.once("close", () => {
      openRequests.delete(request);
      eventCount += 1;
    });
  };
  const subscriptions = [
    ["http.client.request.created", trackRequest],
    ["http.client.response.finish", () => void (eventCount += 1)],
  ] as const;
  for (const [name, listener] of subscriptions) channel(name).subscribe(listener);
  return {
    /** Resolves when no run is in progress, or all of them wait for the clock. */
    waitUntilIdle: async () => {
      for (let silentRounds = 0; openRequests.size > 0 || runs.active > 0; silentRounds += 1) {
        const previous = eventCount;
        await new Promise((resolve) => setTimeout(resolve, 1));
        if (eventCount !== previous) silentRounds = 0;
        const minRounds = eventCount === quietAt ? rounds.later : rounds.first;
        const isQuiet = runs.tokenRequests === 0 && silentRounds >= minRounds;
        if (isQuiet && (openRequests.size === 0 || outages.wire))
          return void (quietAt = eventCount);
      }
    },
    stop: () => {
      for (const [name, listener] of subscriptions) channel(name).unsubscribe(listener);
    },
  };
}
