import { describe, expect, test } from "vitest";
import { handleRunMessage } from "../../../shared/hunts/run/handle-run-message.ts";
import {
  findExport,
  formatCursor,
  parseCursor,
  pollExports,
} from "../../../shared/hunts/poll-exports.ts";
import { hourMs } from "../../../shared/runtime/time.ts";
import {
  huntHarness,
  noonMs,
  createRunMessage,
  startExportedHunt,
} from "../../support/hunt-harness.ts";
import { sourceRow, testHunt } from "../../support/hunt-source.ts";

const hunt = testHunt();

describe("a page of exports", () => {
  test("lists exports after the cursor over versions and passes those without rows", async () => {
    const harness = await startExportedHunt(hunt);
    const newer = testHunt({ queryHash: "b".repeat(64) });
    harness.source.rows.push(sourceRow(noonMs, "b"));
    await harness.clock.advance(hourMs);
    await handleRunMessage(harness.deps, newer, createRunMessage(harness));
    const poll = async (after: string, top: number): Promise<[number, string]> => {
      const result = await pollExports(harness.deps, newer, { after, top }, harness.clock.now());
      if (result.kind !== "page") throw new Error("The cursor is invalid.");
      return [result.page.exports.length, formatCursor(result.page.cursor)];
    };
    expect(await poll("v1.-1", 1)).toEqual([1, "v1.0"]);
    expect(await poll("v1.0", 10)).toEqual([1, "v2.0"]);
    expect(await poll("v2.0", 10)).toEqual([0, "v2.0"]);
  });

  test.each([
    ["v2.17", { version: 2, seq: 17 }],
    ["17", { version: 3, seq: 17 }],
    ["-1", { version: 3, seq: -1 }],
    ["x", undefined],
  ])("parses the cursor %s", (text, cursor) => {
    expect(parseCursor(text, 3)).toEqual(cursor);
  });
});

describe("pollExports", () => {
  const latest = { after: "latest", top: 100 };

  test("skips existing exports from latest, then returns each new one once", async () => {
    const harness = await startExportedHunt(hunt);
    const now = harness.clock.now();
    const first = await pollExports(harness.deps, hunt, latest, now);
    expect(first).toMatchObject({ page: { exports: [], cursor: { version: 1, seq: 0 } } });
    harness.source.rows.push(sourceRow(noonMs, "b"));
    await harness.clock.advance(hourMs);
    await handleRunMessage(harness.deps, hunt, createRunMessage(harness));
    const second = await pollExports(
      harness.deps,
      hunt,
      { after: "v1.0", top: 100 },
      harness.clock.now(),
    );
    expect(second).toMatchObject({
      page: { exports: [{ metadata: { seq: 1 } }], cursor: { version: 1, seq: 1 } },
    });
    expect(
      await pollExports(harness.deps, hunt, { after: "v1.1", top: 100 }, harness.clock.now()),
    ).toMatchObject({
      page: { exports: [] },
    });
  });

  test("returns the first export of a hunt that had never run, from latest", async () => {
    const harness = huntHarness();
    const first = await pollExports(harness.deps, hunt, latest, harness.clock.now());
    expect(first).toMatchObject({ page: { exports: [], cursor: { version: 1, seq: -1 } } });
  });

  test.each([
    ["four times an interval, where nothing is new", 3_600_000, "v1.0", 100, 900],
    ["at most every minute", 60_000, "v1.0", 100, 60],
    ["at least every 15 minutes", 86_400_000, "v1.0", 100, 900],
    ["at once, where more may be there", 3_600_000, "-1", 1, 1],
  ])("asks to poll again %s", async (_, intervalMs, after, top, seconds) => {
    const harness = await startExportedHunt(hunt);
    const polled = await pollExports(
      harness.deps,
      testHunt({ intervalMs }),
      { after, top },
      harness.clock.now(),
    );
    expect(polled).toMatchObject({ retryAfterSeconds: seconds });
  });

  test.each(["v1.7", "7", "v2.0", "v3.-1"])("reports the cursor %s as gone", async (after) => {
    const harness = await startExportedHunt(hunt);
    expect(await pollExports(harness.deps, hunt, { after, top: 1 }, noonMs)).toEqual({
      kind: "cursor-beyond-end",
    });
  });

  test("accepts a cursor that is newer than the cached head", async () => {
    const harness = await startExportedHunt(hunt);
    const head = harness.records.peek("state/hunts/test-hunt/head.json");
    harness.source.rows.push(sourceRow(noonMs, "b"));
    await harness.clock.advance(hourMs);
    await handleRunMessage(harness.deps, hunt, createRunMessage(harness));
    harness.records.poke("state/hunts/test-hunt/head.json", head);
    const polled = await pollExports(harness.deps, hunt, { after: "v1.1", top: 1 }, noonMs);
    expect(polled).toMatchObject({ kind: "page", page: { exports: [] } });
  });

  test("refuses an invalid cursor", async () => {
    const harness = await startExportedHunt(hunt);
    expect(await pollExports(harness.deps, hunt, { after: "next", top: 1 }, noonMs)).toEqual({
      kind: "invalid-cursor",
    });
  });
});

describe("findExport", () => {
  test.each([0, 3, 5])("finds number %i without listing the whole log", async (seq) => {
    const harness = await startExportedHunt(hunt);
    for (let hour = 0; hour < 5; hour += 1) {
      harness.source.rows.push(sourceRow(harness.clock.now(), `h${hour}`));
      await harness.clock.advance(hourMs);
      await handleRunMessage(harness.deps, hunt, createRunMessage(harness));
    }
    const prefixes: string[] = [];
    const { list } = harness.deps.exports;
    const exports = {
      ...harness.deps.exports,
      list: (prefix: string) => (prefixes.push(prefix), list(prefix)),
    };
    const found = await findExport({ ...harness.deps, exports }, "test-hunt", { version: 1, seq });
    expect(found?.metadata.seq).toBe(seq);
    expect(prefixes).not.toContain("test-hunt/v1/");
  });

  test("finds nothing under a missing number", async () => {
    expect(
      await findExport((await startExportedHunt(hunt)).deps, "test-hunt", { version: 1, seq: 9 }),
    ).toBeUndefined();
  });
});
