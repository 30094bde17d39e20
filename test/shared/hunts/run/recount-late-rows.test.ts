import { describe, expect, test } from "vitest";
import { handleRunMessage } from "../../../../shared/hunts/run/handle-run-message.ts";
import { hourMs, minuteMs } from "../../../../shared/runtime/time.ts";
import {
  listExportedLines,
  huntHarness,
  noonMs,
  createRunMessage,
  type HuntHarness,
} from "../../../support/hunt-harness.ts";
import { toExportLine, sourceRow, testHunt } from "../../../support/hunt-source.ts";

const hunt = testHunt();
const runHunt = (harness: HuntHarness, of = hunt): Promise<string> =>
  handleRunMessage(harness.deps, of, createRunMessage(harness));

/** A harness whose first window holds rows `a` and `b`. */
async function createHarnessWithWindow(
  options: Parameters<typeof huntHarness>[0] = {},
): Promise<HuntHarness> {
  const harness = huntHarness(options);
  harness.source.rows.push(sourceRow(noonMs - hourMs, "a"), sourceRow(noonMs - hourMs, "b"));
  await runHunt(harness);
  return harness;
}

const addLateRow = (harness: HuntHarness, atMs: number, id: string): void =>
  void harness.source.rows.push({ ...sourceRow(atMs, id), arrivesMs: harness.clock.now() });

const latePaths = (harness: HuntHarness): string[] =>
  harness.exports
    .listAll()
    .map(({ path }) => path)
    .filter((path) => path.includes("/hl_log=late/"));

describe("late rows", () => {
  test("are exported and announced by the next run", async () => {
    const harness = await createHarnessWithWindow();
    addLateRow(harness, noonMs - hourMs, "late");
    await harness.clock.advance(hourMs);
    await runHunt(harness);
    expect(latePaths(harness)).toEqual([
      "hl_tenant=default/hl_hunt=test-hunt/hl_version=1/hl_log=late/hl_date=2026-01-04/000000000000.ndjson.gz",
    ]);
    expect(listExportedLines(harness)).toEqual(
      ["a", "b", "late"].map((id) => toExportLine(sourceRow(noonMs - hourMs, id))),
    );
    expect(harness.sentMessages.map(({ message }) => message)).toContainEqual(
      expect.objectContaining({ kind: "late", seq: 0, rows: 1 }),
    );
    expect(harness.loggedEvents).toContainEqual(expect.objectContaining({ event: "hunt.late" }));
  });

  test("cost one count while nothing is late", async () => {
    const harness = await createHarnessWithWindow();
    const queryCount = harness.source.queries.length;
    await harness.clock.advance(hourMs);
    await runHunt(harness);
    const queries = harness.source.queries.slice(queryCount);
    expect(queries.filter((query) => query.endsWith("| count"))).toHaveLength(1);
    expect(queries).toHaveLength(2);
  });

  test("equal to an exported row are one more row", async () => {
    const harness = await createHarnessWithWindow();
    addLateRow(harness, noonMs - hourMs, "a");
    await harness.clock.advance(hourMs);
    await runHunt(harness);
    expect(listExportedLines(harness).filter((line) => line.includes('"a"'))).toHaveLength(2);
  });

  test("are exported once, and again when more arrive", async () => {
    const harness = await createHarnessWithWindow();
    for (const id of ["late-1", "late-2"]) {
      addLateRow(harness, noonMs - hourMs, id);
      for (let twice = 0; twice < 2; twice += 1) {
        await harness.clock.advance(30 * minuteMs);
        await runHunt(harness);
      }
    }
    expect(latePaths(harness)).toHaveLength(2);
    expect(listExportedLines(harness)).toHaveLength(4);
  });

  test("of a settled window are not searched", async () => {
    const harness = await createHarnessWithWindow();
    for (let hour = 0; hour < 6; hour += 1) {
      await harness.clock.advance(hourMs);
      await runHunt(harness);
    }
    addLateRow(harness, noonMs - hourMs, "late");
    await harness.clock.advance(hourMs);
    await runHunt(harness);
    expect(latePaths(harness)).toEqual([]);
  });

  test("that arrived during an outage longer than the watch are found after it", async () => {
    const harness = await createHarnessWithWindow();
    await harness.clock.advance(hourMs);
    addLateRow(harness, noonMs - hourMs, "late");
    await harness.clock.advance(8 * hourMs);
    await runHunt(harness);
    expect(latePaths(harness)).toHaveLength(1);
  });

  test("that make a window larger than one result are read in shards", async () => {
    const harness = await createHarnessWithWindow({ cap: 5 });
    for (let index = 0; index < 12; index += 1)
      addLateRow(harness, noonMs - hourMs, `late-${index}`);
    await harness.clock.advance(hourMs);
    await runHunt(harness);
    expect(listExportedLines(harness)).toHaveLength(14);
  });

  test("are counted within the hunt's own predicates", async () => {
    const narrow = testHunt({ widestMs: hourMs, lookBackMs: 3 * hourMs });
    const harness = huntHarness();
    harness.source.rows.push(
      sourceRow(noonMs - 30 * minuteMs, "a"),
      sourceRow(noonMs - 90 * minuteMs, "b"),
    );
    await runHunt(harness, narrow);
    addLateRow(harness, noonMs - 90 * minuteMs, "late");
    await harness.clock.advance(hourMs);
    await runHunt(harness, narrow);
    expect(listExportedLines(harness)).toHaveLength(3);
    for (const query of harness.source.queries) {
      const [from = "", to = ""] = [...query.matchAll(/datetime\(([^)]+)\)/g)].map(
        ([, text = ""]) => text,
      );
      expect(Date.parse(to) - Date.parse(from)).toBeLessThanOrEqual(hourMs);
    }
  });

  test("that cannot be distinguished are reported while the hunt continues", async () => {
    const harness = await createHarnessWithWindow();
    const { readRows } = harness.deps.exports;
    harness.deps = {
      ...harness.deps,
      exports: {
        ...harness.deps.exports,
        readRows: async (...parts) =>
          (await readRows(...parts)).map((row) => row.replace("Id", "Other")),
      },
    };
    addLateRow(harness, noonMs - hourMs, "late");
    harness.source.rows.push(sourceRow(noonMs, "next"));
    await harness.clock.advance(hourMs);
    expect(await runHunt(harness)).toBe("done");
    expect(latePaths(harness)).toEqual([]);
    expect(harness.records.peek("state/hunts/test-hunt/status.json")).toContain(
      "differ from those",
    );
    expect(listExportedLines(harness)).toContain(toExportLine(sourceRow(noonMs, "next")));
  });
});
