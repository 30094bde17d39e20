import { setTimeout as wait } from "node:timers/promises";
import { BlobServiceClient } from "@azure/storage-blob";
import { beforeAll, describe, expect, test } from "vitest";
import { systemClock, type Clock } from "../../shared/runtime/time.ts";
import { claimFreshAccount } from "../support/storage-account.ts";
import { loadApp } from "./load-app.ts";
import { waitFor, fixtureRoot, createFixtureSettings } from "./fixture.ts";
import type { RegisteredFunction, TimerTrigger } from "./index-functions.ts";
import { readSchedule } from "./read-schedule.ts";
import { createStatusStore, createTimerLease } from "./timer-blobs.ts";
import type { TimerStatus } from "./timer-input.ts";
import { computeNextStatus, parseStatus, evaluateRecord } from "./timer-record.ts";
import { startTimer, startTimers } from "./timers.ts";

const hourly = readSchedule("0 * * * *");
const msAt = (time: string): number => Date.parse(`2026-01-01T${time}Z`);

describe("a timer's record", () => {
  const stored: TimerStatus = {
    lastMs: msAt("09:00:00"),
    nextMs: msAt("10:00:00"),
    lastUpdatedMs: msAt("09:00:00"),
  };

  test.each<[string, string, TimerStatus | undefined, TimerStatus, boolean, boolean]>([
    [
      "none yet",
      "09:30:00",
      undefined,
      { nextMs: msAt("10:00:00"), lastUpdatedMs: msAt("09:30:00") },
      true,
      false,
    ],
    ["not due", "09:30:00", stored, stored, false, false],
    ["due this instant", "10:00:00", stored, stored, false, false],
    ["missed one slot", "10:00:01", stored, stored, false, true],
    ["missed five slots", "14:30:00", stored, stored, false, true],
    [
      "never ran, missed a slot",
      "10:30:00",
      { nextMs: msAt("10:00:00"), lastUpdatedMs: msAt("09:10:00") },
      { nextMs: msAt("10:00:00"), lastUpdatedMs: msAt("09:10:00") },
      false,
      true,
    ],
    [
      "schedule edited, slot missed",
      "10:30:00",
      { ...stored, nextMs: msAt("09:15:00") },
      { nextMs: msAt("11:00:00"), lastUpdatedMs: msAt("10:30:00") },
      true,
      false,
    ],
    [
      "schedule edited, slot ahead",
      "09:30:00",
      { ...stored, nextMs: msAt("23:00:00") },
      { nextMs: msAt("10:00:00"), lastUpdatedMs: msAt("09:00:00") },
      true,
      false,
    ],
  ])("decides about %s at %s", (_, now, recorded, status, isNew, isPastDue) => {
    expect(evaluateRecord(msAt(now), hourly, recorded)).toEqual({ status, isNew, isPastDue });
  });

  test("writes no record for a schedule that never fires", () => {
    expect(
      evaluateRecord(msAt("09:00:00"), readSchedule("0 0 0 30 2 *"), undefined),
    ).toBeUndefined();
  });

  test.each<[string, string, boolean, string, string]>([
    ["on time", "10:00:00.010", false, "10:00:00.010", "11:00:00"],
    ["a moment early", "09:59:59.990", false, "10:00:00", "11:00:00"],
    ["late", "10:20:00", false, "10:20:00", "11:00:00"],
    ["at start-up", "09:30:00", true, "09:30:00", "10:00:00"],
  ])(
    "after a run %s the next slot counts from the right instant",
    (_, started, isStartup, last, next) => {
      expect(computeNextStatus(msAt(started), hourly, stored, isStartup)).toEqual({
        lastMs: msAt(last),
        nextMs: msAt(next),
        lastUpdatedMs: msAt(last),
      });
    },
  );

  test.each([
    ["nonsense", undefined],
    ["{}", undefined],
    [
      '{"Last":"0001-01-01T00:00:00","Next":"2026-01-01T10:00:00+00:00","LastUpdated":"2026-01-01T09:00:00.123+00:00"}',
      { nextMs: msAt("10:00:00"), lastUpdatedMs: msAt("09:00:00.123") },
    ],
  ])("reads a record blob with %s as %j", (text, expected) => {
    expect(parseStatus(text)).toEqual(expected);
  });
});

interface TimerScenario {
  readonly schedule: string;
  readonly runs: number;
  readonly trigger?: Partial<TimerTrigger>;
  readonly recorded?: TimerStatus;
  readonly runTakesMs?: number;
  readonly fails?: boolean;
  readonly wakesEarlyMs?: number;
}

interface Fired {
  readonly at: string;
  readonly isPastDue: boolean;
  readonly status: unknown;
}

/** Runs a timer on a virtual clock until it has fired `runs` times. */
async function runTimer(
  func: RegisteredFunction,
  scenario: TimerScenario,
): Promise<{ fired: Fired[]; written: TimerStatus[]; waits: number[] }> {
  let nowMs = msAt("09:30:00");
  const fired: Fired[] = [];
  const written: TimerStatus[] = [];
  const waits: number[] = [];
  const enough = Promise.withResolvers<void>();
  const clock: Clock = {
    now: () => nowMs,
    sleep: async (ms, signal) => {
      if (fired.length >= scenario.runs) enough.resolve();
      if (fired.length >= scenario.runs || !Number.isFinite(ms))
        await new Promise((_, reject) =>
          signal?.addEventListener("abort", () => reject(new Error("over"))),
        );
      waits.push(ms);
      nowMs += ms - (scenario.wakesEarlyMs ?? 0);
    },
  };
  const timer = startTimer({
    func,
    trigger: {
      kind: "timer",
      declared: scenario.schedule,
      schedule: readSchedule(scenario.schedule),
      runOnStartup: false,
      useMonitor: true,
      ...scenario.trigger,
    },
    log: () => undefined,
    clock,
    status: {
      read: async () => scenario.recorded,
      write: async (status) => void written.push(status),
    },
    lease: {
      acquire: async () => true,
      renew: async () => undefined,
      release: async () => undefined,
      leaseMs: 60_000,
    },
    calls: {
      countRunning: () => 0,
      run: async (_, { input }) => {
        const { IsPastDue, ScheduleStatus } = JSON.parse(input.json ?? "") as Record<
          string,
          unknown
        >;
        fired.push({
          at: new Date(nowMs).toISOString().slice(11, 23),
          isPastDue: IsPastDue === true,
          status: ScheduleStatus,
        });
        nowMs += scenario.runTakesMs ?? 0;
        if (scenario.fails === true) throw new Error("as asked");
        return {};
      },
    },
  });
  await enough.promise;
  await timer.stop();
  return { fired, written, waits };
}

describe("a timer", () => {
  let func: RegisteredFunction;
  beforeAll(async () => {
    const app = await loadApp({
      root: fixtureRoot,
      env: createFixtureSettings("UseDevelopmentStorage=true"),
    });
    func =
      app.functions.find(({ name }) => name === "tick") ??
      expect.unreachable("no timer in the fixture");
  });
  const listTimes = (fired: readonly Fired[]): string[] => fired.map((run) => run.at);

  test("does not run at its first start, then runs at each slot, and records its state", async () => {
    const { fired, written } = await runTimer(func, { schedule: "0 * * * *", runs: 2 });
    expect(listTimes(fired)).toEqual(["10:00:00.000", "11:00:00.000"]);
    expect(written).toEqual([
      { nextMs: msAt("10:00:00"), lastUpdatedMs: msAt("09:30:00") },
      { lastMs: msAt("10:00:00"), nextMs: msAt("11:00:00"), lastUpdatedMs: msAt("10:00:00") },
      { lastMs: msAt("11:00:00"), nextMs: msAt("12:00:00"), lastUpdatedMs: msAt("11:00:00") },
    ]);
  });

  test("replaces all missed slots by one run that is past due, even with runOnStartup", async () => {
    const recorded = {
      lastMs: msAt("03:00:00"),
      nextMs: msAt("04:00:00"),
      lastUpdatedMs: msAt("03:00:00"),
    };
    const { fired } = await runTimer(func, {
      schedule: "0 * * * *",
      runs: 2,
      recorded,
      trigger: { runOnStartup: true },
    });
    expect(fired).toMatchObject([
      { at: "09:30:00.000", isPastDue: true, status: { Last: "2026-01-01T03:00:00+00:00" } },
      { at: "10:00:00.000", isPastDue: false, status: { Last: "2026-01-01T09:30:00+00:00" } },
    ]);
  });

  test("a timer with runOnStartup runs at once and is not past due", async () => {
    const { fired } = await runTimer(func, {
      schedule: "0 * * * *",
      runs: 2,
      trigger: { runOnStartup: true },
    });
    expect(fired).toMatchObject([
      { at: "09:30:00.000", isPastDue: false },
      { at: "10:00:00.000", isPastDue: false },
    ]);
  });

  test("a failed timer still runs at its next slot", async () => {
    const { fired, written } = await runTimer(func, {
      schedule: "0 * * * *",
      runs: 2,
      fails: true,
    });
    expect(listTimes(fired)).toEqual(["10:00:00.000", "11:00:00.000"]);
    expect(written.at(-1)?.nextMs).toBe(msAt("12:00:00"));
  });

  test("a run longer than the interval skips slots and never overlaps", async () => {
    const { fired } = await runTimer(func, {
      schedule: "*/10 * * * *",
      runs: 3,
      runTakesMs: 25 * 60_000,
    });
    expect(listTimes(fired)).toEqual(["09:40:00.000", "10:10:00.000", "10:40:00.000"]);
  });

  test("a timer that wakes early uses no slot twice", async () => {
    const { fired } = await runTimer(func, { schedule: "0 * * * *", runs: 2, wakesEarlyMs: 5 });
    expect(listTimes(fired)).toEqual(["09:59:59.995", "10:59:59.995"]);
  });

  test("a timer without a monitor keeps no record and receives null", async () => {
    const { fired, written } = await runTimer(func, {
      schedule: "0 * * * *",
      runs: 1,
      trigger: { useMonitor: false },
    });
    expect([written, fired[0]?.status]).toEqual([[], null]);
  });
});

test("a timer acquires its lost lease again", async () => {
  const acquisitions: number[] = [];
  const [func] = (
    await loadApp({
      root: fixtureRoot,
      env: createFixtureSettings("x"),
      entry: "entries/bundle.ts",
    })
  ).functions;
  const timer = startTimer({
    func: func ?? expect.unreachable("no function"),
    trigger: {
      kind: "timer",
      declared: "",
      schedule: hourly,
      runOnStartup: false,
      useMonitor: false,
    },
    log: () => undefined,
    clock: systemClock,
    status: { read: async () => undefined, write: async () => undefined },
    lease: {
      acquire: async () => acquisitions.push(1) > 0,
      renew: async () => Promise.reject(new Error("lost")),
      release: async () => undefined,
      leaseMs: 20,
    },
    calls: { countRunning: () => 0, run: async () => ({}) },
  });
  await waitFor("a second taking", () => (acquisitions.length > 1 ? true : undefined));
  await timer.stop();
});

describe("on storage", () => {
  test("of two hosts one fires a timer, and the other takes over when it stops", async () => {
    const storage = claimFreshAccount();
    const env = { ...createFixtureSettings(storage), AzureWebJobsStorage: storage };
    const [func] = (await loadApp({ root: fixtureRoot, env, entry: "entries/second.ts" }))
      .functions;
    if (!func) throw new Error("no timer");
    const fired: string[] = [];
    const startHostTimers = (hostName: string): ReturnType<typeof startTimers> =>
      startTimers({
        functions: [func],
        env,
        hostId: "same",
        log: () => undefined,
        calls: { countRunning: () => 0, run: async () => (fired.push(hostName), {}) },
      });
    const [first] = await startHostTimers("first");
    await waitFor("the first to fire", () => (fired.length > 0 ? true : undefined));
    const [second] = await startHostTimers("second");
    await wait(1_200);
    expect(new Set(fired)).toEqual(new Set(["first"]));
    await second?.stop();
    await first?.stop();
    const [third] = await startHostTimers("third");
    await waitFor("the third to fire", () => (fired.includes("third") ? true : undefined));
    await third?.stop();
  });

  test("stores record and lease where the platform stores them", async () => {
    const blobs = BlobServiceClient.fromConnectionString(claimFreshAccount());
    const status = createStatusStore(blobs, "host", "tick");
    expect(await status.read()).toBeUndefined();
    await status.write({ nextMs: msAt("10:00:00"), lastUpdatedMs: msAt("09:00:00.500") });
    const container = blobs.getContainerClient("azure-webjobs-hosts");
    const text = (
      await container.getBlobClient("timers/host/Host.Functions.tick/status").downloadToBuffer()
    ).toString();
    expect(JSON.parse(text)).toEqual({
      Last: "0001-01-01T00:00:00",
      Next: "2026-01-01T10:00:00+00:00",
      LastUpdated: "2026-01-01T09:00:00.500+00:00",
    });
    expect(await status.read()).toEqual({
      nextMs: msAt("10:00:00"),
      lastUpdatedMs: msAt("09:00:00.500"),
    });
    const [ownLease, otherLease] = [
      createTimerLease(blobs, "host", "tick", 15),
      createTimerLease(blobs, "host", "tick", 15),
    ];
    expect([await ownLease.acquire(), await otherLease.acquire()]).toEqual([true, false]);
    await ownLease.renew();
    await expect(otherLease.renew()).rejects.toThrow();
    await ownLease.release();
    expect(await otherLease.acquire()).toBe(true);
  });
});
