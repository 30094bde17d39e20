import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { createVirtualClock } from "../../support/virtual-clock.ts";
import { callCloudApps, sendRequest, fetchToken, type HttpResponse } from "../caller.ts";
import { startSimulator, type Simulator } from "../simulator.ts";

let simulator: Simulator;

beforeAll(async () => {
  const clock = createVirtualClock();
  simulator = await startSimulator({
    clock,
    alerts: 0,
    evaluate: () => ({ kind: "table", columns: [], rows: [] }),
    behaviors: { cloudApps: { quota: { perMinute: null } } },
  });
});
afterAll(() => simulator.stop());
beforeEach(() =>
  simulator.changeBehaviors({ cloudApps: { scanStall: false, subnetPlace: "both" } }),
);

const postJson = (path: string, body: unknown): Promise<HttpResponse> =>
  callCloudApps(simulator, "POST", `/api/v1/${path}`, body);
const readIds = ({ body }: HttpResponse): string[] =>
  (body["data"] as { _id: string }[]).map(({ _id }) => _id);
/** Matches every activity without an empty filter, which must not be scanned. */
const anyTime = { date: { gte: 0 } };

describe("activities", () => {
  test("lists at most 5,000 activities and cuts a page beyond", async () => {
    simulator.cloudApps.portal.activities.reset(5_100);
    const last = await postJson("activities/", { skip: 4_950, limit: 100 });
    expect([readIds(last).length, last.body["hasNext"]]).toEqual([50, true]);
    const beyond = await postJson("activities/", { skip: 5_000, limit: 100 });
    expect([readIds(beyond), beyond.body["hasNext"], beyond.body["total"]]).toEqual([
      [],
      false,
      5_100,
    ]);
  });

  test.each([
    [100, 499],
    [1_000, 999],
    [9_000, 4_999],
  ])(
    "scans activities with a limit of %i in pages of %i that leave the last instant for the next page",
    async (limit, count) => {
      simulator.cloudApps.portal.activities.reset(5_100);
      const page = await postJson("activities/", { filters: anyTime, isScan: true, limit });
      expect(readIds(page)).toHaveLength(count);
      expect(page.body).toMatchObject({ hasNext: true, nextQueryFilters: { date: { gte: 0 } } });
    },
  );

  test("returns each activity once in a full scan", async () => {
    simulator.cloudApps.portal.activities.reset(1_200);
    const ids: string[] = [];
    let filters: unknown = anyTime;
    while (filters !== undefined) {
      const page = await postJson("activities/", { filters, isScan: true });
      ids.push(...readIds(page));
      expect("nextQueryFilters" in page.body).toBe(page.body["hasNext"]);
      filters = page.body["nextQueryFilters"];
    }
    expect(ids).toEqual(simulator.cloudApps.portal.activities.list().map(({ _id }) => _id));
  });

  test("offers the same filters again in a stalled scan", async () => {
    simulator.changeBehaviors({ cloudApps: { scanStall: true } });
    const page = await postJson("activities/", { filters: anyTime, isScan: true });
    expect(page.body["nextQueryFilters"]).toEqual(anyTime);
  });

  test("accepts feedback only at the path without a trailing slash", async () => {
    const id = simulator.cloudApps.portal.activities.list()[0]?._id ?? "";
    expect((await postJson(`activities/${id}/feedback`, { feedbackValue: "useful" })).status).toBe(
      200,
    );
    expect((await postJson(`activities/${id}/feedback/`, { feedbackValue: "useful" })).status).toBe(
      404,
    );
    expect((await postJson("activities/nobody/feedback", { feedbackValue: "useful" })).status).toBe(
      404,
    );
    expect(simulator.cloudApps.portal.feedback).toMatchObject([
      { activity: id, content: { feedbackValue: "useful" } },
    ]);
  });
});

test("refuses files to applications and shows them to portal tokens", async () => {
  const answer = await sendRequest(`${simulator.urls["cloud-apps"]}/api/v1/files/`, {
    method: "POST",
    headers: { authorization: `Bearer ${await fetchToken(simulator, "cloud-apps", "act")}` },
  });
  expect(answer.status).toBe(403);
  expect(answer.body["detail"]).toBe("Insufficient role based permissions");
  expect((await postJson("files/", {})).body).toMatchObject({ hasNext: true, total: 130 });
});

describe("IP ranges", () => {
  test("creates an IP range mapped into IPv6, replaces it as a whole and deletes it", async () => {
    const range = {
      name: "Branch",
      category: 1,
      subnets: ["192.168.5.0/24", "2001:db8::/32"],
      organization: "X",
      tags: ["t"],
    };
    const { text, status } = await postJson("subnet/create_rule/", range);
    const id = JSON.parse(text) as string;
    expect([status, typeof id]).toEqual([200, "string"]);
    expect((await callCloudApps(simulator, "GET", `/api/v1/subnet/${id}/`)).body).toMatchObject({
      organization: "X",
      subnets: [
        {
          mask: 120,
          address: "0000:0000:0000:0000:0000:ffff:c0a8:0500",
          originalString: "192.168.5.0/24",
        },
        {
          mask: 32,
          address: "2001:0db8:0000:0000:0000:0000:0000:0000",
          originalString: "2001:db8::/32",
        },
      ],
    });
    await postJson(`subnet/${id}/update_rule/`, {
      name: "Branch",
      category: 4,
      subnets: ["192.168.5.0/25"],
    });
    expect((await callCloudApps(simulator, "GET", `/api/subnet/${id}/`)).body).toMatchObject({
      category: 4,
      organization: null,
      tags: [],
    });
    expect((await callCloudApps(simulator, "DELETE", `/api/v1/subnet/${id}/`)).status).toBe(200);
    expect((await callCloudApps(simulator, "DELETE", `/api/v1/subnet/${id}/`)).status).toBe(404);
  });

  test.each([
    ["name", ""],
    ["category", 7],
    ["subnets", []],
    ["subnets", ["10.0.0.0/33"]],
    ["subnets", ["10.0.0/8"]],
    ["subnets", ["10.0.0.0/8/9"]],
  ])("refuses an IP range with %s %j with a form error", async (name, value) => {
    const answer = await postJson("subnet/create_rule/", {
      name: "n",
      category: 1,
      subnets: ["10.0.0.0/8"],
      [name]: value,
    });
    expect([answer.status, answer.body["error"]]).toEqual([400, true]);
  });

  test.each([
    ["both", 200, 200],
    ["v1", 200, 404],
    ["bare", 404, 200],
  ] as const)(
    "answers IP ranges at %s with %i below /api/v1 and %i below /api",
    async (subnetPlace, versioned, unversioned) => {
      simulator.changeBehaviors({ cloudApps: { subnetPlace } });
      expect((await callCloudApps(simulator, "POST", "/api/v1/subnet/", {})).status).toBe(
        versioned,
      );
      expect((await callCloudApps(simulator, "POST", "/api/subnet/", {})).status).toBe(unversioned);
    },
  );
});

describe("a discovery log", () => {
  const createUploadUrl = async (): Promise<string> =>
    (
      await callCloudApps(
        simulator,
        "GET",
        "/api/v1/discovery/upload_url/?filename=a%20b.log&source=SQUID",
      )
    ).body["url"] as string;
  const putLog = async (
    url: string,
    body: string,
    headers: Record<string, string> = {},
  ): Promise<number> => (await sendRequest(url, { method: "PUT", body, headers })).status;
  const blobHeaders = { "x-ms-blob-type": "BlockBlob" };

  test.each([
    ["no blob type", {}, "", 400],
    ["a token", { ...blobHeaders, authorization: "Token x" }, "", 403],
    ["another signature", blobHeaders, "x", 403],
    ["every required header", blobHeaders, "", 201],
  ])("answers an upload with %s as Azure does", async (_, headers, suffix, status) => {
    expect(await putLog((await createUploadUrl()) + suffix, "line\n", headers)).toBe(status);
  });

  test("commits uploaded blocks in the order of the block list", async () => {
    const url = await createUploadUrl();
    expect(await putLog(`${url}&comp=block&blockid=MDE%3D`, "one ")).toBe(201);
    expect(await putLog(`${url}&comp=block&blockid=MDI%3D`, "two ")).toBe(201);
    const toBlockList = (...ids: string[]): string =>
      ids.map((id) => `<Latest>${id}</Latest>`).join("");
    expect(await putLog(`${url}&comp=blocklist`, toBlockList("MDI=", "MDM="))).toBe(400);
    expect(await putLog(`${url}&comp=blocklist`, toBlockList("MDI=", "MDE="))).toBe(201);
    const done = await postJson("discovery/done_upload/", {
      uploadUrl: url,
      inputStreamName: "Branch",
    });
    expect(done.body).toEqual({ success: true });
    expect(
      [...simulator.cloudApps.portal.discovery.uploads.values()].at(-1)?.content,
    ).toMatchObject({
      bytes: 8,
      blocks: 2,
    });
  });

  test("refuses to finish a log before its upload, and to start one for an unknown appliance", async () => {
    const answer = await postJson("discovery/done_upload/", {
      uploadUrl: await createUploadUrl(),
      inputStreamName: "Branch",
    });
    expect(answer.status).toBe(400);
    const path = "/api/v1/discovery/upload_url/?filename=a.log&source=ABACUS";
    expect((await callCloudApps(simulator, "GET", path)).status).toBe(400);
  });
});

test("returns a block script as plain text and refuses an unknown format", async () => {
  const script = await callCloudApps(
    simulator,
    "GET",
    "/api/discovery_block_scripts/?format=120&type=banned",
  );
  expect([script.headers.get("content-type"), script.text]).toEqual([
    "text/plain; charset=utf-8",
    "files.example\npaste.example\n",
  ]);
  expect(
    (await callCloudApps(simulator, "GET", "/api/discovery_block_scripts/?format=121&type=banned"))
      .status,
  ).toBe(400);
});
