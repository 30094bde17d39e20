import { describe, expect, test } from "vitest";
import {
  createTenantQueues,
  createTenantRecords,
  defaultTenant,
} from "../../../shared/storage/tenant-records.ts";
import { createMemoryRecords } from "../../support/memory-records.ts";
import { createVirtualClock } from "../../support/virtual-clock.ts";

const createStore = () => createMemoryRecords({ clock: createVirtualClock() });

describe("the records of a tenant", () => {
  test.each([
    ["state/jobs/1f/job.json", "state/jobs/contoso/1f/job.json"],
    ["audit/2026-01-05/000000000001.json", "audit/contoso/2026-01-05/000000000001.json"],
    ["dead-letters/hunt-runs/a.json", "dead-letters/contoso/hunt-runs/a.json"],
  ])("are stored below their kind and the tenant (%s)", async (path, stored) => {
    const store = createStore();
    const records = createTenantRecords(store, "contoso");
    expect(await records.create(path, { one: 1 })).toMatchObject({ kind: "written" });
    expect(store.peek(stored)).toBe('{"one":1}');
    expect(await records.read(path)).toMatchObject({ kind: "found", value: { one: 1 } });
  });

  test("are listed, replaced and removed by the path without the tenant", async () => {
    const store = createStore();
    const records = createTenantRecords(store, "contoso");
    for (const id of ["a", "b", "c"]) await records.create(`state/alerts/${id}.json`, { id });
    const listed = await Array.fromAsync(
      records.list("state/alerts/", { startAfter: "state/alerts/a.json" }),
    );
    expect(listed.map(({ path }) => path)).toEqual(["state/alerts/b.json", "state/alerts/c.json"]);
    const [first] = listed;
    await records.replace("state/alerts/b.json", { id: "new" }, first?.etag ?? "");
    await records.remove("state/alerts/c.json");
    expect(await records.read("state/alerts/b.json")).toMatchObject({ value: { id: "new" } });
    expect(await records.read("state/alerts/c.json")).toMatchObject({ kind: "absent" });
  });

  test("are listed from the first one after an empty path", async () => {
    const records = createTenantRecords(createStore(), "contoso");
    await records.create("audit/2026-01-05/1.json", {});
    const listed = await Array.fromAsync(records.list("audit/", { startAfter: "" }));
    expect(listed.map(({ path }) => path)).toEqual(["audit/2026-01-05/1.json"]);
  });

  test("of another tenant with a longer name are neither read nor listed", async () => {
    const store = createStore();
    await createTenantRecords(store, "contoso-eu").create("audit/2026-01-05/1.json", {});
    const records = createTenantRecords(store, "contoso");
    expect(await Array.fromAsync(records.list("audit/"))).toEqual([]);
    expect(await records.read("audit/2026-01-05/1.json")).toMatchObject({ kind: "absent" });
  });

  test.each(["state/single.json", "state/", "exports/a.json"])(
    "must have a kind of their own (%s)",
    (path) => {
      const records = createTenantRecords(createStore(), "contoso");
      expect(() => records.read(path)).toThrow(RangeError);
    },
  );
});

describe("the messages of a tenant", () => {
  test.each([
    [defaultTenant, { hunt: "a" }],
    ["contoso", { hunt: "a", tenant: "contoso" }],
  ])("name it unless it is the default (%s)", async (tenant, expected) => {
    const sent: object[] = [];
    const queues = createTenantQueues(
      { send: async (_queue, message) => void sent.push(message), depth: async () => 0 },
      tenant,
    );
    await queues.send("hunt-runs", { hunt: "a" });
    expect(sent).toEqual([expected]);
  });
});
