import { createHash } from "node:crypto";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { RunningHost } from "../functions-host/run.ts";
import type { FileReport } from "../../shared/contracts/file-result.ts";
import { jobLocation, signJobKey } from "../../shared/storage/jobs.ts";
import { bodyOf, live, postJson, type Living } from "../support/stack.ts";

let here: Living;
let host: RunningHost;

// Nobody works the queue off here: a job stays as it is for as long as the test looks at it.
beforeAll(async () => {
  here = await live();
  host = await here.host({ functions: ["file_stats", "show_job", "cancel_job"], enableAuth: true });
});
afterAll(() => here.end());

const hashes = (count: number, seed: string): string[] =>
  Array.from({ length: count }, (_, index) =>
    createHash("sha1").update(`${seed} ${index}`).digest("hex"),
  );

const start = async (seed: string): Promise<string> => {
  const reply = await postJson(
    `${host.url}/api/files/stats`,
    { sha1: hashes(150, seed) },
    { "x-functions-key": host.key ?? "" },
  );
  expect(reply.status).toBe(202);
  return reply.headers.get("location") ?? "";
};

describe("a job's address", () => {
  test("is absolute, signed, and opens the job before anything has worked on it", async () => {
    const place = await start("open");
    expect(place).toMatch(new RegExp(`^${host.url}/api/jobs/[0-9a-f]{32}\\?key=\\d+\\.[\\w-]+$`));
    const reply = await fetch(place);
    expect([reply.status, reply.headers.get("location")]).toEqual([202, place]);
    expect(Number(reply.headers.get("retry-after"))).toBeGreaterThan(0);
    expect(await bodyOf<object>(reply)).toMatchObject({
      job: { status: "running", parts: 2, partsDone: 0 },
    });
  });

  test("shows what is known so far on request", async () => {
    const reply = await fetch(`${await start("partial")}&partial=true`);
    expect(reply.status).toBe(202);
    expect((await bodyOf<FileReport>(reply)).summary.pending).toBe(150);
  });

  test.each<[string, (place: URL) => void]>([
    ["without its key", (place) => place.searchParams.delete("key")],
    ["with another job's key", (place) => (place.pathname = `/api/jobs/${"f".repeat(32)}`)],
    [
      "with a changed key",
      (place) => place.searchParams.set("key", `${place.searchParams.get("key")?.slice(0, -2)}xx`),
    ],
    ["with an id that is none", (place) => (place.pathname = "/api/jobs/..%2F..%2Fx")],
    [
      "with an old key",
      (place) => place.searchParams.set("key", signJobKey("x", "f".repeat(32), 0)),
    ],
  ])("opens nothing %s", async (_, change) => {
    const place = new URL(await start("closed"));
    change(place);
    for (const method of ["GET", "DELETE"]) {
      const reply = await fetch(place, { method });
      expect(reply.status).toBe(401);
      expect(await reply.text()).not.toContain("known");
    }
  });

  test("of a job that is gone is 404", async () => {
    const secret = here.tenant.vault.value("job-key") ?? "";
    const id = "0".repeat(32);
    const reply = await fetch(
      jobLocation(host.url, id, signJobKey(secret, id, Date.now() + 60_000)),
    );
    expect(reply.status).toBe(404);
  });

  test("ends the job with DELETE, once", async () => {
    const place = await start("cancel");
    expect(await bodyOf<object>(await fetch(place, { method: "DELETE" }))).toMatchObject({
      cancelled: true,
    });
    expect(await bodyOf<object>(await fetch(place, { method: "DELETE" }))).toMatchObject({
      cancelled: false,
    });
    const reply = await fetch(place);
    expect(reply.status).toBe(200);
    expect(await bodyOf<object>(reply)).toMatchObject({
      job: { status: "cancelled" },
      summary: { pending: 150 },
    });
  });
});

test("a lookup without the function key starts nothing", async () => {
  const before = here.tenant.requests().length;
  const reply = await postJson(`${host.url}/api/files/stats`, { sha1: hashes(150, "stranger") });
  expect(reply.status).toBe(401);
  expect(here.tenant.requests()).toHaveLength(before);
});
