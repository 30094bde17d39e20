import { describe, expect, test } from "vitest";
import { handleRunMessage } from "../../../../shared/hunts/run/handle-run-message.ts";
import { computeChainHash } from "../../../../shared/hunts/log/metadata.ts";
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

const runNow = (harness: HuntHarness, of = hunt): Promise<string> =>
  handleRunMessage(harness.deps, of, createRunMessage(harness));

const listWindows = (harness: HuntHarness): string[] =>
  harness.exports
    .listAll()
    .map(
      ({ path, metadata: { from, to, rows } }) =>
        `${path} ${from.slice(0, 16)} ${to.slice(0, 16)} ${rows}`,
    );

describe("a first run", () => {
  test("reads the look-back with one call and writes one window", async () => {
    const harness = huntHarness();
    harness.source.rows.push(sourceRow(noonMs - hourMs, "a"), sourceRow(noonMs - 5 * hourMs, "b"));
    expect(await runNow(harness)).toBe("done");
    expect(listWindows(harness)).toEqual([
      "hl_tenant=default/hl_hunt=test-hunt/hl_version=1/hl_log=main/hl_date=2026-01-04/000000000000.ndjson.gz 2026-01-04T11:45 2026-01-05T11:45 2",
    ]);
    expect(harness.source.queries).toHaveLength(1);
  });

  test("does not read rows younger than the lag", async () => {
    const harness = huntHarness();
    harness.source.rows.push(
      sourceRow(noonMs - 16 * minuteMs, "old"),
      sourceRow(noonMs - 14 * minuteMs, "young"),
    );
    await runNow(harness);
    expect(listExportedLines(harness)).toEqual([
      toExportLine(sourceRow(noonMs - 16 * minuteMs, "old")),
    ]);
  });

  test("announces the export with a link to the portal", async () => {
    const harness = huntHarness();
    harness.source.rows.push(sourceRow(noonMs - hourMs, "a"));
    await runNow(harness);
    expect(harness.sentMessages.filter(({ queue }) => queue === "hunt-results")).toMatchObject([
      {
        message: {
          hunt: "test-hunt",
          kind: "window",
          seq: 0,
          rows: 1,
          blob: "hl_tenant=default/hl_hunt=test-hunt/hl_version=1/hl_log=main/hl_date=2026-01-04/000000000000.ndjson.gz",
        },
      },
    ]);
  });
});

describe("the next run", () => {
  test("starts where the last window ends", async () => {
    const harness = huntHarness();
    harness.source.rows.push(
      sourceRow(noonMs - hourMs, "a"),
      sourceRow(noonMs + 10 * minuteMs, "b"),
    );
    await runNow(harness);
    await harness.clock.advance(hourMs);
    await runNow(harness);
    expect(listWindows(harness)).toEqual([
      "hl_tenant=default/hl_hunt=test-hunt/hl_version=1/hl_log=main/hl_date=2026-01-04/000000000000.ndjson.gz 2026-01-04T11:45 2026-01-05T11:45 1",
      "hl_tenant=default/hl_hunt=test-hunt/hl_version=1/hl_log=main/hl_date=2026-01-05/000000000001.ndjson.gz 2026-01-05T11:45 2026-01-05T12:45 1",
    ]);
    const [first, second] = harness.exports.listAll();
    expect(second?.metadata.prev).toBe(first && computeChainHash(first.metadata));
  });

  test("announces nothing twice", async () => {
    const harness = huntHarness();
    harness.source.rows.push(sourceRow(noonMs - hourMs, "a"));
    await runNow(harness);
    await harness.clock.advance(hourMs);
    await runNow(harness);
    expect(harness.sentMessages.filter(({ queue }) => queue === "hunt-results")).toHaveLength(1);
  });

  test("finds the log end without the cache", async () => {
    const harness = huntHarness();
    harness.source.rows.push(
      sourceRow(noonMs - hourMs, "a"),
      sourceRow(noonMs + 10 * minuteMs, "b"),
    );
    await runNow(harness);
    harness.records.poke("state/hunts/test-hunt/head.json", undefined);
    await harness.clock.advance(hourMs);
    await runNow(harness);
    expect(harness.exports.listAll().map(({ metadata }) => metadata.seq)).toEqual([0, 1]);
  });

  test("treats an invalid cache as lost", async () => {
    const harness = huntHarness();
    harness.source.rows.push(
      sourceRow(noonMs - hourMs, "a"),
      sourceRow(noonMs + 10 * minuteMs, "b"),
    );
    await runNow(harness);
    harness.records.poke("state/hunts/test-hunt/head.json", '{"head":');
    await harness.clock.advance(hourMs);
    await runNow(harness);
    expect(harness.exports.listAll().map(({ metadata }) => metadata.seq)).toEqual([0, 1]);
    expect(harness.records.peek("state/hunts/test-hunt/head.json")).toContain("000000000001");
  });

  test("does nothing for a repeated message", async () => {
    const harness = huntHarness();
    harness.source.rows.push(sourceRow(noonMs - hourMs, "a"));
    const message = createRunMessage(harness);
    await handleRunMessage(harness.deps, hunt, message);
    const calls = harness.source.queries.length;
    expect(await handleRunMessage(harness.deps, hunt, message)).toBe("done");
    expect(harness.source.queries).toHaveLength(calls);
  });
});

describe("windows without rows", () => {
  test("are committed only every six hours", async () => {
    const harness = huntHarness();
    await runNow(harness);
    for (let hour = 1; hour <= 24; hour += 1) {
      await harness.clock.advance(hourMs);
      await runNow(harness);
    }
    expect(harness.exports.listAll().map(({ metadata }) => metadata.rows)).toEqual([0, 0, 0, 0, 0]);
  });

  test("are followed by a window with the late rows of an empty span", async () => {
    const harness = huntHarness();
    await runNow(harness);
    harness.source.rows.push(sourceRow(noonMs + 10 * minuteMs, "late", 80 * minuteMs));
    await harness.clock.advance(hourMs);
    await runNow(harness);
    expect(listExportedLines(harness)).toEqual([]);
    await harness.clock.advance(hourMs);
    await runNow(harness);
    expect(listExportedLines(harness)).toHaveLength(1);
  });

  test("continue past a proven empty span when predicates are narrow", async () => {
    const harness = huntHarness();
    const narrow = testHunt({ widestMs: hourMs, lookBackMs: hourMs });
    await runNow(harness, narrow);
    for (let hour = 1; hour <= 12; hour += 1) {
      await harness.clock.advance(hourMs);
      await runNow(harness, narrow);
    }
    expect(harness.exports.listAll().length).toBeLessThanOrEqual(2);
    for (const query of harness.source.queries) {
      const [from = "", to = ""] = [...query.matchAll(/datetime\(([^)]+)\)/g)].map(
        ([, text = ""]) => text,
      );
      expect(Date.parse(to) - Date.parse(from)).toBeLessThanOrEqual(hourMs);
    }
  });
});
