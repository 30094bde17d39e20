import { afterAll, beforeAll, expect, test } from "vitest";
import { sendRequest, runHuntingQuery, fetchToken } from "../caller.ts";
import { startSimulator, type Simulator } from "../simulator.ts";

let simulator: Simulator;

beforeAll(async () => {
  const startMs = Date.now() - 2 * 86_400_000;
  simulator = await startSimulator({
    dataset: { startMs, eventsPerHour: 60 },
    behaviors: { hunting: { quota: { perMinute: null } } },
  });
  // The first query loads Microsoft's parser, seconds on a busy machine.
  await runHuntingQuery(simulator, "DeviceEvents | take 1");
});
afterAll(() => simulator.stop());

const queryRows = async (query: string, options: Parameters<typeof runHuntingQuery>[2] = {}) => {
  const { body } = await runHuntingQuery(simulator, query, options);
  return (body["results"] ?? body["Results"]) as Record<string, unknown>[];
};

test("returns the same rows of a query on Graph and on Defender", async () => {
  const from = new Date(simulator.clock.now() - 7_200_000).toISOString();
  const query = `DeviceProcessEvents | where Timestamp > datetime(${from}) | project Timestamp, DeviceName, ReportId | take 50`;
  const graph = await queryRows(query);
  const defender = await queryRows(query, { via: "defender" });
  expect(graph.length).toBe(50);
  expect(graph.map(({ DeviceName, ReportId }) => [DeviceName, ReportId])).toEqual(
    defender.map(({ DeviceName, ReportId }) => [DeviceName, ReportId]),
  );
});

test("applies the narrower of Timespan and the query's own filter", async () => {
  const countRows = async (within: string, Timespan?: string) =>
    (
      await queryRows(`DeviceProcessEvents | where Timestamp > ago(${within}) | count`, {
        extraFields: Timespan ? { Timespan } : {},
      })
    )[0]?.["Count"];
  const hour = await countRows("1h");
  expect(hour).toBeGreaterThan(0);
  expect(Math.abs(Number(await countRows("10h", "PT1H")) - Number(hour))).toBeLessThan(3);
  expect(Math.abs(Number(await countRows("1h", "P30D")) - Number(hour))).toBeLessThan(3);
  expect(await countRows("10h")).toBeGreaterThan(Number(hour));
});

test("hides a late row until it arrives", async () => {
  const query = 'DeviceEvents | where DeviceName == "late" | count';
  simulator.dataset.addLateRow(
    "DeviceEvents",
    { Timestamp: new Date(simulator.clock.now() - 60_000).toISOString(), DeviceName: "late" },
    3_600_000,
  );
  expect(await queryRows(query)).toEqual([{ Count: 0 }]);
  simulator.clock.shift(3_600_000);
  expect(await queryRows(query)).toEqual([{ Count: 1 }]);
});

test("returns the same data from FileProfile and file information, also for a changed file", async () => {
  const sha1 = simulator.dataset.getFile("cmd.exe").sha1;
  simulator.files.put({ sha1, globalPrevalence: 77n });
  const [row] = await queryRows(
    `datatable(SHA1:string)["${sha1}"] | invoke FileProfile(SHA1, 1000) | project GlobalPrevalence`,
  );
  const answer = await sendRequest(`${simulator.urls.defender}/api/files/${sha1}`, {
    headers: { authorization: `Bearer ${await fetchToken(simulator, "defender")}` },
  });
  expect([row?.["GlobalPrevalence"], answer.body["globalPrevalence"]]).toEqual([77, 77]);
});

test.each([
  ["DeviceEvents | where (", /syntax/],
  ["DeviceEvents | where Nonsense == 1", /Nonsense/],
  ["NoSuchTable | take 1", /Failed to resolve table or column expression named 'NoSuchTable'/],
])("answers %s with the service's 400", async (query, text) => {
  const answer = await runHuntingQuery(simulator, query);
  expect(answer.status).toBe(400);
  expect((answer.body as { error: { message: string } }).error.message).toMatch(text);
});
