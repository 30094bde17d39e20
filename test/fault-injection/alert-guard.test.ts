import { expect, test } from "vitest";
import { blastGuard } from "./alert-requests.ts";
import { auditTampering } from "./audit-tampering.ts";

test("X35: of 2,000 random requests no call leaves with an id that was not asked for, with none or over 100, or another filter", async () => {
  const { calls, refused, strays } = await blastGuard(2_000, 7);
  expect(strays).toBe(0);
  expect(calls).toBeGreaterThan(1_000);
  expect(refused).toBeGreaterThan(200);
});

test("X34: a record of 1,000 that is changed, removed or swapped with any other is found at the right index", async () => {
  const { found, tried } = await auditTampering(1_000, 41);
  expect(tried).toBe(75);
  expect(found).toBe(tried);
});
