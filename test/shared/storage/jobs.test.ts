import { describe, expect, test } from "vitest";
import {
  endJob,
  expireRecords,
  findJob,
  jobRetentionMs,
  deriveJobId,
  jobLocation,
  jobPaths,
  isValidJobKey,
  signJobKey,
  type JobHeader,
} from "../../../shared/storage/jobs.ts";
import { createMemoryRecords } from "../../support/memory-records.ts";
import { createVirtualClock } from "../../support/virtual-clock.ts";

const id = "0123456789abcdef0123456789abcdef";
const secret = "a secret of the vault";
const nowMs = Date.UTC(2026, 0, 5);

const header: JobHeader = {
  version: 1,
  id,
  kind: "files",
  createdAt: new Date(nowMs).toISOString(),
  expiresAt: new Date(nowMs + jobRetentionMs).toISOString(),
  attempt: "one",
  requestHash: "f".repeat(64),
  parts: 1,
  request: {},
};

describe("a job's key", () => {
  const key = signJobKey(secret, id, nowMs + 1_000);

  test("opens its job until its end, and not from then on", () => {
    expect(isValidJobKey(secret, id, key, nowMs)).toBe(true);
    expect(isValidJobKey(secret, id, key, nowMs + 999)).toBe(true);
    expect(isValidJobKey(secret, id, key, nowMs + 1_000)).toBe(false);
  });

  test.each<[string, string, string, string]>([
    ["another job", secret, "f".repeat(32), key],
    ["another secret", "other", id, key],
    ["a later end", secret, id, `${Number(key.split(".")[0]) + 1}.${key.split(".")[1]}`],
    ["a changed signature", secret, id, `${key.slice(0, -2)}${key.endsWith("A") ? "BA" : "AA"}`],
    ["a cut signature", secret, id, key.slice(0, -1)],
    ["nothing", secret, id, ""],
    ["an end that is no number", secret, id, `x.${key.split(".")[1]}`],
  ])("does not open with %s", (_, usedSecret, usedId, usedKey) => {
    expect(isValidJobKey(usedSecret, usedId, usedKey, nowMs)).toBe(false);
  });

  test("survives its URL", () => {
    const url = new URL(jobLocation("https://x.example:7071/api/files/stats?code=fn", id, key));
    expect(`${url.origin}${url.pathname}`).toBe(`https://x.example:7071/api/jobs/${id}`);
    expect([...url.searchParams]).toEqual([["key", key]]);
  });
});

test("the same request has the same id, another one another", () => {
  expect(deriveJobId("files", "a", "b")).toBe(deriveJobId("files", "a", "b"));
  expect(
    new Set([
      deriveJobId("files", "a"),
      deriveJobId("hunt", "a"),
      deriveJobId("files", "a", ""),
      deriveJobId("files", "b"),
    ]).size,
  ).toBe(4);
});

describe("a job", () => {
  const storeJob = async (clock = createVirtualClock(nowMs)) => {
    const records = createMemoryRecords({ clock });
    await records.create(jobPaths.header(id), header);
    return { records, clock };
  };

  test("is absent, then running, then ended by the first who ends it", async () => {
    const { records } = await storeJob();
    expect(await findJob(records, "f".repeat(32))).toEqual({ kind: "absent" });
    expect(await findJob(records, id)).toMatchObject({ kind: "running", header });
    const end = { version: 1, endedAt: header.createdAt, outcome: "succeeded" } as const;
    expect(await endJob(records, id, end)).toBe(true);
    expect(await endJob(records, id, { ...end, outcome: "canceled" })).toBe(false);
    expect(await findJob(records, id)).toEqual({ kind: "ended", header, end });
  });

  test("is expired after seven days", async () => {
    const { records, clock } = await storeJob();
    await clock.advance(jobRetentionMs);
    expect(await findJob(records, id)).toEqual({ kind: "expired" });
  });

  test("whose header is broken is no running job", async () => {
    const { records } = await storeJob();
    records.poke(jobPaths.header(id), "{}");
    expect(await findJob(records, id)).toEqual({ kind: "expired" });
  });
});

describe("expiry", () => {
  test("takes records that are older than they are kept, and no others", async () => {
    const clock = createVirtualClock(nowMs);
    const records = createMemoryRecords({ clock });
    await records.create("state/receipts/a/old.json", {});
    await records.create("state/jobs/old.json", {});
    await clock.advance(jobRetentionMs);
    await records.create("state/receipts/a/young.json", {});
    expect(await expireRecords(records, "state/receipts/", jobRetentionMs, clock.now())).toBe(1);
    expect(records.paths()).toEqual(["state/jobs/old.json", "state/receipts/a/young.json"]);
  });
});
