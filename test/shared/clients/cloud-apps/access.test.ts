/** The two ways into Cloud Apps, a portal token and OAuth, by both forms of its address. */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import {
  createAlertResource,
  createFileResource,
} from "../../../../shared/clients/cloud-apps/resources.ts";
import { createTokenSource } from "../../../../shared/clients/token-source.ts";
import type { ApiClient } from "../../../../shared/http-pipeline/api-client.ts";
import { createApiClient } from "../../../../shared/http-pipeline/send.ts";
import {
  createBearerAuthorizer,
  createPortalAuthorizer,
} from "../../../../shared/http-pipeline/token.ts";
import { systemClock } from "../../../../shared/runtime/time.ts";
import { startSimulator, type Simulator } from "../../../simulator/simulator.ts";
import { collectItems } from "./simulator-client.ts";

let simulator: Simulator;
beforeAll(async () => {
  simulator = await startSimulator({
    alerts: 3,
    evaluate: () => ({ kind: "table", columns: [], rows: [] }),
    behaviors: { cloudApps: { quota: { perMinute: null } } },
  });
  Object.assign(process.env, simulator.settings);
});
afterAll(() => simulator.stop());
beforeEach(() => simulator.log.clear());

const cloudAppsAudience = "05a65629-4c1b-48c1-a78b-804c4abdd4af";

const authorizers = {
  "portal token": () =>
    createPortalAuthorizer({
      getSecret: async () => simulator.vault.readValue("cloud-apps-token") ?? "",
      reportRefused: () => undefined,
    }),
  OAuth: (identity = "RESPONSE_IDENTITY_CLIENT_ID") =>
    createBearerAuthorizer(
      createTokenSource({
        credential: { kind: "managed-identity", clientId: simulator.settings[identity] },
        audience: cloudAppsAudience,
        clock: systemClock,
      }),
    ),
} as const;
type AuthorizerName = keyof typeof authorizers;

const createClient = (
  path: string,
  authorizer: ReturnType<(typeof authorizers)[AuthorizerName]>,
): ApiClient =>
  createApiClient({
    api: "cloud-apps",
    baseUrl: `${simulator.urls["cloud-apps"]}${path}`,
    authorizer,
    clock: systemClock,
    log: () => undefined,
  });

const ways = (["portal token", "OAuth"] as const).flatMap((authority) =>
  (["", "/cas"] as const).map(
    (path) => [authority, path === "" ? "the tenant's own address" : path, path] as const,
  ),
);

describe.each(ways)("by %s at %s", (authority, _, path) => {
  test("lists alerts below that address and with the trailing slash", async () => {
    const client = createClient(path, authorizers[authority]());
    expect(await collectItems(createAlertResource(client).list())).toHaveLength(3);
    expect(simulator.listRequests({ api: "cloud-apps" }).map((call) => call.path)).toEqual([
      `${path}/api/v1/alerts/`,
    ]);
  });
});

describe("by OAuth", () => {
  test("the service refuses files to an application: they are for portal tokens only", async () => {
    const client = createClient("", authorizers.OAuth());
    await expect(collectItems(createFileResource(client).list())).rejects.toMatchObject({
      code: "forbidden",
      status: 403,
    });
    const tokenClient = createClient("", authorizers["portal token"]());
    expect((await collectItems(createFileResource(tokenClient).list())).length).toBeGreaterThan(0);
  });

  test("does not retry a call of an identity without the role", async () => {
    const client = createClient("", authorizers.OAuth("HUNTING_IDENTITY_CLIENT_ID"));
    await expect(collectItems(createAlertResource(client).list())).rejects.toMatchObject({
      name: "UpstreamError",
    });
    expect(simulator.listRequests({ api: "cloud-apps" }).length).toBeLessThanOrEqual(2);
  });
});
