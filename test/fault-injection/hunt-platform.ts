/**
 * A day in the life of one hunt on a virtual clock: the room with its real client, pipe and quota towards a simulated
 * tenant over HTTP, records and exports in memory, and the platform around it: a timer, a queue that hides, redelivers
 * and poisons, and as many instances as wanted. Hours take milliseconds; what goes wrong is switched on and off.
 */
import { channel } from "node:diagnostics_channel";
import type { ClientRequest } from "node:http";
import { graphHunting } from "../../shared/clients/hunting/graph.ts";
import { defenderHunting } from "../../shared/clients/hunting/defender.ts";
import { compileHunt } from "../../shared/kql/compile/compile-hunt.ts";
import { carryOut } from "../../shared/hunts/run/handle-run-message.ts";
import type { HuntPorts } from "../../shared/hunts/ports.ts";
import { enqueueUnlessWaiting } from "../../shared/hunts/views.ts";
import type { CompiledHunt } from "../../shared/contracts/compiled-hunt.ts";
import type { HuntRun } from "../../shared/contracts/hunt-run.ts";
import { openPipe } from "../../shared/http-pipeline/send.ts";
import { openQuota } from "../../shared/http-pipeline/quota/shared-quota.ts";
import { bearer, keptToken } from "../../shared/http-pipeline/token.ts";
import { UpstreamError } from "../../shared/http-pipeline/upstream-error.ts";
import { hourMs, minuteMs, secondMs, type Clock } from "../../shared/runtime/time.ts";
import {
  memoryExports,
  type ExportOperation,
  type MemoryExports,
} from "../support/memory-exports.ts";
import { memoryRecords, type MemoryRecords } from "../support/memory-records.ts";
import { virtualClock, type VirtualClock } from "../support/virtual-clock.ts";
import { tokenFor } from "../simulator/caller.ts";
import { readSwitches } from "../simulator/behaviors.ts";
import { startTenant, type Tenant } from "../simulator/simulator.ts";
import { judge, watchedQuery, type Judgement } from "./hunt-judgement.ts";

/** What is down right now; a fault sets and clears it. */
export interface Down {
  /** Blobs and, as they are one account, queues. */
  storage: boolean;
  /** The token endpoint, or the vault that holds the secret for it. */
  tokens: boolean;
  /** Answers may never come: time goes on without them. Else it stands still while one is awaited. */
  wire: boolean;
}

interface Message {
  readonly order: HuntRun;
  visibleMs: number;
  deliveries: number;
}

/** A change of what one instance sees of the outside. */
export type Change = (ports: HuntPorts) => HuntPorts;

export interface Platform {
  readonly clock: VirtualClock;
  readonly tenant: Tenant;
  readonly exports: MemoryExports;
  readonly records: MemoryRecords;
  readonly down: Down;
  /** The hunt as it is deployed. */
  hunt: CompiledHunt;
  /** `event` and fields of every line, in order. */
  readonly told: { readonly event: string; readonly fields: Readonly<Record<string, unknown>> }[];
  /** Messages given up by the platform. */
  readonly poisoned: HuntRun[];
  /** What the timer does when it fires: false when storage kept it from that. */
  readonly timer: () => Promise<boolean>;
  /** Puts an order on the queue as it is. */
  readonly send: (order: Partial<HuntRun>, copies?: number) => void;
  /** Runs for so long, the timer firing each hour unless told otherwise. */
  readonly pass: (ms: number, options?: PassOptions) => Promise<void>;
  readonly judge: () => Judgement;
}

export interface PassOptions {
  readonly timers?: boolean;
  /** How often an instance looks at the queue, ms. */
  readonly pollMs?: number;
  /** The back-end, and another address for it. */
  readonly api?: "graph" | "defender";
  readonly baseUrl?: string;
  /** Deployed on each instance; the platform's own when absent. */
  readonly hunts?: readonly CompiledHunt[];
  /** Default 1. One change for each instance; the last one goes for the rest. */
  readonly instances?: number;
  readonly changes?: readonly Change[];
  /** By how much the clock of each instance is wrong, ms. */
  readonly skews?: readonly number[];
}

export interface PlatformOptions {
  readonly query?: string;
  readonly beforeExports?: (operation: ExportOperation, platform: Platform) => void;
  readonly afterExports?: (operation: ExportOperation) => void;
}

/** A tenant on a virtual clock, for one platform after another. */
export interface Stage {
  readonly down: Down;
  /** How many runs are under way. */
  readonly runs: { active: number };
  readonly clock: VirtualClock;
  readonly tenant: Tenant;
  readonly end: () => Promise<void>;
}

/** 2026-03-02T08:00:00Z, a Monday. */
const morningMs = Date.UTC(2026, 2, 2, 8);
const redeliveryMs = 10 * minuteMs;
const usualPollMs = 5 * secondMs;
const mostDeliveries = 5;
const storageAway = (): UpstreamError =>
  new UpstreamError("unavailable", "storage: read failed (503 ServerBusy)", {
    api: "storage",
    status: 503,
  });

export async function openStage(): Promise<Stage> {
  const down: Down = { storage: false, tokens: false, wire: false };
  const runs = { active: 0 };
  const wire = watchWire(down, runs);
  const clock = virtualClock(morningMs, wire.idle);
  const world = {
    eventsPerHour: { DeviceProcessEvents: 30 },
    startMs: morningMs - 40 * 24 * hourMs,
  };
  const tenant = await startTenant({ world, clock });
  return {
    clock,
    down,
    runs,
    tenant,
    end: async () => {
      wire.stop();
      await tenant.stop();
    },
  };
}

/** A fresh account and a hunt on a stage that nobody else is on; the tenant forgets faults, switches and quotas. */
export async function openPlatform(
  { clock, down, runs, tenant }: Stage,
  options: PlatformOptions = {},
): Promise<Platform> {
  const { afterExports, beforeExports, query = watchedQuery } = options;
  tenant.faults.clear();
  tenant.change(readSwitches({}));
  await clock.advance(25 * hourMs);
  restore(down);
  const store = (): void => {
    if (down.storage) throw storageAway();
  };
  const exports = memoryExports({
    clock,
    before: (operation) => {
      store();
      beforeExports?.(operation, platform);
    },
    ...(afterExports ? { after: afterExports } : {}),
  });
  const records = memoryRecords({ clock, before: store });
  const queue: Message[] = [];
  const told: Platform["told"] = [];
  const poisoned: HuntRun[] = [];
  const log = (event: string, fields: Readonly<Record<string, unknown>> = {}): void =>
    void told.push({ event, fields });

  /** One instance's ports: its own clock, quota ledger, token and pipe. */
  const portsOf = (
    own: Clock,
    api: "graph" | "defender",
    baseUrl = tenant.urls[api],
  ): HuntPorts => {
    const limits = [
      { calls: 45, perMs: minuteMs },
      { calls: 1_500, perMs: hourMs },
    ];
    const random = (): number => 0.5;
    const quota = openQuota({
      api: "hunting",
      store: records,
      clock: own,
      log,
      limits,
      share: 0.5,
      random,
    });
    const issue = async () => {
      if (down.tokens)
        throw new UpstreamError("unavailable", "entra: no token was issued", { api: "entra" });
      return { token: await tokenFor(tenant, api), expiresMs: own.now() + hourMs };
    };
    const authorise = bearer(keptToken(issue, own));
    const pipe = openPipe({ api: "hunting", baseUrl, authorise, quota, clock: own, log, random });
    let attempts = 0;
    return {
      hunting: (api === "graph" ? graphHunting : defenderHunting)({ pipe, quota, clock: own }),
      exports,
      records,
      queues: {
        send: async (name, message, { delaySeconds = 0 } = {}) => {
          store();
          // The room's own type says which message this queue gets.
          if (name === "hunt-runs") put(message as HuntRun, delaySeconds * secondMs);
        },
      },
      log,
      reach: () => undefined,
      nowMs: own.now,
      attemptId: () => `${lives}-${(attempts += 1)}`,
      portalLink: () => "",
      enrich: async () => new Map(),
    };
  };
  let lives = 0;
  const put = (order: HuntRun, delayMs: number): void =>
    void queue.push({ order, visibleMs: clock.now() + delayMs, deliveries: 0 });

  const platform: Platform = {
    clock,
    tenant,
    exports,
    records,
    down,
    told,
    poisoned,
    hunt: compiled(`query: ${query}\nqueryFrequency: 1h\nlookBack: PT4H\n`),
    timer: () => {
      const queues = {
        send: async (_: string, message: object) => (store(), put(message as HuntRun, 0)),
      };
      return enqueueUnlessWaiting({ records, queues }, platform.hunt, "timer", clock.now()).catch(
        () => false,
      );
    },
    send: (order, copies = 1) => {
      const due = new Date(clock.now()).toISOString();
      for (let copy = 0; copy < copies; copy += 1)
        put({ hunt: platform.hunt.name, reason: "timer", scheduledFor: due, ...order }, 0);
    },
    pass: async (ms, options = {}) => {
      const {
        api = "graph",
        changes = [],
        hunts = [],
        instances = 1,
        skews = [],
        timers = true,
      } = options;
      const untilMs = clock.now() + ms;
      const timing = async (): Promise<void> => {
        while (clock.now() < untilMs) {
          await platform.timer();
          await clock.sleep(Math.min(hourMs, untilMs - clock.now()));
        }
      };
      const instance = async (index: number): Promise<void> => {
        lives += 1;
        const change =
          changes[Math.min(index, changes.length - 1)] ?? ((ports: HuntPorts) => ports);
        const ports = change(portsOf(clock.shifted(skews[index] ?? 0), api, options.baseUrl));
        const hunt = hunts[index] ?? platform.hunt;
        while (clock.now() < untilMs) {
          const message = down.storage
            ? undefined
            : queue.find(({ visibleMs }) => visibleMs <= clock.now());
          if (message) await work(message, ports, hunt);
          else await clock.sleep(Math.min(options.pollMs ?? usualPollMs, untilMs - clock.now()));
        }
      };
      await clock.run(
        Promise.all([
          timers && timing(),
          ...Array.from({ length: instances }, (_, index) => instance(index)),
        ]),
      );
    },
    judge: () => {
      const seen = exports
        .all()
        .map(({ lines, metadata, path }) => ({ path, lines, metadata: { ...metadata } }));
      return judge(tenant, seen, clock.now(), query);
    },
  };

  /** As the platform does: hidden while worked on, gone after success, back a minute after a failure, five times. */
  const work = async (message: Message, ports: HuntPorts, hunt: CompiledHunt): Promise<void> => {
    message.visibleMs = clock.now() + redeliveryMs;
    message.deliveries += 1;
    runs.active += 1;
    const done = await carryOut(ports, hunt, message.order).then(
      () => true,
      () => false,
    );
    runs.active -= 1;
    if (!done) message.visibleMs = clock.now() + minuteMs;
    if (!done && message.deliveries >= mostDeliveries) poisoned.push(message.order);
    if (done || message.deliveries >= mostDeliveries) queue.splice(queue.indexOf(message), 1);
  };
  return platform;
}

/** Nothing is down any more. */
export const restore = (down: Down): void =>
  void Object.assign(down, { storage: false, tokens: false, wire: false });

function compiled(yaml: string): CompiledHunt {
  const { hunt, problems } = compileHunt("watched.yaml", "watched", yaml);
  if (!hunt) throw new Error(JSON.stringify(problems));
  return hunt;
}

/**
 * Rounds of the event loop without news after which a run that asks nothing is taken to sleep, and a request that is
 * under way to hang; fewer once it does.
 */
const rounds = { first: 60, later: 4 } as const;

/** Counts the requests that are under way, by what Node itself tells of them. */
function watchWire(down: Down, runs: { readonly active: number }) {
  const open = new Set<ClientRequest>();
  let [news, quietAt] = [0, -1];
  const begin = (message: unknown): void => {
    const { request } = message as { readonly request: ClientRequest };
    open.add(request);
    news += 1;
    request.once("close", () => {
      open.delete(request);
      news += 1;
    });
  };
  const heard = [
    ["http.client.request.created", begin],
    ["http.client.response.finish", () => void (news += 1)],
  ] as const;
  for (const [name, listener] of heard) channel(name).subscribe(listener);
  return {
    /** Resolves when no run is under way, or all of them wait for the clock. */
    idle: async () => {
      for (let silent = 0; open.size > 0 || runs.active > 0; silent += 1) {
        const before = news;
        await new Promise((resolve) => setTimeout(resolve, 1));
        if (news !== before) silent = 0;
        const isQuiet = silent >= (news === quietAt ? rounds.later : rounds.first);
        if (isQuiet && (open.size === 0 || down.wire)) return void (quietAt = news);
      }
    },
    stop: () => {
      for (const [name, listener] of heard) channel(name).unsubscribe(listener);
    },
  };
}
