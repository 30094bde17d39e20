import { describe, expect, test } from "vitest";
import { createFairShare } from "../../../shared/webhooks/fair-share.ts";
import { createVirtualClock, type VirtualClock } from "../../support/virtual-clock.ts";

/** Creates a store that serves `width` operations at once, shared by all sources. */
function sharedStore(clock: VirtualClock, width: number, eachMs: number) {
  let working = 0;
  const waiting: (() => void)[] = [];
  return async (): Promise<void> => {
    if (working >= width) await new Promise<void>((resolve) => waiting.push(resolve));
    else working += 1;
    await clock.sleep(eachMs);
    const next = waiting.shift();
    if (next) next();
    else working -= 1;
  };
}

/** Measures the p95 of the source `quiet` while the source `loud` sends `loud` requests at once. */
async function quietP95(loud: number): Promise<number> {
  const clock = createVirtualClock();
  const share = createFairShare(8, 1_000);
  const store = sharedStore(clock, 64, 10);
  const durationsMs: number[] = [];
  const sendRequest = async (source: string): Promise<void> => {
    const fromMs = clock.now();
    await share.run(source, async () => {
      for (let step = 0; step < 3; step += 1) await store();
      return true;
    });
    if (source === "quiet") durationsMs.push(clock.now() - fromMs);
  };
  await clock.run(async () => {
    const flood = Array.from({ length: loud }, () => sendRequest("loud"));
    for (let request = 0; request < 100; request += 1) {
      await Promise.all([sendRequest("quiet"), sendRequest("quiet")]);
      await clock.sleep(5);
    }
    await Promise.all(flood);
  });
  return durationsMs.toSorted((a, b) => a - b)[Math.floor(durationsMs.length * 0.95)] ?? 0;
}

describe("X36: a burst from one source", () => {
  test("a source with ten times its usual load does not change the p95 of the others", async () => {
    const usual = await quietP95(80);
    expect(await quietP95(800)).toBeLessThanOrEqual(usual * 1.2);
  });

  test("a source is refused beyond its queue while others are served", async () => {
    const share = createFairShare(2, 3);
    const gate = Promise.withResolvers<boolean>();
    const loud = Array.from({ length: 7 }, () => share.run("loud", () => gate.promise));
    expect(await Promise.race([loud[6], Promise.resolve("open")])).toBeUndefined();
    expect(await share.run("quiet", async () => "served")).toBe("served");
    gate.resolve(true);
    expect(await Promise.all(loud)).toEqual([true, true, true, true, true, undefined, undefined]);
  });

  test("a failed request frees its place", async () => {
    const share = createFairShare(1, 10);
    const failing = Array.from({ length: 5 }, () =>
      share.run("a", () => Promise.reject(new Error("down"))),
    );
    await Promise.allSettled(failing);
    expect(await share.run("a", async () => "served")).toBe("served");
  });
});
