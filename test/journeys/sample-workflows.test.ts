/**
 * The sample workflows do what they say, carried out as Logic Apps does against the app, with every
 * POST sent twice.
 */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import type { RunningHost } from "../functions-host/run-host.ts";
import { deployTemplate } from "../infra/bicep/deploy.ts";
import type { Fields } from "../infra/bicep/evaluate.ts";
import { valueAt } from "../infra/rules.ts";
import { workflowOf } from "../infra/sample-rules.ts";
import { readJson, startStack, postJson, waitUntil, type Stack } from "../support/stack.ts";
import {
  runWorkflow,
  type Actions,
  type ConnectorCall,
  type ActionResult,
  type HttpCall,
  type WorkflowDeps,
  type WorkflowRun,
} from "../support/workflow-engine.ts";
import { resolveValue } from "../support/workflow-expressions.ts";

const hunt = "office-starts-script-host";
let stack: Stack;
let host: RunningHost;
let connectorCalls: ConnectorCall[];
let mails: HttpCall[];
let statuses: string[];
let runCount = 0;

beforeAll(async () => {
  // So few hashes already make a job, which the engine has to follow.
  stack = await startStack({}, { BULK_LOOKUP_THRESHOLD: "2" });
  const files = ["enrich_files", "get_job", "process_file_lookups"];
  const alerts = ["close_alerts", "get_verdict", "process_alert_verdicts"];
  const hunts = ["run_hunt", "process_hunt_runs", "when_a_hunt_has_new_rows", "list_hunt_rows"];
  host = await stack.startHost({ enableAuth: true, functions: [...files, ...alerts, ...hunts] });
});
afterAll(() => stack.stop());
beforeEach(() => {
  connectorCalls = [];
  mails = [];
  statuses = [];
});

const deps: WorkflowDeps = {
  http: async (call) => {
    const { method, uri, headers, body } = call;
    if (uri.startsWith(host.url)) {
      const reply = await fetch(uri, {
        method,
        headers,
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      });
      statuses.push(`${method} ${new URL(uri).pathname.split("/")[2]} ${reply.status}`);
      return reply;
    }
    if (uri.endsWith("/sendMail")) {
      mails.push(call);
      return new Response(null, { status: 202 });
    }
    expect([method, uri.endsWith("secrets/caller-key?api-version=7.4")]).toEqual(["GET", true]);
    return Response.json({ value: host.key });
  },
  connector: (call) => void connectorCalls.push(call),
};

function loadWorkflow(
  name: string,
  params: Fields,
): { actions: Actions; triggers: unknown; parameters: WorkflowRun["parameters"] } {
  const properties = valueAt(
    workflowOf(deployTemplate(`infra/samples/${name}.bicep`, { appUrl: host.url, ...params })).body,
    "properties",
  );
  const { actions, triggers } = valueAt(properties, "definition") as {
    actions: Actions;
    triggers: unknown;
  };
  return {
    actions,
    triggers,
    parameters: valueAt(properties, "parameters") as WorkflowRun["parameters"],
  };
}

const playbook: Fields = { vaultName: "kv-huntline", workspaceName: "law-soc" };
const incidentId =
  "/subscriptions/s/resourceGroups/g/providers/Microsoft.SecurityInsights/Incidents/1";

/** What a Sentinel automation rule hands over. */
function runOnIncident(
  name: string,
  properties: object,
): Promise<ReadonlyMap<string, ActionResult>> {
  const { actions, parameters } = loadWorkflow(name, playbook);
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
  return runWorkflow(actions, { trigger, parameters, name: `0858${(runCount += 1)}` }, deps);
}

const createCloudAppsAlert = (id: string) => ({
  properties: { providerAlertId: id, productName: "Microsoft Cloud App Security" },
});
const alertOf = (index: number) => stack.simulator.cloudApps.alerts.list()[index];
const createTags = (name: string) => [
  { labelName: "seen", labelType: "User" },
  { labelName: name, labelType: "User" },
];
const listBodiesTo = (path: string) =>
  connectorCalls.filter((call) => call.path === path).map(({ body }) => body);

describe("enrich-incident", () => {
  const createEntity = (hashValue: string) => ({
    kind: "FileHash",
    properties: { algorithm: "SHA1", hashValue },
  });

  test("follows the job, and comments once on the incident with what is known of each hash", async () => {
    const [known, unknown] = [stack.simulator.dataset.files[0]?.sha1 ?? "", "1f".repeat(20)];
    await runOnIncident("enrich-incident", {
      relatedEntities: [createEntity(known), createEntity(unknown)],
    });
    const [comment, ...others] = listBodiesTo("/Incidents/Comment");
    expect([others, comment?.["incidentArmId"]]).toEqual([[], incidentId]);
    expect(comment?.["message"]).toContain("1 known, 1 unknown, 0 failed");
    expect(comment?.["message"]).toContain(known);
    expect(statuses.slice(0, 2)).toEqual(["POST files 202", "POST files 202"]);
    expect(statuses.at(-1)).toBe("GET jobs 200");
  });

  test("says nothing on an incident without hashes", async () => {
    const results = await runOnIncident("enrich-incident", {});
    expect([results.get("look_up")?.status, connectorCalls]).toEqual(["Succeeded", []]);
  });
});

describe("close-incident", () => {
  test("closes the alerts of a tagged incident, then the incident, and tells the outcomes", async () => {
    const ids = [alertOf(0)?._id ?? "", alertOf(1)?._id ?? ""];
    const alerts = [
      ...ids.map((id) => createCloudAppsAlert(`ca${id}`)),
      { properties: { providerAlertId: "x", productName: "Other" } },
    ];
    await runOnIncident("close-incident", { labels: createTags("close-false-positive"), alerts });
    expect(ids.map((_, index) => alertOf(index)?.resolutionStatusValue)).toEqual([3, 3]);
    expect(connectorCalls.map(({ path }) => path)).toEqual(["/Incidents", "/Incidents/Comment"]);
    expect(listBodiesTo("/Incidents")).toMatchObject([
      {
        status: "Closed",
        classification: { ClassificationAndReason: "FalsePositive - InaccurateData" },
      },
    ]);
    expect(listBodiesTo("/Incidents/Comment")[0]?.["message"]).toContain(
      "0 of 2 Cloud Apps alerts could not be closed",
    );
  });

  test("takes the classification of an incident that somebody has closed", async () => {
    const id = alertOf(2)?._id ?? "";
    const closed = {
      status: "Closed",
      classification: "BenignPositive",
      alerts: [createCloudAppsAlert(id)],
    };
    await runOnIncident("close-incident", closed);
    expect(listBodiesTo("/Incidents")).toMatchObject([{ status: "Closed" }]);
    expect(alertOf(2)?.resolutionStatusValue).toBeGreaterThan(0);
  });

  test.each([
    ["an alert that is not there", "0123456789abcdef01234567", "1 of 1"],
    ["an id that is none", "5c3f9a1e-7a0b-4b6e-9a55-0f1e2d3c4b5a", "1 of 1"],
  ])("leaves the incident open, and says so, for %s", async (_, id, failedCount) => {
    await runOnIncident("close-incident", {
      labels: createTags("close-true-positive"),
      alerts: [createCloudAppsAlert(id)],
    });
    expect(listBodiesTo("/Incidents")).toEqual([{ incidentArmId: incidentId, status: "Active" }]);
    expect(listBodiesTo("/Incidents/Comment")[0]?.["message"]).toContain(
      `${failedCount} Cloud Apps alerts could not be closed`,
    );
  });

  test.each([
    [
      "no tag that closes",
      { labels: createTags("watched"), alerts: [createCloudAppsAlert("0123456789abcdef01234567")] },
    ],
    ["no Cloud Apps alert", { labels: createTags("close-true-positive"), alerts: [] }],
  ])("does nothing for an incident with %s", async (_, properties) => {
    await runOnIncident("close-incident", properties);
    expect(connectorCalls).toEqual([]);
  });
});

describe("mail-new-rows", () => {
  test("mails each new export once, with its rows, beginning with what comes after it was switched on", async () => {
    const recipients = ["tier1@contoso.com", "tier2@contoso.com"];
    const params: Fields = {
      hunt,
      callerKey: host.key ?? "",
      sender: "soc@contoso.com",
      recipients,
    };
    const { actions, parameters, triggers } = loadWorkflow("mail-new-rows", params);
    const lookups = { parameters: (name: unknown) => parameters[String(name)]?.value };
    const inputs = resolveValue(valueAt(triggers, "new_exports.inputs"), lookups) as {
      uri: string;
      headers: Record<string, string>;
    };
    let nextUri = inputs.uri;
    /** One question of the trigger: a run for each export that is new. */
    const pollTrigger = async (): Promise<number> => {
      const reply = await fetch(nextUri, { headers: inputs.headers });
      nextUri = reply.headers.get("location") ?? "";
      if (reply.status !== 200) return 0;
      const { value } = await readJson<{ value: object[] }>(reply);
      for (const trigger of value)
        await runWorkflow(actions, { trigger, parameters, name: `0858${(runCount += 1)}` }, deps);
      return value.length;
    };
    expect(await pollTrigger()).toBe(0);
    const started = await postJson(`${host.url}/api/hunts/${hunt}/runs`, {}, inputs.headers);
    await waitUntil(
      () => fetch(started.headers.get("location") ?? ""),
      ({ status }) => status === 200,
    );
    const exportCount = await pollTrigger();
    expect(exportCount).toBeGreaterThan(0);
    expect(await pollTrigger()).toBe(0);
    // The engine sends every POST twice.
    expect(mails).toHaveLength(2 * exportCount);
    expect(mails[0]?.body).toMatchObject({
      message: {
        subject: expect.stringMatching(/: \d+ new rows$/) as string,
        toRecipients: [{}, {}],
      },
    });
    expect(JSON.stringify(mails[0]?.body)).toContain("Timestamp");
  });
});
