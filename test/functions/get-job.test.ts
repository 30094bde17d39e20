import { createHash } from "node:crypto";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { RunningHost } from "../functions-host/run-host.ts";
import type { FileReport } from "../../shared/contracts/file-result.ts";
import { jobLocation, signJobKey } from "../../shared/storage/jobs.ts";
import { readJson, readResult, startStack, postJson, type Stack } from "../support/stack.ts";

let stack: Stack;
let host: RunningHost;

// No function processes the queue, so a job keeps its state during a test.
beforeAll(async () => {
  stack = await startStack();
  host = await stack.startHost({
    functions: ["enrich_files", "get_job", "cancel_job"],
    enableAuth: true,
  });
});
afterAll(() => stack.stop());

const createHashes = (count: number, seed: string): string[] =>
  Array.from({ length: count }, (_, index) =>
    createHash("sha1").update(`${seed} ${index}`).digest("hex"),
  );

const startJob = async (seed: string): Promise<string> => {
  const reply = await postJson(
    `${host.url}/api/files/stats`,
    { sha1: createHashes(150, seed) },
    { "x-functions-key": host.key ?? "" },
  );
  expect(reply.status).toBe(202);
  return reply.headers.get("location") ?? "";
};

describe("a job's address", () => {
  test("is absolute, signed, and opens the job before anything has worked on it", async () => {
    const jobUrl = await startJob("open");
    expect(jobUrl).toMatch(new RegExp(`^${host.url}/api/jobs/[0-9a-f]{32}\\?key=\\d+\\.[\\w-]+$`));
    const reply = await fetch(jobUrl);
    expect([reply.status, reply.headers.get("location")]).toEqual([202, jobUrl]);
    expect(Number(reply.headers.get("retry-after"))).toBeGreaterThan(0);
    expect(await readJson<object>(reply)).toMatchObject({
      status: "running",
      progress: { parts: 2, partsDone: 0 },
    });
  });

  test("shows what is known so far on request", async () => {
    const reply = await fetch(`${await startJob("partial")}&partial=true`);
    expect(reply.status).toBe(202);
    expect((await readResult<FileReport>(reply)).summary.pending).toBe(150);
  });

  test.each<[string, (jobUrl: URL) => void]>([
    ["without its key", (jobUrl) => jobUrl.searchParams.delete("key")],
    ["with another job's key", (jobUrl) => (jobUrl.pathname = `/api/jobs/${"f".repeat(32)}`)],
    [
      "with a changed key",
      (jobUrl) =>
        jobUrl.searchParams.set("key", `${jobUrl.searchParams.get("key")?.slice(0, -2)}xx`),
    ],
    ["with an id that is none", (jobUrl) => (jobUrl.pathname = "/api/jobs/..%2F..%2Fx")],
    [
      "with an old key",
      (jobUrl) => jobUrl.searchParams.set("key", signJobKey("x", "f".repeat(32), 0)),
    ],
  ])("opens nothing %s", async (_, change) => {
    const jobUrl = new URL(await startJob("closed"));
    change(jobUrl);
    for (const method of ["GET", "DELETE"]) {
      const reply = await fetch(jobUrl, { method });
      expect(reply.status).toBe(401);
      expect(await reply.text()).not.toContain("known");
    }
  });

  test("of a job that is gone is 404", async () => {
    const secret = stack.simulator.vault.readValue("job-key") ?? "";
    const id = "0".repeat(32);
    const reply = await fetch(
      jobLocation(host.url, id, signJobKey(secret, id, Date.now() + 60_000)),
    );
    expect(reply.status).toBe(404);
  });

  test("ends the job with DELETE, once", async () => {
    const jobUrl = await startJob("cancel");
    expect(await readJson<object>(await fetch(jobUrl, { method: "DELETE" }))).toMatchObject({
      status: "canceled",
    });
    expect(await readJson<object>(await fetch(jobUrl, { method: "DELETE" }))).toMatchObject({
      status: "canceled",
    });
    const reply = await fetch(jobUrl);
    expect(reply.status).toBe(200);
    expect(await readJson<object>(reply)).toMatchObject({
      status: "canceled",
      result: { summary: { pending: 150 } },
    });
  });
});

test("a lookup without the function key starts nothing", async () => {
  const before = stack.simulator.listRequests().length;
  const reply = await postJson(`${host.url}/api/files/stats`, {
    sha1: createHashes(150, "stranger"),
  });
  expect(reply.status).toBe(401);
  expect(stack.simulator.listRequests()).toHaveLength(before);
});
