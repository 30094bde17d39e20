import { describe, expect, test } from "vitest";
import { handleRunMessage } from "../../../../shared/hunts/run/handle-run-message.ts";
import { computeChainHash } from "../../../../shared/hunts/log/metadata.ts";
import type { CompiledHunt } from "../../../../shared/contracts/compiled-hunt.ts";
import { dayMs, hourMs, minuteMs } from "../../../../shared/runtime/time.ts";
import {
  ignoreLeases,
  listExportedLines,
  huntHarness,
  noonMs,
  createRunMessage,
  type HuntHarness,
} from "../../../support/hunt-harness.ts";
import { sourceRow, testHunt } from "../../../support/hunt-source.ts";

const former = testHunt();
const newer = testHunt({ queryHash: "b".repeat(64) });

async function runLater(harness: HuntHarness, hunt: CompiledHunt, ms = hourMs): Promise<string> {
  await harness.clock.advance(ms);
  return handleRunMessage(harness.deps, hunt, createRunMessage(harness));
}

const listExports = (harness: HuntHarness): [string, string, number][] =>
  harness.exports
    .listAll()
    .map(({ path, metadata: { complete, rows } }) => [
      path
        .replace("hl_tenant=default/hl_hunt=test-hunt/hl_version=", "v")
        .replace("hl_log=main/hl_date=", ""),
      complete,
      rows,
    ]);

async function startHarness(): Promise<HuntHarness> {
  const harness = huntHarness();
  harness.source.rows.push(
    sourceRow(noonMs - hourMs, "a"),
    sourceRow(noonMs, "b"),
    sourceRow(noonMs + hourMs, "c"),
  );
  await runLater(harness, former, 0);
  return harness;
}

describe("a hunt whose query changed", () => {
  test("closes the log and continues in the next version at the same instant", async () => {
    const harness = await startHarness();
    await runLater(harness, newer);
    expect(listExports(harness)).toEqual([
      ["v1/2026-01-04/000000000000.ndjson.gz", "yes", 1],
      ["v1/2026-01-05/000000000001.ndjson.gz", "closed", 0],
      ["v2/2026-01-05/000000000000.ndjson.gz", "yes", 1],
    ]);
    const [, closing, first] = harness.exports.listAll();
    expect(closing?.metadata).toMatchObject({ next: "v2", from: closing?.metadata.to });
    expect(first?.metadata).toMatchObject({
      from: closing?.metadata.to,
      prev: closing && computeChainHash(closing.metadata),
    });
  });

  test("is not reverted by an instance that still has the old query", async () => {
    const harness = await startHarness();
    await runLater(harness, newer);
    expect(await runLater(harness, former, minuteMs)).toBe("continues");
    expect(listExports(harness)).toHaveLength(3);
  });

  test("returns to the old query when that is deployed again", async () => {
    const harness = await startHarness();
    await runLater(harness, newer);
    await runLater(harness, former);
    expect(listExports(harness).at(-1)?.[0]).toMatch(/^v3\//);
    expect(listExportedLines(harness)).toHaveLength(3);
  });

  test("finds the next version without the cache", async () => {
    const harness = await startHarness();
    await runLater(harness, newer);
    harness.records.poke("state/hunts/test-hunt/head.json", undefined);
    await runLater(harness, newer);
    expect(listExports(harness).at(-1)?.[0]).toBe("v2/2026-01-05/000000000001.ndjson.gz");
  });

  test("continues after a crash between the closing record and the first export", async () => {
    const harness = await startHarness();
    const { failpoint } = harness.deps;
    harness.deps = {
      ...harness.deps,
      failpoint: (point) =>
        point === "E2 window planned" ? Promise.reject(new Error("killed")) : failpoint(point),
    };
    await runLater(harness, newer);
    harness.records.poke("state/hunts/test-hunt/head.json", undefined);
    harness.deps = { ...harness.deps, failpoint };
    await runLater(harness, newer);
    expect(listExports(harness).map(([path]) => path.slice(0, 2))).toEqual(["v1", "v1", "v2"]);
    expect(listExportedLines(harness)).toHaveLength(3);
  });

  test("writes a changed format with its own file extension, and the closing record with the old one", async () => {
    const harness = await startHarness();
    await runLater(harness, testHunt({ queryHash: "c".repeat(64), format: "csv" }));
    expect(listExports(harness).map(([path]) => path)).toEqual([
      "v1/2026-01-04/000000000000.ndjson.gz",
      "v1/2026-01-05/000000000001.ndjson.gz",
      "v2/2026-01-05/000000000000.csv.gz",
    ]);
  });
});

describe("a log that stopped for longer than the service keeps rows", () => {
  test("records a gap and continues after it", async () => {
    const harness = await startHarness();
    harness.source.rows.push(sourceRow(noonMs + 40 * dayMs - hourMs, "after"));
    await runLater(harness, former, 40 * dayMs);
    const records = harness.exports.listAll().map(({ metadata }) => metadata);
    const gap = records.find(({ complete }) => complete === "gap");
    expect(gap).toMatchObject({ rows: 0, from: records[0]?.to });
    expect(records[2]?.from).toBe(gap?.to);
    expect(Date.parse(gap?.to ?? "")).toBe(noonMs + 11 * dayMs - 15 * minuteMs);
    expect(harness.loggedEvents).toContainEqual(
      expect.objectContaining({
        event: "hunt.degraded",
        fields: expect.objectContaining({ cause: "older than the service keeps" }) as unknown,
      }),
    );
  });
});

describe("paths of exports", () => {
  test("give two instances on either side of midnight one path", async () => {
    const harness = huntHarness({ startMs: Date.UTC(2026, 0, 5, 23, 0) });
    await runLater(harness, testHunt({ lookBackMs: 8 * hourMs }), 0);
    const deps = { ...harness.deps };
    harness.source.rows.push(sourceRow(Date.UTC(2026, 0, 5, 23, 30), "x"));
    await harness.clock.advance(70 * minuteMs);
    const firstMessage = createRunMessage(harness);
    await harness.clock.advance(20 * minuteMs);
    const depsWithoutLease = { ...deps, records: ignoreLeases(deps.records) };
    await Promise.all([
      handleRunMessage(depsWithoutLease, former, firstMessage),
      handleRunMessage(depsWithoutLease, former, createRunMessage(harness)),
    ]);
    const seqs = harness.exports.listAll().map(({ metadata }) => metadata.seq);
    expect(new Set(seqs).size).toBe(seqs.length);
    expect(listExportedLines(harness)).toHaveLength(1);
  });
});
