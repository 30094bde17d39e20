import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { ipRangeResource } from "../../../../shared/clients/cloud-apps/ip-ranges.ts";
import type { Pipe } from "../../../../shared/http-pipeline/api-client.ts";
import type { Tenant } from "../../../simulator/simulator.ts";
import { gathered, startTenantWithPipe } from "./simulator-client.ts";

let tenant: Tenant;
let pipe: Pipe;

beforeAll(async () => {
  ({ tenant, pipe } = await startTenantWithPipe(0));
});
afterAll(() => tenant.stop());
beforeEach(() => {
  const { ipRanges } = tenant.cloudApps.portal;
  for (const id of [...ipRanges.keys()].slice(4)) ipRanges.delete(id);
  tenant.faults.clear();
  tenant.log.clear();
  tenant.change({ cloudApps: { subnetPlace: "both" } });
});

const paths = (): string[] => tenant.requests().map(({ method, path }) => `${method} ${path}`);

test("a range is created, listed, replaced whole and deleted", async () => {
  const ranges = ipRangeResource(pipe);
  const range = {
    name: "Branch",
    category: 4,
    subnets: ["192.168.5.0/24"],
    organization: "X",
    tags: ["branch"],
  } as const;
  const id = await ranges.create(range);
  const named = async () =>
    (await gathered(ranges.list({ sortField: "name" }))).find(({ _id }) => _id === id);
  expect(await named()).toMatchObject({
    name: "Branch",
    organization: "X",
    subnets: [{ mask: 120 }],
  });
  await ranges.update(id, { name: "Branch", category: 1, subnets: ["192.168.5.0/25"] });
  expect(await named()).toMatchObject({
    category: 1,
    organization: null,
    tags: [],
    subnets: [{ mask: 121 }],
  });
  await ranges.remove(id);
  expect(await named()).toBeUndefined();
});

test("where the first place is none the second is asked, and from then on only it", async () => {
  tenant.change({ cloudApps: { subnetPlace: "bare" } });
  const ranges = ipRangeResource(pipe);
  expect(await gathered(ranges.list())).toHaveLength(4);
  await gathered(ranges.list());
  expect(paths()).toEqual(["POST /api/v1/subnet/", "POST /api/subnet/", "POST /api/subnet/"]);
});

test("where the first place is one the second is never asked, not even for a range that is gone", async () => {
  const ranges = ipRangeResource(pipe);
  await gathered(ranges.list());
  await expect(ranges.remove("nobody")).rejects.toMatchObject({ code: "not-found" });
  expect(paths()).toEqual(["POST /api/v1/subnet/", "DELETE /api/v1/subnet/nobody/"]);
});

test("pages hold as many as asked, and no more than 100", async () => {
  const ranges = ipRangeResource(pipe);
  expect(await gathered(ranges.list({ limit: 2 }))).toHaveLength(4);
  expect(paths()).toHaveLength(2);
  await expect(gathered(ranges.list({ limit: 101 }))).rejects.toThrow(RangeError);
});

test.each([[{ id: "a" }], [""], [7]])(
  "an id that reads %j is unexpected, and the creation is not repeated",
  async (body) => {
    tenant.faults.add({
      kind: "answer",
      route: "subnet.create_rule",
      status: 200,
      headers: { "content-type": "application/json" },
      body: JSON.stringify(body),
    });
    const range = { name: "n", category: 1, subnets: ["10.0.0.0/8"] } as const;
    await expect(ipRangeResource(pipe).create(range)).rejects.toMatchObject({
      code: "unexpected-answer",
    });
    expect(tenant.requests()).toHaveLength(1);
  },
);

test("a creation whose answer is lost is not sent again", async () => {
  tenant.faults.add({ kind: "reset", effect: "after", route: "subnet.create_rule" });
  const range = { name: "once", category: 1, subnets: ["10.0.0.0/8"] } as const;
  await expect(ipRangeResource(pipe).create(range)).rejects.toMatchObject({ code: "unavailable" });
  expect(tenant.requests({ route: "subnet.create_rule" })).toHaveLength(1);
});
