import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { cloudApps, hear, tokenFor, type Heard } from "../caller.ts";
import { readSwitches } from "../behaviors.ts";
import { startTenant, type Tenant } from "../simulator.ts";

let tenant: Tenant;

beforeAll(async () => {
  tenant = await startTenant({ evaluate: () => ({ kind: "table", columns: [], rows: [] }) });
});
afterAll(() => tenant.stop());
beforeEach(() => {
  tenant.faults.clear();
  tenant.change(readSwitches({ cloudApps: { quota: { perMinute: null } } }));
  tenant.cloudApps.alerts.clear();
});

const post = (path: string, body?: unknown): Promise<Heard> =>
  cloudApps(tenant, "POST", `/api/v1/alerts/${path}`, body);
const add = (count: number, given?: object): string[] => tenant.cloudApps.alerts.add(count, given);
const byId = (...ids: string[]) => ({ filters: { id: { eq: ids } } });
const listed = async (filters: unknown): Promise<string[]> =>
  ((await post("", { filters })).body["data"] as { _id: string }[]).map(({ _id }) => _id).sort();

describe("callers", () => {
  test.each([
    ["no key", {}, 401],
    ["a wrong key", { authorization: "Token wrong" }, 401],
    ["another scheme", { authorization: "Basic eDp5" }, 401],
    ["a token that is none", { authorization: "Bearer a.b.c" }, 401],
  ])("with %s are refused", async (_, headers, status) => {
    const answer = await hear(`${tenant.urls["cloud-apps"]}/api/v1/alerts/`, {
      headers: headers as Record<string, string>,
    });
    expect(answer.status).toBe(status);
    expect(answer.body).toHaveProperty("detail");
  });

  const asApplication = async (path: string, resource: "cloud-apps" | "graph" = "cloud-apps") =>
    hear(`${tenant.urls["cloud-apps"]}${path}`, {
      method: "POST",
      headers: { authorization: `Bearer ${await tokenFor(tenant, resource, "act")}` },
    });

  test("with an application's token do what its permission allows, in any spelling", async () => {
    const roles = tenant.directory.identities[1]?.roles ?? {};
    const statuses: Record<string, number[]> = {};
    for (const role of [
      "Investigation.Read",
      "investigation.manage",
      "Discovery.read",
      "Discovery.manage",
      "Settings.manage",
    ]) {
      roles["cloud-apps"] = [role];
      statuses[role] = [
        (await asApplication("/api/v1/alerts/")).status,
        (await asApplication("/api/v1/alerts/close_benign/")).status,
      ];
    }
    roles["cloud-apps"] = ["Investigation.manage"];
    expect(statuses).toEqual({
      "Investigation.Read": [200, 403],
      "investigation.manage": [200, 200],
      "Discovery.read": [200, 403],
      "Discovery.manage": [200, 200],
      "Settings.manage": [403, 403],
    });
  });

  test("with a token for another API are 401, without the permission 403 with a correlation id", async () => {
    expect((await asApplication("/api/v1/alerts/", "graph")).status).toBe(401);
    const roles = tenant.directory.identities[1]?.roles ?? {};
    delete roles["cloud-apps"];
    const answer = await asApplication("/api/v1/alerts/");
    roles["cloud-apps"] = ["Investigation.manage"];
    expect(answer.body).toEqual({
      detail: "Insufficient role based permissions",
      correlation_id: expect.stringMatching(/^[0-9a-f-]{36}$/) as string,
    });
  });

  test("with a revoked key are 403, with a rotated one 401 until they read the vault anew", async () => {
    tenant.cloudApps.keys.add("departed");
    tenant.cloudApps.keys.revoke("departed");
    const revoked = await hear(`${tenant.urls["cloud-apps"]}/api/v1/alerts/`, {
      headers: { authorization: "Token departed" },
    });
    expect(revoked.status).toBe(403);
    const old = tenant.vault.value("cloud-apps-token") ?? "";
    tenant.cloudApps.rotateToken();
    const answer = await hear(`${tenant.urls["cloud-apps"]}/api/v1/alerts/`, {
      headers: { authorization: `Token ${old}` },
    });
    expect(answer.status).toBe(401);
    expect((await post("")).status).toBe(200);
  });
});

describe("paths", () => {
  test.each(["/api/v1/", "/api/", "/cas/api/v1/"])("begin with %s", async (prefix) => {
    expect((await cloudApps(tenant, "POST", `${prefix}alerts/`)).status).toBe(200);
  });

  test.each([
    ["404", 404],
    ["301", 301],
    ["accept", 200],
  ] as const)("without their slash are %s", async (missingSlash, status) => {
    tenant.change({ cloudApps: { missingSlash } });
    expect((await cloudApps(tenant, "POST", "/api/v1/alerts")).status).toBe(status);
  });

  test("that do not exist are 404 in the family's form", async () => {
    expect((await cloudApps(tenant, "GET", "/api/v1/nothing/")).body).toEqual({
      detail: "Not found.",
    });
  });
});

describe("the throttle", () => {
  test("is 30 a minute over every route and caller, with its wait in the text", async () => {
    tenant.change({ cloudApps: { quota: { perMinute: 3 } } });
    tenant.clock.shift(60_000);
    await post("");
    await post("close_benign/", byId("0".repeat(24)));
    tenant.clock.shift(58_500);
    const bearer = await tokenFor(tenant, "cloud-apps", "act");
    await hear(`${tenant.urls["cloud-apps"]}/api/alerts/`, {
      headers: { authorization: `Bearer ${bearer}` },
    });
    const answer = await post("");
    expect(answer.status).toBe(429);
    expect(answer.text).toMatch(
      /^\{"detail":"Request was throttled\. Expected available in (1 second|2 seconds)\."\}$/,
    );
    expect(readSwitches({}).cloudApps.quota.perMinute).toBe(30);
  });

  test.each([
    [true, "60"],
    [false, null],
  ])("sends Retry-After: %s", async (retryAfter, header) => {
    tenant.change({ cloudApps: { quota: { perMinute: 0, retryAfter } } });
    const answer = await post("");
    expect(answer.headers.get("retry-after")).toBe(header);
    expect(answer.body).toEqual({
      detail: "Request was throttled. Expected available in 60 seconds.",
    });
  });
});

describe("lists", () => {
  test("answer in the live envelope, newest first, a hundred at most", async () => {
    add(150);
    const { body } = await post("", { limit: 1_000 });
    expect(body).toMatchObject({ hasNext: true, total: 150, max: 100, moreThanTotal: false });
    const dates = (body["data"] as { timestamp: number }[]).map(({ timestamp }) => timestamp);
    expect(dates).toHaveLength(100);
    expect(dates).toEqual([...dates].sort((a, b) => b - a));
  });

  test("page by skip until there is no more", async () => {
    const ids = add(5);
    const seen: string[] = [];
    for (let skip = 0, more = true; more; skip += 2) {
      const { body } = await post("", { skip, limit: 2, sortField: "date", sortDirection: "asc" });
      seen.push(...(body["data"] as { _id: string }[]).map(({ _id }) => _id));
      more = body["hasNext"] as boolean;
    }
    expect(seen).toEqual([...ids].reverse());
    expect((await post("", { skip: 50 })).body).toMatchObject({
      data: [],
      hasNext: false,
      total: 5,
    });
  });

  test("sort by severity", async () => {
    add(6);
    const { body } = await post("", { sortField: "severity", sortDirection: "desc" });
    expect(
      (body["data"] as { severityValue: number }[]).map(({ severityValue }) => severityValue),
    ).toEqual([2, 2, 1, 1, 0, 0]);
  });

  test.each([
    ["JSON", { body: '{"limit":"1","filters":{"severity":{"eq":2}}}' }, ""],
    [
      "JSON labelled multipart",
      { body: '{"limit":1}', headers: { "content-type": "application/json" } },
      "",
    ],
    [
      "a form",
      {
        body: 'limit=1&filters={"severity":{"eq":2}}',
        headers: { "content-type": "application/x-www-form-urlencoded" },
      },
      "",
    ],
    [
      "a multipart form",
      {
        body: '--b\r\nContent-Disposition: form-data; name="limit"\r\n\r\n1\r\n--b--\r\n',
        headers: { "content-type": "multipart/form-data; boundary=b" },
      },
      "",
    ],
    [
      "the query",
      { method: "GET" },
      `?limit=1&filters=${encodeURIComponent('{"severity":{"eq":2}}')}`,
    ],
  ] as const)("take %s", async (_, init, query) => {
    add(12);
    const answer = await hear(`${tenant.urls["cloud-apps"]}/api/v1/alerts/${query}`, {
      method: "POST",
      ...init,
      headers: {
        authorization: `Token ${tenant.vault.value("cloud-apps-token") ?? ""}`,
        ...("headers" in init ? init.headers : {}),
      },
    });
    expect(answer.body).toMatchObject({ hasNext: true });
    expect(answer.body["data"]).toHaveLength(1);
  });

  test("take a GET with a body", async () => {
    add(3);
    const { request } = await import("node:http");
    const status = await new Promise<string>((resolve, reject) => {
      const call = request(
        `${tenant.urls["cloud-apps"]}/api/v1/alerts/`,
        {
          method: "GET",
          headers: {
            authorization: `Token ${tenant.vault.value("cloud-apps-token") ?? ""}`,
            "content-length": 11,
          },
        },
        (response) => {
          let text = "";
          response.on("data", (piece: Buffer) => (text += piece.toString()));
          response.on("end", () => resolve(text));
        },
      );
      call.on("error", reject);
      call.end('{"limit":1}');
    });
    expect((JSON.parse(status) as { data: unknown[] }).data).toHaveLength(1);
  });

  test("show the oddities of live data", async () => {
    add(14);
    const data = (await post("", {})).body["data"] as Record<string, unknown>[];
    expect(data.some(({ timestamp }) => !Number.isInteger(timestamp))).toBe(true);
    expect(data.some((alert) => !("resolutionStatusValue" in alert))).toBe(true);
    expect(data.some(({ handledByUser }) => handledByUser === "null")).toBe(true);
    expect(data.some(({ stories }) => (stories as number[]).includes(6))).toBe(true);
    const ids = data.flatMap(({ entities }) =>
      (entities as { type: string; id: unknown }[]).map(({ type, id }) => `${type} ${typeof id}`),
    );
    expect(ids).toEqual(expect.arrayContaining(["service number", "account string"]));
  });

  test("may estimate their total", async () => {
    add(3);
    tenant.change({ cloudApps: { total: "estimate" } });
    expect((await post("", {})).body["total"]).toBe(10);
  });
});

describe("filters", () => {
  let a: string, b: string, c: string;
  const day = 86_400_000;

  beforeEach(() => {
    const now = tenant.clock.now();
    [a = ""] = add(1, { severityValue: 0, timestamp: now - 10 * day, statusValue: 0, idValue: 1 });
    [b = ""] = add(1, { severityValue: 1, timestamp: now - 5 * day, statusValue: 1, idValue: 2 });
    [c = ""] = add(1, {
      severityValue: 2,
      timestamp: now - day / 2,
      idValue: 3,
      resolutionStatusValue: 4,
      resolveTime: new Date(now).toISOString(),
    });
  });

  const cases: [string, () => object, () => string[]][] = [
    ["eq of a list", () => ({ severity: { eq: [0, 2] } }), () => [a, c]],
    ["eq of a scalar", () => ({ severity: { eq: 1 } }), () => [b]],
    ["neq", () => ({ severity: { neq: [0, 2] } }), () => [b]],
    ["two fields, both", () => ({ severity: { eq: [0, 1] }, read: { eq: true } }), () => [b]],
    ["two operators, both", () => ({ severity: { eq: [0, 1], neq: [1] } }), () => [a]],
    ["id", () => ({ id: { eq: [a, b] } }), () => [a, b]],
    ["alertOpen", () => ({ alertOpen: { eq: false } }), () => [c]],
    ["resolutionStatus", () => ({ resolutionStatus: { eq: 4 } }), () => [c]],
    ["date lte", () => ({ date: { lte: tenant.clock.now() - 5 * day } }), () => [a, b]],
    ["date gte", () => ({ date: { gte: tenant.clock.now() - 6 * day } }), () => [b, c]],
    [
      "date range",
      () => ({
        date: {
          range: [{ start: tenant.clock.now() - 6 * day, end: tenant.clock.now() - 2 * day }],
        },
      }),
      () => [b],
    ],
    ["date lte_ndays", () => ({ date: { lte_ndays: 4 } }), () => [a, b]],
    ["date gte_ndays", () => ({ date: { gte_ndays: 1 } }), () => [c]],
    ["resolutionDate", () => ({ resolutionDate: { gte: tenant.clock.now() - day } }), () => [c]],
    ["alertType", () => ({ alertType: { eq: [2, 3] } }), () => [b, c]],
    [
      "entity.entity",
      () => ({ "entity.entity": { eq: [{ id: "user0@contoso.com", inst: 0 }] } }),
      () => everyone("user0@"),
    ],
    ["entity.service", () => ({ "entity.service": { eq: 11_161 } }), () => [a, b, c]],
    ["entity.ip", () => ({ "entity.ip": { neq: ["203.0.113.1"] } }), () => [a, b, c]],
  ];
  const everyone = (start: string): string[] =>
    tenant.cloudApps.alerts
      .all()
      .filter(({ entities }) => String(entities[0]?.["id"]).startsWith(start))
      .map(({ _id }) => _id);

  test.each(cases)("by %s are really evaluated", async (_, filters, ids) => {
    expect(await listed(filters())).toEqual(ids().sort());
  });

  test.each([
    { severity: { eq: ["high"] } },
    { date: { gte: "yesterday" } },
    { read: { eq: 1 } },
    { severity: 3 },
    "severity",
  ])("with a value that is not valid, %j, are a form error", async (filters) => {
    const { status, body } = await post("", { filters });
    expect(status).toBe(400);
    expect(body).toMatchObject({
      error: true,
      filters: [{ errorMessageCode: "CONSOLE_FORMS_NOT_VALID_VALUE" }],
    });
  });

  test.each([
    ["empty", 200, 0],
    ["ignore", 200, 3],
    ["400", 400, undefined],
  ] as const)("on an unknown field do as chosen: %s", async (unknownField, status, count) => {
    tenant.change({ cloudApps: { unknownField } });
    for (const filters of [{ nonsense: { eq: 1 } }, { severity: { contains: ["x"] } }]) {
      const answer = await post("", { filters });
      expect([answer.status, (answer.body["data"] as unknown[] | undefined)?.length]).toEqual([
        status,
        count,
      ]);
    }
  });
});

describe("closing", () => {
  test.each([
    ["close_benign", "closed_benign", 4, 2],
    ["close_false_positive", "closed_false_positive", 3, 0],
    ["close_true_positive", "closed_true_positive", 5, undefined],
    ["dismiss_bulk", "dismissed", 3, undefined],
    ["resolve", "resolved", 5, undefined],
  ])("by %s counts, and shows in the alert", async (path, key, state, reasonId) => {
    const [first = "", second = ""] = add(2);
    const answer = await post(`${path}/`, { ...byId(first, second), comment: "Known", reasonId });
    expect([answer.status, answer.body]).toEqual([200, { [key]: 2 }]);
    const { body } = await cloudApps(tenant, "GET", `/api/v1/alerts/${first}/`);
    expect(body).toMatchObject({
      _id: first,
      resolutionStatusValue: state,
      statusValue: 2,
      comment: "Known",
      handledByUser: "Automation (admin@contoso.com)",
      resolveTime: expect.stringMatching(/^\d{4}-.*Z$/) as string,
    });
    expect(tenant.cloudApps.alerts.history(first)).toMatchObject({
      flips: 0,
      transitions: [{ from: 0, to: state }],
    });
  });

  test.each(["200", "400", "404"] as const)(
    "reports unknown, foreign and closed ids with status %s",
    async (notFoundStatus) => {
      tenant.change({ cloudApps: { notFoundStatus } });
      const [open = "", done = ""] = add(2);
      await post("close_true_positive/", byId(done));
      const answer = await post("close_benign/", byId(open, done, `ca${open}`, "0".repeat(24)));
      expect(answer.status).toBe(Number(notFoundStatus));
      expect(answer.body).toEqual({
        closed_benign: 1,
        alertsNotFound: [done, `ca${open}`, "0".repeat(24)],
      });
      expect(tenant.cloudApps.alerts.totals()).toEqual({ transitions: 2, flips: 0 });
    },
  );

  test("of what is closed flips it where told so, and the flip is counted", async () => {
    tenant.change({ cloudApps: { alreadyClosed: "overwrite" } });
    const [id = ""] = add(1);
    await post("close_true_positive/", byId(id));
    await post("close_benign/", byId(id));
    expect(tenant.cloudApps.alerts.history(id).flips).toBe(1);
  });

  test.each([
    ["close_benign", 0],
    ["close_false_positive", 2],
    ["close_true_positive", 4],
  ])("by %s with the reason %i is a form error", async (path, reasonId) => {
    const [id = ""] = add(1);
    expect((await post(`${path}/`, { ...byId(id), reasonId })).status).toBe(400);
    expect(tenant.cloudApps.alerts.history(id).transitions).toEqual([]);
    tenant.change({ cloudApps: { wrongReason: "ignore" } });
    expect((await post(`${path}/`, { ...byId(id), reasonId })).status).toBe(200);
  });

  test("ignores keys it does not know", async () => {
    const [id = ""] = add(1);
    expect((await post("close_benign/", { ...byId(id), reason: 99 })).body).toEqual({
      closed_benign: 1,
    });
  });

  test.each([
    ["closes-all", 200, 3],
    ["closes-none", 200, 0],
    ["400", 400, 0],
  ] as const)("with an empty filter %s", async (emptyFilter, status, closed) => {
    tenant.change({ cloudApps: { emptyFilter } });
    add(3);
    expect((await post("close_benign/", { filters: {} })).status).toBe(status);
    expect(tenant.cloudApps.alerts.totals().transitions).toBe(closed);
  });

  test("by another filter closes what is open and matches", async () => {
    add(2, { severityValue: 2 });
    add(2, { severityValue: 0 });
    expect((await post("close_benign/", { filters: { severity: { eq: [2] } } })).body).toEqual({
      closed_benign: 2,
    });
  });

  test("of one alert by its path is a dismissal", async () => {
    const [id = ""] = add(1);
    expect((await post(`${id}/dismiss/`, { comment: "x" })).status).toBe(200);
    expect(tenant.cloudApps.alerts.find(id)?.resolutionStatusValue).toBe(3);
    expect((await post(`${id}/dismiss/`)).status).toBe(404);
  });

  test("takes effect also when the answer is lost", async () => {
    const [id = ""] = add(1);
    tenant.faults.add({ kind: "reset", effect: "after", route: "alerts.close_benign" });
    await expect(post("close_benign/", byId(id))).rejects.toThrow();
    expect(tenant.cloudApps.alerts.find(id)?.resolutionStatusValue).toBe(4);
    expect(tenant.requests({ route: "alerts.close_benign" }).at(-1)).toMatchObject({
      status: undefined,
      outcome: "dropped",
      fault: "reset",
      effect: { changed: [id] },
    });
    expect((await post("close_benign/", byId(id))).body).toEqual({
      closed_benign: 0,
      alertsNotFound: [id],
    });
  });
});

describe("single alerts", () => {
  test("are marked read and unread, and reopened", async () => {
    const [id = ""] = add(1);
    const state = () => tenant.cloudApps.alerts.find(id);
    await post(`${id}/read/`);
    expect(state()?.statusValue).toBe(1);
    await post(`${id}/unread/`);
    expect(state()?.statusValue).toBe(0);
    await post("close_benign/", byId(id));
    expect((await post("reopen/", byId(id))).status).toBe(200);
    expect(state()).toMatchObject({ resolutionStatusValue: 0, resolveTime: null });
    expect(tenant.cloudApps.alerts.history(id)).toMatchObject({
      flips: 0,
      transitions: [{ to: 4 }, { to: 0 }],
    });
  });

  test("that do not exist are 404", async () => {
    for (const [method, path] of [
      ["GET", ""],
      ["POST", "read/"],
      ["POST", "unread/"],
      ["POST", "dismiss/"],
    ] as const) {
      expect(
        (await cloudApps(tenant, method, `/api/v1/alerts/${"0".repeat(24)}/${path}`)).status,
      ).toBe(404);
    }
  });
});
