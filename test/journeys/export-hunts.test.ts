/**
 * A hunt is exported: every row once, over several windows, by two instances, and across a process
 * that was killed.
 */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { parseInstant } from "../../shared/runtime/time.ts";
import type { RunningHost } from "../functions-host/run-host.ts";
import { createAppRoot } from "../support/app-root.ts";
import { readExports, type ExportedBlob } from "../support/exported-blobs.ts";
import { readJson, startStack, postJson, waitUntil, type Stack } from "../support/stack.ts";

const createHuntYaml = (name: string): string => `name: ${name}
query: |
  DeviceProcessEvents
  | where ActionType == "ProcessCreated"
  | project Timestamp, ReportId, DeviceId, FileName
queryFrequency: 1h
`;

interface Job {
  readonly status: string;
  readonly result: { readonly rows: number; readonly windows: number };
}

let stack: Stack;
const app = createAppRoot({
  "one-instance.yaml": createHuntYaml("one"),
  "two-instances.yaml": createHuntYaml("two"),
  "killed.yaml": createHuntYaml("killed"),
  "stopped.yaml": createHuntYaml("stopped"),
});

beforeAll(async () => {
  stack = await startStack(
    {
      dataset: {
        eventsPerHour: { DeviceProcessEvents: 1_400 },
        startMs: Date.now() - 3 * 86_400_000,
      },
      behaviors: { hunting: { rowCap: 10_000, quota: { perMinute: null, perHour: null } } },
    },
    { HUNTING_CALLS_PER_MINUTE: "1000", HUNTING_CALLS_PER_HOUR: "60000", HUNTING_QUOTA_SHARE: "1" },
  );
});
afterAll(async () => {
  await stack.stop();
  app.remove();
});

const startRun = (host: RunningHost, name: string): Promise<Response> =>
  postJson(`${host.url}/api/hunts/${name}/runs`, {});
const waitForJob = async (started: Response): Promise<Job> => {
  expect(started.status).toBe(202);
  const location = started.headers.get("location") ?? "";
  return readJson<Job>(
    await waitUntil(
      () => fetch(location),
      ({ status }) => status === 200,
      60_000,
    ),
  );
};

const keyOf = (row: { Timestamp: string; ReportId: number; DeviceId: string }): string =>
  `${parseInstant(row.Timestamp)}|${row.ReportId}|${row.DeviceId}`;

/** Holds a hunt's exports against the world: an unbroken log, and the same rows as often. */
function checkExports(exports: readonly ExportedBlob[]): number {
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
  const reply = stack.simulator.evaluate(
    `DeviceProcessEvents | where ActionType == "ProcessCreated" | project Timestamp, ReportId, DeviceId`,
    {
      dataset: stack.simulator.dataset,
      now: span.to,
      visibleAt: span.to + 36_000_000_000n,
      timespan: span,
    } as never,
  );
  if (reply.kind !== "table") throw new Error(reply.message);
  const expected = [...reply.rows]
    .map(([at, report, device]) => `${String(at)}|${String(report)}|${String(device)}`)
    .sort();
  const actual = exports
    .flatMap(({ lines }) =>
      lines.map((line) => keyOf(JSON.parse(line) as Parameters<typeof keyOf>[0])),
    )
    .sort();
  expect(actual).toEqual(expected);
  return actual.length;
}

describe("a hunt with more rows than one answer may have", () => {
  test("is exported over several windows, each row once, and its rows can be read over HTTP", async () => {
    const host = await stack.startHost({ root: app.root });
    const job = await waitForJob(await startRun(host, "one-instance"));
    expect(job.result.windows).toBeGreaterThan(2);
    const exports = await readExports(stack.storage, "one-instance");
    expect(checkExports(exports)).toBe(job.result.rows);
    const news = await fetch(`${host.url}/api/hunts/one-instance/exports?after=-1`);
    expect(news.status).toBe(200);
    const { cursor } = await readJson<{ cursor: string }>(news);
    expect((await fetch(`${host.url}/api/hunts/one-instance/exports?after=${cursor}`)).status).toBe(
      202,
    );
    const rows = await readJson<{ value: unknown[] }>(
      await fetch(`${host.url}/api/hunts/one-instance/exports/0/rows?top=2&skip=1`),
    );
    expect(rows.value).toEqual(
      exports[0]?.lines.slice(1, 3).map((line) => JSON.parse(line) as unknown),
    );
    await host.stop();
  });

  test("is exported once by two instances that are asked at the same time", async () => {
    const [first, second] = await Promise.all([
      stack.startHost({ root: app.root }),
      stack.startHost({ root: app.root }),
    ]);
    const jobs = await Promise.all(
      [first, second, first, second].map(async (host) =>
        waitForJob(await startRun(host, "two-instances")),
      ),
    );
    expect(jobs.map(({ status }) => status)).toEqual([
      "succeeded",
      "succeeded",
      "succeeded",
      "succeeded",
    ]);
    expect(checkExports(await readExports(stack.storage, "two-instances"))).toBeGreaterThan(30_000);
    await Promise.all([first.stop(), second.stop()]);
  }, 120_000);

  test("loses and doubles nothing when its process is killed between two windows", async () => {
    const first = await stack.startHost({ root: app.root });
    await startRun(first, "killed");
    await waitUntil(
      () => readExports(stack.storage, "killed"),
      (exports) => exports.length > 0,
      60_000,
    );
    await first.kill();
    const second = await stack.startHost({ root: app.root });
    await waitForJob(await startRun(second, "killed"));
    expect(checkExports(await readExports(stack.storage, "killed"))).toBeGreaterThan(30_000);
    await second.stop();
  }, 120_000);
});

describe("a wrong setting", () => {
  test("is named by the functions that need it, and the others work", async () => {
    const host = await stack.startHost({ root: app.root, settings: { TENANT_ID: "not-a-guid" } });
    const refused = await startRun(host, "stopped");
    expect(refused.status).toBe(503);
    expect(await readJson<{ detail: string }>(refused)).toMatchObject({
      detail: expect.stringContaining("TENANT_ID") as string,
    });
    expect((await fetch(`${host.url}/api/hunts`)).status).toBe(200);
    expect(await readJson<object>(await fetch(`${host.url}/api/health`))).toEqual({
      status: "unhealthy",
    });
    await host.stop();
  });
});
