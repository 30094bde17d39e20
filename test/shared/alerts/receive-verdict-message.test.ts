import { describe, expect, test } from "vitest";
import { isSealed, sealVerdictMessage } from "../../../shared/alerts/message-seal.ts";
import {
  receiveVerdictMessage,
  unsealedSource,
  type ReceivingDeps,
  type UnsealedPolicy,
} from "../../../shared/alerts/receive-verdict-message.ts";
import { findRequestRecord } from "../../../shared/alerts/request-record.ts";
import { undoVerdict } from "../../../shared/alerts/undo-verdict.ts";
import { verdictMessage, type VerdictMessage } from "../../../shared/contracts/alert-verdict.ts";
import { dayMs } from "../../../shared/runtime/time.ts";
import { alertHarness, validVerdict } from "../../support/alert-harness.ts";
import { alertIdOf } from "../../support/alert-service-model.ts";

const context = { key: "the queue key", tenant: "contoso" };
const message = verdictMessage.parse(validVerdict);
const sealed = sealVerdictMessage(message, context);

function createReceiver(policy: Partial<UnsealedPolicy> = {}, readyInMs = 0) {
  const harness = alertHarness(10, { readyInMs: () => readyInMs });
  const deps: ReceivingDeps = {
    ...harness.deps,
    isSealed: async (received) => isSealed(received, context),
    unsealed: () => ({ isAllowed: true, maxAlertsPerDay: 4, ...policy }),
  };
  const receive = (received: object) =>
    harness.clock.run(receiveVerdictMessage(deps, verdictMessage.parse(received)));
  const countUnsealed = (): number =>
    harness.audit.filter(({ kind }) => kind === "unsealed").length;
  return { ...harness, deps, receive, countUnsealed };
}

describe("the seal of a verdict message", () => {
  test("holds after the queue, which may reorder members", () => {
    const reordered = Object.fromEntries(Object.entries(sealed).toReversed()) as VerdictMessage;
    expect(isSealed(reordered, context)).toBe(true);
  });

  test("holds for a delayed copy", () => {
    expect(isSealed({ ...sealed, deferred: 3 }, context)).toBe(true);
  });

  test.each<[string, Partial<VerdictMessage>]>([
    ["other alerts", { alertIds: [alertIdOf(9)] }],
    ["another action", { action: "resolve" }],
    ["another requester", { requestedBy: "ciso@contoso.com" }],
    ["another id", { id: "other" }],
    ["a seal of another length", { seal: "00" }],
  ])("does not hold for a message with %s", (_, change) => {
    expect(isSealed({ ...sealed, ...change }, context)).toBe(false);
  });

  test("does not hold for another tenant or key", () => {
    expect(isSealed(sealed, { ...context, tenant: "fabrikam" })).toBe(false);
    expect(isSealed(sealed, { ...context, key: "another key" })).toBe(false);
  });
});

describe("a message that the app sealed", () => {
  test("closes its alerts and costs nothing of the other writers' day", async () => {
    const { receive, service, countUnsealed } = createReceiver({ maxAlertsPerDay: 1 });
    expect(await receive(sealed)).toBe(undefined);
    expect(service.state.get(alertIdOf(1))).toBe("falsePositive");
    expect(countUnsealed()).toBe(0);
  });
});

describe("a message of another writer", () => {
  test("closes its alerts, is audited as unsealed, shows its status, and can be undone", async () => {
    const { clock, deps, receive, service, audit, outcomes } = createReceiver();
    expect(await receive(message)).toBe(undefined);
    expect(await outcomes()).toEqual({ [alertIdOf(1)]: "closed", [alertIdOf(2)]: "closed" });
    expect(audit[0]).toMatchObject({
      kind: "unsealed",
      alertIds: message.alertIds,
      texts: [expect.stringMatching(/^[0-9a-f]{64}$/)],
    });
    expect(await findRequestRecord(deps.store, message.id)).toMatchObject({
      source: unsealedSource,
    });
    await clock.run(undoVerdict(deps, message.id, "lead@contoso.com"));
    expect(service.state.get(alertIdOf(1))).toBe("open");
  });

  test("counts once, however often it is delivered", async () => {
    const { receive, countUnsealed } = createReceiver({ maxAlertsPerDay: 2 });
    for (let copy = 0; copy < 5; copy += 1) expect(await receive(message)).toBe(undefined);
    expect(countUnsealed()).toBe(1);
  });

  test("is refused when the day's alerts are used up, and accepted the next day", async () => {
    const { clock, receive, service } = createReceiver({ maxAlertsPerDay: 2 });
    await receive(message);
    const next = { ...message, id: "next", alertIds: [alertIdOf(3)] };
    expect(await receive(next)).toMatchObject({ reason: "dailyLimit" });
    expect(service.state.get(alertIdOf(3))).toBe("open");
    await clock.advance(dayMs);
    expect(await receive(next)).toBe(undefined);
    expect(service.state.get(alertIdOf(3))).toBe("falsePositive");
  });

  test("is refused with the setting's name where other writers are not allowed", async () => {
    const { receive, service } = createReceiver({ isAllowed: false });
    const refusal = await receive({ ...message, seal: "0".repeat(64) });
    expect(refusal).toMatchObject({ reason: "unsealed" });
    expect(refusal?.detail).toContain("ALLOW_UNSEALED_VERDICTS");
    expect(service.calls).toEqual([]);
  });

  test("adds alerts to a verdict that its writer split under one id", async () => {
    const { deps, receive } = createReceiver();
    await receive(message);
    await receive({ ...message, alertIds: [alertIdOf(2), alertIdOf(3)] });
    expect((await findRequestRecord(deps.store, message.id))?.alertIds).toEqual([
      alertIdOf(1),
      alertIdOf(2),
      alertIdOf(3),
    ]);
  });

  test("is refused under the id of another verdict", async () => {
    const { receive, submit, service } = createReceiver();
    await submit();
    const foreign = { ...message, alertIds: [alertIdOf(5)] };
    expect(await receive(foreign)).toMatchObject({ reason: "permanent" });
    expect(await receive({ ...message, action: "resolve", reason: undefined })).toMatchObject({
      reason: "permanent",
    });
    expect(service.calls).toEqual([]);
  });

  test("waits while the vault cannot be read, and keeps its missing seal", async () => {
    const { queues, receive } = createReceiver({}, 60_000);
    expect(await receive(message)).toBe(undefined);
    expect(queues.sent).toEqual([
      { queue: "alert-verdicts", message: { ...message, deferred: 1 }, delaySeconds: 60 },
    ]);
  });
});
