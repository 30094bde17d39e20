import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { WebhookAnswer } from "../../shared/messages/webhook.ts";
import type { RunningHost } from "../host/run.ts";
import { bodyOf, live, until, type Living } from "../support/living.ts";
import { bodyHeaders } from "../support/webhook-senders.ts";

const bodyKey = "a shared secret of some length";
const sources = {
  sentinel: { proof: "body-hmac" },
  wazuh: { proof: "body-hmac", mapping: "wazuh" },
};

let here: Living;
let host: RunningHost;

beforeAll(async () => {
  here = await live(
    { secrets: { "webhook-sentinel": bodyKey, "webhook-wazuh": bodyKey } },
    { WEBHOOKS: JSON.stringify(sources) },
  );
  host = await here.host({ functions: ["webhooks", "keyed_webhooks", "close_alerts", "look_up_files", "show_job"] });
});
afterAll(() => here.end());

const send = (source: string, body: unknown, headers = bodyHeaders(bodyKey, JSON.stringify(body))): Promise<Response> =>
  fetch(`${host.url}/api/webhooks/${source}`, { method: "POST", headers, body: JSON.stringify(body) });

const closedIncident = (alertIds: readonly string[]) => ({
  objectSchemaType: "Incident",
  objectEventType: "Update",
  object: {
    properties: {
      title: "Impossible travel",
      status: "Closed",
      classification: "TruePositive",
      alerts: alertIds.map((providerAlertId) => ({
        properties: { providerAlertId, productName: "Microsoft Cloud App Security" },
      })),
    },
  },
});

describe("a closed incident", () => {
  test("closes its Cloud Apps alerts by its classification", async () => {
    const [first = ""] = here.tenant.cloudApps.alerts.all().map(({ _id }) => _id);
    const reply = await send("sentinel", closedIncident([first]));
    expect(reply.status).toBe(202);
    expect((await bodyOf<WebhookAnswer>(reply)).verdicts).toMatchObject([{ action: "resolve", alertIds: [first] }]);
    const alert = () => Promise.resolve(here.tenant.cloudApps.alerts.all().find(({ _id }) => _id === first));
    await until(alert, (seen) => seen?.resolutionStatusValue === 5);
  });
});

describe("a payload with hashes", () => {
  test("becomes a lookup", async () => {
    const sha1 = here.tenant.world.files[0]?.sha1 ?? "";
    const reply = await send("wazuh", {
      id: "1",
      rule: { id: "550", description: "x" },
      syscheck: { sha1_after: sha1 },
    });
    expect(reply.status).toBe(202);
    expect((await bodyOf<WebhookAnswer>(reply)).lookup).toMatchObject({ hashes: 1 });
  });
});
