import { createHash } from "node:crypto";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { bulkStatePath } from "../../shared/files/bulk-lookup.ts";
import { createMessageQueues } from "../../shared/clients/queues.ts";
import { createTenantRecords, defaultTenant } from "../../shared/storage/tenant-records.ts";
import { createRecordStore } from "../../shared/clients/records.ts";
import { createStorageClients, type StorageClients } from "../../shared/clients/storage.ts";
import { listDeadLetters } from "../../shared/storage/dead-letters.ts";
import type { FileReport } from "../../shared/contracts/file-result.ts";
import { maxParallelLookups } from "../../shared/files/hash-lookup.ts";
import { dayMs } from "../../shared/runtime/time.ts";
import { readResult, startStack, postJson, waitUntil, type Stack } from "../support/stack.ts";

let stack: Stack;
let storage: StorageClients;

beforeAll(async () => {
  stack = await startStack(
    { behaviors: { files: { quota: { perMinute: null, perHour: null } } } },
    { FILES_CALLS_PER_MINUTE: "1000", FILES_CALLS_PER_HOUR: "60000", BULK_LOOKUP_THRESHOLD: "100" },
  );
  storage = await createStorageClients({ kind: "connection-string", value: stack.storage });
  // As after a 400 that names the function: jobs go hash by hash.
  const state = {
    version: 1,
    disabledUntil: new Date(Date.now() + dayMs).toISOString(),
    reason: "Unknown function",
  };
  await createTenantRecords(createRecordStore(storage.blobs), defaultTenant).create(
    bulkStatePath,
    state,
  );
});
afterAll(() => stack.stop());

const createHashes = (count: number): string[] =>
  Array.from({ length: count }, (_, index) =>
    createHash("sha1").update(`look up ${index}`).digest("hex"),
  );
const countStatCalls = (): number =>
  stack.simulator.listRequests().filter(({ path }) => path.includes("/stats?")).length;

const waitForReport = async (jobUrl: string, origin: string): Promise<FileReport> => {
  const movedUrl = jobUrl.replace(new URL(jobUrl).origin, new URL(origin).origin);
  const done = await waitUntil(
    () => fetch(movedUrl),
    ({ status }) => status === 200,
    150_000,
  );
  return readResult<FileReport>(done);
};

describe("a job whose worker is killed", () => {
  test("is ended by the next one, with no call made twice but those in flight", async () => {
    const requested = createHashes(150);
    const first = await stack.startHost({ invisibilitySeconds: 12 });
    const reply = await postJson(`${first.url}/api/files/stats`, { sha1: requested });
    expect(reply.status).toBe(202);
    await waitUntil(
      async () => countStatCalls(),
      (count) => count > 20,
      60_000,
    );
    await first.kill();
    expect(countStatCalls()).toBeLessThan(requested.length);
    const second = await stack.startHost({ invisibilitySeconds: 12 });
    const report = await waitForReport(reply.headers.get("location") ?? "", second.url);
    expect(report.summary).toMatchObject({ notFound: requested.length, pending: 0, failed: 0 });
    expect(countStatCalls()).toBeLessThanOrEqual(requested.length + 2 * maxParallelLookups);
    await second.kill();
  }, 240_000);
});

describe("a message that cannot be read", () => {
  test.each<[string, object, string]>([
    ["an unknown key", { version: 1, job: "0".repeat(32), parts: 1 }, "schema"],
    ["a job that is no id", { version: 1, job: "../x" }, "schema"],
  ])(
    "with %s is a dead letter, not tried again",
    async (_, message, reason) => {
      const host = await stack.startHost({ functions: ["process_file_lookups"] });
      const records = createTenantRecords(createRecordStore(storage.blobs), defaultTenant);
      const before = (await listDeadLetters(records, 100, "file-lookups")).length;
      await createMessageQueues(storage.queues).send("file-lookups", message);
      const letters = await waitUntil(
        () => listDeadLetters(records, 100, "file-lookups"),
        (list) => list.length > before,
        60_000,
      );
      expect(letters.map((letter) => letter.reason)).toContain(reason);
      await host.kill();
    },
    90_000,
  );
});
