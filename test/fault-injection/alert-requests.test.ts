import { expect, test } from "vitest";
import { checkRandomRequests } from "./alert-requests.ts";
import { checkAuditTampering } from "./audit-tampering.ts";

test("X35: of 2,000 random requests no call leaves with an id that was not asked for, with none or over 100, or another filter", async () => {
  const { calls, refused, strayCalls } = await checkRandomRequests(2_000, 7);
  expect(strayCalls).toBe(0);
  expect(calls).toBeGreaterThan(1_000);
  expect(refused).toBeGreaterThan(200);
});

test("X34: a record of 1,000 that is changed, removed or swapped with any other is found at the right index", async () => {
  const { detected, attempts } = await checkAuditTampering(1_000, 41);
  expect(attempts).toBe(75);
  expect(detected).toBe(attempts);
});
