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
  test("asks page by page until there is no next, and gives every item once", async () => {
    const added = simulator.cloudApps.alerts.add(230);
    const items = await collectItems(
      createAlertResource(client).list({ sortField: "date", sortDirection: "desc" }),
    );
    expect(idsOf(items)).toEqual(added);
    expect(simulator.listRequests({ route: "alerts.list" }).map(({ body }) => body)).toEqual(
      [0, 100, 200].map((skip) => ({ sortField: "date", sortDirection: "desc", skip, limit: 100 })),
    );
  });

  test.each(["json", "form", "query"] as const)("gives the same as %s", async (encoding) => {
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
  });

  test("asks for nothing that its reader does not come to", async () => {
    simulator.cloudApps.alerts.add(150);
    const items = createAlertResource(client).list({ limit: 10 });
    await items.next();
    await items.return(undefined);
    expect(simulator.listRequests({ route: "alerts.list" })).toHaveLength(1);
  });

  test("ends on an empty page that promises more", async () => {
    addAnswer("alerts.list", { data: [], hasNext: true, total: 5 });
    expect(await collectItems(createAlertResource(client).list())).toEqual([]);
    expect(simulator.listRequests({ route: "alerts.list" })).toHaveLength(1);
  });

  test("keeps what it does not know: odd numbers, text for null, unknown keys", async () => {
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
  ])("says that %s is no list", async (_, body) => {
    addAnswer("alerts.list", body);
    await expect(collectItems(createAlertResource(client).list())).rejects.toMatchObject({
      code: "unexpectedResponse",
      status: 200,
    });
  });

  test("stops when its signal says so", async () => {
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

  test("are fetched by id, with the slash, and undefined when nobody knows them", async () => {
    const [id] = simulator.cloudApps.alerts.add(1) as AlertId[];
    const alerts = createAlertResource(client);
    expect(await alerts.fetch(getFirst([id]) as AlertId)).toMatchObject({ _id: id });
    expect(await alerts.fetch("0123456789abcdef01234567" as AlertId)).toBeUndefined();
    expect(simulator.listRequests()[0]?.path).toBe(`/api/v1/alerts/${id}/`);
  });

  test("are marked read and unread", async () => {
    const id = getFirst(simulator.cloudApps.alerts.add(1)) as AlertId;
    await createAlertResource(client).markRead(id);
    expect(simulator.cloudApps.alerts.find(id)?.statusValue).toBe(1);
    await createAlertResource(client).markUnread(id);
    expect(simulator.cloudApps.alerts.find(id)?.statusValue).toBe(0);
  });

  test("are closed by the old calls, which count them", async () => {
    const ids = simulator.cloudApps.alerts.add(3) as AlertId[];
    const old = getOldClosings();
    expect(await old.dismissBulk(ids.slice(0, 2), "noise")).toBe(2);
    expect(await old.resolve(ids.slice(1))).toBe(1);
    expect(ids.map((id) => simulator.cloudApps.alerts.find(id)?.resolutionStatusValue)).toEqual([
      3, 3, 5,
    ]);
  });

  test.each([0, 101])("are not closed %i at once, and nothing is sent", async (count) => {
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

  test("are scanned to the end, each once, with the next filters as they came", async () => {
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

  test("are scanned no further when the same page is offered again", async () => {
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

  test("are not taken for complete when more is promised without a way to it", async () => {
    addAnswer("activities.list", { data: [], hasNext: true });
    await expect(
      collectItems(createActivityResource(client).scan({ filters: anyTime })),
    ).rejects.toMatchObject({
      code: "unexpectedResponse",
    });
  });

  test.each([499, 5_001, 600.5])("are not scanned %d at a time", async (limit) => {
    await expect(
      collectItems(createActivityResource(client).scan({ filters: anyTime, limit })),
    ).rejects.toThrow(RangeError);
    expect(simulator.listRequests()).toEqual([]);
  });

  test("beyond 5,000 are an error of the list, not its end", async () => {
    addAnswer("activities.list", { data: [{ _id: "a" }], hasNext: true });
    const items: Item[] = [];
    const listing = (async () => {
      for await (const item of createActivityResource(client).list({ skip: 4_999 }))
        items.push(item);
    })();
    await expect(listing).rejects.toThrow(
      new RangeError("a list of activities ends at 5000; a scan reads on"),
    );
    expect(items).toHaveLength(1);
  });

  test("are fetched, and take feedback at the path without a slash", async () => {
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
  test("are fetched by a key of three parts, by the id alone, and with their tree", async () => {
    const { id, saas, inst } = getFirst(simulator.cloudApps.portal.entities.list());
    const entities = createEntityResource(client);
    expect(await entities.fetch({ id, saas, inst })).toMatchObject({ id, saas, inst });
    expect(await entities.fetch({ id })).toMatchObject({ id });
    expect(await entities.fetch({ id, saas: 1 })).toBeUndefined();
    const tree = await entities.fetchTree({ id, saas, inst });
    expect(tree?.["children"]).toContainEqual(expect.objectContaining({ domain: "contoso.com" }));
  });

  test("with an id of any letters keep their key whole", async () => {
    expect(await createEntityResource(client).fetch({ id: "ÿÿÿ???>>>/../x" })).toBeUndefined();
    const [request] = simulator.listRequests();
    const key = decodeURIComponent(request?.path.split("/")[4] ?? "");
    expect(JSON.parse(Buffer.from(key, "base64").toString())).toEqual({ id: "ÿÿÿ???>>>/../x" });
  });
});

test("files are fetched with their pairs, and undefined when nobody knows them", async () => {
  const { _id } = getFirst(simulator.cloudApps.portal.files.list());
  expect(await createFileResource(client).fetch(_id)).toMatchObject({
    _id,
    fileType: [1, "DOCUMENT"],
  });
  expect(await createFileResource(client).fetch("nobody")).toBeUndefined();
});

test("an object that is none is unexpected", async () => {
  addAnswer("files.fetch", ["a"]);
  await expect(createFileResource(client).fetch("a")).rejects.toMatchObject({
    code: "unexpectedResponse",
  });
});
