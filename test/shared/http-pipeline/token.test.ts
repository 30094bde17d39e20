import { describe, expect, test } from "vitest";
import { cacheToken } from "../../../shared/http-pipeline/token.ts";
import { hourMs, minuteMs } from "../../../shared/runtime/time.ts";
import { createVirtualClock } from "../../support/virtual-clock.ts";

/** A cache over an issuer that gives the current token after 100 ms and counts its requests. */
function createFixture() {
  const clock = createVirtualClock();
  const issuer = { token: "old", requests: 0 };
  const cache = cacheToken(async () => {
    issuer.requests += 1;
    const { token } = issuer;
    await clock.sleep(100);
    return { token, expiresMs: clock.now() + hourMs };
  }, clock);
  return { cache, clock, issuer };
}

describe("cacheToken", () => {
  test("50 callers after a refusal share one request and get the new token", async () => {
    const { cache, clock, issuer } = createFixture();
    await clock.run(cache.getToken());
    issuer.token = "new";
    cache.reportRefused("old");
    const reading = Promise.all(Array.from({ length: 50 }, () => cache.getToken()));
    cache.reportRefused("old");
    expect(new Set(await clock.run(reading))).toEqual(new Set(["new"]));
    expect(issuer.requests).toBe(2);
    cache.reportRefused("old");
    expect(await clock.run(cache.getToken())).toBe("new");
    expect(issuer.requests).toBe(2);
  });

  test("does not return a refused token for five minutes, and requests one at most every 30 seconds", async () => {
    const { cache, clock, issuer } = createFixture();
    await clock.run(cache.getToken());
    cache.reportRefused("old");
    for (let n = 0; n < 10; n += 1)
      await expect(clock.run(cache.getToken())).rejects.toMatchObject({ code: "unavailable" });
    expect(issuer.requests).toBe(2);
    await clock.advance(30_000);
    await expect(clock.run(cache.getToken())).rejects.toMatchObject({ code: "unavailable" });
    expect(issuer.requests).toBe(3);
    await clock.advance(5 * minuteMs);
    expect(await clock.run(cache.getToken())).toBe("old");
  });
});
