/** Query parameters that requests may have, and the addresses that answers contain. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { RunningHost } from "../functions-host/run-host.ts";
import { postJson, readJson, startStack, type Stack } from "../support/stack.ts";

let stack: Stack;
let host: RunningHost;
let gateway: RunningHost;
const publicUrl = "https://gateway.contoso.com/huntline";

beforeAll(async () => {
  stack = await startStack();
  host = await stack.startHost();
  gateway = await stack.startHost({ settings: { PUBLIC_URL: `${publicUrl}/` } });
});
afterAll(() => stack.stop());

describe("a request with an unknown query parameter", () => {
  test.each([
    ["/api/hunts?top=5", "/top", undefined],
    ["/api/hunts/office-starts-script-host/exports?aftr=-1", "/aftr", "after"],
    ["/api/alerts/verdicts?topp=5&skipToken=x", "/topp", "top"],
    [`/api/files/${"a".repeat(40)}/stats?lookBackHour=3`, "/lookBackHour", "lookBackHours"],
    ["/api/quotas?a=1", "/a", undefined],
  ])("is refused and named at %s", async (path, parameter, suggestion) => {
    const reply = await fetch(`${host.url}${path}`);
    const message = "unknown parameter; remove it or check its spelling.";
    expect([reply.status, await readJson(reply)]).toMatchObject([
      400,
      {
        errors: [
          {
            path: parameter,
            message: message + (suggestion === undefined ? "" : ` Did you mean "${suggestion}"?`),
          },
        ],
      },
    ]);
  });

  test.each(["/api/health?probe=1", "/api/console?utm_source=x", "/api/hunts?code=key"])(
    "is answered at %s, whose callers add parameters of their own",
    async (path) => {
      expect((await fetch(`${host.url}${path}`)).status).toBe(200);
    },
  );
});

describe("with PUBLIC_URL", () => {
  test("the address of a job starts with it", async () => {
    const sha1 = Array.from({ length: 150 }, (_, index) => index.toString(16).padStart(40, "b"));
    const reply = await postJson(`${gateway.url}/api/files/stats`, { sha1 });
    expect(reply.status).toBe(202);
    const location = reply.headers.get("location") ?? "";
    expect(location).toMatch(
      /^https:\/\/gateway\.contoso\.com\/huntline\/api\/jobs\/[0-9a-f]{32}\?key=/,
    );
    const job = await fetch(location.replace(publicUrl, gateway.url));
    expect(job.headers.get("location") ?? "").toMatch(`${publicUrl}/api/jobs/`);
  });

  test("the addresses of verdicts, exports and pages start with it", async () => {
    const verdict = await postJson(`${gateway.url}/api/alerts/verdicts`, {
      version: 1,
      id: "behind-a-gateway",
      alertIds: ["603e4f1b2c3d4e5f60718293"],
      action: "resolve",
      requestedBy: "soc",
      requestedAt: "2026-11-22T08:00:00Z",
    });
    expect(verdict.headers.get("location")).toContain(`${publicUrl}/api/jobs/`);
    const exports = await fetch(
      `${gateway.url}/api/hunts/office-starts-script-host/exports?after=latest`,
    );
    expect(exports.headers.get("location")).toContain(`${publicUrl}/api/hunts/`);
  });

  test("the API description names it", async () => {
    const openapi = await readJson<{ servers: readonly { url: string }[] }>(
      await fetch(`${gateway.url}/api/openapi.json`),
    );
    expect(openapi.servers).toEqual([{ url: `${publicUrl}/api` }]);
    const swagger = await readJson<object>(await fetch(`${gateway.url}/api/swagger.json`));
    expect(swagger).toMatchObject({
      host: "gateway.contoso.com",
      basePath: "/huntline/api",
      schemes: ["https"],
    });
  });
});
