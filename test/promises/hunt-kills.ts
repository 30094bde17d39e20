/**
 * The hunt engine as it is shipped, killed with SIGKILL at each named point: the built bundle in a host of its own,
 * against Azurite and the simulated tenant, alone and beside a second live instance. Judged from the blobs that lie
 * there and the tenant's world.
 */
import { resolve } from "node:path";
import { hourMs, parseInstant, secondMs, ticksFromMs } from "../../shared/time.ts";
import { runHost, type RunningHost } from "../host/run.ts";
import { appRoot } from "../support/app-root.ts";
import { startAzurite } from "../support/azurite.ts";
import { exportsOf, type Exported } from "../support/exported.ts";
import { startTenant, type Tenant } from "../tenant/tenant.ts";

/** Every point of a run, with what brings a run there. */
export const killPoints = [
  "E1 head read",
  "E2 window planned",
  "E03 permit",
  "E4 request sent",
  "E5 headers in",
  "E6 body parsed",
  "E7 completeness proven",
  "E8 window halved",
  "E9 known rows loaded",
  "E10 compressed",
  "E11 put sent",
  "E12 put acknowledged",
  "E13 head cache written",
  "E14 result message sent",
  "E15 continuation enqueued",
  "E16 before message delete",
  "R1 recount half done",
] as const;

/** What one killing has shown. */
export interface KillVerdict {
  readonly point: string;
  readonly instances: number;
  /** Whether the process really died there. */
  readonly died: boolean;
  readonly rows: number;
  readonly lost: number;
  readonly doubled: number;
  /** Broken promises other than P1, in words. */
  readonly broken: readonly string[];
}

const huntYaml = `name: kill
query: |
  DeviceProcessEvents
  | where ActionType == "ProcessCreated"
  | project Timestamp, ReportId, DeviceId, FileName
queryFrequency: 1h
`;
const hunt = "kill";

const preload = resolve(import.meta.dirname, "kill-preload.ts");

/**
 * @param points - some of `killPoints`
 * @param each - told of every verdict as it falls
 */
export async function killEverywhere(
  points: readonly string[],
  each: (verdict: KillVerdict) => void,
): Promise<readonly KillVerdict[]> {
  const trials = [1, 2].flatMap((instances) => points.map((point) => ({ point, instances })));
  const azurite = await startAzurite({ accounts: trials.map((_, index) => `kill${index}`) });
  const app = appRoot({ [`${hunt}.yaml`]: huntYaml });
  const verdicts: KillVerdict[] = [];
  try {
    for (const [index, { point, instances }] of trials.entries()) {
      const verdict = await killOnce(azurite.connectionString(`kill${index}`), app.root, point, instances);
      verdicts.push(verdict);
      each(verdict);
    }
  } finally {
    app.remove();
    await azurite.stop();
  }
  return verdicts;
}

async function killOnce(storage: string, root: string, point: string, instances: number): Promise<KillVerdict> {
  const tenant = await startTenant({
    world: { eventsPerHour: { DeviceProcessEvents: 1_400 }, startMs: Date.now() - 72 * hourMs },
    switches: { hunting: { rowCap: 10_000, quota: { perMinute: null, perHour: null } } },
  });
  const generous = { HUNTING_CALLS_PER_MINUTE: "1000", HUNTING_CALLS_PER_HOUR: "60000", HUNTING_SHARE: "1" };
  const settings = { ...tenant.settings, ...generous, DataStorage: storage, AzureWebJobsStorage: storage };
  const hosts: RunningHost[] = [];
  const host = async (more: Readonly<Record<string, string>> = {}): Promise<RunningHost> => {
    const one = await runHost({ root, settings: { ...settings, ...more }, preload: [preload], invisibilitySeconds: 5 });
    hosts.push(one);
    return one;
  };
  try {
    const died = await killAt(tenant, host, point, instances);
    tenant.faults.clear();
    await runToEnd(await host());
    const exports = await exportsOf(storage, hunt);
    return { point, instances, died, ...judge(tenant, exports), broken: brokenIn(exports) };
  } finally {
    await Promise.all(hosts.map((one) => one.kill()));
    await tenant.stop();
  }
}

type Open = (more?: Readonly<Record<string, string>>) => Promise<RunningHost>;

/** Runs until the armed instance is dead: first with late rows held back, then with all of them there. */
async function killAt(tenant: Tenant, host: Open, point: string, instances: number): Promise<boolean> {
  const held = tenant.faults.add({ api: "hunting", kind: "late-rows", byMs: 2 * hourMs, count: null });
  if (point.startsWith("E15")) tenant.faults.add({ api: "hunting", kind: "throttled", retryAfterS: 1 });
  const armed = await host({ KILL_AT: point });
  const others = instances > 1 ? [await host()] : [];
  const fate = { dead: false };
  const ended = armed.ended.then(() => (fate.dead = true));
  for (let round = 0; round < 2 && !fate.dead; round += 1) {
    const runs = [armed, ...others].map((one) => runToEnd(one).catch(() => undefined));
    await Promise.race([ended, Promise.all(runs)]);
    // A late row is late only for a window that is there: from the second round on they have all arrived.
    tenant.faults.remove(held);
  }
  const { dead } = fate;
  await armed.kill();
  return dead;
}

const pause = (ms: number): Promise<void> => new Promise((done) => void setTimeout(done, ms));
const patienceMs = 90 * secondMs;

/** Asks for a run and waits for its job. */
async function runToEnd(host: RunningHost): Promise<void> {
  const started = await fetch(`${host.url}/api/hunts/${hunt}/runs`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: "{}",
  });
  const job = started.headers.get("location");
  if (started.status !== 202 || job === null) throw new Error(`the run was answered ${started.status}`);
  const end = Date.now() + patienceMs;
  while ((await fetch(job)).status !== 200) {
    if (Date.now() > end) throw new Error(`the job does not end:\n${host.output().slice(-2_000)}`);
    await pause(100);
  }
}

/** What the log holds against what the world held, as multisets. */
function judge(tenant: Tenant, exports: readonly Exported[]): Pick<KillVerdict, "rows" | "lost" | "doubled"> {
  const log = exports.filter(({ path }) => !path.includes("/late/")).map(({ metadata }) => metadata);
  const bounds = log.flatMap((one) => [parseInstant(one["from"] ?? "") ?? 0n, parseInstant(one["to"] ?? "") ?? 0n]);
  const span = { from: bounds[0] ?? 0n, to: bounds.at(-1) ?? 0n };
  const reply = tenant.evaluate(
    `DeviceProcessEvents | where ActionType == "ProcessCreated" | project Timestamp, ReportId, DeviceId`,
    { world: tenant.world, now: span.to, visibleAt: span.to + ticksFromMs(hourMs), timespan: span } as never,
  );
  if (reply.kind !== "table") throw new Error(reply.message);
  const counts = new Map<string, number>();
  const add = (key: string, by: number): void => void counts.set(key, (counts.get(key) ?? 0) + by);
  for (const row of reply.rows) add(row.map(String).slice(0, 3).join("|"), 1);
  const lines = exports.flatMap((one) => one.lines);
  for (const line of lines) add(keyOf(line), -1);
  const sum = (of: (left: number) => number): number => [...counts.values()].reduce((all, left) => all + of(left), 0);
  return { rows: lines.length, lost: sum((left) => Math.max(0, left)), doubled: sum((left) => Math.max(0, -left)) };
}

function keyOf(line: string): string {
  const row = JSON.parse(line) as { Timestamp: string; ReportId: number; DeviceId: string };
  return `${parseInstant(row.Timestamp)}|${row.ReportId}|${row.DeviceId}`;
}

/** P2 and P3: every blob is what its metadata says, and the log has no gap. */
function brokenIn(exports: readonly Exported[]): string[] {
  const halves = exports.filter(({ metadata, lines }) => Number(metadata["rows"]) !== lines.length);
  const log = exports.filter(({ path }) => !path.includes("/late/")).map(({ metadata }) => metadata);
  const gaps = log.flatMap((one, index) =>
    Number(one["seq"]) === index && (index === 0 || one["from"] === log[index - 1]?.["to"])
      ? []
      : [`P3 broken at ${index}`],
  );
  return [...halves.map(({ path }) => `P2 ${path}`), ...gaps, ...(log.length === 0 ? ["nothing was exported"] : [])];
}
