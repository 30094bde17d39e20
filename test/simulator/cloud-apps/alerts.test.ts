import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { callCloudApps, sendRequest, fetchToken, type HttpResponse } from "../caller.ts";
import { parseBehaviors } from "../behaviors.ts";
import { startSimulator, type Simulator } from "../simulator.ts";

let simulator: Simulator;

beforeAll(async () => {
  simulator = await startSimulator({ evaluate: () => ({ kind: "table", columns: [], rows: [] }) });
});
afterAll(() => simulator.stop());
beforeEach(() => {
  simulator.faults.clear();
  simulator.changeBehaviors(parseBehaviors({ cloudApps: { quota: { perMinute: null } } }));
  simulator.cloudApps.alerts.clear();
});

const postAlerts = (path: string, body?: unknown): Promise<HttpResponse> =>
  callCloudApps(simulator, "POST", `/api/v1/alerts/${path}`, body);
const addAlerts = (count: number, values?: object): string[] =>
  simulator.cloudApps.alerts.add(count, values);
const filterById = (...ids: string[]) => ({ filters: { id: { eq: ids } } });
const listIds = async (filters: unknown): Promise<string[]> =>
  ((await postAlerts("", { filters })).body["data"] as { _id: string }[])
    .map(({ _id }) => _id)
    .sort();

describe("callers", () => {
  test.each([
    ["no key", {}, 401],
    ["a wrong key", { authorization: "Token wrong" }, 401],
    ["another scheme", { authorization: "Basic eDp5" }, 401],
    ["a token that is none", { authorization: "Bearer a.b.c" }, 401],
  ])("refuses callers with %s", async (_, headers, status) => {
    const answer = await sendRequest(`${simulator.urls["cloud-apps"]}/api/v1/alerts/`, {
      headers: headers as Record<string, string>,
    });
    expect(answer.status).toBe(status);
    expect(answer.body).toHaveProperty("detail");
  });

  const postAsApplication = async (path: string, resource: "cloud-apps" | "graph" = "cloud-apps") =>
    sendRequest(`${simulator.urls["cloud-apps"]}${path}`, {
      method: "POST",
      headers: { authorization: `Bearer ${await fetchToken(simulator, resource, "act")}` },
    });

  test("allows an application what its permission allows, in any spelling", async () => {
    const roles = simulator.directory.identities[1]?.roles ?? {};
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
        (await postAsApplication("/api/v1/alerts/")).status,
        (await postAsApplication("/api/v1/alerts/close_benign/")).status,
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

  test("answers 401 to a token for another API and 403 with a correlation id without the permission", async () => {
    expect((await postAsApplication("/api/v1/alerts/", "graph")).status).toBe(401);
    const roles = simulator.directory.identities[1]?.roles ?? {};
    delete roles["cloud-apps"];
    const answer = await postAsApplication("/api/v1/alerts/");
    roles["cloud-apps"] = ["Investigation.manage"];
    expect(answer.body).toEqual({
      detail: "Insufficient role based permissions",
      correlation_id: expect.stringMatching(/^[0-9a-f-]{36}$/) as string,
    });
  });

  test("answers 403 to a revoked token and 401 to a rotated one until the caller reads the vault again", async () => {
    simulator.cloudApps.keys.add("departed");
    simulator.cloudApps.keys.revoke("departed");
    const revoked = await sendRequest(`${simulator.urls["cloud-apps"]}/api/v1/alerts/`, {
      headers: { authorization: "Token departed" },
    });
    expect(revoked.status).toBe(403);
    const oldToken = simulator.vault.readValue("cloud-apps-token") ?? "";
    simulator.cloudApps.rotateToken();
    const answer = await sendRequest(`${simulator.urls["cloud-apps"]}/api/v1/alerts/`, {
      headers: { authorization: `Token ${oldToken}` },
    });
    expect(answer.status).toBe(401);
    expect((await postAlerts("")).status).toBe(200);
  });
});

describe("paths", () => {
  test.each(["/api/v1/", "/api/", "/cas/api/v1/"])(
    "accepts paths that begin with %s",
    async (prefix) => {
      expect((await callCloudApps(simulator, "POST", `${prefix}alerts/`)).status).toBe(200);
    },
  );

  test.each([
    ["404", 404],
    ["301", 301],
    ["accept", 200],
  ] as const)(
    "treats a path without its trailing slash as configured: %s",
    async (missingSlash, status) => {
      simulator.changeBehaviors({ cloudApps: { missingSlash } });
      expect((await callCloudApps(simulator, "POST", "/api/v1/alerts")).status).toBe(status);
    },
  );

  test("answers unknown paths with a 404 in the API's format", async () => {
    expect((await callCloudApps(simulator, "GET", "/api/v1/nothing/")).body).toEqual({
      detail: "Not found.",
    });
  });
});

describe("the throttle", () => {
  test("throttles at 30 calls a minute over all routes and callers, with the wait in the text", async () => {
    simulator.changeBehaviors({ cloudApps: { quota: { perMinute: 3 } } });
    simulator.clock.shift(60_000);
    await postAlerts("");
    await postAlerts("close_benign/", filterById("0".repeat(24)));
    simulator.clock.shift(58_500);
    const bearer = await fetchToken(simulator, "cloud-apps", "act");
    await sendRequest(`${simulator.urls["cloud-apps"]}/api/alerts/`, {
      headers: { authorization: `Bearer ${bearer}` },
    });
    const answer = await postAlerts("");
    expect(answer.status).toBe(429);
    expect(answer.text).toMatch(
      /^\{"detail":"Request was throttled\. Expected available in (1 second|2 seconds)\."\}$/,
    );
    expect(parseBehaviors({}).cloudApps.quota.perMinute).toBe(30);
  });

  test.each([
    [true, "60"],
    [false, null],
  ])("sends Retry-After as configured: %s", async (retryAfter, header) => {
    simulator.changeBehaviors({ cloudApps: { quota: { perMinute: 0, retryAfter } } });
    const answer = await postAlerts("");
    expect(answer.headers.get("retry-after")).toBe(header);
    expect(answer.body).toEqual({
      detail: "Request was throttled. Expected available in 60 seconds.",
    });
  });
});

describe("lists", () => {
  test("lists at most 100 alerts, newest first, in the live envelope", async () => {
    addAlerts(150);
    const { body } = await postAlerts("", { limit: 1_000 });
    expect(body).toMatchObject({ hasNext: true, total: 150, max: 100, moreThanTotal: false });
    const dates = (body["data"] as { timestamp: number }[]).map(({ timestamp }) => timestamp);
    expect(dates).toHaveLength(100);
    expect(dates).toEqual([...dates].sort((a, b) => b - a));
  });

  test("pages a list by skip until hasNext is false", async () => {
    const ids = addAlerts(5);
    const listedIds: string[] = [];
    for (let skip = 0, hasMore = true; hasMore; skip += 2) {
      const { body } = await postAlerts("", {
        skip,
        limit: 2,
        sortField: "date",
        sortDirection: "asc",
      });
      listedIds.push(...(body["data"] as { _id: string }[]).map(({ _id }) => _id));
      hasMore = body["hasNext"] as boolean;
    }
    expect(listedIds).toEqual([...ids].reverse());
    expect((await postAlerts("", { skip: 50 })).body).toMatchObject({
      data: [],
      hasNext: false,
      total: 5,
    });
  });

  test("sorts a list by severity", async () => {
    addAlerts(6);
    const { body } = await postAlerts("", { sortField: "severity", sortDirection: "desc" });
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
  ] as const)("reads the parameters of a list from %s", async (_, init, query) => {
    addAlerts(12);
    const answer = await sendRequest(`${simulator.urls["cloud-apps"]}/api/v1/alerts/${query}`, {
      method: "POST",
      ...init,
      headers: {
        authorization: `Token ${simulator.vault.readValue("cloud-apps-token") ?? ""}`,
        ...("headers" in init ? init.headers : {}),
      },
    });
    expect(answer.body).toMatchObject({ hasNext: true });
    expect(answer.body["data"]).toHaveLength(1);
  });

  test("reads the body of a GET", async () => {
    addAlerts(3);
    const { request } = await import("node:http");
    const status = await new Promise<string>((resolve, reject) => {
      const call = request(
        `${simulator.urls["cloud-apps"]}/api/v1/alerts/`,
        {
          method: "GET",
          headers: {
            authorization: `Token ${simulator.vault.readValue("cloud-apps-token") ?? ""}`,
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

  test("returns the oddities of live data", async () => {
    addAlerts(14);
    const data = (await postAlerts("", {})).body["data"] as Record<string, unknown>[];
    expect(data.some(({ timestamp }) => !Number.isInteger(timestamp))).toBe(true);
    expect(data.some((alert) => !("resolutionStatusValue" in alert))).toBe(true);
    expect(data.some(({ handledByUser }) => handledByUser === "null")).toBe(true);
    expect(data.some(({ stories }) => (stories as number[]).includes(6))).toBe(true);
    const ids = data.flatMap(({ entities }) =>
      (entities as { type: string; id: unknown }[]).map(({ type, id }) => `${type} ${typeof id}`),
    );
    expect(ids).toEqual(expect.arrayContaining(["service number", "account string"]));
  });

  test("estimates the total of a list if configured", async () => {
    addAlerts(3);
    simulator.changeBehaviors({ cloudApps: { total: "estimate" } });
    expect((await postAlerts("", {})).body["total"]).toBe(10);
  });
});

describe("filters", () => {
  let a: string, b: string, c: string;
  const day = 86_400_000;

  beforeEach(() => {
    const now = simulator.clock.now();
    [a = ""] = addAlerts(1, {
      severityValue: 0,
      timestamp: now - 10 * day,
      statusValue: 0,
      idValue: 1,
    });
    [b = ""] = addAlerts(1, {
      severityValue: 1,
      timestamp: now - 5 * day,
      statusValue: 1,
      idValue: 2,
    });
    [c = ""] = addAlerts(1, {
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
    ["date lte", () => ({ date: { lte: simulator.clock.now() - 5 * day } }), () => [a, b]],
    ["date gte", () => ({ date: { gte: simulator.clock.now() - 6 * day } }), () => [b, c]],
    [
      "date range",
      () => ({
        date: {
          range: [{ start: simulator.clock.now() - 6 * day, end: simulator.clock.now() - 2 * day }],
        },
      }),
      () => [b],
    ],
    ["date lte_ndays", () => ({ date: { lte_ndays: 4 } }), () => [a, b]],
    ["date gte_ndays", () => ({ date: { gte_ndays: 1 } }), () => [c]],
    ["resolutionDate", () => ({ resolutionDate: { gte: simulator.clock.now() - day } }), () => [c]],
    ["alertType", () => ({ alertType: { eq: [2, 3] } }), () => [b, c]],
    [
      "entity.entity",
      () => ({ "entity.entity": { eq: [{ id: "user0@contoso.com", inst: 0 }] } }),
      () => listIdsByUser("user0@"),
    ],
    ["entity.service", () => ({ "entity.service": { eq: 11_161 } }), () => [a, b, c]],
    ["entity.ip", () => ({ "entity.ip": { neq: ["203.0.113.1"] } }), () => [a, b, c]],
  ];
  const listIdsByUser = (prefix: string): string[] =>
    simulator.cloudApps.alerts
      .list()
      .filter(({ entities }) => String(entities[0]?.["id"]).startsWith(prefix))
      .map(({ _id }) => _id);

  test.each(cases)("evaluates a filter by %s", async (_, filters, ids) => {
    expect(await listIds(filters())).toEqual(ids().sort());
  });

  test.each([
    { severity: { eq: ["high"] } },
    { date: { gte: "yesterday" } },
    { read: { eq: 1 } },
    { severity: 3 },
    "severity",
  ])("answers the invalid filter %j with a form error", async (filters) => {
    const { status, body } = await postAlerts("", { filters });
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
  ] as const)(
    "treats a filter on an unknown field as configured: %s",
    async (unknownField, status, count) => {
      simulator.changeBehaviors({ cloudApps: { unknownField } });
      for (const filters of [{ nonsense: { eq: 1 } }, { severity: { contains: ["x"] } }]) {
        const answer = await postAlerts("", { filters });
        expect([answer.status, (answer.body["data"] as unknown[] | undefined)?.length]).toEqual([
          status,
          count,
        ]);
      }
    },
  );
});

describe("closing", () => {
  test.each([
    ["close_benign", "closed_benign", 4, 2],
    ["close_false_positive", "closed_false_positive", 3, 0],
    ["close_true_positive", "closed_true_positive", 5, undefined],
    ["dismiss_bulk", "dismissed", 3, undefined],
    ["resolve", "resolved", 5, undefined],
  ])("closes an alert by %s and counts it", async (path, key, state, reasonId) => {
    const [first = "", second = ""] = addAlerts(2);
    const answer = await postAlerts(`${path}/`, {
      ...filterById(first, second),
      comment: "Known",
      reasonId,
    });
    expect([answer.status, answer.body]).toEqual([200, { [key]: 2 }]);
    const { body } = await callCloudApps(simulator, "GET", `/api/v1/alerts/${first}/`);
    expect(body).toMatchObject({
      _id: first,
      resolutionStatusValue: state,
      statusValue: 2,
      comment: "Known",
      handledByUser: "Automation (admin@contoso.com)",
      resolveTime: expect.stringMatching(/^\d{4}-.*Z$/) as string,
    });
    expect(simulator.cloudApps.alerts.readHistory(first)).toMatchObject({
      flips: 0,
      transitions: [{ from: 0, to: state }],
    });
  });

  test.each(["200", "400", "404"] as const)(
    "reports unknown, foreign and closed ids with status %s",
    async (notFoundStatus) => {
      simulator.changeBehaviors({ cloudApps: { notFoundStatus } });
      const [openId = "", closedId = ""] = addAlerts(2);
      await postAlerts("close_true_positive/", filterById(closedId));
      const answer = await postAlerts(
        "close_benign/",
        filterById(openId, closedId, `ca${openId}`, "0".repeat(24)),
      );
      expect(answer.status).toBe(Number(notFoundStatus));
      expect(answer.body).toEqual({
        closed_benign: 1,
        alertsNotFound: [closedId, `ca${openId}`, "0".repeat(24)],
      });
      expect(simulator.cloudApps.alerts.countTotals()).toEqual({ transitions: 2, flips: 0 });
    },
  );

  test("overwrites the verdict of a closed alert if configured, and counts it", async () => {
    simulator.changeBehaviors({ cloudApps: { alreadyClosed: "overwrite" } });
    const [id = ""] = addAlerts(1);
    await postAlerts("close_true_positive/", filterById(id));
    await postAlerts("close_benign/", filterById(id));
    expect(simulator.cloudApps.alerts.readHistory(id).flips).toBe(1);
  });

  test.each([
    ["close_benign", 0],
    ["close_false_positive", 2],
    ["close_true_positive", 4],
  ])("answers %s with the reason %i with a form error", async (path, reasonId) => {
    const [id = ""] = addAlerts(1);
    expect((await postAlerts(`${path}/`, { ...filterById(id), reasonId })).status).toBe(400);
    expect(simulator.cloudApps.alerts.readHistory(id).transitions).toEqual([]);
    simulator.changeBehaviors({ cloudApps: { wrongReason: "ignore" } });
    expect((await postAlerts(`${path}/`, { ...filterById(id), reasonId })).status).toBe(200);
  });

  test("ignores unknown keys of a close call", async () => {
    const [id = ""] = addAlerts(1);
    expect((await postAlerts("close_benign/", { ...filterById(id), reason: 99 })).body).toEqual({
      closed_benign: 1,
    });
  });

  test.each([
    ["closes-all", 200, 3],
    ["closes-none", 200, 0],
    ["400", 400, 0],
  ] as const)(
    "treats a close call with an empty filter as configured: %s",
    async (emptyFilter, status, closed) => {
      simulator.changeBehaviors({ cloudApps: { emptyFilter } });
      addAlerts(3);
      expect((await postAlerts("close_benign/", { filters: {} })).status).toBe(status);
      expect(simulator.cloudApps.alerts.countTotals().transitions).toBe(closed);
    },
  );

  test("closes the open alerts that a filter matches", async () => {
    addAlerts(2, { severityValue: 2 });
    addAlerts(2, { severityValue: 0 });
    expect(
      (await postAlerts("close_benign/", { filters: { severity: { eq: [2] } } })).body,
    ).toEqual({
      closed_benign: 2,
    });
  });

  test("dismisses one alert by its path", async () => {
    const [id = ""] = addAlerts(1);
    expect((await postAlerts(`${id}/dismiss/`, { comment: "x" })).status).toBe(200);
    expect(simulator.cloudApps.alerts.find(id)?.resolutionStatusValue).toBe(3);
    expect((await postAlerts(`${id}/dismiss/`)).status).toBe(404);
  });

  test("closes an alert even if the answer is lost", async () => {
    const [id = ""] = addAlerts(1);
    simulator.faults.add({ kind: "reset", effect: "after", route: "alerts.close_benign" });
    await expect(postAlerts("close_benign/", filterById(id))).rejects.toThrow();
    expect(simulator.cloudApps.alerts.find(id)?.resolutionStatusValue).toBe(4);
    expect(simulator.listRequests({ route: "alerts.close_benign" }).at(-1)).toMatchObject({
      status: undefined,
      outcome: "dropped",
      fault: "reset",
      effect: { changed: [id] },
    });
    expect((await postAlerts("close_benign/", filterById(id))).body).toEqual({
      closed_benign: 0,
      alertsNotFound: [id],
    });
  });
});

describe("single alerts", () => {
  test("marks an alert read and unread, and reopens it", async () => {
    const [id = ""] = addAlerts(1);
    const findAlert = () => simulator.cloudApps.alerts.find(id);
    await postAlerts(`${id}/read/`);
    expect(findAlert()?.statusValue).toBe(1);
    await postAlerts(`${id}/unread/`);
    expect(findAlert()?.statusValue).toBe(0);
    await postAlerts("close_benign/", filterById(id));
    expect((await postAlerts("reopen/", filterById(id))).status).toBe(200);
    expect(findAlert()).toMatchObject({ resolutionStatusValue: 0, resolveTime: null });
    expect(simulator.cloudApps.alerts.readHistory(id)).toMatchObject({
      flips: 0,
      transitions: [{ to: 4 }, { to: 0 }],
    });
  });

  test("answers 404 for an unknown alert", async () => {
    for (const [method, path] of [
      ["GET", ""],
      ["POST", "read/"],
      ["POST", "unread/"],
      ["POST", "dismiss/"],
    ] as const) {
      expect(
        (await callCloudApps(simulator, method, `/api/v1/alerts/${"0".repeat(24)}/${path}`)).status,
      ).toBe(404);
    }
  });
});
