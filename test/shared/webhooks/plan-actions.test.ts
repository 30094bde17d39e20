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
) => planActions(createContent(verdicts), body, { ...source, ...change }, at);

describe("orders", () => {
  test("are messages that the verdict queue takes as they are", () => {
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

  test("have the same ids for the same delivery, and others for another", () => {
    const verdict = { action: "resolve", alerts: toAlerts(alertHex(1)) } as const;
    const [first] = planVerdicts([verdict]).verdicts;
    expect(planVerdicts([verdict]).verdicts[0]?.id).toBe(first?.id);
    const other = planActions(createContent([verdict]), {}, source, { ...at, key: "msg_2" });
    expect(other.verdicts[0]?.id).not.toBe(first?.id);
    expect(other.id).toBe(other.verdicts[0]?.id);
  });

  test("have the id of their delivery whatever its body asks for, so that another body meets the first one's record", () => {
    const [one, two] = (["resolve", "dismiss"] as const).map((action) =>
      planVerdicts([{ action, alerts: toAlerts(alertHex(1)) }]),
    );
    expect(one?.verdicts[0]?.id).toBe(two?.verdicts[0]?.id);
    expect(planVerdicts([]).id).toBe(one?.id);
  });

  test("F66: 1,000 alerts go out a hundred a message, each once, in any order", () => {
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

  test("F66: more than 1,000 alerts are refused", () => {
    const ids = Array.from({ length: 1_001 }, (_, index) => alertHex(index));
    expect(() => planVerdicts([{ action: "resolve", alerts: toAlerts(...ids) }])).toThrow(
      expect.objectContaining({ status: 422 }),
    );
  });

  test("put alerts together that end the same way, and keep apart those that do not", () => {
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

  test("give one alert one verdict, the first", () => {
    const { verdicts } = planVerdicts([
      { action: "resolve", alerts: toAlerts(alertHex(1)) },
      { action: "dismiss", alerts: toAlerts(alertHex(1)) },
    ]);
    expect(verdicts.map(({ action }) => action)).toEqual(["resolve"]);
  });

  test("say which alerts are none of Cloud Apps, and why", () => {
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
    "X05: that a source may not give are left out: %s alone is given",
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
        missing.map((other) => `this source may not ask for: ${other}`),
      );
    },
  );

  test.each<[string, object, string[]]>([
    ["without a condition", {}, ["rare-hunt"]],
    [
      "whose condition holds, in any case of letters",
      { when: { "/rule/name": ["Other", "malware"] } },
      ["rare-hunt"],
    ],
    [
      "one of whose conditions does not hold",
      { when: { "/rule/name": ["Malware"], "/rule/level": ["9"] } },
      [],
    ],
  ])("start a hunt by a rule %s", (_, rule, hunts) => {
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

  test("F62, X08: keep control characters of the payload out of comments and names", () => {
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

  test("leave out a comment of blanks", () => {
    expect(
      planVerdicts([{ action: "resolve", comment: " \u0000 ", alerts: toAlerts(alertHex(1)) }])
        .verdicts[0],
    ).not.toHaveProperty("comment");
  });
});
