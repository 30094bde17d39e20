/**
 * The ports of exports and queues: the same cases against the client on Azurite and against the
 * double in memory. Records have theirs in `records.test.ts`.
 */
import { beforeAll, describe, expect, test } from "vitest";
import { createExportStore } from "../../../shared/clients/exports.ts";
import { createMessageQueues } from "../../../shared/clients/queues.ts";
import { createStorageClients } from "../../../shared/clients/storage.ts";
import type { ExportMetadata, ExportStore } from "../../../shared/hunts/ports.ts";
import { systemClock } from "../../../shared/runtime/time.ts";
import type { MessageQueues } from "../../../shared/storage/record-store.ts";
import { memoryExports } from "../../support/memory-exports.ts";
import { createMemoryQueues } from "../../support/memory-queue.ts";
import { claimFreshAccount } from "../../support/storage-account.ts";

const openStorage = () =>
  createStorageClients({ kind: "connection-string", value: claimFreshAccount() });

const createMetadata = (changes: Partial<ExportMetadata> = {}): ExportMetadata => ({
  seq: 0,
  from: "2026-01-05T00:00:00.0000000Z",
  to: "2026-01-05T01:00:00.0000000Z",
  rows: 1,
  rawbytes: 8,
  substituted: 0,
  sha256: "a".repeat(64),
  schemahash: "b".repeat(64),
  queryhash: "c".repeat(64),
  mode: "window",
  attempt: "one",
  prev: "",
  complete: "yes",
  ...changes,
});

const pathOf = (hunt: string, seq: number, day = "05"): string =>
  `hl_hunt=${hunt}/hl_version=1/hl_date=2026-01-${day}/${String(seq).padStart(12, "0")}.ndjson.gz`;

describe.each([
  [
    "on Azurite",
    async (): Promise<ExportStore> =>
      createExportStore((await openStorage()).blobs.getContainerClient("exports")),
  ],
  ["in memory", async (): Promise<ExportStore> => memoryExports({ clock: systemClock })],
] as const)("the export store %s", (_, create) => {
  let store: ExportStore;
  beforeAll(async () => {
    store = await create();
  });

  async function stageExport(path: string, attempt: string, lines = '{"n":1}\n') {
    const writer = store.openWriter(path, attempt, "ndjson", [{ name: "n", type: "long" }]);
    await writer.writeRows(Buffer.from(lines), lines.split("\n").length - 1);
    return { writer, digest: await writer.finish() };
  }

  async function commitExport(path: string, changes: Partial<ExportMetadata> = {}) {
    const { writer } = await stageExport(path, changes.attempt ?? "one");
    return writer.commit(createMetadata(changes));
  }

  test("finds nothing before a commit, not even a finished attempt", async () => {
    const path = pathOf("staged", 0);
    const { digest, writer } = await stageExport(path, "one");
    expect(digest).toMatchObject({ rows: 1, rawbytes: 8, substituted: 0 });
    expect(await store.find(path)).toBeUndefined();
    await writer.abandon();
    expect(await store.find(path)).toBeUndefined();
    expect(await store.listFolders("staged/")).toEqual([]);
  });

  test("keeps the metadata of a committed export as it was given", async () => {
    const path = pathOf("kept", 3);
    const metadata = createMetadata({ seq: 3, substituted: 2, prev: "d".repeat(64) });
    const committed = await commitExport(path, metadata);
    const found = await store.find(path);
    expect(committed).toMatchObject({ kind: "committed", etag: found?.etag });
    expect(found).toMatchObject({ path, metadata });
  });

  test("commits one of two attempts at a path; the other one is lost", async () => {
    const path = pathOf("contested", 0);
    const first = await stageExport(path, "one", '{"n":1}\n');
    const second = await stageExport(path, "two", '{"n":2}\n');
    expect((await first.writer.commit(createMetadata({ attempt: "one" }))).kind).toBe("committed");
    expect(await second.writer.commit(createMetadata({ attempt: "two" }))).toEqual({
      kind: "lost",
    });
    expect((await store.find(path))?.metadata.attempt).toBe("one");
    expect(await store.readRows(path, "ndjson", 0, 10)).toEqual(['{"n":1}']);
  });

  test("lists exports under a prefix in the order of their paths", async () => {
    for (const [seq, day] of [
      [2, "06"],
      [0, "05"],
      [1, "05"],
    ] as const)
      await commitExport(pathOf("listed", seq, day), { seq });
    const paths = async (prefix: string): Promise<string[]> =>
      (await Array.fromAsync(store.list(prefix))).map(({ path }) => path);
    expect(await paths("hl_hunt=listed/")).toEqual([
      pathOf("listed", 0),
      pathOf("listed", 1),
      pathOf("listed", 2, "06"),
    ]);
    expect(await paths("hl_hunt=listed/hl_version=1/hl_date=2026-01-06/")).toEqual([
      pathOf("listed", 2, "06"),
    ]);
    expect(await paths("nothing/")).toEqual([]);
  });

  test("lists the folders directly under a prefix", async () => {
    await commitExport(pathOf("folders", 0, "05"));
    await commitExport(pathOf("folders", 1, "07"), { seq: 1 });
    expect(await store.listFolders("hl_hunt=folders/")).toEqual(["hl_version=1"]);
    expect((await store.listFolders("hl_hunt=folders/hl_version=1/")).toSorted()).toEqual([
      "hl_date=2026-01-05",
      "hl_date=2026-01-07",
    ]);
  });

  test("reads rows after those that are skipped", async () => {
    const path = pathOf("rows", 0);
    const { writer } = await stageExport(path, "one", '{"n":1}\n{"n":9007199254740993}\n{"n":3}\n');
    await writer.commit(createMetadata({ rows: 3 }));
    expect(await store.readRows(path, "ndjson", 1, 1)).toEqual(['{"n":9007199254740993}']);
    expect(await store.readRows(path, "ndjson", 3, 5)).toEqual([]);
  });

  test("has a clock", async () => {
    expect(Math.abs((await store.serverNowMs()) - Date.now())).toBeLessThan(5_000);
  });
});

describe.each([
  [
    "on Azurite",
    async (): Promise<MessageQueues> => createMessageQueues((await openStorage()).queues),
  ],
  ["in memory", async (): Promise<MessageQueues> => createMemoryQueues(systemClock)],
] as const)("the message queues %s", (_, create) => {
  let queues: MessageQueues;
  beforeAll(async () => {
    queues = await create();
  });

  test("are empty before the first message", async () => {
    expect(await queues.depth("hunt-runs")).toBe(0);
    expect(await queues.depth("hunt-runs-poison")).toBe(0);
  });

  test("count each message, a delayed one too, in its own queue", async () => {
    await queues.send("hunt-runs", { n: 1 });
    await queues.send("hunt-runs", { n: 2 }, { delaySeconds: 600 });
    expect(await queues.depth("hunt-runs")).toBe(2);
    expect(await queues.depth("file-lookups")).toBe(0);
  });
});
