import { describe, expect, test } from "vitest";
import { readTexts } from "../../../shared/audit/personal-texts.ts";
import { dryRunVerdict } from "../../../shared/alerts/dry-run-verdict.ts";
import { handleVerdictMessage } from "../../../shared/alerts/handle-verdict-message.ts";
import { undoVerdict } from "../../../shared/alerts/undo-verdict.ts";
import { readRefusedCalls } from "../../../shared/alerts/refused-calls.ts";
import { readVerdictStatus } from "../../../shared/alerts/verdict-status.ts";
import type { AlertDeps, AlertState } from "../../../shared/alerts/ports.ts";
import { verdictMessage, verdictRequest } from "../../../shared/contracts/alert-verdict.ts";
import { hourMs, minuteMs } from "../../../shared/runtime/time.ts";
import { alertHarness, validVerdict } from "../../support/alert-harness.ts";
import { alertIdOf } from "../../support/alert-service-model.ts";
import { alertPlatform } from "../../support/alert-platform.ts";

const id = alertIdOf(1);
const one = { alertIds: [id] };
const asTruePositive = { ...one, action: "resolve", reason: undefined } as const;
type Harness = ReturnType<typeof alertHarness>;

/** Submits a verdict and handles its messages. */
async function carryOut(harness: Harness, change: object): Promise<void> {
  await harness.submit({ ...one, ...change });
  await harness.clock.run(harness.runWorkers());
}

describe("the status of a verdict", () => {
  test.each<[string, number, (harness: Harness) => Promise<unknown>]>([
    ["closed the alert", 1, async () => undefined],
    [
      "was undone",
      1,
      ({ clock, deps }) => clock.run(undoVerdict(deps, "first", "soc@contoso.com")),
    ],
    ["did not find it", 0, async () => undefined],
  ])(
    "is waiting until its own message is handled: an earlier one %s",
    async (_, alerts, prepare) => {
      const harness = alertHarness(alerts);
      await carryOut(harness, { id: "first" });
      await prepare(harness);
      await harness.submit({ ...asTruePositive, id: "second" });
      expect(await readVerdictStatus(harness.deps, "second")).toMatchObject({
        done: false,
        alerts: [{ outcome: "waiting" }],
      });
    },
  );

  test("keeps the outcome of a verdict whose record a later verdict replaced", async () => {
    const harness = alertHarness(1);
    await carryOut(harness, { id: "first" });
    harness.service.change(id, "open");
    await carryOut(harness, { ...asTruePositive, id: "second" });
    expect(await harness.outcomes("first")).toEqual({ [id]: "closed" });
    expect(await harness.outcomes("second")).toEqual({ [id]: "closed" });
    expect(harness.service.state.get(id)).toBe("truePositive");
  });

  test("says why a verdict waits and since when", async () => {
    const reason = "Cloud Apps refused the call (403): role missing";
    const platform = alertPlatform(1, { block: () => reason });
    await platform.submit([id]);
    await platform.runFor(minuteMs);
    const status = await readVerdictStatus({ store: platform.store }, validVerdict.id);
    expect(status?.alerts).toMatchObject([{ outcome: "waiting" }]);
    expect(status?.alerts[0]?.detail).toMatch(
      /^Cloud Apps refused the call \(403\): role missing \(since 2026-/,
    );
  });
});

test("calls that Cloud Apps refuses show until one is accepted", async () => {
  let reason: string | undefined = "Cloud Apps refused the call (403): role missing";
  const platform = alertPlatform(1, { block: () => reason });
  await platform.submit([id]);
  await platform.runFor(minuteMs);
  expect(await readRefusedCalls(platform.store)).toMatchObject({ reason });
  reason = undefined;
  await platform.runFor(hourMs);
  expect(await readRefusedCalls(platform.store)).toBe(null);
});

describe("a verdict after another verdict", () => {
  test("closes an alert that was not found before and exists now", async () => {
    const harness = alertHarness(0);
    await carryOut(harness, { id: "early" });
    expect(await harness.outcomes("early")).toEqual({ [id]: "notFound" });
    harness.service.change(id, "open");
    await carryOut(harness, { ...asTruePositive, id: "late" });
    expect(await harness.outcomes("late")).toEqual({ [id]: "closed" });
    expect(await harness.outcomes("early")).toEqual({ [id]: "notFound" });
  });

  test("closes an alert that an analyst reopened", async () => {
    const harness = alertHarness(1);
    await carryOut(harness, { id: "first" });
    harness.service.change(id, "open");
    await carryOut(harness, { id: "second" });
    expect(await harness.outcomes("second")).toEqual({ [id]: "closed" });
    expect(harness.service.state.get(id)).toBe("falsePositive");
  });

  test.each<[AlertState, "alreadyClosed" | "conflict"]>([
    ["falsePositive", "alreadyClosed"],
    ["truePositive", "conflict"],
    ["dismissed", "conflict"],
  ])("finds the alert closed as %s and ends as %s", async (state, outcome) => {
    const harness = alertHarness(1);
    await carryOut(harness, { id: "first" });
    harness.service.change(id, state);
    await carryOut(harness, { id: "second" });
    expect(await harness.outcomes("second")).toEqual({ [id]: outcome });
    expect(harness.service.state.get(id)).toBe(state);
  });

  test("is already closed, not a conflict, when an analyst closed the alert as requested", async () => {
    const harness = alertHarness(1);
    harness.service.change(id, "truePositive");
    await carryOut(harness, { id: "first" });
    expect(await harness.outcomes("first")).toEqual({ [id]: "alreadyClosed" });
    await carryOut(harness, { ...asTruePositive, id: "second" });
    expect(await harness.outcomes("second")).toEqual({ [id]: "alreadyClosed" });
  });
});

describe("undoing a verdict", () => {
  const requestedBy = "lead@contoso.com";
  const undo = (harness: Harness) =>
    harness.clock.run(undoVerdict(harness.deps, validVerdict.id, requestedBy));

  test("leaves an alert that an analyst has closed otherwise since as it is", async () => {
    const harness = alertHarness(1);
    await carryOut(harness, {});
    harness.service.change(id, "benign");
    await undo(harness);
    expect(harness.service.state.get(id)).toBe("benign");
    expect(await harness.outcomes()).toEqual({ [id]: "closed" });
  });

  test("leaves an alert that Cloud Apps does not show as it is", async () => {
    const harness = alertHarness(1);
    await carryOut(harness, {});
    harness.service.change(id, undefined);
    await undo(harness);
    expect(harness.service.calls.filter(({ kind }) => kind === "reopen")).toEqual([]);
    expect(await harness.outcomes()).toEqual({ [id]: "closed" });
  });

  test("reports an alert that is open already as reopened, without a call", async () => {
    const harness = alertHarness(1);
    await carryOut(harness, {});
    harness.service.change(id, "open");
    await undo(harness);
    expect(harness.service.calls.filter(({ kind }) => kind === "reopen")).toEqual([]);
    expect(await harness.outcomes()).toEqual({ [id]: "reopened" });
  });

  test("is audited with the person who asked for it", async () => {
    const harness = alertHarness(1);
    await carryOut(harness, {});
    await undo(harness);
    const reopenings = harness.audit.filter(({ action }) => action === "reopen");
    const texts = reopenings[0]?.texts ?? [];
    expect([...(await readTexts(harness.store, texts)).values()]).toMatchObject([
      { verdict: validVerdict.id, action: "reopen", requestedBy },
    ]);
    expect(reopenings).toMatchObject([
      { kind: "intent", texts },
      { kind: "outcome", texts, outcomes: { reopened: [id], unchanged: [] } },
    ]);
  });
});

const histories: readonly (readonly [string, (harness: Harness) => Promise<void>])[] = [
  ["an open alert", async () => undefined],
  ["an unknown alert", async ({ service }) => service.change(id, undefined)],
  ["an alert that an analyst closed", async ({ service }) => service.change(id, "benign")],
  ["an alert that a verdict closed", (harness) => carryOut(harness, { id: "first" })],
  [
    "an alert that a verdict closed otherwise",
    (harness) => carryOut(harness, { ...asTruePositive, id: "first" }),
  ],
  [
    "an alert that a verdict closed and an analyst reopened",
    async (harness) => {
      await carryOut(harness, { id: "first" });
      harness.service.change(id, "open");
    },
  ],
  [
    "an alert that was not found and appeared",
    async (harness) => {
      harness.service.change(id, undefined);
      await carryOut(harness, { id: "first" });
      harness.service.change(id, "open");
    },
  ],
  [
    "an alert whose verdict was undone",
    async (harness) => {
      await carryOut(harness, { id: "first" });
      await harness.clock.run(undoVerdict(harness.deps, "first", "soc@contoso.com"));
    },
  ],
];

test.each(histories)("the dry run plans what the run does for %s", async (_, prepare) => {
  const harness = alertHarness(1);
  await prepare(harness);
  const request = verdictRequest.parse({ ...validVerdict, ...one, id: "next" });
  const planned = await harness.clock.run(dryRunVerdict(harness.deps, request));
  await carryOut(harness, { id: "next" });
  const outcome = Object.values(await harness.outcomes("next"))[0];
  const actions = new Map([
    ["closed", "close"],
    ["alreadyClosed", "leave"],
  ]);
  const expected = actions.get(outcome ?? "") ?? outcome;
  expect(planned).toMatchObject({ kind: "planned", alerts: [{ plannedAction: expected }] });
});

describe("a close that Cloud Apps refuses", () => {
  const bad = alertIdOf(7);
  const refuse = (ids: readonly string[]): string | undefined =>
    ids.includes(bad) ? "Cloud Apps refused the call (400): locked alert" : undefined;

  test("is halved until the refused alert is alone; all others are closed", async () => {
    const platform = alertPlatform(100, { refuse });
    platform.sendVerdict({
      alertIds: Array.from({ length: 100 }, (_, index) => alertIdOf(index + 1)),
    });
    await platform.runFor(10 * minuteMs);
    expect(platform.service.closes.size).toBe(99);
    expect(platform.readAlertRecord(7)).toMatchObject({ state: "waiting", maxCallSize: 1 });
    expect(platform.service.calls.length).toBeLessThan(30);
  });

  test("fails with the service's reason after 24 hours and few calls", async () => {
    const platform = alertPlatform(8, { refuse });
    platform.sendVerdict({
      alertIds: Array.from({ length: 8 }, (_, index) => alertIdOf(index + 1)),
    });
    await platform.runFor(23 * hourMs);
    expect(platform.readAlertRecord(7)).toMatchObject({ state: "waiting" });
    await platform.runFor(3 * hourMs);
    expect(platform.readAlertRecord(7)).toMatchObject({
      state: "failed",
      detail: "Cloud Apps refused the call (400): locked alert",
    });
    expect(platform.service.calls.length).toBeLessThan(60);
    expect(platform.poisoned).toEqual([]);
  });
});

describe("two requests with one id", () => {
  test.each<[string, object]>([
    ["a later requestedAt", { requestedAt: "2026-11-22T08:00:05Z" }],
    ["a synonym of the action", { action: "closeFalsePositive" }],
    ["another order of ids", { alertIds: [alertIdOf(2), alertIdOf(1)] }],
  ])("are the same despite %s", async (_, change) => {
    const { submit, queues } = alertHarness(2);
    await submit();
    expect(await submit(change)).toMatchObject({ kind: "accepted" });
    expect(queues.sent).toHaveLength(1);
  });

  test.each<[string, object]>([
    ["another requester", { requestedBy: "other@contoso.com" }],
    ["another reason", { reason: "other" }],
    ["fewer ids", { alertIds: [alertIdOf(1)] }],
  ])("differ by %s", async (_, change) => {
    const { submit } = alertHarness(2);
    await submit();
    expect(await submit(change)).toEqual({ kind: "idTaken" });
  });
});

test("an instance that wakes after its claim has expired does not close again", async () => {
  const harness = alertHarness(1, { overwrites: true });
  const { clock, createInstance } = harness;
  const frozen: AlertDeps = {
    ...createInstance(),
    failpoint: async (name) => {
      if (name === "A3 audit intent written") await clock.sleep(30 * minuteMs);
    },
  };
  const message = verdictMessage.parse({ ...validVerdict, ...one });
  const handleLater = async (): Promise<void> => {
    await clock.sleep(15 * minuteMs);
    await handleVerdictMessage(createInstance(), message);
    harness.service.change(id, "open");
  };
  await clock.run(
    Promise.all([handleVerdictMessage(frozen, message), handleLater()]).then(() => undefined),
  );
  expect(harness.service.closes.get(id)).toBe(1);
  expect(harness.service.state.get(id)).toBe("open");
});
