import { describe, expect, test } from "vitest";
import { runTimeBudgets } from "../../../../shared/http-pipeline/quota/run-time.ts";
import {
  createQuota,
  type QuotaOptions,
} from "../../../../shared/http-pipeline/quota/shared-quota.ts";
import type { Quota, PermitResult } from "../../../../shared/http-pipeline/quota/quota.ts";
import { hourMs, minuteMs } from "../../../../shared/runtime/time.ts";
import { createMemoryRecords, type MemoryRecordsOptions } from "../../../support/memory-records.ts";
import { createVirtualClock } from "../../../support/virtual-clock.ts";

const path = "state/quotas/files.json";

/** Two instances on one store; times are relative to the start. */
function createScene(
  options: Partial<QuotaOptions> = {},
  records: Partial<MemoryRecordsOptions> = {},
) {
  const clock = createVirtualClock();
  const startMs = clock.now();
  const logged: string[] = [];
  const store = createMemoryRecords({
    clock,
    before: () => clock.sleep(5),
    after: () => clock.sleep(5),
    ...records,
  });
  const createInstance = (): Quota =>
    createQuota({
      api: "files",
      store,
      clock,
      log: (event) => logged.push(event),
      limits: [{ calls: 10, perMs: minuteMs }],
      random: () => 0.5,
      ...options,
    });
  const takePermit = (quota: Quota, maxWaitMs = 0): Promise<PermitResult> =>
    clock.run(quota.acquirePermit({ maxWaitMs }));
  /** Turns to be had without waiting. */
  const takeBurst = async (quota: Quota, maxCalls = 100): Promise<number> => {
    const outcomes = await clock.run(
      Promise.all(Array.from({ length: maxCalls }, () => quota.acquirePermit({ maxWaitMs: 0 }))),
    );
    return outcomes.filter((outcome) => outcome.kind === "permit").length;
  };
  return {
    clock,
    store,
    logged,
    open: createInstance,
    take: takePermit,
    burst: takeBurst,
    a: createInstance(),
    b: createInstance(),
    atMs: () => clock.now() - startMs,
  };
}

describe("a turn", () => {
  test("an idle quota gives a permit at once", async () => {
    const { a, atMs, take } = createScene();
    expect(await take(a)).toMatchObject({ kind: "permit" });
    expect(atMs()).toBeLessThan(100);
  });

  test("refuses a permit that is too far off and states when to ask again", async () => {
    const { a, b, burst, clock, take } = createScene();
    expect(await burst(a)).toBe(10);
    const result = await take(b, 20_000);
    expect(result).toMatchObject({ kind: "later", reason: "quota" });
    const { retryAfterMs } = result as { retryAfterMs: number };
    await clock.advance(retryAfterMs - 2_000);
    expect(await take(b)).toMatchObject({ kind: "later" });
    await clock.advance(2_000);
    expect(await take(b)).toMatchObject({ kind: "permit" });
  });

  test("waits for a permit that is near enough", async () => {
    const { a, atMs, b, burst, take } = createScene();
    await burst(a);
    expect(await take(b, 70_000)).toMatchObject({ kind: "permit" });
    expect(atMs()).toBeGreaterThanOrEqual(62_000);
    expect(atMs()).toBeLessThan(63_500);
  });

  test("gives an abandoned permit to the next caller", async () => {
    const { a, b, burst, clock, take } = createScene({ limits: [{ calls: 1, perMs: minuteMs }] });
    await burst(a, 1);
    const stop = new AbortController();
    const waiting = a.acquirePermit({ maxWaitMs: 70_000, signal: stop.signal });
    waiting.catch(() => undefined);
    await clock.advance(10_000);
    stop.abort(new Error("host stopping"));
    await expect(clock.run(waiting)).rejects.toThrow();
    // The next round of the same process enters what was given back.
    expect(await take(a, 70_000)).toMatchObject({ kind: "permit" });
    expect(await take(b, 10_000)).toMatchObject({ kind: "later" });
  });

  test("leaves analysts half of the quota", async () => {
    const { a, burst } = createScene({ share: 0.5 });
    expect(await burst(a)).toBe(5);
  });
});

describe("during another's write", () => {
  /**
   * Does something of the same process's, once, while its first replacement of the book is on its
   * way.
   */
  function actDuringWrite(act: (a: Quota) => Promise<unknown>) {
    let done: Promise<unknown> | undefined;
    const scene = createScene(
      {},
      { before: ({ verb }) => void (verb === "replace" && (done ??= act(scene.a))) },
    );
    return { ...scene, done: () => scene.clock.run(async () => done) };
  }

  test("a permit requested during a write is granted in the next round", async () => {
    const { a, done, take } = actDuringWrite((own) => own.acquirePermit({ maxWaitMs: 0 }));
    await take(a);
    await take(a);
    expect(await done()).toMatchObject({ kind: "permit" });
  });

  test("a 429 reported during a write pauses every instance", async () => {
    const { a, b, done, take } = actDuringWrite((own) =>
      own.report({ kind: "throttled", retryAfterMs: 30_000, cause: "calls" }),
    );
    await take(a);
    await take(a);
    await done();
    expect(await take(b, 10_000)).toMatchObject({ kind: "later", reason: "paused" });
  });
});

describe("a refusal", () => {
  test("a 429 pauses every instance, voids grants, and halves the rate for a while", async () => {
    const { a, b, burst, clock, logged, take } = createScene();
    await take(a);
    await clock.run(a.report({ kind: "throttled", retryAfterMs: 30_000, cause: "calls" }));
    expect(await take(b, 10_000)).toMatchObject({ kind: "later", reason: "paused" });
    expect(await take(a, 10_000)).toMatchObject({ kind: "later", reason: "paused" });
    expect(logged).toEqual(["quota.paused"]);
    await clock.advance(95_000);
    expect(await burst(b)).toBe(6);
    await clock.advance(6 * minuteMs);
    expect(await burst(b)).toBe(10);
  });

  test("a capped pause ends with one probe, whose 429 pauses every instance again", async () => {
    // Each 429 halves the rate, so that 40 a minute leave 10.
    const { a, b, burst, clock, logged, take } = createScene({
      limits: [{ calls: 40, perMs: minuteMs }],
    });
    const capped = {
      kind: "throttled",
      retryAfterMs: 900_000,
      cause: "calls",
      isCapped: true,
    } as const;
    await take(a);
    await clock.run(a.report(capped));
    await clock.run(b.report({ kind: "ok" }));
    await clock.advance(901_500);
    expect((await burst(a, 5)) + (await burst(b, 5))).toBe(1);
    await clock.run(a.report(capped));
    await clock.advance(800_000);
    expect(await take(b)).toMatchObject({ kind: "later", reason: "paused" });
    await clock.advance(101_500);
    expect(await burst(b, 5)).toBe(1);
    await clock.run(b.report({ kind: "ok" }));
    expect(await burst(a, 2)).toBe(2);
    expect(logged).toEqual(["quota.paused", "quota.paused"]);
  });

  test("a 429 of one instance stops another that already waits", async () => {
    const { a, b, burst, clock } = createScene();
    await burst(a);
    const waiting = b.acquirePermit({ maxWaitMs: 70_000 });
    await clock.advance(30_000);
    await clock.run(a.report({ kind: "throttled", retryAfterMs: 10 * minuteMs, cause: "calls" }));
    expect(await clock.run(waiting)).toMatchObject({ kind: "later", reason: "paused" });
  });

  test("the instance that received a 429 pauses also while the store is away", async () => {
    let isDown = false;
    const { a, clock, take } = createScene(
      {},
      { before: () => (isDown ? Promise.reject(new Error("down")) : undefined) },
    );
    await take(a);
    isDown = true;
    await clock.run(a.report({ kind: "throttled", retryAfterMs: 30_000, cause: "calls" }));
    isDown = false;
    expect(await take(a, 1_000)).toMatchObject({
      kind: "later",
      reason: "paused",
      retryAfterMs: 30_000,
    });
  });
});

describe("the breaker", () => {
  const reportFailures = async (
    { a, b, clock }: ReturnType<typeof createScene>,
    times: number,
  ): Promise<void> => {
    for (let n = 0; n < times; n += 1) await clock.run((n % 2 ? a : b).report({ kind: "failed" }));
  };

  test("the breaker opens after five failures in a row over all instances", async () => {
    const scene = createScene();
    await scene.take(scene.a);
    await reportFailures(scene, 4);
    expect(await scene.take(scene.a)).toMatchObject({ kind: "permit" });
    await reportFailures(scene, 1);
    expect(await scene.take(scene.a)).toMatchObject({ kind: "later", reason: "breaker" });
    expect(scene.logged).toEqual(["breaker.opened"]);
  });

  test("failures with a success between them do not open the breaker", async () => {
    const scene = createScene();
    await scene.take(scene.a);
    await reportFailures(scene, 4);
    await scene.clock.run(scene.b.report({ kind: "ok" }));
    await reportFailures(scene, 4);
    expect(await scene.take(scene.a)).toMatchObject({ kind: "permit" });
  });

  test("the breaker admits one probe, doubles after its failure, closes after its success", async () => {
    const scene = createScene();
    const { a, b, clock, take } = scene;
    await take(a);
    await reportFailures(scene, 5);
    await clock.advance(31_500);
    const all = await clock.run(
      Promise.all([a, a, a, b, b].map((quota) => quota.acquirePermit({ maxWaitMs: 0 }))),
    );
    expect(all.filter(({ kind }) => kind === "permit")).toHaveLength(1);
    await clock.run(a.report({ kind: "failed" }));
    await clock.advance(31_500);
    expect(await take(b)).toMatchObject({ kind: "later", reason: "breaker" });
    await clock.advance(30_000);
    expect(await take(b)).toMatchObject({ kind: "permit" });
    await clock.run(b.report({ kind: "ok" }));
    expect(await take(a)).toMatchObject({ kind: "permit" });
  });

  test("waiting callers continue as soon as a probe succeeds", async () => {
    const scene = createScene({ maxCallMs: 230_000 });
    const { a, atMs, b, clock, take } = scene;
    await take(a);
    await reportFailures(scene, 5);
    await clock.advance(31_500);
    expect(await take(a)).toMatchObject({ kind: "permit" });
    expect(await take(b)).toEqual({ kind: "later", reason: "breaker", retryAfterMs: 5_000 });
    const waiting = b.acquirePermit({ maxWaitMs: 45_000 });
    await clock.advance(3_000);
    await clock.run(a.report({ kind: "ok" }));
    const answeredMs = atMs();
    expect(await clock.run(waiting)).toMatchObject({ kind: "permit" });
    expect(atMs() - answeredMs).toBeLessThan(2_000);
  });

  test("gives the probe to another call when its owner stops before sending", async () => {
    const scene = createScene({ maxCallMs: 230_000 });
    const { a, clock, store, take } = scene;
    await take(a);
    await reportFailures(scene, 5);
    await clock.advance(31_500);
    const stop = new AbortController();
    const stopped = a.acquirePermit({ maxWaitMs: 0, signal: stop.signal });
    while (!store.peek(path)?.includes('"probe"')) await clock.advance(1);
    stop.abort(new Error("host stopping"));
    await expect(clock.run(stopped)).rejects.toThrow("host stopping");
    // The next round of the same process enters what was given back.
    expect(await take(a)).toMatchObject({ kind: "permit" });
  });

  test("gives the probe to another call when its owner is too slow", async () => {
    const scene = createScene({ maxCallMs: 230_000 });
    const { a, b, clock, take } = scene;
    await take(a);
    await reportFailures(scene, 5);
    await clock.advance(31_500);
    const forfeited = await take(a);
    await clock.advance(2_000);
    expect(await take(a)).toMatchObject({ kind: "later", reason: "breaker" });
    if (forfeited.kind === "permit") forfeited.permit.returnUnused?.();
    expect(await take(a)).toMatchObject({ kind: "permit" });
    expect(await take(b)).toMatchObject({ kind: "later", reason: "breaker" });
  });

  test("gives the probe to another instance when its owner crashes", async () => {
    const scene = createScene({ maxCallMs: 20_000 });
    await scene.take(scene.a);
    await reportFailures(scene, 5);
    await scene.clock.advance(31_500);
    expect(await scene.take(scene.a)).toMatchObject({ kind: "permit" });
    expect(await scene.take(scene.b)).toMatchObject({ kind: "later", reason: "breaker" });
    await scene.clock.advance(21_500);
    expect(await scene.take(scene.b)).toMatchObject({ kind: "permit" });
  });
});

describe("without its blob the quota fails closed", () => {
  test.each([
    ["deleted", undefined],
    ["cut", '{"version":1,"granted":[17'],
    ["of another schema", '{"version":2}'],
    ["empty", "{}"],
    ["nonsense in one field", '{"version":1,"generation":"g","granted":["x"]}'],
  ])("a blob that is %s stops sending for a whole window", async (_, text) => {
    const scene = createScene();
    await scene.take(scene.a);
    scene.store.poke(path, text);
    // A process that never saw the old blob must not take it for a first start either.
    const fresh = scene.open();
    expect(await scene.take(fresh, 30_000)).toMatchObject({ kind: "later", reason: "paused" });
    expect(await scene.take(scene.a, 30_000)).toMatchObject({ kind: "later" });
    await scene.clock.advance(minuteMs + 4_000);
    expect(await scene.burst(fresh)).toBe(10);
  });

  test("gives no permit while the store is down, and one afterwards", async () => {
    let isDown = true;
    const { a, take } = createScene(
      {},
      { before: () => (isDown ? Promise.reject(new Error("down")) : undefined) },
    );
    expect(await take(a, 20_000)).toMatchObject({ kind: "later", reason: "store" });
    isDown = false;
    expect(await take(a)).toMatchObject({ kind: "permit" });
  });

  test("a store that hangs blocks a caller for at most its wait and a second", async () => {
    const { a, atMs, take } = createScene({}, { before: () => new Promise(() => undefined) });
    expect(await take(a, 20_000)).toMatchObject({ kind: "later", reason: "store" });
    expect(atMs()).toBeLessThanOrEqual(21_000);
  });

  test("a permit granted before the blob was lost is void", async () => {
    const { a, b, burst, clock, store } = createScene();
    await burst(a);
    const waiting = b.acquirePermit({ maxWaitMs: 70_000 });
    await clock.advance(30_000);
    store.poke(path, "broken");
    expect(await clock.run(waiting)).toMatchObject({ kind: "later", reason: "paused" });
  });
});

describe("run time", () => {
  const limits = [{ calls: 45, perMs: minuteMs }];

  test("run time of any instance stops all until it leaves the window", async () => {
    const { a, b, clock, take } = createScene({
      limits,
      budgets: runTimeBudgets.defender,
      share: 0.5,
    });
    await take(a);
    for (let n = 0; n < 3; n += 1) await clock.run(a.report({ kind: "ok", runTimeMs: 100_000 }));
    expect(await take(b)).toMatchObject({ kind: "later", reason: "quota" });
    await clock.advance(hourMs + minuteMs);
    expect(await take(b)).toMatchObject({ kind: "permit" });
  });

  test("learns an unknown run-time budget from a refusal and keeps it in the next slots", async () => {
    const { a, b, clock, take } = createScene({ limits, budgets: runTimeBudgets.graph });
    await take(a);
    await clock.run(a.report({ kind: "ok", runTimeMs: 120_000 }));
    await clock.run(
      a.report({ kind: "throttled", retryAfterMs: 15 * minuteMs, cause: "run-time" }),
    );
    await clock.advance(15 * minuteMs + 2_000);
    expect(await take(b)).toMatchObject({ kind: "permit" });
    await clock.run(b.report({ kind: "ok", runTimeMs: 135_000 }));
    const result = await take(a);
    expect(result).toMatchObject({ kind: "later", reason: "quota" });
    expect((result as { retryAfterMs: number }).retryAfterMs).toBeLessThanOrEqual(15 * minuteMs);
  });
});
