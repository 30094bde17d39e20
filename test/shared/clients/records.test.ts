import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { createRecordStore } from "../../../shared/clients/records.ts";
import { createStorageClients } from "../../../shared/clients/storage.ts";
import type { RecordStore } from "../../../shared/storage/record-store.ts";
import { systemClock } from "../../../shared/runtime/time.ts";
import { claimFreshAccount } from "../../support/storage-account.ts";
import {
  blobPortOf,
  withBlobPort,
  startFlakyProxy,
  type FlakyProxy,
} from "../../support/flaky-proxy.ts";
import { createMemoryRecords } from "../../support/memory-records.ts";

const createStore = async (connection: string): Promise<RecordStore> =>
  createRecordStore(
    (await createStorageClients({ kind: "connection-string", value: connection }, quickTimeouts))
      .blobs,
  );

const quickTimeouts = { firstDelayMs: 5, tries: 3, tryMs: 1_000, operationMs: 5_000 };

const listPaths = async (
  store: RecordStore,
  prefix: string,
  startAfter?: string,
): Promise<string[]> => {
  const paths: string[] = [];
  for await (const { path } of store.list(prefix, startAfter === undefined ? {} : { startAfter }))
    paths.push(path);
  return paths;
};

describe.each([
  ["over blobs", () => createStore(claimFreshAccount())],
  ["in memory", () => Promise.resolve(createMemoryRecords({ clock: systemClock }))],
] as const)("a record store %s", (_, make) => {
  let store: RecordStore;
  beforeAll(async () => {
    store = await make();
  });

  test("reads a record as absent before the first write", async () => {
    expect(await store.read("state/none.json")).toMatchObject({ kind: "absent" });
    expect(await listPaths(store, "state/")).toEqual([]);
    await store.remove("state/none.json");
  });

  test("reads back a record with its etag and the store's time", async () => {
    const created = await store.create("state/a.json", { n: 1, text: "ä\u0000😀" });
    const record = await store.read("state/a.json");
    expect(created.kind).toBe("written");
    expect(record).toMatchObject({ kind: "found", value: { n: 1, text: "ä\u0000😀" } });
    expect(record).toHaveProperty("etag", (created as { etag: string }).etag);
    expect(Math.abs(record.serverNowMs - Date.now())).toBeLessThan(3_000);
    expect(record.serverNowMs % 1_000).toBe(0);
  });

  test("creates a record only if it is absent", async () => {
    await store.create("state/once.json", { by: "first" });
    expect(await store.create("state/once.json", { by: "second" })).toMatchObject({ kind: "lost" });
    expect(await store.read("state/once.json")).toMatchObject({ value: { by: "first" } });
  });

  test("replaces a record only if it is unchanged", async () => {
    const created = await store.create("state/cas.json", { n: 1 });
    const { etag } = created as { etag: string };
    expect(await store.replace("state/cas.json", { n: 2 }, etag)).toMatchObject({
      kind: "written",
    });
    expect(await store.replace("state/cas.json", { n: 3 }, etag)).toMatchObject({ kind: "lost" });
    expect(await store.replace("state/gone.json", { n: 3 }, etag)).toMatchObject({ kind: "lost" });
    expect(await store.read("state/cas.json")).toMatchObject({ value: { n: 2 } });
  });

  test("lets exactly one of many writers win", async () => {
    const { etag } = (await store.create("state/race.json", { n: 0 })) as { etag: string };
    const outcomes = await Promise.all(
      Array.from({ length: 8 }, (_, n) => store.replace("state/race.json", { n: n + 1 }, etag)),
    );
    expect(outcomes.filter((outcome) => outcome.kind === "written")).toHaveLength(1);
  });

  test("removes an unchanged record and keeps a changed one", async () => {
    const { etag } = (await store.create("state/rm.json", { n: 1 })) as { etag: string };
    await store.replace("state/rm.json", { n: 2 }, etag);
    await store.remove("state/rm.json", etag);
    expect(await store.read("state/rm.json")).toMatchObject({ value: { n: 2 } });
    await store.remove("state/rm.json");
    expect(await store.read("state/rm.json")).toMatchObject({ kind: "absent" });
  });

  test("lists under a prefix in order, after a path", async () => {
    for (const name of ["b", "a", "c/d"]) await store.create(`state/list/${name}`, {});
    expect(await listPaths(store, "state/list/")).toEqual([
      "state/list/a",
      "state/list/b",
      "state/list/c/d",
    ]);
    expect(await listPaths(store, "state/list/", "state/list/a")).toEqual([
      "state/list/b",
      "state/list/c/d",
    ]);
    for await (const { etag, path } of store.list("state/list/a")) await store.remove(path, etag);
    expect(await listPaths(store, "state/list/a")).toEqual([]);
  });
});

test("reads a record that is not a JSON object as broken, never as absent", async () => {
  const { blobs } = await createStorageClients({
    kind: "connection-string",
    value: claimFreshAccount(),
  });
  const container = blobs.getContainerClient("state");
  await container.create();
  const store = createRecordStore(blobs);
  for (const text of ['{"cut', "", "[1]", "null", "7"]) {
    await container.getBlockBlobClient("x.json").upload(text, text.length);
    expect(await store.read("state/x.json"), text).toMatchObject({
      kind: "broken",
      etag: expect.any(String) as string,
    });
  }
});

test("many first writers create the missing container together", async () => {
  const connection = claimFreshAccount();
  const stores = await Promise.all([createStore(connection), createStore(connection)]);
  const outcomes = await Promise.all(
    stores.flatMap((store, s) => [0, 1, 2].map((n) => store.create(`audit/${s}${n}.json`, {}))),
  );
  expect(outcomes.map((outcome) => outcome.kind)).toEqual(Array(6).fill("written"));
});

test("refuses a path without a container", () => {
  const store = createUnreachableStore();
  expect(() => store.read("state")).toThrow("must be a container and a name");
});

const createUnreachableStore = (): RecordStore =>
  // Never reached: the path is refused before any client is asked for.
  createRecordStore({} as Parameters<typeof createRecordStore>[0]);

describe("with a network that loses answers", () => {
  let proxy: FlakyProxy;
  let store: RecordStore;
  const isWrite = (request: { method?: string | undefined }): boolean => request.method === "PUT";

  beforeAll(async () => {
    const connection = claimFreshAccount();
    proxy = await startFlakyProxy(blobPortOf(connection));
    store = await createStore(withBlobPort(connection, proxy.port));
    await store.create("state/warm.json", {});
  });
  afterAll(() => proxy.stop());

  test("reports a create as written although its response was lost", async () => {
    proxy.injectFaults(["drop-answer"], isWrite);
    expect(await store.create("state/1.json", { n: 1 })).toMatchObject({ kind: "written" });
  });

  test("reports a replace as written although its response was lost", async () => {
    const { etag } = (await store.create("state/2.json", { n: 1 })) as { etag: string };
    proxy.injectFaults(["drop-answer"], isWrite);
    const outcome = await store.replace("state/2.json", { n: 2 }, etag);
    expect(outcome).toMatchObject({ kind: "written" });
    expect(await store.read("state/2.json")).toMatchObject({
      value: { n: 2 },
      etag: (outcome as { etag: string }).etag,
    });
  });

  test("settles a write by reading back when every response was lost", async () => {
    proxy.injectFaults(["drop-answer", "busy", "busy"], isWrite);
    expect(await store.create("state/3.json", {})).toMatchObject({ kind: "written" });
  });

  test("abandons a hung try and repeats it", async () => {
    proxy.injectFaults(["hang"], isWrite);
    expect(await store.create("state/4.json", {})).toMatchObject({ kind: "written" });
  });

  test("throws an error that names the operation when the store stays busy", async () => {
    proxy.injectFaults(["busy", "busy", "busy"]);
    await expect(store.read("state/1.json")).rejects.toMatchObject({
      name: "UpstreamError",
      code: "unavailable",
      message: expect.stringMatching(/^storage: read state\/1\.json failed \(503/) as string,
    });
  });

  test("states the remedy when the app may not create the container", async () => {
    proxy.injectFaults(
      ["forbid"],
      (request) => request.method === "PUT" && request.url?.includes("restype=container") === true,
    );
    await expect(store.create("dead-letters/x.json", {})).rejects.toMatchObject({
      code: "forbidden",
      message: expect.stringContaining(
        "container dead-letters is missing and this app may not create it",
      ) as string,
    });
  });
});
