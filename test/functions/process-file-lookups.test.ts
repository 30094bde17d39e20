import { createHash } from "node:crypto";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { bulkStatePath } from "../../shared/files/bulk.ts";
import { openQueues } from "../../shared/clients/queues.ts";
import { openRecords } from "../../shared/clients/records.ts";
import { openStorage, type Storage } from "../../shared/clients/storage.ts";
import { listDeadLetters } from "../../shared/storage/dead-letters.ts";
import type { FileReport } from "../../shared/contracts/file-result.ts";
import { lookUpWidth } from "../../shared/files/look-up.ts";
import { dayMs } from "../../shared/runtime/time.ts";
import { bodyOf, live, postJson, until, type Living } from "../support/stack.ts";

let here: Living;
let storage: Storage;

beforeAll(async () => {
  here = await live(
    { switches: { files: { quota: { perMinute: null, perHour: null } } } },
    { FILES_CALLS_PER_MINUTE: "1000", FILES_CALLS_PER_HOUR: "60000", BULK_FROM_HASHES: "100" },
  );
  storage = await openStorage({ kind: "connection-string", value: here.storage });
  // As after a 400 that names the function: jobs go hash by hash.
  const state = {
    version: 1,
    offUntil: new Date(Date.now() + dayMs).toISOString(),
    reason: "Unknown function",
  };
  await openRecords(storage.blobs).create(bulkStatePath, state);
});
afterAll(() => here.end());

const hashes = (count: number): string[] =>
  Array.from({ length: count }, (_, index) =>
    createHash("sha1").update(`look up ${index}`).digest("hex"),
  );
const statCalls = (): number =>
  here.tenant.requests().filter(({ path }) => path.includes("/stats?")).length;

const finished = async (place: string, origin: string): Promise<FileReport> => {
  const moved = place.replace(new URL(place).origin, new URL(origin).origin);
  const done = await until(
    () => fetch(moved),
    ({ status }) => status === 200,
    150_000,
  );
  return bodyOf<FileReport>(done);
};

describe("a job whose worker is killed", () => {
  test("is ended by the next one, with no call made twice but those in flight", async () => {
    const asked = hashes(150);
    const first = await here.host({ invisibilitySeconds: 12 });
    const reply = await postJson(`${first.url}/api/files/stats`, { sha1: asked });
    expect(reply.status).toBe(202);
    await until(
      async () => statCalls(),
      (count) => count > 20,
      60_000,
    );
    await first.kill();
    expect(statCalls()).toBeLessThan(asked.length);
    const second = await here.host({ invisibilitySeconds: 12 });
    const report = await finished(reply.headers.get("location") ?? "", second.url);
    expect(report.summary).toMatchObject({ notFound: asked.length, pending: 0, failed: 0 });
    expect(statCalls()).toBeLessThanOrEqual(asked.length + 2 * lookUpWidth);
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
      const host = await here.host({ functions: ["look_up_files"] });
      const records = openRecords(storage.blobs);
      const before = (await listDeadLetters(records, 100, "file-lookups")).length;
      await openQueues(storage.queues).send("file-lookups", message);
      const letters = await until(
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
