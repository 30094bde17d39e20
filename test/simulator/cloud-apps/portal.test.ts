import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { virtualClock } from "../../support/virtual-clock.ts";
import { cloudApps, hear, tokenFor, type Heard } from "../caller.ts";
import { startTenant, type Tenant } from "../simulator.ts";

let tenant: Tenant;

beforeAll(async () => {
  const clock = virtualClock();
  tenant = await startTenant({
    clock,
    alerts: 0,
    evaluate: () => ({ kind: "table", columns: [], rows: [] }),
    switches: { cloudApps: { quota: { perMinute: null } } },
  });
});
afterAll(() => tenant.stop());
beforeEach(() => tenant.change({ cloudApps: { scanStall: false, subnetPlace: "both" } }));

const post = (path: string, body: unknown): Promise<Heard> =>
  cloudApps(tenant, "POST", `/api/v1/${path}`, body);
const idsOf = ({ body }: Heard): string[] =>
  (body["data"] as { _id: string }[]).map(({ _id }) => _id);
/** Everything but a limit on time: an empty filter may not be scanned in earnest. */
const ever = { date: { gte: 0 } };

describe("activities", () => {
  test("are listed up to 5,000: what a page asks for beyond is cut", async () => {
    tenant.cloudApps.portal.activities.reset(5_100);
    const last = await post("activities/", { skip: 4_950, limit: 100 });
    expect([idsOf(last).length, last.body["hasNext"]]).toEqual([50, true]);
    const beyond = await post("activities/", { skip: 5_000, limit: 100 });
    expect([idsOf(beyond), beyond.body["hasNext"], beyond.body["total"]]).toEqual([
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
    "scanned with a limit of %i come %i at a time, the last instant's left for the next page",
    async (limit, count) => {
      tenant.cloudApps.portal.activities.reset(5_100);
      const page = await post("activities/", { filters: ever, isScan: true, limit });
      expect(idsOf(page)).toHaveLength(count);
      expect(page.body).toMatchObject({ hasNext: true, nextQueryFilters: { date: { gte: 0 } } });
    },
  );

  test("scanned to the end are each given once", async () => {
    tenant.cloudApps.portal.activities.reset(1_200);
    const seen: string[] = [];
    let filters: unknown = ever;
    while (filters !== undefined) {
      const page = await post("activities/", { filters, isScan: true });
      seen.push(...idsOf(page));
      expect("nextQueryFilters" in page.body).toBe(page.body["hasNext"]);
      filters = page.body["nextQueryFilters"];
    }
    expect(seen).toEqual(tenant.cloudApps.portal.activities.all().map(({ _id }) => _id));
  });

  test("scanned under the stall switch are offered with the filters they were asked by", async () => {
    tenant.change({ cloudApps: { scanStall: true } });
    const page = await post("activities/", { filters: ever, isScan: true });
    expect(page.body["nextQueryFilters"]).toEqual(ever);
  });

  test("take feedback at a path without a slash, and none at the path with one", async () => {
    const id = tenant.cloudApps.portal.activities.all()[0]?._id ?? "";
    expect((await post(`activities/${id}/feedback`, { feedbackValue: "useful" })).status).toBe(200);
    expect((await post(`activities/${id}/feedback/`, { feedbackValue: "useful" })).status).toBe(
      404,
    );
    expect((await post("activities/nobody/feedback", { feedbackValue: "useful" })).status).toBe(
      404,
    );
    expect(tenant.cloudApps.portal.feedback).toMatchObject([
      { activity: id, said: { feedbackValue: "useful" } },
    ]);
  });
});

test("files are refused to applications and shown to portal tokens", async () => {
  const answer = await hear(`${tenant.urls["cloud-apps"]}/api/v1/files/`, {
    method: "POST",
    headers: { authorization: `Bearer ${await tokenFor(tenant, "cloud-apps", "act")}` },
  });
  expect(answer.status).toBe(403);
  expect(answer.body["detail"]).toBe("Insufficient role based permissions");
  expect((await post("files/", {})).body).toMatchObject({ hasNext: true, total: 130 });
});

describe("IP ranges", () => {
  test("are created with a JSON string for an answer, mapped into IPv6, replaced whole, deleted", async () => {
    const range = {
      name: "Branch",
      category: 1,
      subnets: ["192.168.5.0/24", "2001:db8::/32"],
      organization: "X",
      tags: ["t"],
    };
    const { text, status } = await post("subnet/create_rule/", range);
    const id = JSON.parse(text) as string;
    expect([status, typeof id]).toEqual([200, "string"]);
    expect((await cloudApps(tenant, "GET", `/api/v1/subnet/${id}/`)).body).toMatchObject({
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
    await post(`subnet/${id}/update_rule/`, {
      name: "Branch",
      category: 4,
      subnets: ["192.168.5.0/25"],
    });
    expect((await cloudApps(tenant, "GET", `/api/subnet/${id}/`)).body).toMatchObject({
      category: 4,
      organization: null,
      tags: [],
    });
    expect((await cloudApps(tenant, "DELETE", `/api/v1/subnet/${id}/`)).status).toBe(200);
    expect((await cloudApps(tenant, "DELETE", `/api/v1/subnet/${id}/`)).status).toBe(404);
  });

  test.each([
    ["name", ""],
    ["category", 7],
    ["subnets", []],
    ["subnets", ["10.0.0.0/33"]],
    ["subnets", ["10.0.0/8"]],
    ["subnets", ["10.0.0.0/8/9"]],
  ])("with %s %j are refused with a form error", async (name, value) => {
    const answer = await post("subnet/create_rule/", {
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
    "with places %s answer %i below /api/v1 and %i below /api",
    async (subnetPlace, versioned, bare) => {
      tenant.change({ cloudApps: { subnetPlace } });
      expect((await cloudApps(tenant, "POST", "/api/v1/subnet/", {})).status).toBe(versioned);
      expect((await cloudApps(tenant, "POST", "/api/subnet/", {})).status).toBe(bare);
    },
  );
});

describe("a discovery log", () => {
  const place = async (): Promise<string> =>
    (
      await cloudApps(
        tenant,
        "GET",
        "/api/v1/discovery/upload_url/?filename=a%20b.log&source=SQUID",
      )
    ).body["url"] as string;
  const put = async (
    url: string,
    body: string,
    headers: Record<string, string> = {},
  ): Promise<number> => (await hear(url, { method: "PUT", body, headers })).status;
  const blob = { "x-ms-blob-type": "BlockBlob" };

  test.each([
    ["no blob type", {}, "", 400],
    ["a token", { ...blob, authorization: "Token x" }, "", 403],
    ["another signature", blob, "x", 403],
    ["all it needs", blob, "", 201],
  ])("put with %s", async (_, headers, more, status) => {
    expect(await put((await place()) + more, "line\n", headers)).toBe(status);
  });

  test("put in blocks is there when the list names blocks that came, in the list's order", async () => {
    const url = await place();
    expect(await put(`${url}&comp=block&blockid=MDE%3D`, "one ")).toBe(201);
    expect(await put(`${url}&comp=block&blockid=MDI%3D`, "two ")).toBe(201);
    const list = (...ids: string[]): string => ids.map((id) => `<Latest>${id}</Latest>`).join("");
    expect(await put(`${url}&comp=blocklist`, list("MDI=", "MDM="))).toBe(400);
    expect(await put(`${url}&comp=blocklist`, list("MDI=", "MDE="))).toBe(201);
    const done = await post("discovery/done_upload/", {
      uploadUrl: url,
      inputStreamName: "Branch",
    });
    expect(done.body).toEqual({ success: true });
    expect([...tenant.cloudApps.portal.discovery.uploads.values()].at(-1)?.content).toMatchObject({
      bytes: 8,
      blocks: 2,
    });
  });

  test("is not done before it is put, and not begun for an appliance nobody knows", async () => {
    const answer = await post("discovery/done_upload/", {
      uploadUrl: await place(),
      inputStreamName: "Branch",
    });
    expect(answer.status).toBe(400);
    const path = "/api/v1/discovery/upload_url/?filename=a.log&source=ABACUS";
    expect((await cloudApps(tenant, "GET", path)).status).toBe(400);
  });
});

test("a block script is plain text, and refused in a format nobody knows", async () => {
  const script = await cloudApps(
    tenant,
    "GET",
    "/api/discovery_block_scripts/?format=120&type=banned",
  );
  expect([script.headers.get("content-type"), script.text]).toEqual([
    "text/plain; charset=utf-8",
    "files.example\npaste.example\n",
  ]);
  expect(
    (await cloudApps(tenant, "GET", "/api/discovery_block_scripts/?format=121&type=banned")).status,
  ).toBe(400);
});
