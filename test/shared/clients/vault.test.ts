import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { createVault, getRecoveryDelayMs, type Vault } from "../../../shared/clients/vault.ts";
import { SecretError } from "../../../shared/clients/read-secret.ts";
import { UpstreamError } from "../../../shared/http-pipeline/upstream-error.ts";
import { dayMs, minuteMs } from "../../../shared/runtime/time.ts";
import { createVirtualClock, type VirtualClock } from "../../support/virtual-clock.ts";
import { startSimulator, type Simulator } from "../../simulator/simulator.ts";

let simulator: Simulator;
let clock: VirtualClock;
let vault: Vault;
let logged: unknown[];

beforeAll(async () => {
  simulator = await startSimulator({ evaluate: () => expect.fail("nobody hunts here") });
  Object.assign(process.env, simulator.settings);
});
afterAll(() => simulator.stop());

beforeEach(() => {
  simulator.faults.clear();
  clock = createVirtualClock();
  logged = [];
  vault = createVault({
    url: simulator.urls.vault,
    identityClientId: simulator.settings["RESPONSE_IDENTITY_CLIENT_ID"],
    clock,
    log: (event, fields) => logged.push([event, fields]),
  });
});

const countReads = (): number =>
  simulator.listRequests({ api: "vault" }).filter(({ status }) => status === 200).length;
const countNewReads = async (work: () => Promise<unknown>): Promise<number> => {
  const before = countReads();
  await work();
  return countReads() - before;
};

describe("a secret", () => {
  test("reads a secret once for all callers and caches it for five minutes", async () => {
    simulator.vault.set("s1", "first\n");
    expect(
      await countNewReads(async () => {
        expect(
          await Promise.all([vault.getSecret("s1"), vault.getSecret("s1"), vault.getSecret("s1")]),
        ).toEqual(["first", "first", "first"]);
        await clock.advance(5 * minuteMs - 1);
        await vault.getSecret("s1");
      }),
    ).toBe(1);
    await clock.advance(1);
    expect(await countNewReads(() => vault.getSecret("s1"))).toBe(1);
  });

  test("reads a refused secret again at once, then at most every 30 seconds, and logs a rotation", async () => {
    simulator.vault.set("s2", "old");
    expect(await vault.getSecret("s2")).toBe("old");
    simulator.vault.set("s2", "new");
    vault.reportRefused("s2", "old");
    expect(await vault.getSecret("s2")).toBe("new");
    expect(logged).toEqual([["secret.rotated", { secret: "s2" }]]);
    simulator.vault.set("s2", "newer");
    vault.reportRefused("s2", "new");
    expect(await vault.getSecret("s2")).toBe("newer");
    vault.reportRefused("s2", "old");
    expect(await countNewReads(() => vault.getSecret("s2"))).toBe(0);
  });

  test("does not return a refused value for five minutes, and reads it at most every 30 seconds", async () => {
    simulator.vault.set("s8", "stays");
    await vault.getSecret("s8");
    vault.reportRefused("s8", "stays");
    const catchRefusal = async () =>
      expect(vault.getSecret("s8")).rejects.toMatchObject({ isTransient: true });
    expect(await countNewReads(catchRefusal)).toBe(1);
    await clock.advance(29_999);
    expect(await countNewReads(catchRefusal)).toBe(0);
    await clock.advance(1);
    expect(await countNewReads(catchRefusal)).toBe(1);
    await clock.advance(5 * minuteMs);
    expect(await vault.getSecret("s8")).toBe("stays");
  });

  test("50 callers through a rotation with a slow, then a failing vault all get the new value", async () => {
    simulator.vault.set("s9", "old");
    await vault.getSecret("s9");
    simulator.vault.set("s9", "new");
    simulator.faults.add({ api: "vault", kind: "delay", ms: 300, count: 1 });
    vault.reportRefused("s9", "old");
    const readAll = () => Promise.all(Array.from({ length: 50 }, () => vault.getSecret("s9")));
    let values: readonly string[] = [];
    expect(await countNewReads(async () => (values = await readAll()))).toBe(1);
    expect(new Set(values)).toEqual(new Set(["new"]));

    simulator.vault.set("s9", "newest");
    simulator.faults.add({ api: "vault", kind: "answer", status: 500, count: 3 });
    vault.reportRefused("s9", "new");
    const reading = readAll();
    while (clock.countSleepers() === 0) await new Promise((resolve) => setTimeout(resolve, 20));
    await clock.advance(1_000);
    expect(new Set(await reading)).toEqual(new Set(["newest"]));
  });

  test("50 requests for a missing secret cause one call within 30 seconds", async () => {
    const countCalls = () => simulator.listRequests({ api: "vault" }).length;
    await vault.getSecret("absent").catch(() => undefined);
    const before = countCalls();
    for (let n = 0; n < 50; n += 1)
      await expect(vault.getSecret("absent")).rejects.toThrow("it is not in the vault");
    expect(countCalls()).toBe(before);
    simulator.vault.set("absent", "there");
    await clock.advance(30_000);
    expect(await vault.getSecret("absent")).toBe("there");
  });

  test("reads a secret again after the local clock was set back", async () => {
    simulator.vault.set("s10", "first");
    const machineClock = createVirtualClock(clock.now() - 3 * 3_600_000);
    let current = clock;
    vault = createVault({
      url: simulator.urls.vault,
      identityClientId: simulator.settings["RESPONSE_IDENTITY_CLIENT_ID"],
      clock: { now: () => current.now(), sleep: (ms) => current.sleep(ms) },
      log: () => undefined,
    });
    await vault.getSecret("s10");
    simulator.vault.set("s10", "second");
    current = machineClock;
    expect(await vault.getSecret("s10")).toBe("second");
  });

  test("serves the last value through an outage of the vault for 24 hours, not longer", async () => {
    simulator.vault.set("s3", "good");
    await vault.getSecret("s3");
    simulator.faults.add({ api: "vault", kind: "reset", count: null });
    await clock.advance(6 * minuteMs);
    expect(await vault.getSecret("s3")).toBe("good");
    await clock.advance(dayMs);
    await expect(vault.getSecret("s3")).rejects.toMatchObject({
      name: "SecretError",
      isTransient: true,
    });
    simulator.faults.clear();
    expect(await vault.getSecret("s3")).toBe("good");
  });

  test.each([
    ["empty", " \n", "it is empty in the vault"],
    [
      "a reference that nobody resolved",
      "@Microsoft.KeyVault(SecretUri=https://x/y)",
      "its value is an unresolved Key Vault reference",
    ],
    ["a placeholder", "<put the token here>", "its value is a placeholder"],
    ["another placeholder", "Change-Me", "its value is a placeholder"],
  ])("refuses a secret that is %s without its value", async (_, value, why) => {
    simulator.vault.set("s4", value);
    await expect(vault.getSecret("s4")).rejects.toThrow(new SecretError("s4", why, false));
  });

  test("names a secret that is missing or disabled", async () => {
    await expect(vault.getSecret("none")).rejects.toThrow(
      "secret none: it is not in the vault (404 SecretNotFound)",
    );
    simulator.vault.set("s5", "x", { enabled: false });
    await expect(vault.getSecret("s5")).rejects.toThrow(
      /^secret s5: this app may not read it \(403 /,
    );
  });

  test("lists a secret's expiry", async () => {
    simulator.vault.set("s6", "later", { expiresAtMs: Date.UTC(2031, 0, 1) });
    simulator.vault.set("s7", "over", { expiresAtMs: Date.UTC(2020, 0, 1) });
    expect(await vault.getSecret("s6")).toBe("later");
    expect(await vault.getSecret("s7")).toBe("over");
    expect(vault.listExpiring()).toEqual([
      { secret: "s7", expiresMs: Date.UTC(2020, 0, 1) },
      { secret: "s6", expiresMs: Date.UTC(2031, 0, 1) },
    ]);
  });
});

describe("trouble before a verdict", () => {
  const failWith = async (error: Error): Promise<never> => {
    throw error;
  };
  const getDelayMs = (error: Error): Promise<number> => getRecoveryDelayMs(failWith(error));

  test("returns no delay after a success", async () => {
    expect(await getRecoveryDelayMs(Promise.resolve("token"))).toBe(0);
  });

  test("returns a delay after a transient failure", async () => {
    expect(await getDelayMs(new SecretError("s", "the vault is down", true))).toBe(minuteMs);
    expect(
      await getDelayMs(new UpstreamError("unavailable", "entra is down", { api: "entra" })),
    ).toBe(minuteMs);
    const busy = new UpstreamError("unavailable", "entra is busy", {
      api: "entra",
      retryAfterMs: 7_000,
    });
    expect(await getDelayMs(busy)).toBe(7_000);
  });

  test.each([
    new SecretError("s", "not in the vault", false),
    new UpstreamError("unauthorized", "no such app", { api: "entra" }),
    new TypeError("a bug"),
  ])("throws a failure that an operator has to fix: $message", async (error) => {
    await expect(getDelayMs(error)).rejects.toBe(error);
  });
});
