import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import {
  openVault,
  passingTroubleMs,
  SecretError,
  type Vault,
} from "../../../shared/clients/vault.ts";
import { UpstreamError } from "../../../shared/http-pipeline/upstream-error.ts";
import { dayMs, minuteMs } from "../../../shared/runtime/time.ts";
import { virtualClock, type VirtualClock } from "../../support/virtual-clock.ts";
import { startTenant, type Tenant } from "../../simulator/simulator.ts";

let tenant: Tenant;
let clock: VirtualClock;
let vault: Vault;
let logged: unknown[];

beforeAll(async () => {
  tenant = await startTenant({ evaluate: () => expect.fail("nobody hunts here") });
  Object.assign(process.env, tenant.settings);
});
afterAll(() => tenant.stop());

beforeEach(() => {
  tenant.faults.clear();
  clock = virtualClock();
  logged = [];
  vault = openVault({
    url: tenant.urls.vault,
    identityClientId: tenant.settings["ACT_IDENTITY"],
    clock,
    log: (event, fields) => logged.push([event, fields]),
  });
});

const reads = (): number =>
  tenant.requests({ api: "vault" }).filter(({ status }) => status === 200).length;
const newly = async (work: () => Promise<unknown>): Promise<number> => {
  const before = reads();
  await work();
  return reads() - before;
};

describe("a secret", () => {
  test("is read once for all who ask, and kept for five minutes", async () => {
    tenant.vault.set("s1", "first\n");
    expect(
      await newly(async () => {
        expect(
          await Promise.all([vault.secret("s1"), vault.secret("s1"), vault.secret("s1")]),
        ).toEqual(["first", "first", "first"]);
        await clock.advance(5 * minuteMs - 1);
        await vault.secret("s1");
      }),
    ).toBe(1);
    await clock.advance(1);
    expect(await newly(() => vault.secret("s1"))).toBe(1);
  });

  test("that was refused is read again at once, then every thirty seconds at most; a rotation is told", async () => {
    tenant.vault.set("s2", "old");
    expect(await vault.secret("s2")).toBe("old");
    tenant.vault.set("s2", "new");
    vault.refused("s2");
    expect(await vault.secret("s2")).toBe("new");
    expect(logged).toEqual([["secret.rotated", { secret: "s2" }]]);
    tenant.vault.set("s2", "newer");
    vault.refused("s2");
    await clock.advance(29_999);
    expect(await vault.secret("s2")).toBe("new");
    await clock.advance(1);
    expect(await vault.secret("s2")).toBe("newer");
    expect(await newly(() => vault.secret("s2"))).toBe(0);
  });

  test("outlives an outage of the vault for a day, not longer", async () => {
    tenant.vault.set("s3", "good");
    await vault.secret("s3");
    tenant.faults.add({ api: "vault", kind: "reset", count: null });
    await clock.advance(6 * minuteMs);
    expect(await vault.secret("s3")).toBe("good");
    await clock.advance(dayMs);
    await expect(vault.secret("s3")).rejects.toMatchObject({ name: "SecretError", passing: true });
    tenant.faults.clear();
    expect(await vault.secret("s3")).toBe("good");
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
  ])("that is %s is refused without its value", async (_, value, why) => {
    tenant.vault.set("s4", value);
    await expect(vault.secret("s4")).rejects.toThrow(new SecretError("s4", why, false));
  });

  test("that is missing or disabled is named", async () => {
    await expect(vault.secret("none")).rejects.toThrow(
      "secret none: it is not in the vault (404 SecretNotFound)",
    );
    tenant.vault.set("s5", "x", { enabled: false });
    await expect(vault.secret("s5")).rejects.toThrow(/^secret s5: this app may not read it \(403 /);
  });

  test("shows when it ends", async () => {
    tenant.vault.set("s6", "later", { expiresAtMs: Date.UTC(2031, 0, 1) });
    tenant.vault.set("s7", "over", { expiresAtMs: Date.UTC(2020, 0, 1) });
    expect(await vault.secret("s6")).toBe("later");
    expect(await vault.secret("s7")).toBe("over");
    expect(vault.expiring()).toEqual([
      { secret: "s7", expiresMs: Date.UTC(2020, 0, 1) },
      { secret: "s6", expiresMs: Date.UTC(2031, 0, 1) },
    ]);
  });
});

describe("trouble before a verdict", () => {
  const failing = async (error: Error): Promise<never> => {
    throw error;
  };
  const trouble = (error: Error): Promise<number> => passingTroubleMs(failing(error));

  test("is none when all is there", async () => {
    expect(await passingTroubleMs(Promise.resolve("token"))).toBe(0);
  });

  test("is waited for where it may pass by itself", async () => {
    expect(await trouble(new SecretError("s", "the vault is down", true))).toBe(minuteMs);
    expect(await trouble(new UpstreamError("unavailable", "entra is down", { api: "entra" }))).toBe(
      minuteMs,
    );
    const busy = new UpstreamError("unavailable", "entra is busy", {
      api: "entra",
      retryAfterMs: 7_000,
    });
    expect(await trouble(busy)).toBe(7_000);
  });

  test.each([
    new SecretError("s", "not in the vault", false),
    new UpstreamError("unauthorized", "no such app", { api: "entra" }),
    new TypeError("a bug"),
  ])("that only people can mend is thrown: $message", async (error) => {
    await expect(trouble(error)).rejects.toBe(error);
  });
});
