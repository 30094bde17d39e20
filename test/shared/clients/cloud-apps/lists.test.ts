import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { createActivityResource } from "../../../../shared/clients/cloud-apps/activities.ts";
import type { Item } from "../../../../shared/clients/cloud-apps/lists.ts";
import {
  createAlertResource,
  createEntityResource,
  createFileResource,
} from "../../../../shared/clients/cloud-apps/resources.ts";
import type { AlertId } from "../../../../shared/contracts/alert-id.ts";
import type { ApiClient } from "../../../../shared/http-pipeline/api-client.ts";
import type { Simulator } from "../../../simulator/simulator.ts";
import { collectItems, startSimulatorWithClient } from "./simulator-client.ts";

let simulator: Simulator;
let client: ApiClient;

beforeAll(async () => {
  ({ simulator, client } = await startSimulatorWithClient(0));
  simulator.cloudApps.portal.activities.reset(1_200);
});
afterAll(() => simulator.stop());
beforeEach(() => {
  simulator.faults.clear();
  simulator.log.clear();
  simulator.changeBehaviors({ cloudApps: { scanStall: false } });
  simulator.cloudApps.alerts.clear();
});

const idsOf = (items: readonly Item[]): unknown[] => items.map(({ _id }) => _id);
const addAnswer = (route: string, body: unknown, status = 200): void =>
  void simulator.faults.add({
    kind: "answer",
    route,
    status,
    headers: { "content-type": "application/json" },
    body: JSON.stringify(body),
  });
const getFirst = <T>(items: readonly T[]): T => {
  const [item] = items;
  if (item === undefined) throw new Error("the tenant is empty");
  return item;
};

describe("a list", () => {
  test("reads page by page until the last, and returns every item once", async () => {
    const added = simulator.cloudApps.alerts.add(230);
    const items = await collectItems(
      createAlertResource(client).list({ sortField: "date", sortDirection: "desc" }),
    );
    expect(idsOf(items)).toEqual(added);
    expect(simulator.listRequests({ route: "alerts.list" }).map(({ body }) => body)).toEqual(
      [0, 100, 200].map((skip) => ({ sortField: "date", sortDirection: "desc", skip, limit: 100 })),
    );
  });

  test.each(["json", "form", "query"] as const)(
    "returns the same items in the encoding %s",
    async (encoding) => {
      const added = simulator.cloudApps.alerts.add(12, { severityValue: 2 });
      simulator.cloudApps.alerts.add(3, { severityValue: 0 });
      const items = await collectItems(
        createAlertResource(client).list({
          encoding,
          filters: { severity: { eq: 2 } },
          limit: 5,
          sortField: "date",
          sortDirection: "desc",
        }),
      );
      expect(idsOf(items)).toEqual(added);
      const [request] = simulator.listRequests({ route: "alerts.list" });
      expect(request?.method).toBe(encoding === "query" ? "GET" : "POST");
    },
  );

  test("requests no page before its reader needs it", async () => {
    simulator.cloudApps.alerts.add(150);
    const items = createAlertResource(client).list({ limit: 10 });
    await items.next();
    await items.return(undefined);
    expect(simulator.listRequests({ route: "alerts.list" })).toHaveLength(1);
  });

  test.each([
    [{ total: 5 }, "0 of 5 items"],
    [{}, "0 of more items"],
  ])("reports an empty page that announces more as unexpected: %j", async (total, text) => {
    addAnswer("alerts.list", { data: [], hasNext: true, ...total });
    await expect(collectItems(createAlertResource(client).list())).rejects.toMatchObject({
      code: "unexpectedResponse",
      message: expect.stringContaining(text) as unknown,
    });
    expect(simulator.listRequests({ route: "alerts.list" })).toHaveLength(1);
  });

  test("ends at an empty page when the total is reached", async () => {
    addAnswer("alerts.list", { data: [], hasNext: true, total: 0 });
    expect(await collectItems(createAlertResource(client).list())).toEqual([]);
  });

  test("keeps whole numbers beyond 2^53 exact, as text", async () => {
    simulator.faults.add({
      kind: "answer",
      route: "alerts.list",
      status: 200,
      headers: { "content-type": "application/json" },
      body: '{"data":[{"id":9223372036854775807,"safe":9007199254740991,"real":1.5e300,"list":[-9223372036854775808]}],"hasNext":false}',
    });
    expect(await collectItems(createAlertResource(client).list())).toEqual([
      {
        id: "9223372036854775807",
        safe: 9_007_199_254_740_991,
        real: 1.5e300,
        list: ["-9223372036854775808"],
      },
    ]);
  });

  test("keeps unknown values: odd numbers, text in place of null, unknown members", async () => {
    simulator.cloudApps.alerts.add(1, {
      stories: [6, 99],
      handledByUser: "null",
      severityValue: 7,
      brandNew: { a: 1 },
    });
    expect(await collectItems(createAlertResource(client).list())).toMatchObject([
      { stories: [6, 99], handledByUser: "null", severityValue: 7, brandNew: { a: 1 } },
    ]);
  });

  test.each([0, 101, 1.5, Number.NaN])(
    "refuses pages of %d before anything is sent",
    async (limit) => {
      await expect(collectItems(createAlertResource(client).list({ limit }))).rejects.toThrow(
        RangeError,
      );
      expect(simulator.listRequests()).toEqual([]);
    },
  );

  test.each([
    ["an array", []],
    ["no data", { hasNext: false }],
    ["data that is no list", { data: {} }],
    ["items that are none", { data: [1] }],
    ["hasNext as text", { data: [], hasNext: "no" }],
  ])("reports %s as unexpected", async (_, body) => {
    addAnswer("alerts.list", body);
    await expect(collectItems(createAlertResource(client).list())).rejects.toMatchObject({
      code: "unexpectedResponse",
      status: 200,
    });
  });

  test("a list stops when its signal aborts", async () => {
    await expect(
      collectItems(createAlertResource(client).list({ signal: AbortSignal.abort() })),
    ).rejects.toThrow();
    expect(simulator.listRequests({ route: "alerts.list" })).toEqual([]);
  });
});

describe("alerts", () => {
  type OldClosing = (ids: readonly AlertId[], comment?: string) => Promise<number>;
  /** Deprecated by the service, alive in its connector: used here, and nowhere else, on purpose. */
  const getOldClosings = (): Readonly<Record<"dismissBulk" | "resolve", OldClosing>> =>
    createAlertResource(client);

  test("fetches an alert by id with the slash, and returns undefined for an unknown one", async () => {
    const [id] = simulator.cloudApps.alerts.add(1) as AlertId[];
    const alerts = createAlertResource(client);
    expect(await alerts.fetch(getFirst([id]) as AlertId)).toMatchObject({ _id: id });
    expect(await alerts.fetch("0123456789abcdef01234567" as AlertId)).toBeUndefined();
    expect(simulator.listRequests()[0]?.path).toBe(`/api/v1/alerts/${id}/`);
  });

  test("marks an alert read and unread", async () => {
    const id = getFirst(simulator.cloudApps.alerts.add(1)) as AlertId;
    await createAlertResource(client).markRead(id);
    expect(simulator.cloudApps.alerts.find(id)?.statusValue).toBe(1);
    await createAlertResource(client).markUnread(id);
    expect(simulator.cloudApps.alerts.find(id)?.statusValue).toBe(0);
  });

  test("closes alerts by the deprecated calls and returns their counts", async () => {
    const ids = simulator.cloudApps.alerts.add(3) as AlertId[];
    const old = getOldClosings();
    expect(await old.dismissBulk(ids.slice(0, 2), "noise")).toBe(2);
    expect(await old.resolve(ids.slice(1))).toBe(1);
    expect(ids.map((id) => simulator.cloudApps.alerts.find(id)?.resolutionStatusValue)).toEqual([
      3, 3, 5,
    ]);
  });

  test.each([0, 101])("refuses to close %i alerts at once and sends nothing", async (count) => {
    const ids = Array.from(
      { length: count },
      (_, index) => index.toString(16).padStart(24, "0") as AlertId,
    );
    await expect(getOldClosings().dismissBulk(ids)).rejects.toThrow(RangeError);
    await expect(getOldClosings().resolve(ids)).rejects.toThrow(RangeError);
    expect(simulator.listRequests()).toEqual([]);
  });

  test.each([
    ["dismissBulk", "alerts.dismiss_bulk", { dismissed: "1" }],
    ["resolve", "alerts.resolve", {}],
  ] as const)("answered without a count make %s fail", async (name, route, body) => {
    addAnswer(route, body);
    const ids = ["0123456789abcdef01234567" as AlertId];
    await expect(getOldClosings()[name](ids)).rejects.toMatchObject({ code: "unexpectedResponse" });
  });
});

describe("activities", () => {
  const anyTime = { date: { gte: 0 } };

  test("scans activities to the end, each once, with the next filters unchanged", async () => {
    const items = await collectItems(createActivityResource(client).scan({ filters: anyTime }));
    expect(idsOf(items)).toEqual(
      simulator.cloudApps.portal.activities.list().map(({ _id }) => _id),
    );
    const bodies = simulator
      .listRequests({ route: "activities.list" })
      .map(({ body }) => body as Record<string, unknown>);
    expect(bodies).toHaveLength(3);
    expect(bodies[0]).toEqual({ filters: anyTime, isScan: true, limit: 500 });
  });

  test("ends a scan with an error when the same page is offered again", async () => {
    simulator.changeBehaviors({ cloudApps: { scanStall: true } });
    const items: Item[] = [];
    const scanning = (async () => {
      for await (const item of createActivityResource(client).scan({ filters: anyTime }))
        items.push(item);
    })();
    await expect(scanning).rejects.toMatchObject({ code: "unexpectedResponse" });
    expect(items).toHaveLength(499);
    expect(simulator.listRequests({ route: "activities.list" })).toHaveLength(1);
  });

  test("ends a scan with an error when more is announced without filters", async () => {
    addAnswer("activities.list", { data: [], hasNext: true });
    await expect(
      collectItems(createActivityResource(client).scan({ filters: anyTime })),
    ).rejects.toMatchObject({
      code: "unexpectedResponse",
    });
  });

  test.each([499, 5_001, 600.5])("refuses a scan of %d activities a page", async (limit) => {
    await expect(
      collectItems(createActivityResource(client).scan({ filters: anyTime, limit })),
    ).rejects.toThrow(RangeError);
    expect(simulator.listRequests()).toEqual([]);
  });

  test("a list beyond 5,000 activities is an error, not its end", async () => {
    addAnswer("activities.list", { data: [{ _id: "a" }], hasNext: true });
    const items: Item[] = [];
    const listing = (async () => {
      for await (const item of createActivityResource(client).list({ skip: 4_999 }))
        items.push(item);
    })();
    await expect(listing).rejects.toThrow(
      new RangeError("a list of activities ends at 5000; use a scan to read more"),
    );
    expect(items).toHaveLength(1);
  });

  test("fetches an activity, and sends feedback to the path without a slash", async () => {
    const { _id } = getFirst(simulator.cloudApps.portal.activities.list());
    const activities = createActivityResource(client);
    expect(await activities.fetch(_id)).toMatchObject({ _id, entityData: { "1": null } });
    expect(await activities.fetch("nobody/..")).toBeUndefined();
    await activities.feedback(_id, {
      feedbackValue: "useful",
      feedbackText: "led to a case",
      allowContact: false,
    });
    expect(simulator.cloudApps.portal.feedback.at(-1)).toEqual({
      activity: _id,
      content: { feedbackValue: "useful", feedbackText: "led to a case", allowContact: false },
    });
    expect(simulator.listRequests().at(-1)?.path).toBe(`/api/v1/activities/${_id}/feedback`);
  });
});

describe("entities", () => {
  test("fetches an entity by full key, by id alone, and with its tree", async () => {
    const { id, saas, inst } = getFirst(simulator.cloudApps.portal.entities.list());
    const entities = createEntityResource(client);
    expect(await entities.fetch({ id, saas, inst })).toMatchObject({ id, saas, inst });
    expect(await entities.fetch({ id })).toMatchObject({ id });
    expect(await entities.fetch({ id, saas: 1 })).toBeUndefined();
    const tree = await entities.fetchTree({ id, saas, inst });
    expect(tree?.["children"]).toContainEqual(expect.objectContaining({ domain: "contoso.com" }));
  });

  test("encodes an entity's key with an id of any characters", async () => {
    expect(await createEntityResource(client).fetch({ id: "ÿÿÿ???>>>/../x" })).toBeUndefined();
    const [request] = simulator.listRequests();
    const key = decodeURIComponent(request?.path.split("/")[4] ?? "");
    expect(JSON.parse(Buffer.from(key, "base64").toString())).toEqual({ id: "ÿÿÿ???>>>/../x" });
  });
});

test("fetches a file with its pairs, and returns undefined for an unknown one", async () => {
  const { _id } = getFirst(simulator.cloudApps.portal.files.list());
  expect(await createFileResource(client).fetch(_id)).toMatchObject({
    _id,
    fileType: [1, "DOCUMENT"],
  });
  expect(await createFileResource(client).fetch("nobody")).toBeUndefined();
});

test("reports a response that is not an object as unexpected", async () => {
  addAnswer("files.fetch", ["a"]);
  await expect(createFileResource(client).fetch("a")).rejects.toMatchObject({
    code: "unexpectedResponse",
  });
});
