import { describe, expect, test } from "vitest";
import { handleRunMessage } from "../../../shared/hunts/run/handle-run-message.ts";
import { startOverdueHunts } from "../../../shared/hunts/overdue-hunts.ts";
import { hourMs } from "../../../shared/runtime/time.ts";
import {
  huntHarness,
  noonMs,
  createRunMessage,
  type HuntHarness,
} from "../../support/hunt-harness.ts";
import { sourceRow, testHunt } from "../../support/hunt-source.ts";

const hunt = testHunt();

async function startHarness(): Promise<HuntHarness> {
  const harness = huntHarness();
  harness.source.rows.push(sourceRow(noonMs - hourMs, "a"));
  await handleRunMessage(harness.deps, hunt, createRunMessage(harness));
  harness.sentMessages.length = 0;
  return harness;
}

describe("startOverdueHunts", () => {
  test("starts overdue hunts and none twice", async () => {
    const harness = await startHarness();
    expect(await startOverdueHunts(harness.deps, [hunt], "overdue", harness.clock.now())).toEqual(
      [],
    );
    await harness.clock.advance(2 * hourMs);
    expect(await startOverdueHunts(harness.deps, [hunt], "overdue", harness.clock.now())).toEqual([
      "test-hunt",
    ]);
    expect(await startOverdueHunts(harness.deps, [hunt], "overdue", harness.clock.now())).toEqual(
      [],
    );
    expect(harness.sentMessages).toHaveLength(1);
  });

  test("ignores an old record of a waiting run", async () => {
    const harness = await startHarness();
    await harness.clock.advance(2 * hourMs);
    await startOverdueHunts(harness.deps, [hunt], "overdue", harness.clock.now());
    await harness.clock.advance(2 * hourMs);
    expect(await startOverdueHunts(harness.deps, [hunt], "overdue", harness.clock.now())).toEqual([
      "test-hunt",
    ]);
  });
});
