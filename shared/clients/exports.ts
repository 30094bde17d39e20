/** The exports: immutable blobs, each committed once. The blob is the commit record; there is no other. */
import type { BlobDownloadResponseParsed, ContainerClient } from "@azure/storage-blob";
import type { HuntColumn } from "../contracts/compiled-hunt.ts";
import type { ExportMetadata, ExportStore, ExportWriter, FoundExport } from "../hunts/ports.ts";
import { points } from "../runtime/failpoints.ts";
import { UpstreamError } from "../http-pipeline/upstream-error.ts";
import type { Encoder } from "../rows/encoder.ts";
import { openEncoder, type Format } from "../rows/formats.ts";
import { MalformedRows } from "../rows/malformed.ts";
import { csvSlice, ndjsonSlice } from "../rows/slice.ts";
import { inContainer, stagedBlob, type StagedBlob } from "./export-blocks.ts";
import { readMetadata, writeMetadata } from "./export-metadata.ts";
import { storageError, storageFailure } from "./storage.ts";

/**
 * No `Content-Encoding`: the file is a `.gz`, and half of the SDKs and tools would unzip it behind the reader's back,
 * or fail on ranges of it.
 */
const contentTypes: Readonly<Record<Format, string>> = {
  ndjson: "application/gzip",
  csv: "application/gzip",
  parquet: "application/vnd.apache.parquet",
};

/**
 * The store over one container, which is made at the first write where it is missing.
 *
 * @throws UpstreamError `unavailable`, `forbidden` or `rejected` from every verb when storage does not do its part
 */
export function openExports(container: ContainerClient): ExportStore {
  const find = (path: string) => found(container, path);
  return {
    find,
    list: (prefix) => listed(container, prefix),
    folders: async (prefix) => {
      const names: string[] = [];
      await overListing(`list ${prefix}`, async () => {
        for await (const item of container.listBlobsByHierarchy("/", { prefix }))
          if (item.kind === "prefix") names.push(item.name.slice(prefix.length, -1));
      });
      return names;
    },
    open: (path, attempt, format, columns) =>
      exportWriter({
        path,
        attempt,
        format,
        columns,
        find,
        staged: stagedBlob(container, path, attempt),
      }),
    rows: (path, format, skip, top) =>
      asStorage(`read ${path}`, () => sliceOf(container, path, format, { skip, top })),
    serverNowMs: () =>
      asStorage("read the clock", async () => {
        const { date } = await inContainer(container, () => container.getProperties());
        if (!date) throw new Error("an answer without a date");
        return date.getTime();
      }),
  };
}

async function asStorage<T>(tried: string, act: () => Promise<T>): Promise<T> {
  try {
    return await act();
  } catch (error) {
    throw storageError(error, tried);
  }
}

/** A container that is not there yet lists as empty. */
async function overListing(tried: string, act: () => Promise<void>): Promise<void> {
  try {
    await act();
  } catch (error) {
    if (storageFailure(error).code !== "ContainerNotFound") throw storageError(error, tried);
  }
}

/** ETags come with quotes from some verbs and without from others; If-Match wants them. */
const quoted = (etag: string | undefined): string =>
  etag === undefined || etag.startsWith('"') ? (etag ?? "") : `"${etag}"`;

async function found(container: ContainerClient, path: string): Promise<FoundExport | undefined> {
  try {
    const { etag, metadata } = await container.getBlobClient(path).getProperties();
    const read = readMetadata(metadata);
    if (read) return { path, metadata: read, etag: quoted(etag) };
  } catch (error) {
    if (storageFailure(error).status === 404) return undefined;
    throw storageError(error, `read ${path}`);
  }
  throw new UpstreamError(
    "unexpected-answer",
    `storage: ${path} is in the way: a blob that is no export`,
    {
      api: "storage",
    },
  );
}

/** Blobs that are no exports are left out: what somebody else put there is not ours to judge. */
async function* listed(container: ContainerClient, prefix: string): AsyncIterable<FoundExport> {
  try {
    for await (const { metadata, name, properties } of container.listBlobsFlat({
      prefix,
      includeMetadata: true,
    })) {
      const read = readMetadata(metadata);
      if (read) yield { path: name, metadata: read, etag: quoted(properties.etag) };
    }
  } catch (error) {
    if (storageFailure(error).code !== "ContainerNotFound")
      throw storageError(error, `list ${prefix}`);
  }
}

interface WriterParts {
  readonly path: string;
  readonly attempt: string;
  readonly format: Format;
  readonly columns: readonly HuntColumn[];
  readonly staged: StagedBlob;
  readonly find: ExportStore["find"];
}

function exportWriter(parts: WriterParts): ExportWriter {
  const { columns, find, format, path, staged } = parts;
  let encoder: Promise<Encoder> | undefined;
  let rows = 0;
  const opened = (): Promise<Encoder> => (encoder ??= openEncoder(format, columns, staged.put));

  return {
    write: async (lines, count) => {
      rows += count;
      const open = await opened();
      await asStorageOnly(`write ${path}`, () => open.write(lines));
    },
    finish: async () => {
      const open = await opened();
      const { rawBytes, sha256 } = await asStorageOnly(`write ${path}`, async () => {
        const digest = await open.finish();
        await staged.settle();
        return digest;
      });
      await points.reach("E10 compressed");
      return { rows, rawbytes: rawBytes, sha256 };
    },
    commit: async (metadata) => {
      const outcome = await commitOnce(parts, metadata, find);
      staged.drop();
      return outcome;
    },
    abandon: async () => staged.drop(),
  };
}

/** Storage failures in our words; an error of the rows or of the program stays what it is. */
async function asStorageOnly<T>(tried: string, act: () => Promise<T>): Promise<T> {
  try {
    return await act();
  } catch (error) {
    if (error instanceof MalformedRows || error instanceof TypeError || error instanceof RangeError)
      throw error;
    throw storageError(error, tried);
  }
}

/**
 * Commits, and whatever the answer was believes only what lies there: after a lost answer the SDK's second try meets
 * our own blob (409, 412), and another's commit throws our blocks away (400).
 */
async function commitOnce(
  { attempt, format, path, staged }: WriterParts,
  metadata: ExportMetadata,
  find: ExportStore["find"],
): ReturnType<ExportWriter["commit"]> {
  if (metadata.attempt !== attempt) throw new RangeError("metadata of another attempt");
  const sent = staged.commit({
    metadata: writeMetadata(metadata),
    contentType: contentTypes[format],
  });
  // Should the point below throw, the answer has nobody waiting for it any more.
  sent.catch(() => undefined);
  await points.reach("E11 put sent");
  const answer = await sent.then(
    (etag) => ({ etag: quoted(etag) }),
    (error: unknown) => ({ error }),
  );
  await points.reach("E12 put acknowledged");
  if ("etag" in answer) return { kind: "committed", etag: answer.etag };
  const there = await find(path);
  if (!there) throw storageError(answer.error, `commit ${path}`);
  return there.metadata.attempt === attempt
    ? { kind: "committed", etag: there.etag }
    : { kind: "lost" };
}

async function sliceOf(
  container: ContainerClient,
  path: string,
  format: Format,
  slice: { readonly skip: number; readonly top: number },
): Promise<readonly string[]> {
  const blob = container.getBlobClient(path);
  if (format !== "parquet") {
    const body = bodyOf(await blob.download());
    return format === "csv" ? csvSlice(body, slice) : ndjsonSlice(body, slice);
  }
  const { contentLength = 0 } = await blob.getProperties();
  const { parquetSlice } = await import("../rows/parquet-slice.ts");
  return parquetSlice(
    {
      byteLength: contentLength,
      slice: async (start, end = contentLength) => {
        const bytes = await blob.downloadToBuffer(start, end - start);
        return new Uint8Array(bytes).buffer;
      },
    },
    slice,
  );
}

/** In Node a download is a stream of buffers; the SDK's type also speaks of browsers. */
function bodyOf({ readableStreamBody }: BlobDownloadResponseParsed): AsyncIterable<Uint8Array> {
  if (!readableStreamBody) throw new Error("a download without a body");
  return readableStreamBody as unknown as AsyncIterable<Uint8Array>;
}
