import { describe, expect, test } from "vitest";
import { Problem } from "../../../shared/contracts/problem.ts";
import { readIdempotencyKey } from "../../../shared/http/idempotency-key.ts";

const createRequest = (key: string | null) => ({ headers: { get: () => key } });

describe("the idempotency key of a request", () => {
  test("the idempotency key is undefined without the header, and as sent with it", () => {
    expect(readIdempotencyKey(createRequest(null))).toBeUndefined();
    expect(readIdempotencyKey(createRequest("run-08585:1"))).toBe("run-08585:1");
  });

  test.each([
    ["empty", ""],
    ["longer than 200 characters", "x".repeat(201)],
    ["not visible", "a b"],
    ["not ASCII", "é"],
  ])("an idempotency key that is %s is refused", (_, key) => {
    expect(() => readIdempotencyKey(createRequest(key))).toThrow(Problem);
  });
});
