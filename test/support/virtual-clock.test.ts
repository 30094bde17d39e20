import { expect, test } from "vitest";
import { createVirtualClock } from "./virtual-clock.ts";

test("wakes concurrent sleepers in order of their instants", async () => {
  const clock = createVirtualClock(0);
  const woken: string[] = [];
  const takeNaps = async (name: string, ...naps: number[]): Promise<void> => {
    for (const ms of naps) {
      await clock.sleep(ms);
      woken.push(`${name}@${clock.now()}`);
    }
  };
  await clock.run(
    Promise.all([takeNaps("a", 30, 30), takeNaps("b", 10, 20, 20), takeNaps("c", 3_600_000)]),
  );
  expect(woken).toEqual(["b@10", "a@30", "b@30", "b@50", "a@60", "c@3600000"]);
});

test("stops at the end of the time that it advances", async () => {
  const clock = createVirtualClock(0);
  let woken = 0;
  void clock.sleep(10).then(() => (woken += 1));
  void clock.sleep(11).then(() => (woken += 1));
  await clock.advance(10);
  expect([woken, clock.now(), clock.countSleepers()]).toEqual([1, 10, 1]);
});

test("an aborted sleeper rejects with the reason and is forgotten", async () => {
  const clock = createVirtualClock(0);
  const stop = new AbortController();
  const sleep = clock.sleep(10, stop.signal);
  stop.abort(new Error("host stopping"));
  await expect(sleep).rejects.toThrow("host stopping");
  expect(clock.countSleepers()).toBe(0);
});

test("throws when the work can never end", async () => {
  await expect(createVirtualClock().run(new Promise(() => undefined))).rejects.toThrow("deadlock");
});
