/** The sample workflows do what they say, carried out as Logic Apps does against the app, with every POST sent twice. */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import type { RunningHost } from "../functions-host/run.ts";
import { deploy } from "../infra/bicep/deploy.ts";
import type { Fields } from "../infra/bicep/evaluate.ts";
import { at } from "../infra/rules.ts";
import { workflowOf } from "../infra/sample-rules.ts";
import { bodyOf, live, postJson, until, type Living } from "../support/stack.ts";
import {
  carryOut,
  type Actions,
  type ConnectorCall,
  type Ended,
  type HttpCall,
  type Outside,
  type Run,
} from "../support/workflow-engine.ts";
import { worked } from "../support/workflow-expressions.ts";

const hunt = "office-starts-script-host";
let here: Living;
let host: RunningHost;
let told: ConnectorCall[];
let mails: HttpCall[];
let answered: string[];
let runs = 0;

beforeAll(async () => {
  // So few hashes already make a job, which the engine has to follow.
  here = await live({}, { BULK_FROM_HASHES: "2" });
  const files = ["file_stats", "show_job", "look_up_files"];
  const alerts = ["alert_verdicts", "alert_verdict", "close_alerts"];
  const hunts = ["start_hunt", "run_hunt", "hunt_exports", "export_rows"];
  host = await here.host({ enableAuth: true, functions: [...files, ...alerts, ...hunts] });
});
afterAll(() => here.end());
beforeEach(() => {
  told = [];
  mails = [];
  answered = [];
});

const outside: Outside = {
  http: async (call) => {
    const { method, uri, headers, body } = call;
    if (uri.startsWith(host.url)) {
      const reply = await fetch(uri, {
        method,
        headers,
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      });
      answered.push(`${method} ${new URL(uri).pathname.split("/")[2]} ${reply.status}`);
      return reply;
    }
    if (uri.endsWith("/sendMail")) {
      mails.push(call);
      return new Response(null, { status: 202 });
    }
    expect([method, uri.endsWith("secrets/caller-key?api-version=7.4")]).toEqual(["GET", true]);
    return Response.json({ value: host.key });
  },
  connector: (call) => void told.push(call),
};

function workflow(
  name: string,
  given: Fields,
): { actions: Actions; triggers: unknown; parameters: Run["parameters"] } {
  const properties = at(
    workflowOf(deploy(`infra/samples/${name}.bicep`, { appUrl: host.url, ...given })).body,
    "properties",
  );
  const { actions, triggers } = at(properties, "definition") as {
    actions: Actions;
    triggers: unknown;
  };
  return { actions, triggers, parameters: at(properties, "parameters") as Run["parameters"] };
}

const playbook: Fields = { vaultName: "kv-huntline", workspaceName: "law-soc" };
const incidentId =
  "/subscriptions/s/resourceGroups/g/providers/Microsoft.SecurityInsights/Incidents/1";

/** What a Sentinel automation rule hands over. */
function onIncident(name: string, properties: object): Promise<ReadonlyMap<string, Ended>> {
  const { actions, parameters } = workflow(name, playbook);
  const incident = {
    title: "Seen by a scanner",
    incidentNumber: 4711,
    status: "New",
    labels: [],
    alerts: [],
  };
  const trigger = {
    object: { id: incidentId, properties: { ...incident, relatedEntities: [], ...properties } },
  };
  return carryOut(actions, { trigger, parameters, name: `0858${(runs += 1)}` }, outside);
}

const cloudAppsAlert = (id: string) => ({
  properties: { providerAlertId: id, productName: "Microsoft Cloud App Security" },
});
const alertOf = (index: number) => here.tenant.cloudApps.alerts.all()[index];
const tagged = (name: string) => [
  { labelName: "seen", labelType: "User" },
  { labelName: name, labelType: "User" },
];
const bodiesTo = (path: string) =>
  told.filter((call) => call.path === path).map(({ body }) => body);

describe("enrich-incident", () => {
  const entity = (hashValue: string) => ({
    kind: "FileHash",
    properties: { algorithm: "SHA1", hashValue },
  });

  test("follows the job, and comments once on the incident with what is known of each hash", async () => {
    const [known, unknown] = [here.tenant.world.files[0]?.sha1 ?? "", "0".repeat(40)];
    await onIncident("enrich-incident", { relatedEntities: [entity(known), entity(unknown)] });
    const [comment, ...others] = bodiesTo("/Incidents/Comment");
    expect([others, comment?.["incidentArmId"]]).toEqual([[], incidentId]);
    expect(comment?.["message"]).toContain("1 known, 1 unknown, 0 failed");
    expect(comment?.["message"]).toContain(known);
    expect(answered.slice(0, 2)).toEqual(["POST files 202", "POST files 202"]);
    expect(answered.at(-1)).toBe("GET jobs 200");
  });

  test("says nothing on an incident without hashes", async () => {
    const ended = await onIncident("enrich-incident", {});
    expect([ended.get("look_up")?.status, told]).toEqual(["Succeeded", []]);
  });
});

describe("close-incident", () => {
  test("closes the alerts of a tagged incident, then the incident, and tells the outcomes", async () => {
    const ids = [alertOf(0)?._id ?? "", alertOf(1)?._id ?? ""];
    const alerts = [
      ...ids.map((id) => cloudAppsAlert(`ca${id}`)),
      { properties: { providerAlertId: "x", productName: "Other" } },
    ];
    await onIncident("close-incident", { labels: tagged("close-false-positive"), alerts });
    expect(ids.map((_, index) => alertOf(index)?.resolutionStatusValue)).toEqual([3, 3]);
    expect(told.map(({ path }) => path)).toEqual(["/Incidents", "/Incidents/Comment"]);
    expect(bodiesTo("/Incidents")).toMatchObject([
      {
        status: "Closed",
        classification: { ClassificationAndReason: "FalsePositive - InaccurateData" },
      },
    ]);
    expect(bodiesTo("/Incidents/Comment")[0]?.["message"]).toContain(
      "0 of 2 Cloud Apps alerts could not be closed",
    );
  });

  test("takes the classification of an incident that somebody has closed", async () => {
    const id = alertOf(2)?._id ?? "";
    const closed = {
      status: "Closed",
      classification: "BenignPositive",
      alerts: [cloudAppsAlert(id)],
    };
    await onIncident("close-incident", closed);
    expect(bodiesTo("/Incidents")).toMatchObject([{ status: "Closed" }]);
    expect(alertOf(2)?.resolutionStatusValue).toBeGreaterThan(0);
  });

  test.each([
    ["an alert that is not there", "0123456789abcdef01234567", "1 of 1"],
    ["an id that is none", "5c3f9a1e-7a0b-4b6e-9a55-0f1e2d3c4b5a", "1 of 1"],
  ])("leaves the incident open, and says so, for %s", async (_, id, said) => {
    await onIncident("close-incident", {
      labels: tagged("close-true-positive"),
      alerts: [cloudAppsAlert(id)],
    });
    expect(bodiesTo("/Incidents")).toEqual([{ incidentArmId: incidentId, status: "Active" }]);
    expect(bodiesTo("/Incidents/Comment")[0]?.["message"]).toContain(
      `${said} Cloud Apps alerts could not be closed`,
    );
  });

  test.each([
    [
      "no tag that closes",
      { labels: tagged("watched"), alerts: [cloudAppsAlert("0123456789abcdef01234567")] },
    ],
    ["no Cloud Apps alert", { labels: tagged("close-true-positive"), alerts: [] }],
  ])("does nothing for an incident with %s", async (_, properties) => {
    await onIncident("close-incident", properties);
    expect(told).toEqual([]);
  });
});

describe("mail-new-rows", () => {
  test("mails each new export once, with its rows, beginning with what comes after it was switched on", async () => {
    const recipients = ["tier1@contoso.com", "tier2@contoso.com"];
    const given: Fields = {
      hunt,
      callerKey: host.key ?? "",
      sender: "soc@contoso.com",
      recipients,
    };
    const { actions, parameters, triggers } = workflow("mail-new-rows", given);
    const lookups = { parameters: (name: unknown) => parameters[String(name)]?.value };
    const inputs = worked(at(triggers, "new_exports.inputs"), lookups) as {
      uri: string;
      headers: Record<string, string>;
    };
    let place = inputs.uri;
    /** One question of the trigger: a run for each export that is new. */
    const poll = async (): Promise<number> => {
      const reply = await fetch(place, { headers: inputs.headers });
      place = reply.headers.get("location") ?? "";
      if (reply.status !== 200) return 0;
      const { exports } = await bodyOf<{ exports: object[] }>(reply);
      for (const trigger of exports)
        await carryOut(actions, { trigger, parameters, name: `0858${(runs += 1)}` }, outside);
      return exports.length;
    };
    expect(await poll()).toBe(0);
    const started = await postJson(`${host.url}/api/hunts/${hunt}/runs`, {}, inputs.headers);
    await until(
      () => fetch(started.headers.get("location") ?? ""),
      ({ status }) => status === 200,
    );
    const found = await poll();
    expect(found).toBeGreaterThan(0);
    expect(await poll()).toBe(0);
    // The engine sends every POST twice.
    expect(mails).toHaveLength(2 * found);
    expect(mails[0]?.body).toMatchObject({
      message: {
        subject: expect.stringMatching(/: \d+ new rows$/) as string,
        toRecipients: [{}, {}],
      },
    });
    expect(JSON.stringify(mails[0]?.body)).toContain("Timestamp");
  });
});
