/**
 * Faults around a hunt, numbered as `guarantees.md` lists them. Each says what happens and what
 * must be observed, apart from no lost and no doubled row. Each runs on its own platform.
 */
import { ignoreLeases } from "../support/hunt-harness.ts";
import type { HuntDeps, RowSink } from "../../shared/hunts/ports.ts";
import { readHuntHealth } from "../../shared/hunts/hunt-health.ts";
import { startOverdueHunts } from "../../shared/hunts/overdue-hunts.ts";
import { dayMs, hourMs, minuteMs, secondMs, ticksFromMs } from "../../shared/runtime/time.ts";
import { createRandom } from "./scheduler.ts";
import {
  createPlatform,
  clearOutages,
  type DepsChange,
  type Platform,
  type PlatformOptions,
  type SharedSimulator,
} from "./hunt-platform.ts";
import type { ExportCheck } from "./hunt-export-check.ts";

/** One fault. */
export interface HuntFault {
  readonly id: string;
  /** Also runs in `npm test`. */
  readonly isQuick?: true;
  readonly options?: PlatformOptions;
  /** @returns a sentence for each expectation that did not hold */
  readonly inject: (platform: Platform) => Promise<readonly (string | false)[] | void>;
  /** Time without faults afterwards, for recovery. @default two hours */
  readonly recoveryMs?: number;
}

/** Plays a fault, ends it, waits for recovery and checks the exports. */
export async function runHuntFault(
  shared: SharedSimulator,
  fault: HuntFault,
): Promise<ExportCheck> {
  const platform = await createPlatform(shared, fault.options);
  const unexpected = (await fault.inject(platform)) ?? [];
  platform.simulator.faults.clear();
  clearOutages(platform.outages);
  await platform.runFor(fault.recoveryMs ?? 2 * hourMs, { pollMs: minuteMs });
  const check = platform.checkExports();
  const health = await readHuntHealth(platform, platform.hunt, platform.clock.now());
  const isStalled = (health.watermarkAgeSeconds ?? Infinity) > (80 * minuteMs) / secondMs;
  const violations = [
    ...check.violations,
    describeUnless(!isStalled, `the log has not advanced since ${health.watermark}`),
    ...unexpected,
    ...(platform.poisoned.length > 0 ? [`${platform.poisoned.length} messages were poisoned`] : []),
    ...(health.state === "ok" ? [] : [`the hunt is ${health.state}: ${health.reason}`]),
  ];
  return { ...check, violations: violations.filter((message) => message !== false) };
}

/** Returns the message unless the condition is met. */
const describeUnless = (isMet: boolean, message: string): string | false => !isMet && message;

const listOutcomes = (platform: Platform): unknown[] =>
  platform.logLines
    .filter(({ event }) => event === "hunt.run")
    .map(({ fields }) => fields["outcome"]);
const hasEvent = (platform: Platform, event: string): boolean =>
  platform.logLines.some((one) => one.event === event);
const listRequestTimes = (platform: Platform, sinceMs: number): number[] =>
  platform.simulator
    .listRequests({ api: "hunting" })
    .map(({ arrivedAtMs }) => arrivedAtMs)
    .filter((atMs) => atMs >= sinceMs);
const readState = async (platform: Platform): Promise<string> =>
  (await readHuntHealth(platform, platform.hunt, platform.clock.now())).state;

/** Replaces parts of the hunting port. */
const changeHunting =
  (change: (port: HuntDeps["hunting"]) => Partial<HuntDeps["hunting"]>): DepsChange =>
  (deps) => ({ ...deps, hunting: { ...deps.hunting, ...change(deps.hunting) } });

/** A client that knows the step of the service's row limits, but not the limit. */
const capRows = (rows: number): DepsChange =>
  changeHunting(() => ({ caps: { rows: 100_000, bytes: 1e9, roundRows: rows } }));

const unreachable = { kind: "reset", count: null } as const;

/** Runs for an hour without faults, then with a fault on the wire. */
const createWireFault =
  (
    fault: Parameters<Platform["simulator"]["faults"]["add"]>[0],
    durationMs: number,
    inspect?: (platform: Platform, sinceMs: number) => readonly (string | false)[],
  ) =>
  async (platform: Platform) => {
    await platform.runFor(hourMs);
    const sinceMs = platform.clock.now();
    platform.simulator.faults.add({ ...fault, api: "hunting" });
    platform.outages.wire = ["hang", "slow-body"].includes(fault.kind);
    await platform.runFor(durationMs);
    return inspect?.(platform, sinceMs);
  };

const createOutage =
  (target: "storage" | "tokens", durationMs: number) => async (platform: Platform) => {
    await platform.runFor(hourMs);
    platform.outages[target] = true;
    await platform.runFor(durationMs, { pollMs: minuteMs });
  };

const expectNoFailure = (platform: Platform): readonly (string | false)[] => [
  describeUnless(
    !listOutcomes(platform).includes("failing"),
    "a run failed that could have tried again",
  ),
];

const createOneShot = (): (() => boolean) => {
  let hasFired = false;
  return () => !hasFired && (hasFired = true);
};

/** Reverses columns and rows at every second call. */
function shuffleRows(): DepsChange {
  let calls = 0;
  const reverseColumns = (line: string): string =>
    JSON.stringify(Object.fromEntries(Object.entries(JSON.parse(line) as object).toReversed()));
  return changeHunting((port) => ({
    runQuery: (query, options, sink) => {
      calls += 1;
      const reversedSink: RowSink = {
        writeRows: (bytes, count) => {
          const lines = Buffer.from(bytes).toString("utf8").split("\n").slice(0, -1);
          const reversedLines = lines.map(reverseColumns).toReversed();
          return sink.writeRows(
            Buffer.from(reversedLines.map((line) => `${line}\n`).join("")),
            count,
          );
        },
      };
      return port.runQuery(
        query,
        options,
        calls % 2 === 0 && !query.endsWith("count") ? reversedSink : sink,
      );
    },
  }));
}

const corruptCaches = ['{"head":', '{"version":9}', "[]"];

const faultsByTitle: Readonly<Record<string, HuntFault>> = {
  "hunting cannot be reached for ten minutes": {
    id: "F01",
    isQuick: true,
    inject: createWireFault(unreachable, 10 * minuteMs, (platform) => [
      describeUnless(hasEvent(platform, "breaker.opened"), "the breaker did not open"),
    ]),
  },
  "storage cannot be reached for ten minutes": {
    id: "F01",
    inject: createOutage("storage", 10 * minuteMs),
  },
  "no token is to be had for ten minutes": {
    id: "F01",
    inject: createOutage("tokens", 10 * minuteMs),
  },
  "a connection is reset before the request is written": {
    id: "F02",
    inject: createWireFault({ kind: "reset", effect: "before" }, hourMs, expectNoFailure),
  },
  "the answer to a commit is lost after it took effect": {
    id: "F03",
    isQuick: true,
    options: (() => {
      const isFirst = createOneShot();
      return {
        afterExports: ({ verb }) => {
          if (verb === "commit" && isFirst()) throw new Error("socket hang up");
        },
      };
    })(),
    inject: async (platform) => {
      await platform.runFor(hourMs);
      return [
        describeUnless(
          platform.exports.listAll().filter(({ metadata }) => metadata.seq === 0).length === 1,
          "two first exports",
        ),
      ];
    },
  },
  "the answer to a sent message is lost, so that it is there twice": {
    id: "F04",
    inject: async (platform) => {
      platform.enqueue({}, 2);
      await platform.runFor(hourMs, { timers: false });
    },
  },
  "the answer to a query is lost after it took effect": {
    id: "F05",
    inject: createWireFault({ kind: "reset", effect: "after" }, hourMs, expectNoFailure),
  },
  "a socket goes silent after the request": {
    id: "F06",
    inject: createWireFault({ kind: "hang" }, hourMs),
  },
  "a body trickles at one byte a second": {
    id: "F07",
    inject: createWireFault({ kind: "slow-body" }, hourMs, (platform, sinceMs) => [
      describeUnless(
        listRequestTimes(platform, sinceMs).length >= 2,
        "the total deadline did not end it",
      ),
    ]),
  },
  "the certificate is not to be trusted": {
    id: "F08",
    inject: async (platform) => {
      await platform.runFor(hourMs);
      await platform.runFor(hourMs, { baseUrl: platform.simulator.urls.entra });
      const failed = listOutcomes(platform).filter((outcome) => outcome === "failing").length;
      return [describeUnless(failed > 0 && failed < 15, `${failed} runs failed`)];
    },
  },
  "a page of HTML comes with 200": {
    id: "F10",
    inject: createWireFault({ kind: "html", status: 200, count: 2 }, hourMs),
  },
  "a page of HTML comes with 502": {
    id: "F10",
    inject: createWireFault({ kind: "html", status: 502, count: 2 }, hourMs),
  },
  "a redirect to a login page comes": {
    id: "F10",
    inject: createWireFault({ kind: "login-redirect", count: 2 }, hourMs),
  },
  "an answer ends in the middle as if it were whole": {
    id: "F10",
    inject: createWireFault({ kind: "cut", afterBytes: 900, end: "clean", count: 2 }, hourMs),
  },
  "429 asks for thirty seconds": {
    id: "F11",
    isQuick: true,
    inject: async (platform) => {
      await platform.runFor(hourMs, { instances: 2 });
      const sinceMs = platform.clock.now();
      platform.simulator.faults.add({ api: "hunting", kind: "throttled", retryAfterS: 30 });
      platform.enqueue({}, 2);
      await platform.runFor(10 * minuteMs, { instances: 2 });
      const [refused = 0, ...after] = listRequestTimes(platform, sinceMs);
      return [
        describeUnless(
          after.every((atMs) => atMs >= refused + 30 * secondMs),
          "somebody called during the pause",
        ),
        describeUnless(hasEvent(platform, "quota.paused"), "the pause was not logged"),
      ];
    },
  },
  "429 says that the processor quota is spent": {
    id: "F12",
    inject: async (platform) => {
      await platform.runFor(hourMs + 2 * minuteMs);
      const sinceMs = platform.clock.now();
      platform.simulator.faults.add({
        api: "hunting",
        kind: "throttled",
        cause: "run-time",
        retryAfterS: null,
        wording: "graph",
      });
      await platform.runFor(40 * minuteMs);
      const [refused = 0, again = 0] = listRequestTimes(platform, sinceMs);
      const quarter = 15 * minuteMs;
      return [
        describeUnless(
          again >= Math.ceil(refused / quarter) * quarter,
          "somebody called before the quarter was over",
        ),
      ];
    },
  },
  "400 says that the result is too big": {
    id: "F13",
    inject: createWireFault(
      { kind: "bad-query", class: "result-size", skip: 1 },
      hourMs,
      (platform) => [
        describeUnless(hasEvent(platform, "hunt.halved"), "the window was not halved"),
      ],
    ),
  },
  "a result of exactly the limit is not all there is": {
    id: "F14",
    isQuick: true,
    inject: async (platform) => {
      platform.simulator.changeBehaviors({ hunting: { rowCap: 50 } });
      await platform.runFor(2 * hourMs, { changes: [capRows(50)] });
      platform.simulator.changeBehaviors({ hunting: { rowCap: 100_000 } });
      return [describeUnless(hasEvent(platform, "hunt.halved"), "the window was not halved")];
    },
  },
  "a result of exactly the limit is all there is": {
    id: "F15",
    inject: async (platform) => {
      const { rows } = await countFirstRows(platform);
      platform.simulator.changeBehaviors({ hunting: { rowCap: rows } });
      await platform.runFor(30 * minuteMs, { changes: [capRows(rows)] });
      platform.simulator.changeBehaviors({ hunting: { rowCap: 100_000 } });
      return [describeUnless(!hasEvent(platform, "hunt.halved"), "a complete window was halved")];
    },
  },
  "the limit is another one than documented": {
    id: "F16",
    inject: async (platform) => {
      for (const rowCap of [30, 60]) {
        platform.simulator.changeBehaviors({ hunting: { rowCap } });
        await platform.runFor(90 * minuteMs, { changes: [capRows(30)] });
      }
      platform.simulator.changeBehaviors({ hunting: { rowCap: 100_000 } });
    },
  },
  "the service runs out of time at every width": {
    id: "F17",
    inject: createWireFault({ kind: "failed", status: 504, count: 6 }, hourMs, (platform) => [
      describeUnless(hasEvent(platform, "hunt.degraded"), "the hunt was not set aside"),
    ]),
  },
  "three in ten calls fail for ten minutes": {
    id: "F18",
    inject: async (platform) => {
      const random = createRandom(18);
      await platform.runFor(hourMs);
      for (let call = 0; call < 60; call += 1)
        if (random() < 0.3)
          platform.simulator.faults.add({
            api: "hunting",
            kind: "failed",
            status: [500, 502, 503][call % 3] ?? 500,
            skip: call,
          });
      for (let minute = 0; minute < 10; minute += 1) {
        platform.enqueue({}, 2);
        await platform.runFor(minuteMs, { timers: false, instances: 2 });
      }
    },
  },
  "the query is refused until it is changed": {
    id: "F19",
    isQuick: true,
    inject: async (platform) => {
      await platform.runFor(hourMs);
      const sinceMs = platform.clock.now();
      const { watermark } = await readHuntHealth(platform, platform.hunt, sinceMs);
      platform.simulator.faults.add({
        api: "hunting",
        kind: "bad-query",
        class: "syntax",
        count: null,
      });
      await platform.runFor(3 * hourMs);
      const health = await readHuntHealth(platform, platform.hunt, platform.clock.now());
      platform.hunt = { ...platform.hunt, queryHash: "b".repeat(64) };
      return [
        describeUnless(health.state === "invalid", `the hunt is ${health.state}`),
        describeUnless(health.watermark === watermark, "the watermark moved"),
        describeUnless(
          listRequestTimes(platform, sinceMs).length <= 4,
          "a refused query was asked again",
        ),
      ];
    },
  },
  "401 comes in the middle of a run": {
    id: "F20",
    inject: createWireFault({ kind: "unauthorized" }, hourMs, expectNoFailure),
  },
  "the permission is taken away": {
    id: "F21",
    inject: async (platform) => {
      await platform.runFor(hourMs);
      const sinceMs = platform.clock.now();
      platform.simulator.faults.add({ api: "hunting", kind: "forbidden", count: null });
      for (let minute = 0; minute < 14; minute += 1) {
        platform.enqueue({}, 1);
        await platform.runFor(minuteMs, { timers: false });
      }
      return [
        describeUnless((await readState(platform)) === "blocked", "the hunt is not blocked"),
        describeUnless(
          listRequestTimes(platform, sinceMs).length <= 2,
          "it asked again within a quarter of an hour",
        ),
      ];
    },
  },
  "rows come late by less than is watched for": {
    id: "F22",
    isQuick: true,
    inject: async (platform) => {
      const faultId = platform.simulator.faults.add({
        api: "hunting",
        kind: "late-rows",
        byMs: 100 * minuteMs,
        count: null,
      });
      await platform.runFor(2 * hourMs);
      platform.simulator.faults.remove(faultId);
      await platform.runFor(hourMs);
      return [
        describeUnless(
          platform.exports.listAll().some(({ path }) => path.includes("/hl_log=late/")),
          "no late export",
        ),
      ];
    },
  },
  "a row is there twice, to the last letter": {
    id: "F23",
    inject: async (platform) => {
      const row = {
        ActionType: "ProcessCreated",
        ReportId: 7,
        DeviceId: "d".repeat(40),
        FileName: "twin.exe",
      };
      for (let twin = 0; twin < 2; twin += 1)
        platform.simulator.dataset.addRow("DeviceProcessEvents", {
          ...row,
          Timestamp: ticksFromMs(platform.clock.now() - hourMs),
        });
      await platform.runFor(hourMs);
      const twins = platform.exports
        .listAll()
        .flatMap(({ lines }) => lines.filter((line) => line.includes("twin.exe")));
      return [describeUnless(twins.length === 2, `${twins.length} twins were exported`)];
    },
  },
  "rows and columns come in another order at every second call": {
    id: "F24",
    inject: async (platform) => {
      const shuffle = shuffleRows();
      const faultId = platform.simulator.faults.add({
        api: "hunting",
        kind: "late-rows",
        byMs: 100 * minuteMs,
        count: null,
      });
      await platform.runFor(2 * hourMs, { changes: [shuffle] });
      platform.simulator.faults.remove(faultId);
      await platform.runFor(2 * hourMs, { changes: [shuffle] });
    },
  },
  "numbers differ in their last digit only, above 2^53": {
    id: "F25",
    inject: async (platform) => {
      const numbers = [9_007_199_254_740_993n, 9_007_199_254_740_992n];
      const row = { ActionType: "ProcessCreated", DeviceId: "e".repeat(40), FileName: "large.exe" };
      for (const ReportId of numbers)
        platform.simulator.dataset.addRow("DeviceProcessEvents", {
          ...row,
          ReportId,
          Timestamp: ticksFromMs(platform.clock.now() - hourMs) + 7_664_356n,
        });
      await platform.runFor(hourMs);
      const lines = platform.exports
        .listAll()
        .flatMap((one) => one.lines.filter((line) => line.includes("large.exe")));
      return [
        describeUnless(
          numbers.every((number) => lines.some((line) => line.includes(String(number)))),
          "digits were lost",
        ),
        describeUnless(
          lines.every((line) => line.includes("7664356Z")),
          "a tick was lost",
        ),
      ];
    },
  },
  "the old API is gone for good": {
    id: "F26",
    inject: async (platform) => {
      await platform.runFor(2 * hourMs, { api: "defender" });
      platform.simulator.changeBehaviors({ hunting: { retired: 410 } });
      await platform.runFor(2 * hourMs, { api: "defender" });
      const { reason, state } = await readHuntHealth(platform, platform.hunt, platform.clock.now());
      return [
        describeUnless(state === "blocked", `the hunt is ${state}`),
        describeUnless(
          reason?.includes("HUNTING_API") === true,
          `the reason does not help: ${reason}`,
        ),
      ];
    },
  },
  "nothing is found for thirty days": {
    id: "F27",
    options: {
      query:
        'DeviceProcessEvents | where ActionType == "Nothing" | project Timestamp, ReportId, DeviceId',
    },
    inject: async (platform) => {
      await platform.runFor(30 * dayMs, { pollMs: 10 * minuteMs });
      const exportCount = platform.exports.listAll().length;
      return [
        describeUnless(
          exportCount >= 90 && exportCount <= 122,
          `${exportCount} exports in thirty days`,
        ),
      ];
    },
  },
  "all of storage is busy for a minute in the middle of a run": {
    id: "F34",
    isQuick: true,
    options: (() => {
      const isFirst = createOneShot();
      return {
        beforeExports: ({ verb }, { clock, outages: down }) => {
          if (verb !== "commit" || !isFirst()) return;
          down.storage = true;
          void clock.sleep(minuteMs).then(() => (down.storage = false));
          throw new Error("503 ServerBusy");
        },
      };
    })(),
    inject: (platform) => platform.runFor(hourMs),
  },
  "three runners are at one hunt": {
    id: "F35",
    inject: async (platform) => {
      const sinceMs = platform.clock.now();
      platform.enqueue({}, 3);
      await platform.runFor(hourMs, { instances: 3, timers: false });
      return [
        describeUnless(
          listRequestTimes(platform, sinceMs).length <=
            3 * Math.max(1, platform.exports.listAll().length),
          "quota was wasted",
        ),
      ];
    },
  },
  "three runners are at one hunt, and none keeps its claim": {
    id: "F35",
    inject: async (platform) => {
      platform.enqueue({}, 3);
      await platform.runFor(hourMs, { instances: 3, timers: false, changes: [ignoreLease] });
      const numbers = platform.exports.listAll().map(({ metadata }) => metadata.seq);
      return [
        describeUnless(new Set(numbers).size === numbers.length, "one number has two exports"),
      ];
    },
  },
  "one message is delivered to two instances at once": {
    id: "F36",
    inject: async (platform) => {
      platform.enqueue({}, 2);
      await platform.runFor(hourMs, { instances: 2, timers: false, changes: [ignoreLease] });
    },
  },
  "the work takes longer than a message stays hidden": {
    id: "F37",
    inject: async (platform) => {
      platform.simulator.changeBehaviors({ hunting: { rowCap: 20, delayMsPerQuery: 70_000 } });
      platform.outages.wire = true;
      await platform.runFor(hourMs, { changes: [capRows(20)] });
      platform.simulator.changeBehaviors({ hunting: { rowCap: 100_000, delayMsPerQuery: 0 } });
      const maxRunMs = Math.max(
        ...platform.logLines.map(({ fields }) => Number(fields["durationMs"] ?? 0)),
      );
      return [
        describeUnless(listOutcomes(platform).includes("continues"), "no run went on by message"),
        describeUnless(maxRunMs <= 8 * minuteMs, `a run took ${maxRunMs} ms`),
      ];
    },
  },
  "the app is stopped for eight days": {
    id: "F41",
    inject: async (platform) => {
      await platform.runFor(hourMs);
      platform.enqueue({});
      await platform.clock.advance(8 * dayMs);
      await platform.runFor(hourMs, { timers: false });
    },
  },
  "every cache is cut short or of another shape": {
    id: "F43",
    isQuick: true,
    inject: async (platform) => {
      await platform.runFor(hourMs);
      for (const text of corruptCaches) {
        for (const path of platform.records
          .paths()
          .filter((one) => one.startsWith("state/hunts/watched/")))
          if (!/births|schemas/.test(path)) platform.records.poke(path, text);
        await platform.runFor(hourMs);
      }
    },
  },
  "the quota's record is cut short": {
    id: "F43",
    inject: async (platform) => {
      await platform.runFor(hourMs);
      const sinceMs = platform.clock.now();
      platform.records.poke("state/quotas/hunting.json", '{"version":1,"granted":[17');
      await platform.runFor(hourMs);
      return [
        describeUnless(
          listRequestTimes(platform, sinceMs).length === 0,
          "somebody called while nobody knew what was granted",
        ),
      ];
    },
    recoveryMs: 3 * hourMs,
  },
  "the claim is lost while its holder runs": {
    id: "F44",
    inject: async (platform) => {
      for (let hour = 0; hour < 3; hour += 1) {
        platform.enqueue({}, 3);
        await platform.runFor(hourMs, { instances: 2, timers: false, changes: [ignoreLease] });
      }
    },
  },
  "the log itself fails": {
    id: "F50",
    inject: async (platform) => {
      const isFirst = createOneShot();
      const failLogOnce: DepsChange = (deps) => ({
        ...deps,
        logEvent: (event, fields) => {
          if (event === "hunt.committed" && isFirst()) throw new Error("log");
          deps.logEvent(event, fields);
        },
      });
      await platform.runFor(2 * hourMs, { changes: [failLogOnce] });
    },
  },
  "a deployment changes the query while both are running": {
    id: "F52",
    isQuick: true,
    inject: async (platform) => {
      await platform.runFor(hourMs);
      const previousHunt = platform.hunt;
      platform.hunt = { ...previousHunt, queryHash: "b".repeat(64) };
      platform.enqueue({}, 4);
      await platform.runFor(hourMs, { instances: 2, hunts: [previousHunt, platform.hunt] });
      const misplaced = platform.exports
        .listAll()
        .filter(
          ({ metadata, path }) =>
            (metadata.queryhash === platform.hunt.queryHash) !== path.includes("/v2/"),
        );
      return [
        ...misplaced.map(({ path }) => `${path} has the wrong query`),
        describeUnless(
          platform.exports.listAll().some(({ metadata }) => metadata.next === "v2"),
          "the first version was not closed",
        ),
      ];
    },
  },
  "a timer fires twice within milliseconds": {
    id: "F53",
    inject: async (platform) => {
      for (let hour = 0; hour < 3; hour += 1) {
        platform.enqueue({});
        await platform.clock.advance(5);
        platform.enqueue({});
        await platform.runFor(hourMs, { instances: 2, timers: false });
      }
    },
  },
  "the timer is silent for a day, and the tick takes over": {
    id: "F54",
    isQuick: true,
    inject: async (platform) => {
      await platform.runFor(2 * hourMs);
      await platform.runFor(dayMs, { timers: false, pollMs: 10 * minuteMs });
      const state = await readState(platform);
      const queues = { send: async (_: string, message: object) => platform.enqueue(message) };
      const started = await startOverdueHunts(
        { records: platform.records, queues },
        [platform.hunt],
        "overdue",
        platform.clock.now(),
      );
      await platform.runFor(5 * minuteMs, { timers: false });
      return [
        describeUnless(state === "overdue", `a silent timer left the hunt ${state}`),
        describeUnless(started.join() === platform.hunt.name, "the tick did not start it"),
        describeUnless((await readState(platform)) === "ok", "the day was not made up for"),
      ];
    },
  },
  "one clock is ten minutes fast, another ten minutes slow": {
    id: "F55",
    isQuick: true,
    inject: async (platform) => {
      for (let hour = 0; hour < 3; hour += 1) {
        platform.enqueue({}, 2);
        await platform.runFor(hourMs, {
          instances: 2,
          skewsMs: [10 * minuteMs, -10 * minuteMs],
          changes: [ignoreLease],
        });
      }
      const ahead = platform.exports
        .listAll()
        .filter(({ metadata }) => Date.parse(metadata.to) > platform.clock.now() - 15 * minuteMs);
      return ahead.map(({ path }) => `${path} ends within the lag`);
    },
  },
  "runs are past due, bunched and skipped": {
    id: "F56",
    inject: async (platform) => {
      for (const quietMs of [7 * hourMs, minuteMs, 26 * hourMs, secondMs]) {
        await platform.clock.advance(quietMs);
        platform.enqueue(
          { scheduledFor: new Date(platform.clock.now() - quietMs / 2).toISOString() },
          2,
        );
        await platform.runFor(20 * minuteMs, { instances: 2, timers: false });
      }
    },
  },
  "hunting is away for six hours": {
    id: "P15",
    isQuick: true,
    inject: createWireFault(unreachable, 6 * hourMs),
  },
  "hunting answers 503 for six hours": {
    id: "P15",
    inject: createWireFault({ kind: "failed", status: 503, count: null }, 6 * hourMs),
  },
  "storage is away for six hours": {
    id: "P15",
    isQuick: true,
    inject: createOutage("storage", 6 * hourMs),
  },
  "the token endpoint or the vault is away for six hours": {
    id: "P15",
    isQuick: true,
    inject: createOutage("tokens", 6 * hourMs),
  },
};

/** Lets two instances run one hunt at once. */
const ignoreLease = (deps: HuntDeps): HuntDeps => ({
  ...deps,
  records: ignoreLeases(deps.records),
});

/** Counts the rows of the first window in the dataset. */
async function countFirstRows(platform: Platform): Promise<{ readonly rows: number }> {
  const now = platform.clock.now();
  const [from, to] = [now - 4 * hourMs - 15 * minuteMs, now - 15 * minuteMs].map(ticksFromMs);
  let rows = 0;
  for (const row of platform.simulator.dataset.readRows("DeviceProcessEvents", {
    from: from ?? 0n,
    to: to ?? 0n,
  }))
    if (row.includes("ProcessCreated")) rows += 1;
  return { rows };
}

/** Lists every fault with its title. */
export const huntFaults: readonly (HuntFault & { readonly title: string })[] = Object.entries(
  faultsByTitle,
).map(([title, fault]) => ({ ...fault, title }));
