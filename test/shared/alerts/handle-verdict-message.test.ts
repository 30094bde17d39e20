import { describe, expect, test } from "vitest";
import { dryRunVerdict } from "../../../shared/alerts/dry-run-verdict.ts";
import { undoVerdict } from "../../../shared/alerts/undo-verdict.ts";
import { verdictRequest } from "../../../shared/contracts/alert-verdict.ts";
import { alertIdOf } from "../../support/alert-service-model.ts";
import {
  validVerdict as verdict,
  alertHarness as createHarness,
} from "../../support/alert-harness.ts";

describe("a verdict", () => {
  test("a verdict closes its alerts in one call and shows an outcome for each", async () => {
    const { clock, submit, runWorkers, service, outcomes, audit } = createHarness(2);
    expect(await submit()).toEqual({ kind: "accepted", id: verdict.id });
    await clock.run(runWorkers());
    expect(service.calls.map(({ kind, ids }) => [kind, ids.length])).toEqual([["close", 2]]);
    expect(service.calls[0]?.request).toMatchObject({
      closure: "falsePositive",
      reason: "notOfInterest",
      comment: "Known scanner",
    });
    expect(await outcomes()).toEqual({ [alertIdOf(1)]: "closed", [alertIdOf(2)]: "closed" });
    expect(audit.map(({ kind, alertIds }) => [kind, alertIds.length])).toEqual([
      ["intent", 2],
      ["outcome", 2],
    ]);
  });

  test("a repeated verdict has no effect, over HTTP and on the queue", async () => {
    const { clock, submit, runWorkers, service, queues } = createHarness(2);
    await submit();
    await submit();
    await queues.send("alert-verdicts", { ...verdict });
    await clock.run(runWorkers());
    expect(service.calls).toHaveLength(1);
    expect([...service.closes.values()]).toEqual([1, 1]);
  });

  test("a verdict is refused under an id that another request used", async () => {
    const { submit } = createHarness(2);
    await submit();
    expect(await submit({ comment: "Something else" })).toEqual({ kind: "idTaken" });
  });

  test("a verdict that differs from the one in force is recorded as a conflict and not applied", async () => {
    const { clock, submit, runWorkers, service, outcomes, audit } = createHarness(2);
    await submit();
    await clock.run(runWorkers());
    await submit({ id: "other", action: "resolve", reason: undefined });
    await clock.run(runWorkers());
    expect(await outcomes("other")).toEqual({
      [alertIdOf(1)]: "conflict",
      [alertIdOf(2)]: "conflict",
    });
    expect(service.countFlips()).toBe(0);
    expect(audit.filter(({ kind }) => kind === "conflict")).toHaveLength(2);
  });

  test("one list call distinguishes unknown alerts from already closed ones", async () => {
    const { clock, submit, runWorkers, service, outcomes } = createHarness(2);
    service.state.set(alertIdOf(2), "benign");
    await submit({ alertIds: [alertIdOf(1), alertIdOf(2), alertIdOf(99)] });
    await clock.run(runWorkers());
    expect(await outcomes()).toEqual({
      [alertIdOf(1)]: "closed",
      [alertIdOf(2)]: "alreadyClosed",
      [alertIdOf(99)]: "notFound",
    });
    expect(service.calls.map(({ kind }) => kind)).toEqual(["close", "getStates"]);
  });

  test("an alert is looked up before a second try when the answer of the first was lost", async () => {
    let calls = 0;
    const { clock, submit, runWorkers, service, outcomes } = createHarness(2, {
      fate: ({ kind }) => (kind === "close" && (calls += 1) === 1 ? "lost" : "answered"),
    });
    await submit();
    await clock.run(runWorkers());
    expect(await outcomes()).toEqual({ [alertIdOf(1)]: "closed", [alertIdOf(2)]: "closed" });
    expect(service.calls.map(({ kind }) => kind)).toEqual(["close", "getStates"]);
    expect([...service.closes.values()]).toEqual([1, 1]);
  });

  test("a verdict above the daily limit is refused until the next day", async () => {
    const { submit } = createHarness(2);
    expect(await submit({}, 3)).toEqual({ kind: "accepted", id: verdict.id });
    expect(await submit({ id: "next" }, 3)).toEqual({
      kind: "capped",
      retryAfterMs: 18 * 3_600_000,
    });
    expect(await submit({ id: "one", alertIds: [alertIdOf(1)] }, 3)).toEqual({
      kind: "accepted",
      id: "one",
    });
  });

  test("a verdict over an invalid record looks the alert up first", async () => {
    const { clock, submit, runWorkers, store, service, outcomes } = createHarness(2);
    store.poke(`state/alerts/${alertIdOf(1)}.json`, '{"version":1,"alert');
    service.state.set(alertIdOf(1), "falsePositive");
    await submit();
    await clock.run(runWorkers());
    expect(await outcomes()).toEqual({ [alertIdOf(1)]: "closed", [alertIdOf(2)]: "closed" });
    expect(service.calls.map(({ kind, ids }) => [kind, ids.length])).toEqual([
      ["getStates", 1],
      ["close", 1],
    ]);
  });
});

describe("a dry run", () => {
  test("a dry run returns the planned action of each alert and changes nothing", async () => {
    const { clock, deps, service, store } = createHarness(2);
    service.state.set(alertIdOf(2), "truePositive");
    const request = verdictRequest.parse({
      ...verdict,
      alertIds: [alertIdOf(1), alertIdOf(2), alertIdOf(9)],
      dryRun: true,
    });
    expect(await clock.run(dryRunVerdict(deps, request))).toEqual({
      kind: "planned",
      alerts: [
        { alertId: alertIdOf(1), plannedAction: "close", currentState: "open" },
        { alertId: alertIdOf(2), plannedAction: "leave", currentState: "truePositive" },
        { alertId: alertIdOf(9), plannedAction: "notFound", currentState: "unknown" },
      ],
    });
    expect(store.paths()).toEqual([]);
    expect(service.calls.map(({ kind }) => kind)).toEqual(["getStates"]);
  });
});

describe("undo", () => {
  test("undo reopens the alerts that the request closed, and the next verdict records the former one", async () => {
    const { clock, deps, submit, runWorkers, service, outcomes, store } = createHarness(2);
    await submit();
    await clock.run(runWorkers());
    await clock.run(undoVerdict(deps, verdict.id, "soc@contoso.com"));
    expect([...service.state.values()]).toEqual(["open", "open"]);
    expect(await outcomes()).toEqual({ [alertIdOf(1)]: "reopened", [alertIdOf(2)]: "reopened" });
    await submit({ id: "again", action: "resolve", reason: undefined });
    await clock.run(runWorkers());
    expect([...service.state.values()]).toEqual(["truePositive", "truePositive"]);
    expect(JSON.parse(store.peek(`state/alerts/${alertIdOf(1)}.json`) ?? "{}")).toMatchObject({
      former: verdict.id,
      verdict: "again",
    });
  });
});
