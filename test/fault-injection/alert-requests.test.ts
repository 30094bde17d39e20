import { expect, test } from "vitest";
import { checkRandomRequests } from "./alert-requests.ts";
import { checkAuditTampering } from "./audit-tampering.ts";

test("X35: 2,000 random requests send no call with a foreign id, with 0 or more than 100 ids, or with another filter", async () => {
  const { calls, refused, strayCalls } = await checkRandomRequests(2_000, 7);
  expect(strayCalls).toBe(0);
  expect(calls).toBeGreaterThan(1_000);
  expect(refused).toBeGreaterThan(200);
});

test("X34: verification finds the right index when one of 1,000 records is changed, removed or swapped", async () => {
  const { detected, attempts } = await checkAuditTampering(1_000, 41);
  expect(attempts).toBe(75);
  expect(detected).toBe(attempts);
});
