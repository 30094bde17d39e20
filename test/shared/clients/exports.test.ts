import { createCipheriv, createHash } from "node:crypto";
import { gunzipSync } from "node:zlib";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { ContainerClient } from "@azure/storage-blob";
import { createExportStore } from "../../../shared/clients/exports.ts";
import { createStorageClients } from "../../../shared/clients/storage.ts";
import type { ExportMetadata, ExportStore, ExportWriter } from "../../../shared/hunts/ports.ts";
import { failpoints } from "../../../shared/runtime/failpoints.ts";
import { claimFreshAccount } from "../../support/storage-account.ts";
import {
  blobPortOf,
  withBlobPort,
  startFlakyProxy,
  type FlakyProxy,
} from "../../support/flaky-proxy.ts";

const path =
  "hl_tenant=default/hl_hunt=a-hunt/hl_version=1/hl_log=main/hl_date=2026-01-05/000000000001.ndjson.gz";
const columns = [
  { name: "n", type: "long" },
  { name: "t", type: "string" },
] as const;

const createMetadata = (changes: Partial<ExportMetadata> = {}): ExportMetadata => ({
  seq: 1,
  from: "2026-01-05T00:00:00.0000000Z",
  to: "2026-01-05T01:00:00.0000000Z",
  rows: 2,
  rawbytes: 20,
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

const createLines = (from: number, count: number): string =>
  Array.from({ length: count }, (_, at) => `{"n":${from + at},"t":"${from}"}\n`).join("");

/** Lines that do not compress: their export takes several blocks. */
const createNoisyLines = (count: number): string[] =>
  Array.from(
    { length: count },
    (_, part) =>
      `${Array.from({ length: 64 }, (_, at) => `{"n":${at},"t":"${createNoise(`${part} ${at}`)}"}`).join("\n")}\n`,
  );

/** Text as random as it is repeatable: a stream cipher over a counter. */
const createNoise = (seed: string): string =>
  createCipheriv("aes-128-ctr", createHash("md5").update(seed).digest(), Buffer.alloc(16))
    .update(Buffer.alloc(13_000))
    .toString("base64");

/** More than one block's worth. */
const large = createNoisyLines(6);
const larger = createNoisyLines(7);

let container: ContainerClient;
let store: ExportStore;
let connection: string;

beforeEach(async () => {
  connection = claimFreshAccount();
  const { blobs } = await createStorageClients({ kind: "connection-string", value: connection });
  container = blobs.getContainerClient("exports");
  store = createExportStore(container);
});

const originalFailpoint = failpoints.failpoint;
afterEach(() => {
  failpoints.failpoint = originalFailpoint;
});

const openWriter = (attempt: string, at = path): ExportWriter =>
  store.openWriter(at, attempt, "ndjson", columns);

async function writeExport(
  attempt: string,
  text = createLines(1, 2),
  at = path,
): Promise<ExportWriter> {
  const writer = openWriter(attempt, at);
  await writer.writeRows(Buffer.from(text), text.split("\n").length - 1);
  await writer.finish();
  return writer;
}

const readText = async (at = path): Promise<string> =>
  gunzipSync(await container.getBlobClient(at).downloadToBuffer()).toString();

describe("createExportStore", () => {
  test("commits an export with its metadata, and finds and lists it", async () => {
    const writer = openWriter("one");
    await writer.writeRows(Buffer.from(createLines(1, 2)), 2);
    const raw = createLines(1, 2);
    expect(await writer.finish()).toEqual({
      rows: 2,
      rawbytes: raw.length,
      substituted: 0,
      sha256: createHash("sha256").update(raw).digest("hex"),
    });
    expect(await store.find(path)).toBeUndefined();
    const outcome = await writer.commit(createMetadata());
    const existing = await store.find(path);
    expect(outcome).toEqual({ kind: "committed", etag: existing?.etag });
    expect(existing?.metadata).toEqual(createMetadata());
    expect(await Array.fromAsync(store.list("hl_tenant=default/hl_hunt=a-hunt/"))).toEqual([
      existing,
    ]);
    expect(await readText()).toBe(raw);
    const { contentEncoding, contentType } = await container.getBlobClient(path).getProperties();
    expect([contentType, contentEncoding]).toEqual(["application/gzip", undefined]);
  });

  test("stages a large export in blocks of 4 MiB and more, and shows nothing before the commit", async () => {
    const writer = openWriter("one");
    const chunks = large;
    for (const part of chunks) await writer.writeRows(Buffer.from(part), 64);
    await writer.finish();
    expect(await Array.fromAsync(store.list(""))).toEqual([]);
    const staged = await container.getBlockBlobClient(path).getBlockList("uncommitted");
    const sizes = (staged.uncommittedBlocks ?? []).map(({ size }) => size);
    expect(sizes.length).toBeGreaterThan(1);
    expect(sizes.filter((size) => size < 4_194_304).length).toBeLessThanOrEqual(1);
    expect(await writer.commit(createMetadata())).toMatchObject({ kind: "committed" });
    expect(await readText()).toBe(chunks.join(""));
  });

  test("keeps the closing record's next version and omits an empty prev", async () => {
    await (
      await writeExport("one", "")
    ).commit(createMetadata({ complete: "closed", next: "v2", prev: "d".repeat(64) }));
    expect((await store.find(path))?.metadata).toMatchObject({
      complete: "closed",
      next: "v2",
      prev: "d".repeat(64),
    });
    expect(await readText()).toBe("");
  });

  test("lists by path, skips blobs that are not exports, and names folders", async () => {
    for (const at of ["b/v2/1", "b/v1/2", "b/v1/1"])
      await (await writeExport("x", "", at)).commit(createMetadata({ attempt: "x" }));
    await container.getBlockBlobClient("b/v1/readme.txt").upload("hello", 5);
    expect((await Array.fromAsync(store.list("b/"))).map((entry) => entry.path)).toEqual([
      "b/v1/1",
      "b/v1/2",
      "b/v2/1",
    ]);
    expect(await store.listFolders("b/")).toEqual(["v1", "v2"]);
    await expect(store.find("b/v1/readme.txt")).rejects.toThrow("not an export");
  });

  test("lists a missing container as empty", async () => {
    expect(await store.find(path)).toBeUndefined();
    expect(await Array.fromAsync(store.list(""))).toEqual([]);
    expect(await store.listFolders("")).toEqual([]);
  });

  test("returns the service's time", async () => {
    expect(Math.abs((await store.serverNowMs()) - Date.now())).toBeLessThan(5_000);
  });

  test("refuses metadata of another attempt and values that a header cannot carry", async () => {
    const writer = await writeExport("one");
    await expect(writer.commit(createMetadata({ attempt: "two" }))).rejects.toThrow(RangeError);
    await expect(writer.commit(createMetadata({ queryhash: "Größe" }))).rejects.toThrow(
      "queryhash",
    );
  });
});

describe("two writers of one path", () => {
  test.each([
    ["small", createLines(1, 2), createLines(5, 2)],
    ["large", large.join(""), larger.join("")],
    ["small against large", createLines(1, 2), large.join("")],
    ["large against small", large.join(""), createLines(1, 2)],
  ])("lets one commit win and reports the other as lost: %s", async (_, first, second) => {
    const one = await writeExport("one", first);
    const two = await writeExport("two", second);
    expect(await one.commit(createMetadata({ attempt: "one" }))).toMatchObject({
      kind: "committed",
    });
    expect(await two.commit(createMetadata({ attempt: "two" }))).toEqual({ kind: "lost" });
    expect(await readText()).toBe(first);
  });

  test("exactly one of two simultaneous commits wins", async () => {
    const attempts = ["one", "two", "three", "four"];
    const writers = await Promise.all(
      attempts.map((attempt, at) => writeExport(attempt, createLines(at, 3))),
    );
    const outcomes = await Promise.all(
      writers.map((writer, at) => writer.commit(createMetadata({ attempt: attempts[at] ?? "" }))),
    );
    const winners = outcomes.flatMap(({ kind }, at) => (kind === "committed" ? [at] : []));
    expect(winners.length).toBe(1);
    expect(await readText()).toBe(createLines(winners[0] ?? -1, 3));
  });

  test.each([
    ["rows", createLines(5, 2)],
    ["no rows", ""],
  ])("a later attempt with %s changes nothing after the commit", async (_, second) => {
    await (await writeExport("one")).commit(createMetadata({ attempt: "one" }));
    const before = await store.find(path);
    const two = await writeExport("two", second);
    expect(await two.commit(createMetadata({ attempt: "two" }))).toEqual({ kind: "lost" });
    expect(await store.find(path)).toEqual(before);
    expect(await readText()).toBe(createLines(1, 2));
  });

  test("an abandoned attempt leaves no blob", async () => {
    const writer = openWriter("one");
    for (const part of large) await writer.writeRows(Buffer.from(part), 64);
    await writer.abandon();
    expect(await store.find(path)).toBeUndefined();
    expect(await Array.fromAsync(store.list(""))).toEqual([]);
    expect(
      await (await writeExport("two")).commit(createMetadata({ attempt: "two" })),
    ).toMatchObject({
      kind: "committed",
    });
    expect(await readText()).toBe(createLines(1, 2));
  });
});

describe("behind a bad connection", () => {
  let proxy: FlakyProxy;

  beforeEach(async () => {
    proxy = await startFlakyProxy(blobPortOf(connection));
    const value = withBlobPort(connection, proxy.port);
    const { blobs } = await createStorageClients(
      { kind: "connection-string", value },
      { tries: 2, firstDelayMs: 1 },
    );
    container = blobs.getContainerClient("exports");
    await container.create();
    store = createExportStore(container);
  });
  afterEach(() => proxy.stop());

  const isPut = (request: { method?: string | undefined }): boolean => request.method === "PUT";
  const isCommit = (request: { url?: string | undefined }): boolean =>
    request.url?.includes("comp=blocklist") === true;

  test.each([
    ["once", ["drop-answer"] as const],
    ["for every try", ["drop-answer", "drop-answer"] as const],
  ])("recognizes its own export although the response was lost %s", async (_, faults) => {
    const writer = await writeExport("one");
    proxy.injectFaults(faults, isCommit);
    expect(await writer.commit(createMetadata())).toMatchObject({ kind: "committed" });
    expect(await readText()).toBe(createLines(1, 2));
  });

  test("stages a block again when the response was lost", async () => {
    const writer = openWriter("one");
    proxy.injectFaults(["drop-answer"], isPut);
    const chunks = large;
    for (const part of chunks) await writer.writeRows(Buffer.from(part), 64);
    await writer.finish();
    expect(await writer.commit(createMetadata())).toMatchObject({ kind: "committed" });
    expect(await readText()).toBe(chunks.join(""));
  });

  test("the service refuses a damaged block, which becomes part of no export", async () => {
    const writer = openWriter("one");
    proxy.injectFaults(["damage"], isPut);
    await writer.writeRows(Buffer.from(createLines(1, 2)), 2);
    await expect(writer.finish()).rejects.toMatchObject({ name: "UpstreamError" });
    expect(await store.find(path)).toBeUndefined();
    expect(
      await (await writeExport("two")).commit(createMetadata({ attempt: "two" })),
    ).toMatchObject({
      kind: "committed",
    });
  });

  test("fails as unavailable without a connection, and commits at the next try", async () => {
    const writer = await writeExport("one");
    proxy.injectFaults(["busy", "busy"], isPut);
    await expect(writer.commit(createMetadata())).rejects.toMatchObject({
      name: "UpstreamError",
      code: "unavailable",
    });
    expect(await store.find(path)).toBeUndefined();
    expect(
      await (await writeExport("two")).commit(createMetadata({ attempt: "two" })),
    ).toMatchObject({
      kind: "committed",
    });
  });
});

describe("failpoints", () => {
  test("reaches the failpoints around the commit in order", async () => {
    const events: string[] = [];
    failpoints.failpoint = async (name) => {
      events.push(`${name} ${(await store.find(path)) ? "there" : "not there"}`);
    };
    await (await writeExport("one")).commit(createMetadata());
    expect(events[0]).toBe("E10 compressed not there");
    expect(events[1]).toMatch(/^E11 put sent/);
    expect(events[2]).toBe("E12 put acknowledged there");
  });

  test("a crash after the PUT leaves a whole export or none", async () => {
    const writer = await writeExport("one");
    failpoints.failpoint = (name) => {
      if (name === "E11 put sent") throw new Error("killed");
    };
    await expect(writer.commit(createMetadata())).rejects.toThrow("killed");
    failpoints.failpoint = originalFailpoint;
    const result = await (await writeExport("two")).commit(createMetadata({ attempt: "two" }));
    const existing = await store.find(path);
    expect(result.kind).toBe(existing?.metadata.attempt === "two" ? "committed" : "lost");
    expect(await readText()).toBe(createLines(1, 2));
  });
});

describe("rows", () => {
  test.each(["ndjson", "csv", "parquet"] as const)("reads a slice of %s back", async (format) => {
    const at = `slices/${format}`;
    const writer = store.openWriter(at, "one", format, columns);
    await writer.writeRows(Buffer.from(createLines(9_007_199_254_740_000, 500)), 500);
    await writer.finish();
    await writer.commit(createMetadata());
    const rows = await store.readRows(at, format, 498, 10);
    expect(rows).toEqual([
      '{"n":9007199254740498,"t":"9007199254740000"}',
      '{"n":9007199254740499,"t":"9007199254740000"}',
    ]);
  });

  test("reading a slice at the front does not read the rest", async () => {
    const writer = openWriter("one");
    for (const part of larger) await writer.writeRows(Buffer.from(part), 64);
    await writer.finish();
    await writer.commit(createMetadata());
    expect((await store.readRows(path, "ndjson", 1, 2)).map((row) => row.slice(0, 7))).toEqual([
      '{"n":1,',
      '{"n":2,',
    ]);
  });
});
