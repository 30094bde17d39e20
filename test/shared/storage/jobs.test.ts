import { describe, expect, test } from "vitest";
import {
  endJob,
  expireRecords,
  findJob,
  jobAgeMs,
  jobIdFor,
  jobLocation,
  jobPaths,
  opensJob,
  signJobKey,
  type JobHeader,
} from "../../../shared/storage/jobs.ts";
import { memoryRecords } from "../../support/memory-records.ts";
import { virtualClock } from "../../support/virtual-clock.ts";

const id = "0123456789abcdef0123456789abcdef";
const secret = "a secret of the vault";
const nowMs = Date.UTC(2026, 0, 5);

const header: JobHeader = {
  version: 1,
  id,
  kind: "files",
  createdAt: new Date(nowMs).toISOString(),
  expiresAt: new Date(nowMs + jobAgeMs).toISOString(),
  attempt: "one",
  askedHash: "f".repeat(64),
  parts: 1,
  request: {},
};

describe("a job's key", () => {
  const key = signJobKey(secret, id, nowMs + 1_000);

  test("opens its job until its end, and not from then on", () => {
    expect(opensJob(secret, id, key, nowMs)).toBe(true);
    expect(opensJob(secret, id, key, nowMs + 999)).toBe(true);
    expect(opensJob(secret, id, key, nowMs + 1_000)).toBe(false);
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
    expect(opensJob(usedSecret, usedId, usedKey, nowMs)).toBe(false);
  });

  test("survives its URL", () => {
    const url = new URL(jobLocation("https://x.example:7071/api/files/stats?code=fn", id, key));
    expect(`${url.origin}${url.pathname}`).toBe(`https://x.example:7071/api/jobs/${id}`);
    expect([...url.searchParams]).toEqual([["key", key]]);
  });
});

test("the same request has the same id, another one another", () => {
  expect(jobIdFor("files", "a", "b")).toBe(jobIdFor("files", "a", "b"));
  expect(
    new Set([
      jobIdFor("files", "a"),
      jobIdFor("hunt", "a"),
      jobIdFor("files", "a", ""),
      jobIdFor("files", "b"),
    ]).size,
  ).toBe(4);
});

describe("a job", () => {
  const store = async (clock = virtualClock(nowMs)) => {
    const records = memoryRecords({ clock });
    await records.create(jobPaths.header(id), header);
    return { records, clock };
  };

  test("is absent, then running, then ended by the first who ends it", async () => {
    const { records } = await store();
    expect(await findJob(records, "f".repeat(32))).toEqual({ kind: "absent" });
    expect(await findJob(records, id)).toMatchObject({ kind: "running", header });
    const end = { version: 1, endedAt: header.createdAt, outcome: "done" } as const;
    expect(await endJob(records, id, end)).toBe(true);
    expect(await endJob(records, id, { ...end, outcome: "cancelled" })).toBe(false);
    expect(await findJob(records, id)).toEqual({ kind: "ended", header, end });
  });

  test("is expired after seven days", async () => {
    const { records, clock } = await store();
    await clock.advance(jobAgeMs);
    expect(await findJob(records, id)).toEqual({ kind: "expired" });
  });

  test("whose header is broken is no running job", async () => {
    const { records } = await store();
    records.poke(jobPaths.header(id), "{}");
    expect(await findJob(records, id)).toEqual({ kind: "expired" });
  });
});

describe("expiry", () => {
  test("takes records that are older than they are kept, and no others", async () => {
    const clock = virtualClock(nowMs);
    const records = memoryRecords({ clock });
    await records.create("state/receipts/a/old.json", {});
    await records.create("state/jobs/old.json", {});
    await clock.advance(jobAgeMs);
    await records.create("state/receipts/a/young.json", {});
    expect(await expireRecords(records, "state/receipts/", jobAgeMs, clock.now())).toBe(1);
    expect(records.paths()).toEqual(["state/jobs/old.json", "state/receipts/a/young.json"]);
  });
});
