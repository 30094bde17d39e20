import { describe, expect, test } from "vitest";
import { hourMs, minuteMs } from "../../../shared/runtime/time.ts";
import { acquireLease, type AcquiredLease } from "../../../shared/storage/lease.ts";
import { createMemoryRecords } from "../../support/memory-records.ts";
import { createVirtualClock } from "../../support/virtual-clock.ts";

const path = "state/hunts/a-hunt/lease.json";
const leaseMs = 4 * minuteMs;

function createStore() {
  const clock = createVirtualClock();
  const records = createMemoryRecords({ clock });
  const acquire = (owner: string, force = false): Promise<AcquiredLease> =>
    acquireLease(records, { path, leaseMs, owner, force });
  return { clock, records, acquire };
}

async function hold(acquired: Promise<AcquiredLease>) {
  const result = await acquired;
  if (result.kind !== "held") throw new Error("the lease is busy");
  return result.lease;
}

describe("a lease", () => {
  test("keeps a second instance away until it expires", async () => {
    const { clock, acquire } = createStore();
    await hold(acquire("first"));
    expect(await acquire("second")).toEqual({ kind: "busy", waitMs: leaseMs });
    await clock.advance(leaseMs);
    expect(await acquire("second")).toMatchObject({ kind: "held" });
  });

  test("lasts from its renewal on", async () => {
    const { clock, acquire } = createStore();
    const lease = await hold(acquire("first"));
    await clock.advance(3 * minuteMs);
    expect(await lease.renew()).toBe(true);
    await clock.advance(3 * minuteMs);
    expect(await acquire("second")).toEqual({ kind: "busy", waitMs: minuteMs });
  });

  test("is free at once after its release", async () => {
    const { acquire } = createStore();
    await (await hold(acquire("first"))).release();
    expect(await acquire("second")).toMatchObject({ kind: "held" });
  });

  test("cannot be renewed or released once another instance has taken it", async () => {
    const { acquire } = createStore();
    const lease = await hold(acquire("first"));
    await hold(acquire("second", true));
    expect(await lease.renew()).toBe(false);
    await lease.release();
    expect(await acquire("third")).toMatchObject({ kind: "busy" });
  });

  test("ignores an expiry that no instance writes", async () => {
    const { clock, records, acquire } = createStore();
    records.poke(path, JSON.stringify({ owner: "odd", untilMs: clock.now() + hourMs }));
    expect(await acquire("second")).toMatchObject({ kind: "held" });
  });
});
