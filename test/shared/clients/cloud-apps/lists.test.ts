import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { activityResource } from "../../../../shared/clients/cloud-apps/activities.ts";
import type { Item } from "../../../../shared/clients/cloud-apps/lists.ts";
import {
  alertResource,
  entityResource,
  fileResource,
} from "../../../../shared/clients/cloud-apps/resources.ts";
import type { AlertId } from "../../../../shared/contracts/alert-id.ts";
import type { Pipe } from "../../../../shared/http-pipeline/api-client.ts";
import type { Tenant } from "../../../simulator/simulator.ts";
import { gathered, startTenantWithPipe } from "./simulator-client.ts";

let tenant: Tenant;
let pipe: Pipe;

beforeAll(async () => {
  ({ tenant, pipe } = await startTenantWithPipe(0));
  tenant.cloudApps.portal.activities.reset(1_200);
});
afterAll(() => tenant.stop());
beforeEach(() => {
  tenant.faults.clear();
  tenant.log.clear();
  tenant.change({ cloudApps: { scanStall: false } });
  tenant.cloudApps.alerts.clear();
});

const idsOf = (items: readonly Item[]): unknown[] => items.map(({ _id }) => _id);
const answer = (route: string, body: unknown, status = 200): void =>
  void tenant.faults.add({
    kind: "answer",
    route,
    status,
    headers: { "content-type": "application/json" },
    body: JSON.stringify(body),
  });
const first = <T>(items: readonly T[]): T => {
  const [item] = items;
  if (item === undefined) throw new Error("the tenant is empty");
  return item;
};

describe("a list", () => {
  test("asks page by page until there is no next, and gives every item once", async () => {
    const added = tenant.cloudApps.alerts.add(230);
    const listed = await gathered(
      alertResource(pipe).list({ sortField: "date", sortDirection: "desc" }),
    );
    expect(idsOf(listed)).toEqual(added);
    expect(tenant.requests({ route: "alerts.list" }).map(({ body }) => body)).toEqual(
      [0, 100, 200].map((skip) => ({ sortField: "date", sortDirection: "desc", skip, limit: 100 })),
    );
  });

  test.each(["json", "form", "query"] as const)("gives the same as %s", async (encoding) => {
    const added = tenant.cloudApps.alerts.add(12, { severityValue: 2 });
    tenant.cloudApps.alerts.add(3, { severityValue: 0 });
    const listed = await gathered(
      alertResource(pipe).list({
        encoding,
        filters: { severity: { eq: 2 } },
        limit: 5,
        sortField: "date",
        sortDirection: "desc",
      }),
    );
    expect(idsOf(listed)).toEqual(added);
    const [request] = tenant.requests({ route: "alerts.list" });
    expect(request?.method).toBe(encoding === "query" ? "GET" : "POST");
  });

  test("asks for nothing that its reader does not come to", async () => {
    tenant.cloudApps.alerts.add(150);
    const items = alertResource(pipe).list({ limit: 10 });
    await items.next();
    await items.return(undefined);
    expect(tenant.requests({ route: "alerts.list" })).toHaveLength(1);
  });

  test("ends on an empty page that promises more", async () => {
    answer("alerts.list", { data: [], hasNext: true, total: 5 });
    expect(await gathered(alertResource(pipe).list())).toEqual([]);
    expect(tenant.requests({ route: "alerts.list" })).toHaveLength(1);
  });

  test("keeps what it does not know: odd numbers, text for null, unknown keys", async () => {
    tenant.cloudApps.alerts.add(1, {
      stories: [6, 99],
      handledByUser: "null",
      severityValue: 7,
      brandNew: { a: 1 },
    });
    expect(await gathered(alertResource(pipe).list())).toMatchObject([
      { stories: [6, 99], handledByUser: "null", severityValue: 7, brandNew: { a: 1 } },
    ]);
  });

  test.each([0, 101, 1.5, Number.NaN])(
    "refuses pages of %d before anything is sent",
    async (limit) => {
      await expect(gathered(alertResource(pipe).list({ limit }))).rejects.toThrow(RangeError);
      expect(tenant.requests()).toEqual([]);
    },
  );

  test.each([
    ["an array", []],
    ["no data", { hasNext: false }],
    ["data that is no list", { data: {} }],
    ["items that are none", { data: [1] }],
    ["hasNext as text", { data: [], hasNext: "no" }],
  ])("says that %s is no list", async (_, body) => {
    answer("alerts.list", body);
    await expect(gathered(alertResource(pipe).list())).rejects.toMatchObject({
      code: "unexpected-answer",
      status: 200,
    });
  });

  test("stops when its signal says so", async () => {
    await expect(
      gathered(alertResource(pipe).list({ signal: AbortSignal.abort() })),
    ).rejects.toThrow();
    expect(tenant.requests({ route: "alerts.list" })).toEqual([]);
  });
});

describe("alerts", () => {
  type OldClosing = (ids: readonly AlertId[], comment?: string) => Promise<number>;
  /** Deprecated by the service, alive in its connector: used here, and nowhere else, on purpose. */
  const oldClosings = (): Readonly<Record<"dismissBulk" | "resolve", OldClosing>> =>
    alertResource(pipe);

  test("are fetched by id, with the slash, and undefined when nobody knows them", async () => {
    const [id] = tenant.cloudApps.alerts.add(1) as AlertId[];
    const alerts = alertResource(pipe);
    expect(await alerts.fetch(first([id]) as AlertId)).toMatchObject({ _id: id });
    expect(await alerts.fetch("0123456789abcdef01234567" as AlertId)).toBeUndefined();
    expect(tenant.requests()[0]?.path).toBe(`/api/v1/alerts/${id}/`);
  });

  test("are marked read and unread", async () => {
    const id = first(tenant.cloudApps.alerts.add(1)) as AlertId;
    await alertResource(pipe).read(id);
    expect(tenant.cloudApps.alerts.find(id)?.statusValue).toBe(1);
    await alertResource(pipe).unread(id);
    expect(tenant.cloudApps.alerts.find(id)?.statusValue).toBe(0);
  });

  test("are closed by the old calls, which count them", async () => {
    const ids = tenant.cloudApps.alerts.add(3) as AlertId[];
    const old = oldClosings();
    expect(await old.dismissBulk(ids.slice(0, 2), "noise")).toBe(2);
    expect(await old.resolve(ids.slice(1))).toBe(1);
    expect(ids.map((id) => tenant.cloudApps.alerts.find(id)?.resolutionStatusValue)).toEqual([
      3, 3, 5,
    ]);
  });

  test.each([0, 101])("are not closed %i at once, and nothing is sent", async (count) => {
    const ids = Array.from(
      { length: count },
      (_, index) => index.toString(16).padStart(24, "0") as AlertId,
    );
    await expect(oldClosings().dismissBulk(ids)).rejects.toThrow(RangeError);
    await expect(oldClosings().resolve(ids)).rejects.toThrow(RangeError);
    expect(tenant.requests()).toEqual([]);
  });

  test.each([
    ["dismissBulk", "alerts.dismiss_bulk", { dismissed: "1" }],
    ["resolve", "alerts.resolve", {}],
  ] as const)("answered without a count make %s fail", async (name, route, body) => {
    answer(route, body);
    const ids = ["0123456789abcdef01234567" as AlertId];
    await expect(oldClosings()[name](ids)).rejects.toMatchObject({ code: "unexpected-answer" });
  });
});

describe("activities", () => {
  const ever = { date: { gte: 0 } };

  test("are scanned to the end, each once, with the next filters as they came", async () => {
    const scanned = await gathered(activityResource(pipe).scan({ filters: ever }));
    expect(idsOf(scanned)).toEqual(tenant.cloudApps.portal.activities.all().map(({ _id }) => _id));
    const bodies = tenant
      .requests({ route: "activities.list" })
      .map(({ body }) => body as Record<string, unknown>);
    expect(bodies).toHaveLength(3);
    expect(bodies[0]).toEqual({ filters: ever, isScan: true, limit: 500 });
  });

  test("are scanned no further when the same page is offered again", async () => {
    tenant.change({ cloudApps: { scanStall: true } });
    const seen: Item[] = [];
    const scanned = (async () => {
      for await (const item of activityResource(pipe).scan({ filters: ever })) seen.push(item);
    })();
    await expect(scanned).rejects.toMatchObject({ code: "unexpected-answer" });
    expect(seen).toHaveLength(499);
    expect(tenant.requests({ route: "activities.list" })).toHaveLength(1);
  });

  test("are not taken for complete when more is promised without a way to it", async () => {
    answer("activities.list", { data: [], hasNext: true });
    await expect(gathered(activityResource(pipe).scan({ filters: ever }))).rejects.toMatchObject({
      code: "unexpected-answer",
    });
  });

  test.each([499, 5_001, 600.5])("are not scanned %d at a time", async (limit) => {
    await expect(gathered(activityResource(pipe).scan({ filters: ever, limit }))).rejects.toThrow(
      RangeError,
    );
    expect(tenant.requests()).toEqual([]);
  });

  test("beyond 5,000 are an error of the list, not its end", async () => {
    answer("activities.list", { data: [{ _id: "a" }], hasNext: true });
    const seen: Item[] = [];
    const listed = (async () => {
      for await (const item of activityResource(pipe).list({ skip: 4_999 })) seen.push(item);
    })();
    await expect(listed).rejects.toThrow(
      new RangeError("a list of activities ends at 5000; a scan reads on"),
    );
    expect(seen).toHaveLength(1);
  });

  test("are fetched, and take feedback at the path without a slash", async () => {
    const { _id } = first(tenant.cloudApps.portal.activities.all());
    const activities = activityResource(pipe);
    expect(await activities.fetch(_id)).toMatchObject({ _id, entityData: { "1": null } });
    expect(await activities.fetch("nobody/..")).toBeUndefined();
    await activities.feedback(_id, {
      feedbackValue: "useful",
      feedbackText: "led to a case",
      allowContact: false,
    });
    expect(tenant.cloudApps.portal.feedback.at(-1)).toEqual({
      activity: _id,
      said: { feedbackValue: "useful", feedbackText: "led to a case", allowContact: false },
    });
    expect(tenant.requests().at(-1)?.path).toBe(`/api/v1/activities/${_id}/feedback`);
  });
});

describe("entities", () => {
  test("are fetched by a key of three parts, by the id alone, and with their tree", async () => {
    const { id, saas, inst } = first(tenant.cloudApps.portal.entities.all());
    const entities = entityResource(pipe);
    expect(await entities.fetch({ id, saas, inst })).toMatchObject({ id, saas, inst });
    expect(await entities.fetch({ id })).toMatchObject({ id });
    expect(await entities.fetch({ id, saas: 1 })).toBeUndefined();
    const tree = await entities.tree({ id, saas, inst });
    expect(tree?.["children"]).toContainEqual(expect.objectContaining({ domain: "contoso.com" }));
  });

  test("with an id of any letters keep their key whole", async () => {
    expect(await entityResource(pipe).fetch({ id: "ÿÿÿ???>>>/../x" })).toBeUndefined();
    const [request] = tenant.requests();
    const key = decodeURIComponent(request?.path.split("/")[4] ?? "");
    expect(JSON.parse(Buffer.from(key, "base64").toString())).toEqual({ id: "ÿÿÿ???>>>/../x" });
  });
});

test("files are fetched with their pairs, and undefined when nobody knows them", async () => {
  const { _id } = first(tenant.cloudApps.portal.files.all());
  expect(await fileResource(pipe).fetch(_id)).toMatchObject({ _id, fileType: [1, "DOCUMENT"] });
  expect(await fileResource(pipe).fetch("nobody")).toBeUndefined();
});

test("an object that is none is unexpected", async () => {
  answer("files.fetch", ["a"]);
  await expect(fileResource(pipe).fetch("a")).rejects.toMatchObject({ code: "unexpected-answer" });
});
