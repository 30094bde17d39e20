import { describe, expect, test } from "vitest";
import { startOverdueHunts } from "../../../shared/hunts/overdue-hunts.ts";
import { hourMs } from "../../../shared/runtime/time.ts";
import { startExportedHunt } from "../../support/hunt-harness.ts";
import { testHunt } from "../../support/hunt-source.ts";

const hunt = testHunt();

describe("startOverdueHunts", () => {
  test("starts overdue hunts and none twice", async () => {
    const harness = await startExportedHunt(hunt);
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
    const harness = await startExportedHunt(hunt);
    await harness.clock.advance(2 * hourMs);
    await startOverdueHunts(harness.deps, [hunt], "overdue", harness.clock.now());
    await harness.clock.advance(2 * hourMs);
    expect(await startOverdueHunts(harness.deps, [hunt], "overdue", harness.clock.now())).toEqual([
      "test-hunt",
    ]);
  });
});
