import { describe, expect, test } from "vitest";
import { handleRunMessage } from "../../../shared/hunts/run/handle-run-message.ts";
import { readHuntHealth } from "../../../shared/hunts/hunt-health.ts";
import { hourMs } from "../../../shared/runtime/time.ts";
import {
  huntHarness,
  noonMs,
  createRunMessage,
  startExportedHunt,
} from "../../support/hunt-harness.ts";
import { testHunt } from "../../support/hunt-source.ts";

const hunt = testHunt();

describe("readHuntHealth", () => {
  test("reports a hunt that has never run as new", async () => {
    expect(await readHuntHealth(huntHarness().deps, hunt, noonMs)).toMatchObject({
      state: "new",
      watermark: null,
    });
  });

  test.each([
    [3, "ok"],
    [4, "overdue"],
  ])("reports an hourly hunt %i hours after its last run as %s", async (hours, state) => {
    const harness = await startExportedHunt(hunt);
    expect(
      await readHuntHealth(
        harness.deps,
        hunt,
        noonMs + hours * hourMs - 1_000 * (state === "ok" ? 1 : 0),
      ),
    ).toMatchObject({ state });
  });

  test("reports a hunt without results as ok", async () => {
    const harness = await startExportedHunt(hunt);
    for (let hour = 0; hour < 5; hour += 1) {
      await harness.clock.advance(hourMs);
      await handleRunMessage(harness.deps, hunt, createRunMessage(harness));
    }
    expect(await readHuntHealth(harness.deps, hunt, harness.clock.now())).toMatchObject({
      state: "ok",
      watermarkAgeSeconds: 900,
    });
  });
});
