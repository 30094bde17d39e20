import { describe, expect, test } from "vitest";
import { handleRunMessage } from "../../../shared/hunts/run/handle-run-message.ts";
import { startHunt } from "../../../shared/hunts/start-hunt.ts";
import { findJob } from "../../../shared/storage/jobs.ts";
import { huntRun } from "../../../shared/contracts/hunt-run.ts";
import { hourMs, minuteMs } from "../../../shared/runtime/time.ts";
import { huntHarness, noonMs, type HuntHarness } from "../../support/hunt-harness.ts";
import { sourceRow, testHunt } from "../../support/hunt-source.ts";

const hunt = testHunt();
const day = { from: "2026-01-03T00:00:00Z", to: "2026-01-04T00:00:00Z" };

async function handleAllMessages(harness: HuntHarness): Promise<void> {
  const runMessages = harness.sentMessages.splice(0).filter(({ queue }) => queue === "hunt-runs");
  for (const { message } of runMessages)
    await handleRunMessage(harness.deps, hunt, huntRun.parse(message));
}

const startJob = async (
  harness: HuntHarness,
  key: string | undefined,
  request = {},
): Promise<string> => {
  const started = await startHunt(harness.deps, hunt, request, key);
  if (started.kind !== "started") throw new Error(started.kind);
  return started.job;
};

const readJobEnd = async (harness: HuntHarness, job: string): Promise<unknown> => {
  const found = await findJob(harness.records, job);
  return found.kind === "ended" ? found.end : found.kind;
};

describe("a requested run", () => {
  test("has a job that lists the exports once they are there", async () => {
    const harness = huntHarness();
    harness.source.rows.push(sourceRow(noonMs - hourMs, "a"));
    const job = await startJob(harness, "key");
    expect(await readJobEnd(harness, job)).toBe("running");
    await handleAllMessages(harness);
    expect(await readJobEnd(harness, job)).toMatchObject({
      outcome: "succeeded",
      result: {
        hunt: "test-hunt",
        rows: 1,
        exports: [
          {
            seq: 0,
            rows: 1,
            blob: "hl_tenant=default/hl_hunt=test-hunt/hl_version=1/hl_log=main/hl_date=2026-01-04/000000000000.ndjson.gz",
          },
        ],
      },
    });
  });

  test("lists all exports of a first run whose look-back starts the day before the lag does", async () => {
    const harness = huntHarness({ startMs: Date.UTC(2026, 0, 5, 0, 5), cap: 10 });
    for (let index = 0; index < 60; index += 1)
      harness.source.rows.push(sourceRow(Date.UTC(2026, 0, 3, 23, 50, index), `r${index}`));
    const job = await startJob(harness, "key");
    await handleAllMessages(harness);
    expect(await readJobEnd(harness, job)).toMatchObject({ result: { rows: 60 } });
  });

  test("lists only new exports when the cached head is lost", async () => {
    const harness = huntHarness();
    harness.source.rows.push(sourceRow(noonMs - hourMs, "a"), sourceRow(noonMs, "b"));
    await startJob(harness, "first");
    await handleAllMessages(harness);
    harness.records.poke("state/hunts/test-hunt/head.json", undefined);
    await harness.clock.advance(hourMs);
    const job = await startJob(harness, "second");
    await handleAllMessages(harness);
    expect(await readJobEnd(harness, job)).toMatchObject({ result: { exports: [{ seq: 1 }] } });
  });

  test("lists only exports after the request", async () => {
    const harness = huntHarness();
    harness.source.rows.push(sourceRow(noonMs - hourMs, "a"), sourceRow(noonMs, "b"));
    await startJob(harness, "first");
    await handleAllMessages(harness);
    await harness.clock.advance(hourMs);
    const job = await startJob(harness, "second");
    await handleAllMessages(harness);
    expect(await readJobEnd(harness, job)).toMatchObject({ result: { exports: [{ seq: 1 }] } });
  });

  test("finds the same job by key and refuses another request under it", async () => {
    const harness = huntHarness();
    const job = await startJob(harness, "key");
    expect(await startJob(harness, "key")).toBe(job);
    expect(await startHunt(harness.deps, hunt, day, "key")).toEqual({ kind: "other-request" });
  });

  test("fails with the reason when the hunt cannot run", async () => {
    const harness = huntHarness({
      interceptQuery: () => ({ kind: "refused", cause: "query", message: "no such column" }),
    });
    const job = await startJob(harness, "key");
    await handleAllMessages(harness);
    expect(await readJobEnd(harness, job)).toMatchObject({
      outcome: "failed",
      error: { code: "huntFailed", message: "no such column" },
    });
  });
});

describe("a backfill", () => {
  test("writes its exports apart from the hunt's own log", async () => {
    const harness = huntHarness();
    harness.source.rows.push(
      sourceRow(Date.parse("2026-01-03T12:00:00Z"), "then"),
      sourceRow(noonMs - hourMs, "now"),
    );
    const job = await startJob(harness, "key", day);
    await handleAllMessages(harness);
    expect(harness.exports.listAll().map(({ path, lines }) => [path, lines.length])).toEqual([
      [
        "hl_tenant=default/hl_hunt=test-hunt/hl_version=1/hl_log=backfill/hl_date=2026-01-03/20260103T000000Z-20260104T000000Z-000000000000.ndjson.gz",
        1,
      ],
    ]);
    expect(await readJobEnd(harness, job)).toMatchObject({ result: { rows: 1 } });
  });

  test("reads nothing again when it is repeated", async () => {
    const harness = huntHarness();
    await startJob(harness, "one", day);
    await handleAllMessages(harness);
    const queryCount = harness.source.queries.length;
    const job = await startJob(harness, "two", day);
    await handleAllMessages(harness);
    expect(harness.source.queries).toHaveLength(queryCount);
    expect(await readJobEnd(harness, job)).toMatchObject({
      outcome: "succeeded",
      result: { windows: 1 },
    });
  });

  test.each([
    ["that ends before it starts", { from: day.to, to: day.from }, "before"],
    [
      "of rows younger than the lag",
      { from: day.from, to: new Date(noonMs - minuteMs).toISOString() },
      "at or before 2026-01-05T11:45",
    ],
    [
      "of rows that the service no longer keeps",
      { from: "2025-11-01T00:00:00Z", to: day.to },
      "29 days",
    ],
  ])("refuses %s", async (_, span, word) => {
    const started = await startHunt(huntHarness().deps, hunt, span, undefined);
    expect(started).toMatchObject({
      kind: "fault",
      message: expect.stringContaining(word) as unknown,
    });
  });
});
