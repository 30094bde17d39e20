import { describe, expect, test } from "vitest";
import type { CompiledHunt } from "../../../../shared/contracts/compiled-hunt.ts";
import { readHuntHealth } from "../../../../shared/hunts/hunt-health.ts";
import { handleRunMessage } from "../../../../shared/hunts/run/handle-run-message.ts";
import { hourMs } from "../../../../shared/runtime/time.ts";
import {
  createRunMessage,
  huntHarness,
  noonMs,
  type HuntHarness,
} from "../../../support/hunt-harness.ts";
import { sourceRow, testHunt } from "../../../support/hunt-source.ts";

const hunt = testHunt({
  known: [{ where: "w", until: "2026-02-01T00:00:00.0000000Z", why: "Expected" }],
  query: {
    ...testHunt().query,
    knownSuffix: [" | unknown"],
    suppressedSuffix: [" | known | count"],
  },
});

const runNow = (harness: HuntHarness, of: CompiledHunt = hunt): Promise<string> =>
  handleRunMessage(harness.deps, of, createRunMessage(harness));

const readSuppressed = async (harness: HuntHarness, of = hunt) =>
  (await readHuntHealth(harness.deps, of, harness.clock.now())).suppressed;

describe("the count of known rows", () => {
  test("is one query over the exported span, and every other query leaves known rows out", async () => {
    const harness = huntHarness();
    harness.source.rows.push(sourceRow(noonMs - hourMs, "a"), sourceRow(noonMs - 2 * hourMs, "b"));
    await runNow(harness);
    const [rows, count, ...more] = harness.source.queries;
    expect(rows).toMatch(/ \| unknown$/);
    expect(count).toMatch(/\) \| known \| count$/);
    expect(more).toEqual([]);
    expect(await readSuppressed(harness)).toEqual({
      rows: 2,
      from: "2026-01-04T11:45:00.0000000Z",
      to: "2026-01-05T11:45:00.0000000Z",
    });
  });

  test("is of the whole look-back of a snapshot, at its instant", async () => {
    const harness = huntHarness();
    harness.source.rows.push(sourceRow(noonMs - hourMs, "a"));
    const snapshot = { ...hunt, mode: "snapshot" as const, lookBackMs: 2 * hourMs };
    await runNow(harness, snapshot);
    expect(await readSuppressed(harness, snapshot)).toEqual({
      rows: 1,
      from: "2026-01-05T09:45:00.0000000Z",
      to: "2026-01-05T11:45:00.0000000Z",
    });
  });

  test("stays the last one after a run whose count fails, and the run succeeds", async () => {
    let isFailing = false;
    const harness = huntHarness({
      interceptQuery: (query) =>
        isFailing && query.endsWith(" | known | count")
          ? { kind: "failed", message: "The service is busy." }
          : undefined,
    });
    harness.source.rows.push(sourceRow(noonMs - hourMs, "a"), sourceRow(noonMs, "b"));
    await runNow(harness);
    const before = await readSuppressed(harness);
    isFailing = true;
    await harness.clock.advance(hourMs);
    expect(await runNow(harness)).toBe("done");
    expect(harness.exports.listAll()).toHaveLength(2);
    expect(await readSuppressed(harness)).toEqual(before);
  });

  test("needs no query without known rows", async () => {
    const harness = huntHarness();
    harness.source.rows.push(sourceRow(noonMs - hourMs, "a"));
    await runNow(harness, testHunt());
    expect(harness.source.queries).toHaveLength(1);
    expect(await readSuppressed(harness, testHunt())).toBeNull();
  });
});

describe("a hunt whose tenant has invalid parameters", () => {
  const invalid = testHunt({
    queryHash: "invalid-parameters",
    invalidParameters: "TENANTS /contoso/parameters/test-hunt/n: must be a whole number",
  });

  test("sends no query, is shown as invalid, and runs at once when the values are corrected", async () => {
    const harness = huntHarness();
    harness.source.rows.push(sourceRow(noonMs - hourMs, "a"));
    expect(await runNow(harness, invalid)).toBe("refused");
    expect(harness.source.queries).toEqual([]);
    expect(await readHuntHealth(harness.deps, invalid, noonMs)).toMatchObject({
      state: "invalid",
      reason: "TENANTS /contoso/parameters/test-hunt/n: must be a whole number",
    });
    expect(await runNow(harness, testHunt())).toBe("done");
    expect(harness.exports.listAll()).toHaveLength(1);
  });
});
