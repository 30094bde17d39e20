/** A hunt is exported: every row once, over several windows, by two instances, and across a process that was killed. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { parseInstant } from "../../shared/runtime/time.ts";
import type { RunningHost } from "../functions-host/run.ts";
import { appRoot } from "../support/app-root.ts";
import { exportsOf, type Exported } from "../support/exported.ts";
import { bodyOf, live, postJson, until, type Living } from "../support/stack.ts";

const hunt = (name: string): string => `name: ${name}
query: |
  DeviceProcessEvents
  | where ActionType == "ProcessCreated"
  | project Timestamp, ReportId, DeviceId, FileName
queryFrequency: 1h
`;

interface Job {
  readonly outcome: string;
  readonly rows: number;
  readonly windows: number;
}

let here: Living;
const app = appRoot({
  "one-instance.yaml": hunt("one"),
  "two-instances.yaml": hunt("two"),
  "killed.yaml": hunt("killed"),
  "stopped.yaml": hunt("stopped"),
});

beforeAll(async () => {
  here = await live(
    {
      world: {
        eventsPerHour: { DeviceProcessEvents: 1_400 },
        startMs: Date.now() - 3 * 86_400_000,
      },
      switches: { hunting: { rowCap: 10_000, quota: { perMinute: null, perHour: null } } },
    },
    { HUNTING_CALLS_PER_MINUTE: "1000", HUNTING_CALLS_PER_HOUR: "60000", HUNTING_SHARE: "1" },
  );
});
afterAll(async () => {
  await here.end();
  app.remove();
});

const start = (host: RunningHost, name: string): Promise<Response> =>
  postJson(`${host.url}/api/hunts/${name}/runs`, {});
const finished = async (started: Response): Promise<Job> => {
  expect(started.status).toBe(202);
  const place = started.headers.get("location") ?? "";
  return bodyOf<Job>(
    await until(
      () => fetch(place),
      ({ status }) => status === 200,
      60_000,
    ),
  );
};

const keyOf = (row: { Timestamp: string; ReportId: number; DeviceId: string }): string =>
  `${parseInstant(row.Timestamp)}|${row.ReportId}|${row.DeviceId}`;

/** Holds a hunt's exports against the world: an unbroken log, and the same rows as often. */
function judge(exports: readonly Exported[]): number {
  const log = exports.map(({ metadata }) => metadata);
  log.forEach((one, index) => {
    expect(Number(one["seq"])).toBe(index);
    if (index > 0) expect(one["from"]).toBe(log[index - 1]?.["to"]);
    expect(Number(one["rows"])).toBe(exports[index]?.lines.length);
  });
  const span = {
    from: parseInstant(log[0]?.["from"] ?? "") ?? 0n,
    to: parseInstant(log.at(-1)?.["to"] ?? "") ?? 0n,
  };
  const reply = here.tenant.evaluate(
    `DeviceProcessEvents | where ActionType == "ProcessCreated" | project Timestamp, ReportId, DeviceId`,
    {
      world: here.tenant.world,
      now: span.to,
      visibleAt: span.to + 36_000_000_000n,
      timespan: span,
    } as never,
  );
  if (reply.kind !== "table") throw new Error(reply.message);
  const wanted = [...reply.rows]
    .map(([at, report, device]) => `${String(at)}|${String(report)}|${String(device)}`)
    .sort();
  const got = exports
    .flatMap(({ lines }) =>
      lines.map((line) => keyOf(JSON.parse(line) as Parameters<typeof keyOf>[0])),
    )
    .sort();
  expect(got).toEqual(wanted);
  return got.length;
}

describe("a hunt with more rows than one answer may have", () => {
  test("is exported over several windows, each row once, and its rows can be read over HTTP", async () => {
    const host = await here.host({ root: app.root });
    const job = await finished(await start(host, "one-instance"));
    expect(job.windows).toBeGreaterThan(2);
    const exports = await exportsOf(here.storage, "one-instance");
    expect(judge(exports)).toBe(job.rows);
    const news = await fetch(`${host.url}/api/hunts/one-instance/exports?after=-1`);
    expect(news.status).toBe(200);
    const { cursor } = await bodyOf<{ cursor: string }>(news);
    expect((await fetch(`${host.url}/api/hunts/one-instance/exports?after=${cursor}`)).status).toBe(
      202,
    );
    const rows = await bodyOf<{ rows: unknown[] }>(
      await fetch(`${host.url}/api/hunts/one-instance/exports/0/rows?top=2&skip=1`),
    );
    expect(rows.rows).toEqual(
      exports[0]?.lines.slice(1, 3).map((line) => JSON.parse(line) as unknown),
    );
    await host.stop();
  });

  test("is exported once by two instances that are asked at the same time", async () => {
    const [first, second] = await Promise.all([
      here.host({ root: app.root }),
      here.host({ root: app.root }),
    ]);
    const jobs = await Promise.all(
      [first, second, first, second].map(async (host) =>
        finished(await start(host, "two-instances")),
      ),
    );
    expect(jobs.map(({ outcome }) => outcome)).toEqual(["done", "done", "done", "done"]);
    expect(judge(await exportsOf(here.storage, "two-instances"))).toBeGreaterThan(30_000);
    await Promise.all([first.stop(), second.stop()]);
  }, 120_000);

  test("loses and doubles nothing when its process is killed between two windows", async () => {
    const first = await here.host({ root: app.root });
    await start(first, "killed");
    await until(
      () => exportsOf(here.storage, "killed"),
      (exports) => exports.length > 0,
      60_000,
    );
    await first.kill();
    const second = await here.host({ root: app.root });
    await finished(await start(second, "killed"));
    expect(judge(await exportsOf(here.storage, "killed"))).toBeGreaterThan(30_000);
    await second.stop();
  }, 120_000);
});

describe("a wrong setting", () => {
  test("is named by the doors that need it, and the others work", async () => {
    const host = await here.host({ root: app.root, settings: { TENANT_ID: "not-a-guid" } });
    const refused = await start(host, "stopped");
    expect(refused.status).toBe(503);
    expect(await bodyOf<{ detail: string }>(refused)).toMatchObject({
      detail: expect.stringContaining("TENANT_ID") as string,
    });
    expect((await fetch(`${host.url}/api/hunts`)).status).toBe(200);
    expect(await bodyOf<object>(await fetch(`${host.url}/api/health`))).toEqual({
      status: "unhealthy",
    });
    await host.stop();
  });
});
