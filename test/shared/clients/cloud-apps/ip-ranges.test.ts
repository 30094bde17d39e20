import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { createIpRangeResource } from "../../../../shared/clients/cloud-apps/ip-ranges.ts";
import type { ApiClient } from "../../../../shared/http-pipeline/api-client.ts";
import type { Simulator } from "../../../simulator/simulator.ts";
import { collectItems, startSimulatorWithClient } from "./simulator-client.ts";

let simulator: Simulator;
let client: ApiClient;

beforeAll(async () => {
  ({ simulator, client } = await startSimulatorWithClient(0));
});
afterAll(() => simulator.stop());
beforeEach(() => {
  const { ipRanges } = simulator.cloudApps.portal;
  for (const id of [...ipRanges.keys()].slice(4)) ipRanges.delete(id);
  simulator.faults.clear();
  simulator.log.clear();
  simulator.changeBehaviors({ cloudApps: { subnetPlace: "both" } });
});

const listPaths = (): string[] =>
  simulator.listRequests().map(({ method, path }) => `${method} ${path}`);

test("a range is created, listed, replaced whole and deleted", async () => {
  const ranges = createIpRangeResource(client);
  const range = {
    name: "Branch",
    category: 4,
    subnets: ["192.168.5.0/24"],
    organization: "X",
    tags: ["branch"],
  } as const;
  const id = await ranges.create(range);
  const findRange = async () =>
    (await collectItems(ranges.list({ sortField: "name" }))).find(({ _id }) => _id === id);
  expect(await findRange()).toMatchObject({
    name: "Branch",
    organization: "X",
    subnets: [{ mask: 120 }],
  });
  await ranges.update(id, { name: "Branch", category: 1, subnets: ["192.168.5.0/25"] });
  expect(await findRange()).toMatchObject({
    category: 1,
    organization: null,
    tags: [],
    subnets: [{ mask: 121 }],
  });
  await ranges.remove(id);
  expect(await findRange()).toBeUndefined();
});

test("uses the second path after a 404 of the first, and then only the second", async () => {
  simulator.changeBehaviors({ cloudApps: { subnetPlace: "bare" } });
  const ranges = createIpRangeResource(client);
  expect(await collectItems(ranges.list())).toHaveLength(4);
  await collectItems(ranges.list());
  expect(listPaths()).toEqual(["POST /api/v1/subnet/", "POST /api/subnet/", "POST /api/subnet/"]);
});

test("never uses the second path after a success of the first, not even for a deleted range", async () => {
  const ranges = createIpRangeResource(client);
  await collectItems(ranges.list());
  await expect(ranges.remove("nobody")).rejects.toMatchObject({ code: "notFound" });
  expect(listPaths()).toEqual(["POST /api/v1/subnet/", "DELETE /api/v1/subnet/nobody/"]);
});

test("pages have as many items as requested, at most 100", async () => {
  const ranges = createIpRangeResource(client);
  expect(await collectItems(ranges.list({ limit: 2 }))).toHaveLength(4);
  expect(listPaths()).toHaveLength(2);
  await expect(collectItems(ranges.list({ limit: 101 }))).rejects.toThrow(RangeError);
});

test.each([[{ id: "a" }], [""], [7]])(
  "an id that reads %j is unexpected, and the creation is not repeated",
  async (body) => {
    simulator.faults.add({
      kind: "answer",
      route: "subnet.create_rule",
      status: 200,
      headers: { "content-type": "application/json" },
      body: JSON.stringify(body),
    });
    const range = { name: "n", category: 1, subnets: ["10.0.0.0/8"] } as const;
    await expect(createIpRangeResource(client).create(range)).rejects.toMatchObject({
      code: "unexpectedResponse",
    });
    expect(simulator.listRequests()).toHaveLength(1);
  },
);

test("does not repeat a creation whose response is lost", async () => {
  simulator.faults.add({ kind: "reset", effect: "after", route: "subnet.create_rule" });
  const range = { name: "once", category: 1, subnets: ["10.0.0.0/8"] } as const;
  await expect(createIpRangeResource(client).create(range)).rejects.toMatchObject({
    code: "unavailable",
  });
  expect(simulator.listRequests({ route: "subnet.create_rule" })).toHaveLength(1);
});
