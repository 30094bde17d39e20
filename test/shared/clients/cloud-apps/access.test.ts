/** The two ways into Cloud Apps, a portal token and OAuth, by both forms of its address. */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { alertResource, fileResource } from "../../../../shared/clients/cloud-apps/resources.ts";
import { openTokens } from "../../../../shared/clients/tokens.ts";
import type { Pipe } from "../../../../shared/http-pipeline/api-client.ts";
import { openPipe } from "../../../../shared/http-pipeline/send.ts";
import { bearer, portalToken } from "../../../../shared/http-pipeline/token.ts";
import { systemClock } from "../../../../shared/runtime/time.ts";
import { startTenant, type Tenant } from "../../../simulator/simulator.ts";
import { gathered } from "./simulator-client.ts";

let tenant: Tenant;
beforeAll(async () => {
  tenant = await startTenant({
    alerts: 3,
    evaluate: () => ({ kind: "table", columns: [], rows: [] }),
    switches: { cloudApps: { quota: { perMinute: null } } },
  });
  Object.assign(process.env, tenant.settings);
});
afterAll(() => tenant.stop());
beforeEach(() => tenant.log.clear());

const cloudAppsAudience = "05a65629-4c1b-48c1-a78b-804c4abdd4af";

const authorities = {
  "portal token": () =>
    portalToken({
      secret: async () => tenant.vault.value("cloud-apps-token") ?? "",
      refused: () => undefined,
    }),
  OAuth: (identity = "ACT_IDENTITY") =>
    bearer(
      openTokens({
        credential: { kind: "managed-identity", clientId: tenant.settings[identity] },
        audience: cloudAppsAudience,
        clock: systemClock,
      }),
    ),
} as const;
type Authority = keyof typeof authorities;

const pipeTo = (path: string, authorise: ReturnType<(typeof authorities)[Authority]>): Pipe =>
  openPipe({
    api: "cloud-apps",
    baseUrl: `${tenant.urls["cloud-apps"]}${path}`,
    authorise,
    clock: systemClock,
    log: () => undefined,
  });

const ways = (["portal token", "OAuth"] as const).flatMap((authority) =>
  (["", "/cas"] as const).map(
    (path) => [authority, path === "" ? "the tenant's own address" : path, path] as const,
  ),
);

describe.each(ways)("by %s at %s", (authority, _, path) => {
  test("alerts are listed, below that address and with the trailing slash", async () => {
    const pipe = pipeTo(path, authorities[authority]());
    expect(await gathered(alertResource(pipe).list())).toHaveLength(3);
    expect(tenant.requests({ api: "cloud-apps" }).map((call) => call.path)).toEqual([
      `${path}/api/v1/alerts/`,
    ]);
  });
});

describe("by OAuth", () => {
  test("files are refused: the service gives them to portal tokens alone", async () => {
    const pipe = pipeTo("", authorities.OAuth());
    await expect(gathered(fileResource(pipe).list())).rejects.toMatchObject({
      code: "forbidden",
      status: 403,
    });
    const byToken = pipeTo("", authorities["portal token"]());
    expect((await gathered(fileResource(byToken).list())).length).toBeGreaterThan(0);
  });

  test("an identity without the role is refused, and nothing is tried again", async () => {
    const pipe = pipeTo("", authorities.OAuth("HUNT_IDENTITY"));
    await expect(gathered(alertResource(pipe).list())).rejects.toMatchObject({
      name: "UpstreamError",
    });
    expect(tenant.requests({ api: "cloud-apps" }).length).toBeLessThanOrEqual(2);
  });
});
