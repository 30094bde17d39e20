import { resolve } from "node:path";
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
  read.kind === "read" && JSON.stringify(read.search).includes(text);

const readIncident = (change: object, alerts = [sent.sentinelAlert(alertHex(1))]) =>
  readBy("sentinel", sent.sentinelIncident(alerts, change));

describe("the reader of Sentinel", () => {
  test("takes a closed incident as a verdict over its Cloud Apps alerts", () => {
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
  ])("closes by classification: %s, %s", (classification, classificationReason, verdict) => {
    const read = readIncident({ classification, classificationReason });
    expect(read).toMatchObject({ verdicts: [verdict] });
  });

  test.each(["Undetermined", null, "SomethingNew"])(
    "leaves the alerts open when closed as %s, and says so",
    (classification) => {
      expect(readIncident({ classification })).toMatchObject({
        verdicts: [],
        skipped: [{ path: "/object/properties/classification" }],
      });
    },
  );

  test.each(["New", "Active"])("asks for no verdict of an incident that is %s", (status) => {
    expect(readIncident({ status })).toMatchObject({ verdicts: [], skipped: [] });
  });

  test("leaves alerts of other products to their own portals", () => {
    const other = sent.sentinelAlert("da637551227677560813_-961444813", {
      productName: "Microsoft Defender for Endpoint",
    });
    expect(readIncident({}, [other])).toMatchObject({ verdicts: [], skipped: [] });
  });

  test("knows Cloud Apps alerts that came by way of Defender XDR", () => {
    const viaXdr = sent.sentinelAlert(`ca${alertHex(2)}`, {
      productName: "Microsoft 365 Defender",
    });
    expect(readIncident({}, [viaXdr])).toMatchObject({
      verdicts: [{ alerts: [{ ids: [`ca${alertHex(2)}`] }] }],
    });
  });

  test("searches entities for hashes, also those of the alert trigger", () => {
    const hash = { relatedEntities: [sent.sentinelFileHash(sha1)], status: "New" };
    expect(isSearched(readIncident(hash), sha1)).toBe(true);
    expect(isSearched(readBy("sentinel", sent.sentinelSoleAlert(sha1)), sha1)).toBe(true);
  });
});

describe("the reader of Defender", () => {
  const id = `ca${alertHex(3)}`;

  test("takes a resolved alert by its own classification", () => {
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

  test("takes an incident's classification for alerts that have none", () => {
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

  test("takes a list of alerts", () => {
    const value = [sent.graphAlert(id), sent.graphAlert(`ca${alertHex(4)}`, { status: "new" })];
    expect(readBy("defender", { value })).toMatchObject({
      verdicts: [{ alerts: [{ path: "/value/0/id" }] }],
    });
  });

  test("leaves alerts of other services alone, and open incidents", () => {
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

  test("says where a resolved alert has no telling classification", () => {
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

describe("the readers that only look up", () => {
  test.each<[string, PayloadResult]>([
    ["Cloud Apps by Power Automate", readBy("cloud-apps", sent.cloudAppsAlert(sha1))],
    ["Splunk", readBy("splunk", sent.splunkAlert(sha1))],
    ["Elastic", readBy("elastic", sent.elasticAlert(sha1))],
    ["QRadar", readByMapping(sent.qradarOffense(sha1), "qradar")],
    ["Wazuh", readByMapping(sent.wazuhAlert(sha1), "wazuh")],
    ["CrowdStrike", readByMapping(sent.crowdstrikeDetection("b".repeat(64)), "crowdstrike")],
  ])("find the hashes of %s", (name, read) => {
    expect(isSearched(read, name === "CrowdStrike" ? "b".repeat(64) : sha1)).toBe(true);
    expect(read).toMatchObject({ verdicts: [], skipped: [] });
  });

  test("take only the row of Splunk's result, not its links", () => {
    expect(isSearched(readBy("splunk", sent.splunkAlert(sha1)), "results_link")).toBe(false);
  });
});

describe("a payload that is not what its source sends", () => {
  test.each<[string, PayloadResult, string]>([
    ["Sentinel without an incident", readBy("sentinel", {}), "/object"],
    ["Sentinel without properties", readBy("sentinel", { object: {} }), "/object/properties"],
    ["Sentinel without a status", readIncident({ status: undefined }), "/object/properties/status"],
    [
      "Sentinel with alerts that are no list",
      readIncident({ alerts: "x" }),
      "/object/properties/alerts",
    ],
    ["Defender without an id", readBy("defender", { status: "new" }), "/id"],
    [
      "Defender without a status, in a list",
      readBy("defender", { value: [{ id: "x" }] }),
      "/value/0/status",
    ],
    [
      "Cloud Apps without an alert",
      readBy("cloud-apps", { AlertDisplayName: "x" }),
      "/ProviderAlertId",
    ],
    ["Splunk without a result", readBy("splunk", { sid: "1" }), "/result"],
    ["Splunk without a search", readBy("splunk", { result: {} }), "/sid"],
    ["Elastic without a rule", readBy("elastic", { alerts: [] }), "/rule"],
    ["Elastic without alerts", readBy("elastic", { rule: { name: "x" } }), "/alerts"],
    ["Elastic whose rule has no name", readBy("elastic", { rule: {}, alerts: [] }), "/rule"],
    ["a mapping whose required field is missing", readByMapping({ id: "1" }, "wazuh"), "/rule/id"],
    ["a mapping of no object", readByMapping("text", "wazuh"), ""],
    ["a list where an object is due", readBy("sentinel", []), ""],
    ["nothing", readBy("defender", null), ""],
  ])("%s is refused by the name of the field", (_, read, path) => {
    expect(read.kind).toBe("fault");
    expect(read.kind === "fault" ? read.faults.map((fault) => fault.path) : []).toContain(path);
  });
});

describe("a mapping", () => {
  test("turns a closed case into a verdict", () => {
    expect(readByMapping(validEvent(2, { comment: "c", by: "me" }), "test")).toEqual({
      kind: "read",
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
    ["that is open asks for nothing", { state: "open" }, { verdicts: [], skipped: [] }],
    [
      "in any case of letters counts",
      { state: "CLOSED", verdict: "False" },
      { verdicts: [{ action: "dismiss", reason: "notAccurate" }] },
    ],
    [
      "closed as who knows what says so",
      { verdict: "maybe" },
      { verdicts: [], skipped: [{ path: "/verdict" }] },
    ],
    ["without alerts asks for nothing", { alerts: [] }, { verdicts: [], skipped: [] }],
  ])("of a case %s", (_, change, expected) => {
    expect(readByMapping(validEvent(1, change), "test")).toMatchObject(expected);
  });

  test("of Google SecOps closes what its case closed", () => {
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

  test("every sample compiles", () => {
    expect(Object.keys(mappings)).toEqual(["crowdstrike", "google-secops", "qradar", "wazuh"]);
  });
});
