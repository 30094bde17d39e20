import { afterAll, beforeAll, expect, test } from "vitest";
import { hear, hunt, tokenFor } from "../caller.ts";
import { startTenant, type Tenant } from "../simulator.ts";

let tenant: Tenant;

beforeAll(async () => {
  const startMs = Date.now() - 2 * 86_400_000;
  tenant = await startTenant({
    world: { startMs, eventsPerHour: 60 },
    switches: { hunting: { quota: { perMinute: null } } },
  });
  // The first query loads Microsoft's parser, seconds on a busy machine.
  await hunt(tenant, "DeviceEvents | take 1");
});
afterAll(() => tenant.stop());

const rowsOf = async (query: string, options: Parameters<typeof hunt>[2] = {}) => {
  const { body } = await hunt(tenant, query, options);
  return (body["results"] ?? body["Results"]) as Record<string, unknown>[];
};

test("a query over the world gives the same rows on Graph and on Defender", async () => {
  const from = new Date(tenant.clock.now() - 7_200_000).toISOString();
  const query = `DeviceProcessEvents | where Timestamp > datetime(${from}) | project Timestamp, DeviceName, ReportId | take 50`;
  const graph = await rowsOf(query);
  const defender = await rowsOf(query, { via: "defender" });
  expect(graph.length).toBe(50);
  expect(graph.map(({ DeviceName, ReportId }) => [DeviceName, ReportId])).toEqual(
    defender.map(({ DeviceName, ReportId }) => [DeviceName, ReportId]),
  );
});

test("the narrower of Timespan and the query's own filter wins", async () => {
  const count = async (within: string, Timespan?: string) =>
    (
      await rowsOf(`DeviceProcessEvents | where Timestamp > ago(${within}) | count`, {
        more: Timespan ? { Timespan } : {},
      })
    )[0]?.["Count"];
  const hour = await count("1h");
  expect(hour).toBeGreaterThan(0);
  expect(Math.abs(Number(await count("10h", "PT1H")) - Number(hour))).toBeLessThan(3);
  expect(Math.abs(Number(await count("1h", "P30D")) - Number(hour))).toBeLessThan(3);
  expect(await count("10h")).toBeGreaterThan(Number(hour));
});

test("a late row is not seen before it arrives", async () => {
  const query = 'DeviceEvents | where DeviceName == "late" | count';
  tenant.world.addLate(
    "DeviceEvents",
    { Timestamp: new Date(tenant.clock.now() - 60_000).toISOString(), DeviceName: "late" },
    3_600_000,
  );
  expect(await rowsOf(query)).toEqual([{ Count: 0 }]);
  tenant.clock.shift(3_600_000);
  expect(await rowsOf(query)).toEqual([{ Count: 1 }]);
});

test("FileProfile and file information agree, also on a file that a test changed", async () => {
  const sha1 = tenant.world.fileNamed("cmd.exe").sha1;
  tenant.files.put({ sha1, globalPrevalence: 77n });
  const [row] = await rowsOf(
    `datatable(SHA1:string)["${sha1}"] | invoke FileProfile(SHA1, 1000) | project GlobalPrevalence`,
  );
  const answer = await hear(`${tenant.urls.defender}/api/files/${sha1}`, {
    headers: { authorization: `Bearer ${await tokenFor(tenant, "defender")}` },
  });
  expect([row?.["GlobalPrevalence"], answer.body["globalPrevalence"]]).toEqual([77, 77]);
});

test.each([
  ["DeviceEvents | where (", /syntax/],
  ["DeviceEvents | where Nonsense == 1", /Nonsense/],
  ["NoSuchTable | take 1", /Failed to resolve table or column expression named 'NoSuchTable'/],
])("%s is the service's 400", async (query, text) => {
  const answer = await hunt(tenant, query);
  expect(answer.status).toBe(400);
  expect((answer.body as { error: { message: string } }).error.message).toMatch(text);
});
