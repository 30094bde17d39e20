/**
 * Faults of verdicts, by the numbers of `guarantees.md`, on a virtual clock with a platform that
 * hides, redelivers and poisons messages.
 */
import { describe, expect, test } from "vitest";
import { reconcileCall, type AnnouncedCall } from "../../shared/alerts/reconcile-audit.ts";
import { createAuditLog } from "../../shared/audit/audit-log.ts";
import { verifyAudit } from "../../shared/audit/verify.ts";
import { listOpenIntents } from "../../shared/audit/open-intents.ts";
import {
  listDeadLetters,
  replayDeadLetters,
  writeDeadLetter,
} from "../../shared/storage/dead-letters.ts";
import { hourMs, minuteMs } from "../../shared/runtime/time.ts";
import { alertIdOf } from "../support/alert-service-model.ts";
import { alertPlatform } from "../support/alert-platform.ts";

const outageMs = 6 * hourMs;

describe("P15: an outage of six hours", () => {
  test.each(["cloud-apps", "storage", "key-vault"] as const)(
    "an outage of %s loses and poisons no verdict, and work resumes within two minutes",
    async (dependency) => {
      const platform = alertPlatform(2);
      platform.down.add(dependency);
      platform.sendEach();
      await platform.runFor(outageMs);
      expect(platform.service.closes.size).toBe(0);
      platform.down.clear();
      await platform.runFor(2 * minuteMs);
      expect(platform.poisoned).toEqual([]);
      expect([...platform.service.closes.values()]).toEqual(Array.from({ length: 2 }, () => 1));
      expect(platform.listUnsettled()).toEqual([]);
    },
  );

  test.each(["cloud-apps", "storage", "key-vault"] as const)(
    "an outage of %s during the work leaves every alert closed once",
    async (dependency) => {
      const platform = alertPlatform(8, { callsPerMinute: 2 });
      platform.sendEach();
      await platform.runFor(900);
      platform.down.add(dependency);
      await platform.runFor(outageMs);
      platform.down.clear();
      await platform.runFor(15 * minuteMs);
      expect(platform.poisoned).toEqual([]);
      expect([...platform.service.closes.values()]).toEqual(Array.from({ length: 8 }, () => 1));
      expect(platform.listUnsettled()).toEqual([]);
    },
  );
});

describe("faults of Cloud Apps", () => {
  test("F28: another client that takes half the quota delays verdicts and fails none", async () => {
    let calls = 0;
    const platform = alertPlatform(300, {
      fate: ({ kind }) => (kind === "close" && (calls += 1) % 2 === 0 ? "throttled" : "answered"),
    });
    platform.sendEach();
    await platform.runFor(10 * minuteMs);
    expect(platform.listUnsettled()).toEqual([]);
    expect(new Set(platform.service.closes.values())).toEqual(new Set([1]));
  });

  test("F29: an alert that an analyst closed first is recorded as already closed and stays as it is", async () => {
    const platform = alertPlatform(2);
    platform.service.state.set(alertIdOf(1), "truePositive");
    platform.sendEach();
    await platform.runFor(minuteMs);
    expect(platform.readAlertRecord(1)).toMatchObject({
      state: "alreadyClosed",
      detail: "already closed as truePositive",
    });
    expect(platform.readAlertRecord(2)).toMatchObject({ state: "closed" });
    expect(platform.service.state.get(alertIdOf(1))).toBe("truePositive");
  });

  test("F30: an unknown id is recorded as not found and the others of the call are closed", async () => {
    const platform = alertPlatform(2);
    platform.sendVerdict({ alertIds: [alertIdOf(1), alertIdOf(99), alertIdOf(2)] });
    await platform.runFor(minuteMs);
    expect([1, 99, 2].map((id) => platform.readAlertRecord(id)?.state)).toEqual([
      "closed",
      "notFound",
      "closed",
    ]);
  });

  test("F31: an answer that accounts for no id leads to one list call that decides each id", async () => {
    const platform = alertPlatform(3, { silent: true });
    platform.sendEach();
    await platform.runFor(minuteMs);
    expect([1, 2, 3].map((id) => platform.readAlertRecord(id)?.state)).toEqual([
      "closed",
      "closed",
      "closed",
    ]);
    expect(
      platform.service.calls
        .filter(({ kind }) => kind === "getStates")
        .map(({ ids }) => ids.length),
    ).toEqual([3]);
    expect(new Set(platform.service.closes.values())).toEqual(new Set([1]));
  });
});

describe("faults of the platform", () => {
  test("F36: one message at two instances at once makes one effective call", async () => {
    const platform = alertPlatform(5);
    platform.sendVerdict({ alertIds: [1, 2, 3, 4, 5].map(alertIdOf) }, 2);
    await platform.runFor(2 * minuteMs, 2);
    expect([...platform.service.closes.values()]).toEqual([1, 1, 1, 1, 1]);
    expect(platform.listUnsettled()).toEqual([]);
  });

  test("F37: work that exceeds its minute ends and continues by message", async () => {
    const platform = alertPlatform(100, { latencyMs: 25_000, callsPerMinute: 30, keepOpen: 2 });
    platform.sendVerdict({
      alertIds: Array.from({ length: 100 }, (_, index) => alertIdOf(index + 1)),
    });
    await platform.runFor(10 * minuteMs);
    expect(platform.maxDurationMs()).toBeLessThan(2 * minuteMs);
    expect(platform.listUnsettled()).toEqual([]);
  });

  test("F38: a message whose process crashes each time becomes a dead letter, and its replay closes each alert once", async () => {
    const platform = alertPlatform(3, { dieAt: "A1 dequeued" });
    platform.sendVerdict({ alertIds: [1, 2, 3].map(alertIdOf) });
    await platform.runFor(hourMs);
    expect(platform.poisoned).toHaveLength(1);
    const id = await writeDeadLetter(platform.store, "alert-verdicts", platform.poisoned[0], {
      reason: "retriesExhausted",
    });
    expect(await listDeadLetters(platform.store, 10)).toMatchObject([
      { id, reason: "retriesExhausted", occurrences: 1 },
    ]);
    platform.setDieAt(undefined);
    await replayDeadLetters(platform.store, platform.queues, [{ queue: "alert-verdicts", id }]);
    await platform.runFor(minuteMs);
    expect([...platform.service.closes.values()]).toEqual([1, 1, 1]);
  });

  test.each(["A3 audit intent written", "A6 reply read", "A7 record done"])(
    "F46: when each process crashes at %s, every alert is closed once and every intent gets its outcome",
    async (failpoint) => {
      const platform = alertPlatform(3, { dieAt: failpoint });
      platform.sendVerdict({ alertIds: [1, 2, 3].map(alertIdOf) });
      await platform.runFor(10 * minuteMs);
      platform.setDieAt(undefined);
      await platform.runFor(30 * minuteMs);
      expect(platform.poisoned).toEqual([]);
      expect([...platform.service.closes.values()]).toEqual([1, 1, 1]);
      const appendAudit = createAuditLog({
        store: platform.store,
        readKey: async () => platform.auditKey,
      });
      const open = await listOpenIntents(platform.store, 0);
      expect(open).toHaveLength(1);
      for (const { body } of open)
        await reconcileCall(
          { store: platform.store, writeAudit: (event) => appendAudit({ ...event }) },
          body as unknown as AnnouncedCall,
        );
      expect(await listOpenIntents(platform.store, 0)).toEqual([]);
      expect((await verifyAudit(platform.store, [platform.auditKey])).firstBad).toBeUndefined();
    },
  );

  test("F39: text that is neither JSON nor base64 of JSON becomes a bounded, redacted dead letter with its reason", async () => {
    const platform = alertPlatform(1);
    const raw = `no JSON, Bearer ${"a".repeat(20)} ${"x".repeat(10_000)}`;
    await writeDeadLetter(platform.store, "alert-verdicts", raw, { reason: "encoding" });
    const [deadLetter] = await listDeadLetters(platform.store, 10);
    expect(deadLetter).toMatchObject({ reason: "encoding", replayable: false });
    expect(deadLetter?.text?.length).toBeLessThanOrEqual(4_096);
    expect(deadLetter?.text).not.toContain("aaaaaaaa");
  });

  test("F40: a request with 1,000 ids is split into messages that fit a queue", async () => {
    const platform = alertPlatform(1_000);
    await platform.submit(Array.from({ length: 1_000 }, (_, index) => alertIdOf(index + 1)));
    const sizes = platform.queues.sent.map(({ message }) =>
      Buffer.byteLength(JSON.stringify(message)),
    );
    expect(sizes).toHaveLength(10);
    expect(Math.max(...sizes)).toBeLessThan(48 * 1_024);
    await platform.runFor(3 * minuteMs);
    expect(platform.service.closes.size).toBe(1_000);
  });

  test.each([
    ["cut short", '{"version":1,"alert'],
    ["of another form", '{"version":9,"state":"done"}'],
  ])(
    "F43: a record that is %s is never taken for absent: the alert is looked up before a try",
    async (_, text) => {
      const platform = alertPlatform(1);
      platform.store.poke(`state/alerts/${alertIdOf(1)}.json`, text);
      platform.sendEach();
      await platform.runFor(minuteMs);
      expect(platform.service.calls.map(({ kind }) => kind)).toEqual(["getStates", "close"]);
      expect(platform.readAlertRecord(1)).toMatchObject({ state: "closed" });
    },
  );

  test("P21: a message that is poisoned twice is one dead letter, and its replay after the work changes nothing", async () => {
    const platform = alertPlatform(1);
    const message = platform.sendVerdict({ alertIds: [alertIdOf(1)] });
    await platform.runFor(minuteMs);
    for (const _ of ["once", "twice"])
      await writeDeadLetter(platform.store, "alert-verdicts", message, {
        reason: "retriesExhausted",
      });
    const deadLetters = await listDeadLetters(platform.store, 10);
    expect(deadLetters).toMatchObject([{ occurrences: 2 }]);
    for (const { id } of deadLetters)
      await replayDeadLetters(platform.store, platform.queues, [{ queue: "alert-verdicts", id }]);
    await platform.runFor(minuteMs);
    expect(platform.service.calls).toHaveLength(1);
  });
});

describe("repeated and conflicting verdicts", () => {
  test("P8, P9, P12: a repeated verdict has no effect, a different one is a conflict, and both are audited", async () => {
    const platform = alertPlatform(1);
    for (const _ of ["once", "twice"]) platform.sendVerdict({ alertIds: [alertIdOf(1)] });
    await platform.runFor(minuteMs);
    platform.sendVerdict({
      id: "other",
      alertIds: [alertIdOf(1)],
      action: "resolve",
      reason: undefined,
    });
    await platform.runFor(minuteMs);
    expect(platform.service.countFlips()).toBe(0);
    expect(platform.service.calls.map(({ kind }) => kind)).toEqual(["close", "getStates"]);
    expect(await platform.readAuditKinds()).toEqual(["intent", "outcome", "conflict"]);
  });

  test("P7, P10: every id of an accepted request ends in an outcome, and no other id is sent", async () => {
    const platform = alertPlatform(30, { callsPerMinute: 5 });
    const ids = Array.from({ length: 20 }, (_, index) => alertIdOf(index + 5));
    await platform.submit(ids);
    await platform.runFor(5 * minuteMs);
    expect(platform.listUnsettled()).toEqual([]);
    expect([...platform.service.closes.keys()].toSorted()).toEqual(ids);
  });

  test("P11: four instances stay within 30 calls in any minute", async () => {
    const platform = alertPlatform(40);
    platform.sendEach((index) => ({ comment: `group ${index}` }));
    await platform.runFor(5 * minuteMs, 4);
    expect(platform.service.countBusiestMinute()).toBeLessThanOrEqual(30);
    expect(platform.service.closes.size).toBe(40);
  });
});
