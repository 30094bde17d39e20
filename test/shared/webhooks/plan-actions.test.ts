import { describe, expect, test } from "vitest";
import { splitIntoMessages, verdictMessage } from "../../../shared/contracts/alert-verdict.ts";
import { planActions } from "../../../shared/webhooks/plan-actions.ts";
import type { PayloadContent, PayloadVerdict } from "../../../shared/webhooks/payload.ts";
import { alertHex } from "../../support/webhook-harness.ts";

const source = { name: "sentinel", allow: ["enrich", "verdict", "hunt"], hunts: [] } as const;
const at = { key: "msg_1", requestedAt: "2026-11-22T08:00:00.000Z" };
const createContent = (verdicts: readonly PayloadVerdict[]): PayloadContent => ({
  verdicts,
  search: [{}],
  skipped: [],
});
const toAlerts = (...ids: readonly string[]) =>
  ids.map((id, index) => ({ path: `/alerts/${index}`, ids: [id] }));
const planVerdicts = (
  verdicts: readonly PayloadVerdict[],
  change: object = {},
  body: unknown = {},
) =>
  planActions(createContent(verdicts), { value: body, repeated: [] }, { ...source, ...change }, at);

describe("planning the actions of a payload", () => {
  test("plans verdicts that are valid queue messages", () => {
    const { verdicts } = planVerdicts([
      {
        action: "dismiss",
        reason: "notAccurate",
        comment: "c",
        by: "me",
        alerts: toAlerts(alertHex(1)),
      },
    ]);
    expect(
      verdicts.flatMap(splitIntoMessages).map((each) => verdictMessage.parse(each)),
    ).toMatchObject([
      {
        version: 1,
        action: "dismiss",
        reason: "notAccurate",
        comment: "c",
        requestedBy: "me",
        alertIds: [alertHex(1)],
      },
    ]);
  });

  test("derives equal ids for equal deliveries and different ids for different ones", () => {
    const verdict = { action: "resolve", alerts: toAlerts(alertHex(1)) } as const;
    const [first] = planVerdicts([verdict]).verdicts;
    expect(planVerdicts([verdict]).verdicts[0]?.id).toBe(first?.id);
    const other = planActions(createContent([verdict]), { value: {}, repeated: [] }, source, {
      ...at,
      key: "msg_2",
    });
    expect(other.verdicts[0]?.id).not.toBe(first?.id);
    expect(other.id).toBe(other.verdicts[0]?.id);
  });

  test("derives the first verdict's id from the delivery alone, so that another body finds the first one's record", () => {
    const [one, two] = (["resolve", "dismiss"] as const).map((action) =>
      planVerdicts([{ action, alerts: toAlerts(alertHex(1)) }]),
    );
    expect(one?.verdicts[0]?.id).toBe(two?.verdicts[0]?.id);
    expect(planVerdicts([]).id).toBe(one?.id);
  });

  test("F66: splits 1,000 alerts into messages of 100, each alert once", () => {
    const ids = Array.from({ length: 1_000 }, (_, index) => alertHex(index));
    const { verdicts } = planVerdicts([
      { action: "resolve", alerts: toAlerts(...ids, ...ids.toReversed()) },
    ]);
    const messages = verdicts.flatMap(splitIntoMessages);
    expect(messages.map(({ alertIds }) => alertIds.length)).toEqual(
      Array.from({ length: 10 }, () => 100),
    );
    expect(new Set(messages.flatMap(({ alertIds }) => alertIds)).size).toBe(1_000);
    expect(new Set(messages.map(({ id }) => id)).size).toBe(1);
  });

  test("F66: refuses more than 1,000 alerts", () => {
    const ids = Array.from({ length: 1_001 }, (_, index) => alertHex(index));
    expect(() => planVerdicts([{ action: "resolve", alerts: toAlerts(...ids) }])).toThrow(
      expect.objectContaining({ status: 422 }),
    );
  });

  test("groups alerts that close alike and separates the others", () => {
    const { verdicts } = planVerdicts([
      { action: "resolve", alerts: toAlerts(alertHex(1)) },
      { action: "dismiss", alerts: toAlerts(alertHex(2)) },
      { action: "resolve", alerts: toAlerts(alertHex(3)) },
    ]);
    expect(verdicts.map(({ action, alertIds }) => [action, alertIds])).toEqual([
      ["resolve", [alertHex(1), alertHex(3)]],
      ["dismiss", [alertHex(2)]],
    ]);
    expect(new Set(verdicts.map(({ id }) => id)).size).toBe(2);
  });

  test("plans one verdict per alert: the first", () => {
    const { verdicts } = planVerdicts([
      { action: "resolve", alerts: toAlerts(alertHex(1)) },
      { action: "dismiss", alerts: toAlerts(alertHex(1)) },
    ]);
    expect(verdicts.map(({ action }) => action)).toEqual(["resolve"]);
  });

  test("reports the alerts that do not belong to Cloud Apps, with the reason", () => {
    const { skipped, verdicts } = planVerdicts([
      {
        action: "resolve",
        alerts: [...toAlerts("da637551227677560813_-961444813"), { path: "/x", ids: [] }],
      },
    ]);
    expect(verdicts).toEqual([]);
    expect(skipped).toMatchObject([
      { path: "/alerts/0", message: expect.stringContaining("Defender for Endpoint") as string },
      { path: "/x" },
    ]);
  });

  test.each(["enrich", "verdict", "hunt"] as const)(
    "X05: plans only the allowed actions: %s",
    (verb) => {
      const hunts = [{ hunt: "rare-hunt" }];
      const plan = planVerdicts([{ action: "resolve", alerts: toAlerts(alertHex(1)) }], {
        allow: [verb],
        hunts,
      });
      expect([plan.search.length, plan.verdicts.length, plan.hunts.length]).toEqual([
        verb === "enrich" ? 1 : 0,
        verb === "verdict" ? 1 : 0,
        verb === "hunt" ? 1 : 0,
      ]);
      const missing = ["verdict", "hunt"].filter((other) => other !== verb);
      expect(plan.skipped.map(({ message }) => message)).toEqual(
        missing.map((other) => `not allowed for this source: ${other}`),
      );
    },
  );

  test.each<[string, object, string[]]>([
    ["without a condition", {}, ["rare-hunt"]],
    [
      "whose condition holds in other letter case",
      { when: { "/rule/name": ["Other", "malware"] } },
      ["rare-hunt"],
    ],
    [
      "one of whose conditions does not hold",
      { when: { "/rule/name": ["Malware"], "/rule/level": ["9"] } },
      [],
    ],
  ])("starts the right hunts by a rule %s", (_, rule, hunts) => {
    const body = { rule: { name: "Malware", level: 7 } };
    expect(
      planVerdicts(
        [],
        {
          hunts: [
            { hunt: "rare-hunt", ...rule },
            { hunt: "rare-hunt", ...rule },
          ],
        },
        body,
      ).hunts,
    ).toEqual(hunts);
  });

  test("F62, X08: removes control characters from comments and names", () => {
    const verdict: PayloadVerdict = {
      action: "resolve",
      comment: `a\u0000b\u001b[31m\u2028c\n${"x".repeat(2_000)}\uD800`,
      by: "me\r\n\u0007",
      alerts: toAlerts(alertHex(1)),
    };
    const [message] = planVerdicts([verdict]).verdicts;
    expect(verdictMessage.parse(message)).toMatchObject({ requestedBy: "me" });
    expect(message?.comment).toMatch(/^(?:\P{Cc}|\n)+$/u);
    expect(message?.comment).toHaveLength(1_000);
  });

  test("omits a blank comment", () => {
    expect(
      planVerdicts([{ action: "resolve", comment: " \u0000 ", alerts: toAlerts(alertHex(1)) }])
        .verdicts[0],
    ).not.toHaveProperty("comment");
  });
});
