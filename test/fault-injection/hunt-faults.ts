/**
 * What goes wrong around a hunt, one line a fault, numbered as research/reliability-security.md §3.3 does: what happens,
 * and what must be seen besides that no row is lost and none doubled. Each plays on a platform of its own.
 */
import type { HuntPorts, RowSink } from "../../shared/hunts/ports.ts";
import { standingOf, tick } from "../../shared/hunts/views.ts";
import { dayMs, hourMs, minuteMs, secondMs, ticksFromMs } from "../../shared/runtime/time.ts";
import { randomFrom } from "./scheduler.ts";
import {
  openPlatform,
  restore,
  type Change,
  type Platform,
  type PlatformOptions,
  type Stage,
} from "./hunt-platform.ts";
import type { Judgement } from "./hunt-judgement.ts";

/** One fault. */
export interface HuntFault {
  readonly id: string;
  /** Happens in `npm test`, too. */
  readonly quick?: true;
  readonly options?: PlatformOptions;
  /** @returns what was not as it must be, in words */
  readonly play: (on: Platform) => Promise<readonly (string | false)[] | void>;
  /** Quiet time afterwards, in which all is made up for; default two hours. */
  readonly calmMs?: number;
}

/** Plays a fault, lets it be over, and judges. */
export async function surviveFault(stage: Stage, fault: HuntFault): Promise<Judgement> {
  const on = await openPlatform(stage, fault.options);
  const wrong = (await fault.play(on)) ?? [];
  on.tenant.faults.clear();
  restore(on.down);
  await on.pass(fault.calmMs ?? 2 * hourMs, { pollMs: minuteMs });
  const judged = on.judge();
  const standing = await standingOf(on, on.hunt, on.clock.now());
  const standsStill = (standing.watermarkAgeSeconds ?? Infinity) > (80 * minuteMs) / secondMs;
  const broken = [
    ...judged.broken,
    unless(!standsStill, `the log stands still since ${standing.watermark}`),
    ...wrong,
    ...(on.poisoned.length > 0 ? [`${on.poisoned.length} messages were poisoned`] : []),
    ...(standing.state === "ok" ? [] : [`the hunt is ${standing.state}: ${standing.reason}`]),
  ];
  return { ...judged, broken: broken.filter((words) => words !== false) };
}

/** Words for what is not so. */
const unless = (isSo: boolean, words: string): string | false => !isSo && words;

const outcomes = (on: Platform): unknown[] =>
  on.told.filter(({ event }) => event === "hunt.run").map(({ fields }) => fields["outcome"]);
const has = (on: Platform, event: string): boolean => on.told.some((one) => one.event === event);
const asked = (on: Platform, sinceMs: number): number[] =>
  on.tenant
    .requests({ api: "hunting" })
    .map(({ arrivedAtMs }) => arrivedAtMs)
    .filter((atMs) => atMs >= sinceMs);
const stateOf = async (on: Platform): Promise<string> =>
  (await standingOf(on, on.hunt, on.clock.now())).state;

/** Another hunting port in the place of the live one. */
const hunting =
  (change: (port: HuntPorts["hunting"]) => Partial<HuntPorts["hunting"]>): Change =>
  (ports) => ({ ...ports, hunting: { ...ports.hunting, ...change(ports.hunting) } });

/** A service that cuts at so few rows, and an engine that knows of round limits of that size, but of no limit. */
const capped = (rows: number): Change =>
  hunting(() => ({ caps: { rows: 100_000, bytes: 1e9, roundRows: rows } }));

const unreachable = { kind: "reset", count: null } as const;

/** An hour of good running, then a fault on the wire for so long. */
const wire =
  (
    fault: Parameters<Platform["tenant"]["faults"]["add"]>[0],
    forMs: number,
    look?: (on: Platform, sinceMs: number) => readonly (string | false)[],
  ) =>
  async (on: Platform) => {
    await on.pass(hourMs);
    const sinceMs = on.clock.now();
    on.tenant.faults.add({ ...fault, api: "hunting" });
    on.down.wire = ["hang", "slow-body"].includes(fault.kind);
    await on.pass(forMs);
    return look?.(on, sinceMs);
  };

const isDown = (what: "storage" | "tokens", forMs: number) => async (on: Platform) => {
  await on.pass(hourMs);
  on.down[what] = true;
  await on.pass(forMs, { pollMs: minuteMs });
};

const done = (on: Platform): readonly (string | false)[] => [
  unless(!outcomes(on).includes("failing"), "a run failed that could have tried again"),
];

const once = (): (() => boolean) => {
  let been = false;
  return () => !been && (been = true);
};

/** Passes rows on with their columns turned round and in another order, at every second call. */
function shuffling(): Change {
  let calls = 0;
  const turned = (line: string): string =>
    JSON.stringify(Object.fromEntries(Object.entries(JSON.parse(line) as object).toReversed()));
  return hunting((port) => ({
    run: (query, options, sink) => {
      calls += 1;
      const other: RowSink = {
        rows: (bytes, count) => {
          const lines = Buffer.from(bytes).toString("utf8").split("\n").slice(0, -1);
          const mixed = lines.map(turned).toReversed();
          return sink.rows(Buffer.from(mixed.map((line) => `${line}\n`).join("")), count);
        },
      };
      return port.run(query, options, calls % 2 === 0 && !query.endsWith("count") ? other : sink);
    },
  }));
}

const cacheTexts = ['{"head":', '{"version":9}', "[]"];

const huntFaults: Readonly<Record<string, HuntFault>> = {
  "hunting cannot be reached for ten minutes": {
    id: "F01",
    quick: true,
    play: wire(unreachable, 10 * minuteMs, (on) => [
      unless(has(on, "breaker.opened"), "the breaker did not open"),
    ]),
  },
  "storage cannot be reached for ten minutes": {
    id: "F01",
    play: isDown("storage", 10 * minuteMs),
  },
  "no token is to be had for ten minutes": { id: "F01", play: isDown("tokens", 10 * minuteMs) },
  "a connection is reset before the request is written": {
    id: "F02",
    play: wire({ kind: "reset", effect: "before" }, hourMs, done),
  },
  "the answer to a commit is lost after it took effect": {
    id: "F03",
    quick: true,
    options: (() => {
      const first = once();
      return {
        afterExports: ({ verb }) => {
          if (verb === "commit" && first()) throw new Error("socket hang up");
        },
      };
    })(),
    play: async (on) => {
      await on.pass(hourMs);
      return [
        unless(
          on.exports.all().filter(({ metadata }) => metadata.seq === 0).length === 1,
          "two first exports",
        ),
      ];
    },
  },
  "the answer to a sent message is lost, so that it is there twice": {
    id: "F04",
    play: async (on) => {
      on.send({}, 2);
      await on.pass(hourMs, { timers: false });
    },
  },
  "the answer to a query is lost after it took effect": {
    id: "F05",
    play: wire({ kind: "reset", effect: "after" }, hourMs, done),
  },
  "a socket goes silent after the request": { id: "F06", play: wire({ kind: "hang" }, hourMs) },
  "a body trickles at one byte a second": {
    id: "F07",
    play: wire({ kind: "slow-body" }, hourMs, (on, sinceMs) => [
      unless(asked(on, sinceMs).length >= 2, "the total deadline did not end it"),
    ]),
  },
  "the certificate is not to be trusted": {
    id: "F08",
    play: async (on) => {
      await on.pass(hourMs);
      await on.pass(hourMs, { baseUrl: on.tenant.urls.entra });
      const failed = outcomes(on).filter((outcome) => outcome === "failing").length;
      return [unless(failed > 0 && failed < 15, `${failed} runs failed`)];
    },
  },
  "a page of HTML comes with 200": {
    id: "F10",
    play: wire({ kind: "html", status: 200, count: 2 }, hourMs),
  },
  "a page of HTML comes with 502": {
    id: "F10",
    play: wire({ kind: "html", status: 502, count: 2 }, hourMs),
  },
  "a redirect to a login page comes": {
    id: "F10",
    play: wire({ kind: "login-redirect", count: 2 }, hourMs),
  },
  "an answer ends in the middle as if it were whole": {
    id: "F10",
    play: wire({ kind: "cut", afterBytes: 900, end: "clean", count: 2 }, hourMs),
  },
  "429 asks for thirty seconds": {
    id: "F11",
    quick: true,
    play: async (on) => {
      await on.pass(hourMs, { instances: 2 });
      const sinceMs = on.clock.now();
      on.tenant.faults.add({ api: "hunting", kind: "throttled", retryAfterS: 30 });
      on.send({}, 2);
      await on.pass(10 * minuteMs, { instances: 2 });
      const [refused = 0, ...after] = asked(on, sinceMs);
      return [
        unless(
          after.every((atMs) => atMs >= refused + 30 * secondMs),
          "somebody called during the pause",
        ),
        unless(has(on, "quota.paused"), "the pause was not told"),
      ];
    },
  },
  "429 says that the processor quota is spent": {
    id: "F12",
    play: async (on) => {
      await on.pass(hourMs + 2 * minuteMs);
      const sinceMs = on.clock.now();
      on.tenant.faults.add({
        api: "hunting",
        kind: "throttled",
        cause: "run-time",
        retryAfterS: null,
        wording: "graph",
      });
      await on.pass(40 * minuteMs);
      const [refused = 0, again = 0] = asked(on, sinceMs);
      const quarter = 15 * minuteMs;
      return [
        unless(
          again >= Math.ceil(refused / quarter) * quarter,
          "somebody called before the quarter was over",
        ),
      ];
    },
  },
  "400 says that the result is too big": {
    id: "F13",
    play: wire({ kind: "bad-query", class: "result-size", skip: 1 }, hourMs, (on) => [
      unless(has(on, "hunt.halved"), "the window was not halved"),
    ]),
  },
  "a result of exactly the limit is not all there is": {
    id: "F14",
    quick: true,
    play: async (on) => {
      on.tenant.change({ hunting: { rowCap: 50 } });
      await on.pass(2 * hourMs, { changes: [capped(50)] });
      on.tenant.change({ hunting: { rowCap: 100_000 } });
      return [unless(has(on, "hunt.halved"), "the window was not halved")];
    },
  },
  "a result of exactly the limit is all there is": {
    id: "F15",
    play: async (on) => {
      const { rows } = await firstRows(on);
      on.tenant.change({ hunting: { rowCap: rows } });
      await on.pass(30 * minuteMs, { changes: [capped(rows)] });
      on.tenant.change({ hunting: { rowCap: 100_000 } });
      return [unless(!has(on, "hunt.halved"), "a complete window was halved")];
    },
  },
  "the limit is another one than documented": {
    id: "F16",
    play: async (on) => {
      for (const rowCap of [30, 60]) {
        on.tenant.change({ hunting: { rowCap } });
        await on.pass(90 * minuteMs, { changes: [capped(30)] });
      }
      on.tenant.change({ hunting: { rowCap: 100_000 } });
    },
  },
  "the service runs out of time at every width": {
    id: "F17",
    play: wire({ kind: "failed", status: 504, count: 6 }, hourMs, (on) => [
      unless(has(on, "hunt.degraded"), "the hunt was not set aside"),
    ]),
  },
  "three in ten calls fail for ten minutes": {
    id: "F18",
    play: async (on) => {
      const random = randomFrom(18);
      await on.pass(hourMs);
      for (let call = 0; call < 60; call += 1)
        if (random() < 0.3)
          on.tenant.faults.add({
            api: "hunting",
            kind: "failed",
            status: [500, 502, 503][call % 3] ?? 500,
            skip: call,
          });
      for (let minute = 0; minute < 10; minute += 1) {
        on.send({}, 2);
        await on.pass(minuteMs, { timers: false, instances: 2 });
      }
    },
  },
  "the query is refused until it is changed": {
    id: "F19",
    quick: true,
    play: async (on) => {
      await on.pass(hourMs);
      const sinceMs = on.clock.now();
      const { watermark } = await standingOf(on, on.hunt, sinceMs);
      on.tenant.faults.add({ api: "hunting", kind: "bad-query", class: "syntax", count: null });
      await on.pass(3 * hourMs);
      const standing = await standingOf(on, on.hunt, on.clock.now());
      on.hunt = { ...on.hunt, queryHash: "b".repeat(64) };
      return [
        unless(standing.state === "invalid", `the hunt is ${standing.state}`),
        unless(standing.watermark === watermark, "the watermark moved"),
        unless(asked(on, sinceMs).length <= 4, "a refused query was asked again"),
      ];
    },
  },
  "401 comes in the middle of a run": {
    id: "F20",
    play: wire({ kind: "unauthorized" }, hourMs, done),
  },
  "the permission is taken away": {
    id: "F21",
    play: async (on) => {
      await on.pass(hourMs);
      const sinceMs = on.clock.now();
      on.tenant.faults.add({ api: "hunting", kind: "forbidden", count: null });
      for (let minute = 0; minute < 14; minute += 1) {
        on.send({}, 1);
        await on.pass(minuteMs, { timers: false });
      }
      return [
        unless((await stateOf(on)) === "blocked", "the hunt is not blocked"),
        unless(asked(on, sinceMs).length <= 2, "it asked again within a quarter of an hour"),
      ];
    },
  },
  "rows come late by less than is watched for": {
    id: "F22",
    quick: true,
    play: async (on) => {
      const held = on.tenant.faults.add({
        api: "hunting",
        kind: "late-rows",
        byMs: 100 * minuteMs,
        count: null,
      });
      await on.pass(2 * hourMs);
      on.tenant.faults.remove(held);
      await on.pass(hourMs);
      return [
        unless(
          on.exports.all().some(({ path }) => path.includes("/late/")),
          "no late export",
        ),
      ];
    },
  },
  "a row is there twice, to the last letter": {
    id: "F23",
    play: async (on) => {
      const row = {
        ActionType: "ProcessCreated",
        ReportId: 7,
        DeviceId: "d".repeat(40),
        FileName: "twin.exe",
      };
      for (let twin = 0; twin < 2; twin += 1)
        on.tenant.world.add("DeviceProcessEvents", {
          ...row,
          Timestamp: ticksFromMs(on.clock.now() - hourMs),
        });
      await on.pass(hourMs);
      const twins = on.exports
        .all()
        .flatMap(({ lines }) => lines.filter((line) => line.includes("twin.exe")));
      return [unless(twins.length === 2, `${twins.length} twins were exported`)];
    },
  },
  "rows and columns come in another order at every second call": {
    id: "F24",
    play: async (on) => {
      const change = shuffling();
      const held = on.tenant.faults.add({
        api: "hunting",
        kind: "late-rows",
        byMs: 100 * minuteMs,
        count: null,
      });
      await on.pass(2 * hourMs, { changes: [change] });
      on.tenant.faults.remove(held);
      await on.pass(2 * hourMs, { changes: [change] });
    },
  },
  "numbers differ in their last digit only, above 2^53": {
    id: "F25",
    play: async (on) => {
      const numbers = [9_007_199_254_740_993n, 9_007_199_254_740_992n];
      const row = { ActionType: "ProcessCreated", DeviceId: "e".repeat(40), FileName: "large.exe" };
      for (const ReportId of numbers)
        on.tenant.world.add("DeviceProcessEvents", {
          ...row,
          ReportId,
          Timestamp: ticksFromMs(on.clock.now() - hourMs) + 7_664_356n,
        });
      await on.pass(hourMs);
      const lines = on.exports
        .all()
        .flatMap((one) => one.lines.filter((line) => line.includes("large.exe")));
      return [
        unless(
          numbers.every((number) => lines.some((line) => line.includes(String(number)))),
          "digits were lost",
        ),
        unless(
          lines.every((line) => line.includes("7664356Z")),
          "a tick was lost",
        ),
      ];
    },
  },
  "the old API is gone for good": {
    id: "F26",
    play: async (on) => {
      await on.pass(2 * hourMs, { api: "defender" });
      on.tenant.change({ hunting: { retired: 410 } });
      await on.pass(2 * hourMs, { api: "defender" });
      const { reason = "", state } = await standingOf(on, on.hunt, on.clock.now());
      return [
        unless(state === "blocked", `the hunt is ${state}`),
        unless(reason.includes("HUNTING_API"), `the reason does not help: ${reason}`),
      ];
    },
  },
  "nothing is found for thirty days": {
    id: "F27",
    options: {
      query:
        'DeviceProcessEvents | where ActionType == "Nothing" | project Timestamp, ReportId, DeviceId',
    },
    play: async (on) => {
      await on.pass(30 * dayMs, { pollMs: 10 * minuteMs });
      const blobs = on.exports.all().length;
      return [unless(blobs >= 90 && blobs <= 122, `${blobs} exports in thirty days`)];
    },
  },
  "all of storage is busy for a minute in the middle of a run": {
    id: "F34",
    quick: true,
    options: (() => {
      const first = once();
      return {
        beforeExports: ({ verb }, { clock, down }) => {
          if (verb !== "commit" || !first()) return;
          down.storage = true;
          void clock.sleep(minuteMs).then(() => (down.storage = false));
          throw new Error("503 ServerBusy");
        },
      };
    })(),
    play: (on) => on.pass(hourMs),
  },
  "three runners are at one hunt": {
    id: "F35",
    play: async (on) => {
      const sinceMs = on.clock.now();
      on.send({}, 3);
      await on.pass(hourMs, { instances: 3, timers: false });
      return [
        unless(
          asked(on, sinceMs).length <= 3 * Math.max(1, on.exports.all().length),
          "quota was wasted",
        ),
      ];
    },
  },
  "three runners are at one hunt, and none keeps its claim": {
    id: "F35",
    play: async (on) => {
      on.send({}, 3);
      await on.pass(hourMs, { instances: 3, timers: false, changes: [unclaimed] });
      const numbers = on.exports.all().map(({ metadata }) => metadata.seq);
      return [unless(new Set(numbers).size === numbers.length, "one number has two exports")];
    },
  },
  "one message is delivered to two instances at once": {
    id: "F36",
    play: async (on) => {
      on.send({}, 2);
      await on.pass(hourMs, { instances: 2, timers: false, changes: [unclaimed] });
    },
  },
  "the work takes longer than a message stays hidden": {
    id: "F37",
    play: async (on) => {
      on.tenant.change({ hunting: { rowCap: 20, delayMsPerQuery: 70_000 } });
      on.down.wire = true;
      await on.pass(hourMs, { changes: [capped(20)] });
      on.tenant.change({ hunting: { rowCap: 100_000, delayMsPerQuery: 0 } });
      const longest = Math.max(...on.told.map(({ fields }) => Number(fields["durationMs"] ?? 0)));
      return [
        unless(outcomes(on).includes("continues"), "no run went on by message"),
        unless(longest <= 8 * minuteMs, `a run took ${longest} ms`),
      ];
    },
  },
  "the app is stopped for eight days": {
    id: "F41",
    play: async (on) => {
      await on.pass(hourMs);
      on.send({});
      await on.clock.advance(8 * dayMs);
      await on.pass(hourMs, { timers: false });
    },
  },
  "every cache is cut short or of another shape": {
    id: "F43",
    quick: true,
    play: async (on) => {
      await on.pass(hourMs);
      for (const text of cacheTexts) {
        for (const path of on.records
          .paths()
          .filter((one) => one.startsWith("state/hunts/watched/")))
          if (!/births|schemas/.test(path)) on.records.poke(path, text);
        await on.pass(hourMs);
      }
    },
  },
  "the quota's record is cut short": {
    id: "F43",
    play: async (on) => {
      await on.pass(hourMs);
      const sinceMs = on.clock.now();
      on.records.poke("state/quotas/hunting.json", '{"version":1,"granted":[17');
      await on.pass(hourMs);
      return [
        unless(
          asked(on, sinceMs).length === 0,
          "somebody called while nobody knew what was granted",
        ),
      ];
    },
    calmMs: 3 * hourMs,
  },
  "the claim is lost while its holder runs": {
    id: "F44",
    play: async (on) => {
      for (let hour = 0; hour < 3; hour += 1) {
        on.send({}, 3);
        await on.pass(hourMs, { instances: 2, timers: false, changes: [unclaimed] });
      }
    },
  },
  "the log itself fails": {
    id: "F50",
    play: async (on) => {
      const first = once();
      const change: Change = (ports) => ({
        ...ports,
        log: (event, fields) => {
          if (event === "hunt.committed" && first()) throw new Error("log");
          ports.log(event, fields);
        },
      });
      await on.pass(2 * hourMs, { changes: [change] });
    },
  },
  "a deployment changes the query while both are running": {
    id: "F52",
    quick: true,
    play: async (on) => {
      await on.pass(hourMs);
      const former = on.hunt;
      on.hunt = { ...former, queryHash: "b".repeat(64) };
      on.send({}, 4);
      await on.pass(hourMs, { instances: 2, hunts: [former, on.hunt] });
      const mixed = on.exports
        .all()
        .filter(
          ({ metadata, path }) =>
            (metadata.queryhash === on.hunt.queryHash) !== path.includes("/v2/"),
        );
      return [
        ...mixed.map(({ path }) => `${path} has the wrong query`),
        unless(
          on.exports.all().some(({ path }) => path.includes("/v2/")),
          "no second version",
        ),
      ];
    },
  },
  "a timer fires twice within milliseconds": {
    id: "F53",
    play: async (on) => {
      for (let hour = 0; hour < 3; hour += 1) {
        on.send({});
        await on.clock.advance(5);
        on.send({});
        await on.pass(hourMs, { instances: 2, timers: false });
      }
    },
  },
  "the timer is silent for a day, and the tick takes over": {
    id: "F54",
    quick: true,
    play: async (on) => {
      await on.pass(2 * hourMs);
      await on.pass(dayMs, { timers: false, pollMs: 10 * minuteMs });
      const state = await stateOf(on);
      const queues = { send: async (_: string, order: object) => on.send(order) };
      const started = await tick(
        { records: on.records, queues },
        [on.hunt],
        "tick",
        on.clock.now(),
      );
      await on.pass(5 * minuteMs, { timers: false });
      return [
        unless(state === "overdue", `a silent timer left the hunt ${state}`),
        unless(started.join() === on.hunt.name, "the tick did not start it"),
        unless((await stateOf(on)) === "ok", "the day was not made up for"),
      ];
    },
  },
  "one clock is ten minutes fast, another ten minutes slow": {
    id: "F55",
    quick: true,
    play: async (on) => {
      for (let hour = 0; hour < 3; hour += 1) {
        on.send({}, 2);
        await on.pass(hourMs, {
          instances: 2,
          skews: [10 * minuteMs, -10 * minuteMs],
          changes: [unclaimed],
        });
      }
      const ahead = on.exports
        .all()
        .filter(({ metadata }) => Date.parse(metadata.to) > on.clock.now() - 15 * minuteMs);
      return ahead.map(({ path }) => `${path} ends within the lag`);
    },
  },
  "runs are past due, bunched and skipped": {
    id: "F56",
    play: async (on) => {
      for (const quietMs of [7 * hourMs, minuteMs, 26 * hourMs, secondMs]) {
        await on.clock.advance(quietMs);
        on.send({ scheduledFor: new Date(on.clock.now() - quietMs / 2).toISOString() }, 2);
        await on.pass(20 * minuteMs, { instances: 2, timers: false });
      }
    },
  },
  "hunting is away for six hours": { id: "P15", quick: true, play: wire(unreachable, 6 * hourMs) },
  "hunting answers 503 for six hours": {
    id: "P15",
    play: wire({ kind: "failed", status: 503, count: null }, 6 * hourMs),
  },
  "storage is away for six hours": { id: "P15", quick: true, play: isDown("storage", 6 * hourMs) },
  "the token endpoint or the vault is away for six hours": {
    id: "P15",
    quick: true,
    play: isDown("tokens", 6 * hourMs),
  },
};

/** Two runners on one hunt as if no claim ever held. */
function unclaimed(ports: HuntPorts): HuntPorts {
  const read: HuntPorts["records"]["read"] = async (path) =>
    path.endsWith("/claim.json") ? { kind: "absent", serverNowMs: 0 } : ports.records.read(path);
  return { ...ports, records: { ...ports.records, read } };
}

/** What the first window will hold, asked of the world. */
async function firstRows(on: Platform): Promise<{ readonly rows: number }> {
  const now = on.clock.now();
  const [from, to] = [now - 4 * hourMs - 15 * minuteMs, now - 15 * minuteMs].map(ticksFromMs);
  let rows = 0;
  for (const row of on.tenant.world.rows("DeviceProcessEvents", { from: from ?? 0n, to: to ?? 0n }))
    if (row.includes("ProcessCreated")) rows += 1;
  return { rows };
}

/** Every fault by its title. */
export const faults: readonly (HuntFault & { readonly title: string })[] = Object.entries(
  huntFaults,
).map(([title, fault]) => ({ ...fault, title }));
