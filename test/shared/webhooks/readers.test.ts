import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import Mustache from "mustache";
import { describe, expect, test } from "vitest";
import { compileMappings } from "../../../shared/build/compile-mappings.ts";
import type { PayloadResult } from "../../../shared/webhooks/payload.ts";
import { readPayload } from "../../../shared/webhooks/readers.ts";
import { alertHex, validEvent, testMapping } from "../../support/webhook-harness.ts";
import * as sent from "../../support/webhook-payloads.ts";

const compiled = compileMappings(resolve(import.meta.dirname, "../../../shared/webhooks/mappings"));
const mappings = compiled.kind === "mappings" ? compiled.mappings : {};
const sha1 = "a".repeat(40);

const readBy = (
  reader: Parameters<typeof readPayload>[1]["reader"],
  body: unknown,
): PayloadResult => readPayload(body, { reader, mapping: undefined });
const readByMapping = (body: unknown, mapping: string): PayloadResult =>
  readPayload(body, { reader: "generic", mapping: mappings[mapping] ?? testMapping[mapping] });

/** Whether the parts to search hold a text. */
const isSearched = (read: PayloadResult, text: string): boolean =>
  read.kind === "content" && JSON.stringify(read.search).includes(text);

const readIncident = (change: object, alerts = [sent.sentinelAlert(alertHex(1))]) =>
  readBy("sentinel", sent.sentinelIncident(alerts, change));

describe("the Sentinel reader", () => {
  test("reads a closed incident as a verdict for its Cloud Apps alerts", () => {
    expect(readIncident({})).toMatchObject({
      verdicts: [
        {
          action: "resolve",
          comment: "Account was taken over; password reset",
          by: "soc@contoso.com",
          alerts: [
            { path: "/object/properties/alerts/0/properties/providerAlertId", ids: [alertHex(1)] },
          ],
        },
      ],
      skipped: [],
    });
  });

  test.each([
    ["TruePositive", "SuspiciousActivity", { action: "resolve" }],
    ["FalsePositive", "InaccurateData", { action: "dismiss", reason: "notAccurate" }],
    ["FalsePositive", "IncorrectAlertLogic", { action: "dismiss", reason: "notAccurate" }],
    ["BenignPositive", "SuspiciousButExpected", { action: "closeBenign" }],
  ])(
    "closes an incident by its classification: %s, %s",
    (classification, classificationReason, verdict) => {
      const read = readIncident({ classification, classificationReason });
      expect(read).toMatchObject({ verdicts: [verdict] });
    },
  );

  test.each(["Undetermined", null, "SomethingNew"])(
    "leaves the alerts of an incident closed as %s open and reports it",
    (classification) => {
      expect(readIncident({ classification })).toMatchObject({
        verdicts: [],
        skipped: [{ path: "/object/properties/classification" }],
      });
    },
  );

  test.each(["New", "Active"])("plans no verdict for an incident that is %s", (status) => {
    expect(readIncident({ status })).toMatchObject({ verdicts: [], skipped: [] });
  });

  test("ignores alerts of other products in a Sentinel incident", () => {
    const other = sent.sentinelAlert("da637551227677560813_-961444813", {
      productName: "Microsoft Defender for Endpoint",
    });
    expect(readIncident({}, [other])).toMatchObject({ verdicts: [], skipped: [] });
  });

  test("recognizes Cloud Apps alerts that arrive through Defender XDR", () => {
    const viaXdr = sent.sentinelAlert(`ca${alertHex(2)}`, {
      productName: "Microsoft 365 Defender",
    });
    expect(readIncident({}, [viaXdr])).toMatchObject({
      verdicts: [{ alerts: [{ ids: [`ca${alertHex(2)}`] }] }],
    });
  });

  test("searches entities for hashes, including those of the alert trigger", () => {
    const hash = { relatedEntities: [sent.sentinelFileHash(sha1)], status: "New" };
    expect(isSearched(readIncident(hash), sha1)).toBe(true);
    expect(isSearched(readBy("sentinel", sent.sentinelSoleAlert(sha1)), sha1)).toBe(true);
  });
});

describe("the Defender reader", () => {
  const id = `ca${alertHex(3)}`;

  test("closes a resolved alert by its own classification", () => {
    expect(readBy("defender", sent.graphAlert(id))).toMatchObject({
      verdicts: [
        {
          action: "dismiss",
          reason: "notAccurate",
          by: "soc@contoso.com",
          alerts: [{ path: "/id", ids: [id, alertHex(3), expect.anything()] }],
        },
      ],
    });
  });

  test("uses the incident's classification for alerts without one", () => {
    const alerts = [sent.graphAlert(id, { classification: "unknown", determination: "unknown" })];
    expect(readBy("defender", sent.graphIncident(alerts))).toMatchObject({
      verdicts: [
        {
          action: "closeBenign",
          reason: "test",
          comment: "Red team exercise",
          by: "lead@contoso.com",
        },
      ],
    });
  });

  test("reads a list of alerts", () => {
    const value = [sent.graphAlert(id), sent.graphAlert(`ca${alertHex(4)}`, { status: "new" })];
    expect(readBy("defender", { value })).toMatchObject({
      verdicts: [{ alerts: [{ path: "/value/0/id" }] }],
    });
  });

  test("ignores alerts of other services and open incidents", () => {
    const other = sent.graphAlert("da637551227677560813_-961444813", {
      serviceSource: "microsoftDefenderForEndpoint",
    });
    expect(readBy("defender", other)).toMatchObject({ verdicts: [], skipped: [] });
    expect(
      readBy("defender", sent.graphIncident([sent.graphAlert(id)], { status: "active" })),
    ).toMatchObject({
      verdicts: [],
    });
  });

  test("reports a resolved alert without a classification that closes it", () => {
    const unsaid = sent.graphAlert(id, { classification: null });
    expect(readBy("defender", unsaid)).toMatchObject({
      verdicts: [],
      skipped: [{ path: "/classification" }],
    });
  });

  test("searches evidence for hashes", () => {
    expect(
      isSearched(
        readBy("defender", sent.graphAlert(id, { evidence: [sent.graphFile(sha1)] })),
        sha1,
      ),
    ).toBe(true);
  });
});

describe("the readers that only search for hashes", () => {
  test.each<[string, PayloadResult]>([
    ["Cloud Apps by Power Automate", readBy("cloud-apps", sent.cloudAppsAlert(sha1))],
    ["Splunk", readBy("splunk", sent.splunkAlert(sha1))],
    ["Elastic", readBy("elastic", sent.elasticAlert(sha1))],
    ["QRadar", readByMapping(sent.qradarOffense(sha1), "qradar")],
    ["Wazuh", readByMapping(sent.wazuhAlert(sha1), "wazuh")],
    ["CrowdStrike", readByMapping(sent.crowdstrikeDetection("b".repeat(64)), "crowdstrike")],
  ])("finds the hashes of %s", (name, read) => {
    expect(isSearched(read, name === "CrowdStrike" ? "b".repeat(64) : sha1)).toBe(true);
    expect(read).toMatchObject({ verdicts: [], skipped: [] });
  });

  test("searches only the result row of a Splunk alert, not its links", () => {
    expect(isSearched(readBy("splunk", sent.splunkAlert(sha1)), "results_link")).toBe(false);
  });
});

describe("a payload of another product", () => {
  test.each<[string, PayloadResult, string]>([
    ["a Sentinel incident without an incident", readBy("sentinel", {}), "/object"],
    [
      "a Sentinel incident without properties",
      readBy("sentinel", { object: {} }),
      "/object/properties",
    ],
    [
      "a Sentinel incident without a status",
      readIncident({ status: undefined }),
      "/object/properties/status",
    ],
    [
      "a Sentinel incident with alerts that are not a list",
      readIncident({ alerts: "x" }),
      "/object/properties/alerts",
    ],
    ["a Defender alert without an id", readBy("defender", { status: "new" }), "/id"],
    [
      "a Defender list with an alert without a status",
      readBy("defender", { value: [{ id: "x" }] }),
      "/value/0/status",
    ],
    [
      "a Cloud Apps alert without an id",
      readBy("cloud-apps", { AlertDisplayName: "x" }),
      "/ProviderAlertId",
    ],
    ["a Splunk alert without a result", readBy("splunk", { sid: "1" }), "/result"],
    ["a Splunk alert without a search", readBy("splunk", { result: {} }), "/sid"],
    ["an Elastic alert without a rule", readBy("elastic", { alerts: [] }), "/rule"],
    ["an Elastic alert without alerts", readBy("elastic", { rule: { name: "x" } }), "/alerts"],
    [
      "an Elastic alert whose rule has no name",
      readBy("elastic", { rule: {}, alerts: [] }),
      "/rule",
    ],
    [
      "a payload without a field that its mapping requires",
      readByMapping({ id: "1" }, "wazuh"),
      "/rule/id",
    ],
    ["text for a mapping", readByMapping("text", "wazuh"), ""],
    ["a list instead of an incident", readBy("sentinel", []), ""],
    ["null for Defender", readBy("defender", null), ""],
  ])("a body that is %s is invalid, and the fault names the field", (_, read, path) => {
    expect(read.kind).toBe("invalid");
    expect(read.kind === "invalid" ? read.faults.map((fault) => fault.path) : []).toContain(path);
  });
});

describe("a mapping", () => {
  test("a mapping reads a closed case as a verdict", () => {
    expect(readByMapping(validEvent(2, { comment: "c", by: "me" }), "test")).toEqual({
      kind: "content",
      search: [validEvent(2, { comment: "c", by: "me" })],
      verdicts: [
        {
          action: "resolve",
          reason: undefined,
          comment: "c",
          by: "me",
          alerts: [alertHex(0), alertHex(1)].map((id) => ({ path: "/alerts/*/id", ids: [id] })),
        },
      ],
      skipped: [],
    });
  });

  test.each<[string, object, object]>([
    ["that is open, without a verdict", { state: "open" }, { verdicts: [], skipped: [] }],
    [
      "in other letter case",
      { state: "CLOSED", verdict: "False" },
      { verdicts: [{ action: "dismiss", reason: "notAccurate" }] },
    ],
    [
      "with an unknown classification and reports it",
      { verdict: "maybe" },
      { verdicts: [], skipped: [{ path: "/verdict" }] },
    ],
    ["without alerts, without a verdict", { alerts: [] }, { verdicts: [], skipped: [] }],
  ])("a mapping reads a case %s", (_, change, expected) => {
    expect(readByMapping(validEvent(1, change), "test")).toMatchObject(expected);
  });

  test("the Google SecOps mapping closes the alerts of a closed case", () => {
    expect(readByMapping(sent.secopsCase(alertHex(1)), "google-secops")).toMatchObject({
      verdicts: [
        {
          action: "dismiss",
          reason: "notAccurate",
          comment: "Known VPN exit",
          by: "tier1",
          alerts: [{ ids: [alertHex(1)] }],
        },
      ],
    });
  });

  test("every mapping of the repository compiles", () => {
    expect(Object.keys(mappings)).toEqual(["crowdstrike", "google-secops", "qradar", "wazuh"]);
  });
});

describe("payloads of further triggers and APIs", () => {
  const hash = "b".repeat(40);
  const properties = {
    title: "Impossible travel",
    status: "Closed",
    classification: "TruePositive",
    classificationComment: "",
    alerts: [{ properties: { providerAlertId: `ca${alertHex(1)}` } }],
  };

  test("a bare Sentinel incident is a verdict, and a blank comment gives way to the title", () => {
    expect(readBy("sentinel", { id: "/subscriptions/x", properties })).toMatchObject({
      verdicts: [
        {
          action: "resolve",
          comment: "Impossible travel",
          alerts: [{ path: "/properties/alerts/0/properties/providerAlertId" }],
        },
      ],
    });
  });

  test("an entity of Sentinel's entity trigger is searched for hashes", () => {
    const entity = { objectSchemaType: "Entity", object: { properties: { hashValue: hash } } };
    expect(readBy("sentinel", entity)).toMatchObject({ kind: "content", search: [entity] });
  });

  test("an incident of the Microsoft 365 Defender API closes its Cloud Apps alerts", () => {
    const incident = {
      incidentId: 924565,
      incidentName: "Ransomware",
      status: "Resolved",
      classification: "FalsePositive",
      determination: "NotMalicious",
      assignedTo: "soc@contoso.com",
      comments: [{ comment: "tested" }],
      alerts: [
        { alertId: `ca${alertHex(2)}`, serviceSource: "MicrosoftCloudAppSecurity", title: "x" },
        { alertId: "da637292082891366787_322129023", serviceSource: "MicrosoftDefenderATP" },
      ],
    };
    for (const body of [incident, { value: [incident] }])
      expect(readBy("defender", body)).toMatchObject({
        verdicts: [
          {
            action: "dismiss",
            reason: "notAccurate",
            comment: "tested",
            by: "soc@contoso.com",
            alerts: [{ ids: [`ca${alertHex(2)}`] }],
          },
        ],
      });
  });

  test.each<[string, PayloadResult]>([
    ["an alert of the Cloud Apps API", readBy("cloud-apps", { _id: alertHex(1), URL: hash })],
    ["a list of the Cloud Apps API", readBy("cloud-apps", { data: [{ _id: "x", URL: hash }] })],
    ["an export of Splunk", readBy("splunk", { preview: false, results: [{ sha1: hash }] })],
  ])("%s is searched for hashes", (_, read) => {
    expect(read.kind).toBe("content");
    expect(JSON.stringify(read)).toContain(hash);
  });

  test.each(["constructor", "Constructor", "__proto__", "toString", "hasOwnProperty"])(
    "the classification %s closes nothing and is reported",
    (classification) => {
      expect(readIncident({ status: "Closed", classification })).toMatchObject({
        verdicts: [],
        skipped: [{ path: "/object/properties/classification" }],
      });
    },
  );

  /** What Kibana does before it renders a webhook's body: objects are written as JSON. */
  const asJson = <T extends object>(value: T): T =>
    Object.defineProperty(value, "toString", { value: () => JSON.stringify(value) });
  /** Kibana escapes a value as JSON, without the quotes around it. */
  const escapeJson = (value: unknown): string => JSON.stringify(String(value)).slice(1, -1);

  test.each([0, 1, 5])("the documented Kibana body is valid with %i alerts", (count) => {
    const readme = readFileSync(new URL("../../../shared/webhooks/README.md", import.meta.url));
    const template = /^.*\{\{\{context\.alerts\}\}\}.*$/m.exec(readme.toString())?.[0] ?? "";
    const alerts = Array.from({ length: count }, (_, index) => ({
      _id: `${index}`,
      sha1: hash,
      message: 'a "quoted" <b> & {{text}}\n',
    }));
    const rule = { id: "r-1", name: 'Office "starts" <script> & more\\' };
    const view = { rule, context: { alerts: alerts.map((alert) => asJson({ ...alert })) } };
    const body = Mustache.render(template, view, {}, { escape: escapeJson });
    expect(JSON.parse(body)).toEqual({ rule, alerts });
    expect(readBy("elastic", JSON.parse(body) as object)).toMatchObject({ search: [alerts] });
  });
});
