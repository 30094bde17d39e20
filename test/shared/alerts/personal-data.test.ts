import { describe, expect, test } from "vitest";
import {
  createWaitingRecord,
  findAlertRecord,
  groupOf,
  markerPath,
  recordPath,
} from "../../../shared/alerts/alert-record.ts";
import { readAlertHistory } from "../../../shared/alerts/alert-history.ts";
import { handleVerdictMessage } from "../../../shared/alerts/handle-verdict-message.ts";
import type { AlertDeps } from "../../../shared/alerts/ports.ts";
import { verdictMessage } from "../../../shared/contracts/alert-verdict.ts";
import { expirePersonalData } from "../../../shared/alerts/expire-personal-data.ts";
import { listVerdicts } from "../../../shared/alerts/list-verdicts.ts";
import { findRequestRecord } from "../../../shared/alerts/request-record.ts";
import { undoVerdict } from "../../../shared/alerts/undo-verdict.ts";
import { readVerdictStatus } from "../../../shared/alerts/verdict-status.ts";
import { createAuditLog } from "../../../shared/audit/audit-log.ts";
import { listAuditRecords } from "../../../shared/audit/list-records.ts";
import { expireTexts, readTexts } from "../../../shared/audit/personal-texts.ts";
import { verifyAudit } from "../../../shared/audit/verify.ts";
import { dayMs, hourMs } from "../../../shared/runtime/time.ts";
import { alertHarness, auditKey, validVerdict } from "../../support/alert-harness.ts";
import { alertIdOf } from "../../support/alert-service-model.ts";
import { alertPlatform } from "../../support/alert-platform.ts";

const personal = {
  ...validVerdict,
  requestedBy: "ada.lovelace@contoso.com",
  comment: "Talked to Charles",
  feedback: { text: "Grace confirmed", contactEmail: "grace@contoso.com" },
};
const canaries = /lovelace|charles|grace/i;
const cutoffDays = 90;

type Store = ReturnType<typeof alertHarness>["store"];

const findCanaries = (store: Store): string[] =>
  store.paths().filter((path) => canaries.test(store.peek(path) ?? ""));

/** A verdict that was carried out, with the audit in the store. */
async function createClosedVerdict() {
  const harness = alertHarness(3);
  const { clock, store, queues } = harness;
  const appendAudit = createAuditLog({ store, readKey: async () => auditKey });
  const deps: AlertDeps = {
    ...harness.deps,
    writeAudit: (event) => appendAudit({ ...event }),
  };
  const runWorkers = async (): Promise<void> =>
    clock.run(
      queues.drain("alert-verdicts", 4, async (message) => {
        await handleVerdictMessage(deps, verdictMessage.parse(message));
      }),
    );
  await harness.submit(personal);
  await runWorkers();
  const expire = async (): Promise<void> => {
    const cutoffMs = clock.now() - cutoffDays * dayMs;
    await expirePersonalData(store, cutoffMs);
    await expireTexts({ store, appendAudit }, cutoffMs);
  };
  const readHistory = () =>
    readAlertHistory(
      {
        store,
        listAudit: (startAfter) => listAuditRecords(store, startAfter),
        readTexts: (digests) => readTexts(store, digests),
      },
      alertIdOf(1),
      undefined,
    );
  return { ...harness, deps, runWorkers, expire, readHistory };
}

describe("the audit of a verdict", () => {
  test("holds no requester, comment or feedback, also when the service quotes them", async () => {
    const platform = alertPlatform(1, {
      refuse: () => "400: the comment Talked to Charles of ada.lovelace@contoso.com is refused",
    });
    platform.sendVerdict({ ...personal, alertIds: [alertIdOf(1)] });
    await platform.runFor(26 * hourMs);
    const audit = platform.store.paths().filter((path) => path.startsWith("audit/"));
    expect(audit.length).toBeGreaterThan(2);
    expect(audit.filter((path) => canaries.test(platform.store.peek(path) ?? ""))).toEqual([]);
    expect(platform.readAlertRecord(1)).toMatchObject({
      state: "failed",
      detail: "400: the comment [removed] of [removed] is refused",
    });
  });

  test("shows the requester and the comment in an alert's history until they are erased", async () => {
    const { clock, expire, readHistory } = await createClosedVerdict();
    const toTexts = async () =>
      (await readHistory())?.value.map(({ kind, details }) => ({ kind, ...details }));
    const shown = { requestedBy: [personal.requestedBy], comments: [personal.comment] };
    expect(await toTexts()).toMatchObject([
      { kind: "intent", ...shown },
      { kind: "outcome", ...shown },
    ]);
    await clock.advance((cutoffDays + 1) * dayMs);
    await expire();
    const erased = { requestedBy: [null], comments: [null] };
    expect(await toTexts()).toMatchObject([
      { kind: "intent", ...erased },
      { kind: "outcome", ...erased },
    ]);
  });
});

describe("after the days of the setting", () => {
  test("no record has a text about a person, while outcomes and audit stay", async () => {
    const { clock, deps, expire, outcomes, store } = await createClosedVerdict();
    const before = await outcomes(personal.id);
    await clock.advance((cutoffDays - 1) * dayMs);
    await expire();
    expect(findCanaries(store).length).toBeGreaterThan(3);
    await clock.advance(2 * dayMs);
    await expire();
    expect(findCanaries(store)).toEqual([]);
    expect(await outcomes(personal.id)).toEqual(before);
    expect(await readVerdictStatus(deps, personal.id)).toMatchObject({
      requestedBy: null,
      done: true,
      requestedAt: "2026-11-22T08:00:00Z",
    });
    const { value } = await listVerdicts(deps, { top: 10, skipToken: undefined });
    expect(value).toMatchObject([{ id: personal.id, requestedBy: null }]);
    const verification = await verifyAudit(store, [auditKey]);
    expect(verification.firstBad).toBe(undefined);
    expect(verification.texts).toEqual({ stored: 0, erased: 1 });
  });

  test("a verdict that still waits keeps its texts until it is settled", async () => {
    const { clock, service, store, submit, runWorkers, expire } = await createClosedVerdict();
    const waiting = alertIdOf(3);
    await submit({ ...personal, id: "waits", alertIds: [waiting] });
    await clock.advance((cutoffDays + 1) * dayMs);
    const record = { ...(await findAlertRecord(store, alertIdOf(1))) };
    store.poke(
      `state/alerts/${waiting}.json`,
      JSON.stringify({ ...record, alertId: waiting, state: "waiting", verdict: "waits" }),
    );
    await clock.advance((cutoffDays + 1) * dayMs);
    await expire();
    expect(await findAlertRecord(store, waiting)).toMatchObject({ comment: personal.comment });
    await runWorkers();
    expect(service.state.get(waiting)).toBe("falsePositive");
    await clock.advance((cutoffDays + 1) * dayMs);
    await expire();
    expect(findCanaries(store)).toEqual([]);
  });

  test("a forged watermark of the future keeps no text", async () => {
    const { clock, expire, store } = await createClosedVerdict();
    await clock.advance((cutoffDays + 1) * dayMs);
    const upToMs = clock.now() + 1_000 * dayMs;
    store.poke("state/privacy/expired.json", JSON.stringify({ version: 1, upToMs }));
    await expire();
    expect(findCanaries(store)).toEqual([]);
  });

  test("a run reads no record that an earlier run erased", async () => {
    const { clock, expire, store } = await createClosedVerdict();
    await clock.advance((cutoffDays + 1) * dayMs);
    await expire();
    await clock.advance(2 * hourMs);
    const before = store.count("read");
    await expire();
    expect(store.count("read") - before).toBeLessThan(3);
  });

  test("the same request is refused as another one, and the verdict can be undone", async () => {
    const { clock, deps, expire, service, store, submit } = await createClosedVerdict();
    await clock.advance((cutoffDays + 1) * dayMs);
    await expire();
    expect(await submit(personal)).toEqual({ kind: "idTaken" });
    expect(await findRequestRecord(store, personal.id)).toMatchObject({ digest: "" });
    await clock.run(undoVerdict(deps, personal.id, "lead@contoso.com"));
    expect(service.state.get(alertIdOf(1))).toBe("open");
    expect((await verifyAudit(store, [auditKey])).texts).toEqual({ stored: 1, erased: 1 });
  });
});

test("a marker of another group leads to no call with that group's closing", async () => {
  const { clock, queues, runWorkers, service, store } = alertHarness(2);
  const { comment: _comment, reason: _reason, ...bare } = validVerdict;
  const first = verdictMessage.parse({ ...bare, id: "first", alertIds: [alertIdOf(1)] });
  const second = verdictMessage.parse({
    ...bare,
    id: "second",
    action: "resolve",
    alertIds: [alertIdOf(2)],
  });
  const record = createWaitingRecord(alertIdOf(2), second, clock.now());
  await store.create(recordPath(alertIdOf(2)), record);
  // Left by an instance that marked the alert for an earlier verdict.
  await store.create(markerPath(groupOf({ closure: "falsePositive" }), alertIdOf(2)), {});
  await queues.send("alert-verdicts", first);
  await clock.run(runWorkers());
  expect(service.state.get(alertIdOf(2))).toBe("open");
  await queues.send("alert-verdicts", second);
  await clock.run(runWorkers());
  expect([1, 2].map((index) => service.state.get(alertIdOf(index)))).toEqual([
    "falsePositive",
    "truePositive",
  ]);
});
