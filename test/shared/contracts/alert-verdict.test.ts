import { describe, expect, test } from "vitest";
import { closureOf, findReasonFault } from "../../../shared/alerts/closures.ts";
import { parseAlertId } from "../../../shared/contracts/alert-id.ts";
import { verdictMessage, verdictRequest } from "../../../shared/contracts/alert-verdict.ts";
import { toInputFaults } from "../../../shared/contracts/input-faults.ts";
import { validVerdict as valid } from "../../support/alert-harness.ts";

const digits = "603e4f1b2c3d4e5f60718293";

describe("parseAlertId", () => {
  test.each([
    ["24 hex digits", digits],
    ["the same in upper case", digits.toUpperCase()],
    ["the unified form", `ca${digits}`],
    ["blanks around it", ` ${digits} `],
    [
      "an address of the Cloud Apps portal",
      `https://contoso.us3.portal.cloudappsecurity.com/#/alerts/${digits}`,
    ],
    [
      "an address of the Defender portal",
      `https://security.microsoft.com/alerts/ca${digits}?tid=11111111-1111-4111-8111-111111111111`,
    ],
    ["the address in Microsoft's CEF samples", `https://cloud-app-security.com/#/alerts/${digits}`],
    ["an address of a government portal", `https://security.microsoft.us/alerts/ca${digits}`],
  ])("reads %s", (_, text) => {
    expect(parseAlertId(text)).toEqual({ kind: "alert", id: digits });
  });

  test.each([
    ["App Governance", `ma${digits}`, "App Governance"],
    ["Defender XDR's own Cloud Apps detections", `rm${digits}`, "Cloud Apps detections"],
    ["Defender for Identity", `aa${digits}`, "Defender for Identity"],
    ["Defender for Endpoint", "da637525_1234", "24 hex digits"],
    ["a GUID", "11111111-1111-4111-8111-111111111111", "GUID"],
    ["too few digits", digits.slice(1), "24 hex digits"],
    ["too many digits", `${digits}0`, "24 hex digits"],
    ["a foreign address", `https://evil.example/${digits}`, "outside the Microsoft portals"],
    [
      "a look-alike address",
      `https://portal.cloudappsecurity.com.evil.example/#/alerts/${digits}`,
      "outside the Microsoft portals",
    ],
    [
      "an address without an id",
      "https://contoso.us3.portal.cloudappsecurity.com/#/alerts",
      "without an alert id",
    ],
    [
      "the address of a policy",
      `https://contoso.portal.cloudappsecurity.com/#/policy/?id=eq(${digits},)`,
      "an address of policy, not of an alert",
    ],
    [
      "the address of an activity",
      `https://contoso.portal.cloudappsecurity.com/#/audits?activity.id=eq(${digits},)`,
      "an address of audits, not of an alert",
    ],
    [
      "the address of a user",
      `https://contoso.portal.cloudappsecurity.com/#/users/${digits}`,
      "an address of users, not of an alert",
    ],
    ["nothing", "", "24 hex digits"],
  ])("refuses %s and says what to send", (_, text, hint) => {
    const parsed = parseAlertId(text);
    expect(parsed.kind).toBe("refused");
    expect(parsed.kind === "refused" && parsed.message).toContain(hint);
  });
});

const findFaultPaths = (change: object): string[] => {
  const { error } = verdictRequest.safeParse({ ...valid, ...change });
  return error ? toInputFaults(error).map(({ path }) => path) : [];
};

describe("a verdict request", () => {
  test("is read, with equal ids once", () => {
    expect(verdictRequest.parse({ ...valid, alertIds: [digits, `ca${digits}`] }).alertIds).toEqual([
      digits,
    ]);
  });

  test.each([
    ["another version", { version: 2 }, "/version"],
    ["an id that is no path segment", { id: "../x" }, "/id"],
    ["no alert id", { alertIds: [] }, "/alertIds"],
    ["an alert id of another product", { alertIds: [digits, `ma${digits}`] }, "/alertIds/1"],
    ["a number for an alert id", { alertIds: [603] }, "/alertIds/0"],
    ["an unknown action", { action: "delete" }, "/action"],
    ["an unknown reason", { reason: "because" }, "/reason"],
    ["control characters in a comment", { comment: "a\u0000b" }, "/comment"],
    ["a local time", { requestedAt: "2026-01-05T10:00:00" }, "/requestedAt"],
    ["a missing sender", { requestedBy: undefined }, "/requestedBy"],
    ["a key it does not know", { verdcit: "x" }, "/verdcit"],
    [
      "an address that is no e-mail",
      { feedback: { contactEmail: "soc" } },
      "/feedback/contactEmail",
    ],
  ])("refuses %s and names the field", (_, change, path) => {
    expect(findFaultPaths(change)).toEqual([path]);
  });

  test.each([
    ["null", null],
    ["blank", "  "],
  ])("counts an optional member that is %s as absent", (_, value) => {
    for (const schema of [verdictRequest, verdictMessage])
      expect(
        schema.parse({
          ...valid,
          comment: value,
          reason: value === null ? null : "",
          feedback: { text: value, contactEmail: value === null ? null : "", allowContact: null },
        }),
      ).toMatchObject({ comment: undefined, reason: undefined, feedback: { text: undefined } });
    expect(verdictRequest.parse({ ...valid, feedback: null, dryRun: null })).toMatchObject({
      feedback: undefined,
      dryRun: undefined,
    });
  });

  test("takes 1,000 ids, a message 100", () => {
    const createIds = (count: number) =>
      Array.from({ length: count }, (_, index) => index.toString(16).padStart(24, "0"));
    expect(findFaultPaths({ alertIds: createIds(1_000) })).toEqual([]);
    expect(findFaultPaths({ alertIds: createIds(1_001) })).toEqual(["/alertIds"]);
    expect(verdictMessage.safeParse({ ...valid, alertIds: createIds(100) }).success).toBe(true);
    expect(verdictMessage.safeParse({ ...valid, alertIds: createIds(101) }).success).toBe(false);
  });
});

describe("closures", () => {
  test.each([
    ["resolve", "truePositive"],
    ["dismiss", "falsePositive"],
    ["closeTruePositive", "truePositive"],
    ["closeFalsePositive", "falsePositive"],
    ["closeBenign", "benign"],
  ] as const)("%s closes as %s", (action, closure) => {
    expect(closureOf[action]).toBe(closure);
  });

  test.each([
    ["resolve", undefined, true],
    ["resolve", "other", false],
    ["dismiss", "notAccurate", true],
    ["dismiss", "severityLower", false],
    ["closeBenign", "test", true],
    ["closeBenign", "tooManySimilar", false],
  ] as const)("%s with reason %s fits: %s", (action, reason, fits) => {
    expect(findReasonFault(action, reason) === undefined).toBe(fits);
  });
});
