import { expect, test } from "vitest";
import { lazy } from "../../../shared/runtime/lazy.ts";

test("makes at the first use, for all who ask, and again only after a failure", async () => {
  let attempts = 0;
  const thing = lazy(async () => {
    attempts += 1;
    if (attempts === 1) throw new Error("not yet");
    return attempts;
  });
  const [first, concurrent] = await Promise.allSettled([thing(), thing()]);
  expect([first.status, concurrent.status, attempts]).toEqual(["rejected", "rejected", 1]);
  expect(await Promise.all([thing(), thing()])).toEqual([2, 2]);
  expect(await thing()).toBe(2);
});
