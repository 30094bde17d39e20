import { describe, expect, test } from "vitest";
import { handleRunMessage } from "../../../../shared/hunts/run/handle-run-message.ts";
import { dayMs, hourMs, minuteMs } from "../../../../shared/runtime/time.ts";
import {
  huntHarness,
  noonMs,
  createRunMessage,
  type HuntHarness,
} from "../../../support/hunt-harness.ts";
import { sourceRow, testHunt } from "../../../support/hunt-source.ts";

const hunt = testHunt({ mode: "snapshot", lookBackMs: dayMs });
const listRecords = (harness: HuntHarness): object[] =>
  harness.exports
    .listAll()
    .map(({ metadata: { seq, from, to, rows, mode } }) => ({ seq, from, to, rows, mode }));

describe("a snapshot", () => {
  test("holds the whole result each time, in an unbroken log", async () => {
    const harness = huntHarness();
    harness.source.rows.push(sourceRow(noonMs - 3 * hourMs, "a"));
    await handleRunMessage(harness.deps, hunt, createRunMessage(harness));
    await harness.clock.advance(hourMs);
    await handleRunMessage(harness.deps, hunt, createRunMessage(harness));
    const [first, second] = harness.exports.listAll().map(({ metadata }) => metadata);
    expect(listRecords(harness)).toMatchObject([
      { seq: 0, rows: 1, mode: "snapshot" },
      { seq: 1, rows: 1, mode: "snapshot", from: first?.to },
    ]);
    expect(second?.to).toBe("2026-01-05T12:45:00.0000000Z");
  });

  test("requested twice for the same instant is made once", async () => {
    const harness = huntHarness();
    const message = createRunMessage(harness);
    await handleRunMessage(harness.deps, hunt, message);
    await harness.clock.advance(minuteMs);
    await handleRunMessage(harness.deps, hunt, message);
    expect(listRecords(harness)).toHaveLength(1);
  });

  test("above the row limit is sharded, and committed whole", async () => {
    const harness = huntHarness({ cap: 10 });
    for (let index = 0; index < 25; index += 1)
      harness.source.rows.push(sourceRow(noonMs - hourMs - index, `r${index}`));
    await handleRunMessage(harness.deps, hunt, createRunMessage(harness));
    expect(listRecords(harness)).toMatchObject([{ rows: 25 }]);
    expect(new Set(harness.exports.listAll().flatMap(({ lines }) => lines)).size).toBe(25);
  });

  test("that changes while its shards are read is read again", async () => {
    let moved = false;
    const harness = huntHarness({
      cap: 10,
      interceptQuery: (query) => {
        if (!moved && query.includes("| shard 1 of")) {
          moved = true;
          harness.source.rows.push(sourceRow(noonMs - hourMs, "between"));
        }
        return undefined;
      },
    });
    for (let index = 0; index < 25; index += 1)
      harness.source.rows.push(sourceRow(noonMs - hourMs - index, `r${index}`));
    await handleRunMessage(harness.deps, hunt, createRunMessage(harness));
    expect(listRecords(harness)).toMatchObject([{ rows: 26 }]);
  });

  test("too heavy five times pauses the hunt", async () => {
    const harness = huntHarness({
      interceptQuery: () => ({ kind: "too-heavy", cause: "preempted" }),
    });
    const outcomes: string[] = [];
    for (let run = 0; run < 5; run += 1) {
      outcomes.push(await handleRunMessage(harness.deps, hunt, createRunMessage(harness)));
      await harness.clock.advance(minuteMs);
    }
    expect(outcomes).toEqual(["failing", "failing", "failing", "failing", "degraded"]);
    expect(harness.exports.listAll()).toEqual([]);
  });
});
