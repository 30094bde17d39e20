/**
 * Runs four hosts of the built app on one account with more calls than the quota allows. By the
 * simulator's log they never exceed the quota in any sliding minute and use at least 90 % of it.
 */
import { hourMs, minuteMs, secondMs, systemClock } from "../../shared/runtime/time.ts";
import { runHost, type RunningHost } from "../functions-host/run-host.ts";
import { createAppRoot } from "../support/app-root.ts";
import { startAzurite } from "../support/azurite.ts";
import { startSimulator, type Simulator } from "../simulator/simulator.ts";

const callsPerMinute = 20;
const hostCount = 4;
/** The minutes whose calls are timed: from the first call to the first one after them. */
const timedMinutes = 2;
const timeoutMs = 5 * minuteMs;
const huntNames = Array.from({ length: 24 }, (_, index) => `pace-${index + 10}`);
const functionNames = ["process_hunt_runs", "run_hunt"];

/** @returns true when the quota was kept and used */
export async function checkHuntPace(printLine: (line: string) => void): Promise<boolean> {
  const azurite = await startAzurite({ accounts: ["pace"] });
  const simulator = await startSimulator({
    dataset: { eventsPerHour: { DeviceProcessEvents: 30 }, startMs: Date.now() - 72 * hourMs },
    behaviors: { hunting: { quota: { perMinute: null, perHour: null } } },
  });
  const app = createAppRoot(
    Object.fromEntries(
      huntNames.map((name) => [
        `${name}.yaml`,
        `name: ${name}\nquery: DeviceProcessEvents | project Timestamp, FileName\nqueryFrequency: 1h\nlookBack: PT1H\n`,
      ]),
    ),
  );
  const storage = azurite.connectionString("pace");
  const settings = {
    ...simulator.settings,
    HUNTING_CALLS_PER_MINUTE: String(callsPerMinute),
    HUNTING_QUOTA_SHARE: "1",
    DataStorage: storage,
    AzureWebJobsStorage: storage,
  };
  const hosts = await Promise.all(
    Array.from({ length: hostCount }, () =>
      runHost({ root: app.root, settings, functions: functionNames }),
    ),
  );
  try {
    await startManyRuns(hosts);
    return reportPace(await measureElapsedMs(simulator), simulator, printLine);
  } finally {
    await Promise.all(hosts.map((host) => host.kill()));
    await simulator.stop();
    await azurite.stop();
    app.remove();
  }
}

/**
 * Starts a first run and three backfills of each hunt on all hosts: at least five times the quota.
 */
async function startManyRuns(hosts: readonly RunningHost[]): Promise<void> {
  const toInstant = (hoursAgo: number): string =>
    new Date(Date.now() - hoursAgo * hourMs).toISOString();
  const bodies = [
    {},
    ...[4, 3, 2].map((hoursAgo) => ({ from: toInstant(hoursAgo), to: toInstant(hoursAgo - 1) })),
  ];
  for (const body of bodies)
    for (const [index, name] of huntNames.entries())
      await fetch(`${hosts[index % hostCount]?.url}/api/hunts/${name}/runs`, {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: JSON.stringify(body),
      });
}

const listArrivals = (simulator: Simulator): number[] =>
  simulator.listRequests({ api: "hunting" }).map(({ arrivedAtMs }) => arrivedAtMs);

/**
 * Returns the milliseconds until all calls of the timed minutes had arrived and the next one could.
 */
async function measureElapsedMs(simulator: Simulator): Promise<number> {
  const deadlineMs = Date.now() + timeoutMs;
  const [timedCalls, firstArrival] = [
    timedMinutes * callsPerMinute,
    (): number => listArrivals(simulator)[0] ?? 0,
  ];
  while (listArrivals(simulator)[timedCalls] === undefined && Date.now() < deadlineMs)
    await systemClock.sleep(secondMs);
  return (listArrivals(simulator)[timedCalls] ?? Infinity) - firstArrival();
}

function reportPace(
  tookMs: number,
  simulator: Simulator,
  printLine: (line: string) => void,
): boolean {
  const busiest = simulator.log.countBusiest(minuteMs, { api: "hunting" });
  const usedShare = (timedMinutes * minuteMs) / tookMs;
  const hasPassed = busiest <= callsPerMinute && usedShare >= 0.9;
  printLine(
    `hunts: ${hostCount} hosts, ${callsPerMinute} calls a minute: busiest minute ${busiest}, ${timedMinutes * callsPerMinute} calls` +
      ` in ${Math.round(tookMs / secondMs)} s (${Math.round(100 * usedShare)} % of the rate)${hasPassed ? "" : " — BROKEN"}`,
  );
  return hasPassed;
}
