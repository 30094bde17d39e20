import { expect, test } from "vitest";
import { once } from "../../../shared/runtime/lazy.ts";

test("makes at the first use, for all who ask, and again only after a failure", async () => {
  let made = 0;
  const thing = once(async () => {
    made += 1;
    if (made === 1) throw new Error("not yet");
    return made;
  });
  const [first, beside] = await Promise.allSettled([thing(), thing()]);
  expect([first.status, beside.status, made]).toEqual(["rejected", "rejected", 1]);
  expect(await Promise.all([thing(), thing()])).toEqual([2, 2]);
  expect(await thing()).toBe(2);
});
