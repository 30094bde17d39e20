/**
 * Four hosts of the built app on one account, with more to ask than they may: judged by the tenant's log, they never go
 * over the quota in any sliding minute, and use nine tenths of it.
 */
import { hourMs, minuteMs, secondMs, systemClock } from "../../shared/runtime/time.ts";
import { runHost, type RunningHost } from "../functions-host/run.ts";
import { appRoot } from "../support/app-root.ts";
import { startAzurite } from "../support/azurite.ts";
import { startTenant, type Tenant } from "../simulator/simulator.ts";

const callsPerMinute = 20;
const hosts = 4;
/** So many minutes' calls are timed: from the first one to the first one after them. */
const minutes = 2;
const patienceMs = 5 * minuteMs;
const names = Array.from({ length: 24 }, (_, index) => `pace-${index + 10}`);
const functions = ["run_hunt", "start_hunt"];

/** @returns whether the quota was kept and used */
export async function promisePace(say: (line: string) => void): Promise<boolean> {
  const azurite = await startAzurite({ accounts: ["pace"] });
  const tenant = await startTenant({
    world: { eventsPerHour: { DeviceProcessEvents: 30 }, startMs: Date.now() - 72 * hourMs },
    switches: { hunting: { quota: { perMinute: null, perHour: null } } },
  });
  const app = appRoot(
    Object.fromEntries(
      names.map((name) => [
        `${name}.yaml`,
        `name: ${name}\nquery: DeviceProcessEvents | project Timestamp, FileName\nqueryFrequency: 1h\nlookBack: PT1H\n`,
      ]),
    ),
  );
  const storage = azurite.connectionString("pace");
  const settings = {
    ...tenant.settings,
    HUNTING_CALLS_PER_MINUTE: String(callsPerMinute),
    HUNTING_SHARE: "1",
    DataStorage: storage,
    AzureWebJobsStorage: storage,
  };
  const running = await Promise.all(
    Array.from({ length: hosts }, () => runHost({ root: app.root, settings, functions })),
  );
  try {
    await askForMuch(running);
    return judged(await watched(tenant), tenant, say);
  } finally {
    await Promise.all(running.map((host) => host.kill()));
    await tenant.stop();
    await azurite.stop();
    app.remove();
  }
}

/** A first run and three backfills of each hunt, spread over the hosts: a call each at least, five times the quota. */
async function askForMuch(running: readonly RunningHost[]): Promise<void> {
  const instant = (hoursAgo: number): string =>
    new Date(Date.now() - hoursAgo * hourMs).toISOString();
  const bodies = [
    {},
    ...[4, 3, 2].map((hoursAgo) => ({ from: instant(hoursAgo), to: instant(hoursAgo - 1) })),
  ];
  for (const body of bodies)
    for (const [index, name] of names.entries())
      await fetch(`${running[index % hosts]?.url}/api/hunts/${name}/runs`, {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: JSON.stringify(body),
      });
}

const arrivals = (tenant: Tenant): number[] =>
  tenant.requests({ api: "hunting" }).map(({ arrivedAtMs }) => arrivedAtMs);

/** How long it took until all calls of the timed minutes had arrived and the next one could, ms. */
async function watched(tenant: Tenant): Promise<number> {
  const end = Date.now() + patienceMs;
  const [timed, first] = [minutes * callsPerMinute, (): number => arrivals(tenant)[0] ?? 0];
  while (arrivals(tenant)[timed] === undefined && Date.now() < end)
    await systemClock.sleep(secondMs);
  return (arrivals(tenant)[timed] ?? Infinity) - first();
}

function judged(tookMs: number, tenant: Tenant, say: (line: string) => void): boolean {
  const busiest = tenant.log.busiest(minuteMs, { api: "hunting" });
  const used = (minutes * minuteMs) / tookMs;
  const held = busiest <= callsPerMinute && used >= 0.9;
  say(
    `hunts: ${hosts} hosts, ${callsPerMinute} calls a minute: busiest minute ${busiest}, ${minutes * callsPerMinute} calls` +
      ` in ${Math.round(tookMs / secondMs)} s (${Math.round(100 * used)} % of the rate)${held ? "" : " — BROKEN"}`,
  );
  return held;
}
