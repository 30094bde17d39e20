/** The exports: immutable blobs, each committed once. The blob is the only commit record. */
import type { BlobDownloadResponseParsed, ContainerClient } from "@azure/storage-blob";
import type { HuntColumn } from "../contracts/compiled-hunt.ts";
import type { ExportMetadata, ExportStore, ExportWriter, ExportRecord } from "../hunts/ports.ts";
import { failpoints } from "../runtime/failpoints.ts";
import { UpstreamError } from "../http-pipeline/upstream-error.ts";
import type { Encoder } from "../rows/encoder.ts";
import { createEncoder, type ExportFormat } from "../rows/formats.ts";
import { MalformedRows } from "../rows/malformed-rows.ts";
import { readCsvSlice, readNdjsonSlice } from "../rows/slice.ts";
import { withContainer, createStagedBlob, type StagedBlob } from "./export-blocks.ts";
import { readMetadata, writeMetadata } from "./export-metadata.ts";
import { toStorageError, readStorageFailure } from "./storage.ts";

/**
 * There is no `Content-Encoding`: the file is a `.gz`, and many SDKs and tools would decompress it
 * unasked or fail on ranges of it.
 */
const contentTypes: Readonly<Record<ExportFormat, string>> = {
  ndjson: "application/gzip",
  csv: "application/gzip",
  parquet: "application/vnd.apache.parquet",
};

/**
 * Creates the store over one container. The first write creates a missing container.
 *
 * @throws UpstreamError `unavailable`, `forbidden` or `rejected` from every method when storage
 *   fails
 */
export function createExportStore(container: ContainerClient): ExportStore {
  const findExport = (path: string) => loadExport(container, path);
  return {
    find: findExport,
    list: (prefix) => listExports(container, prefix),
    listFolders: async (prefix) => {
      const names: string[] = [];
      await listOrEmpty(`list ${prefix}`, async () => {
        for await (const item of container.listBlobsByHierarchy("/", { prefix }))
          if (item.kind === "prefix") names.push(item.name.slice(prefix.length, -1));
      });
      return names;
    },
    openWriter: (path, attempt, format, columns) =>
      createExportWriter({
        path,
        attempt,
        format,
        columns,
        find: findExport,
        stagedBlob: createStagedBlob(container, path, attempt),
      }),
    readRows: (path, format, skip, top) =>
      withStorageErrors(`read ${path}`, () => readSlice(container, path, format, { skip, top })),
    serverNowMs: () =>
      withStorageErrors("read the clock", async () => {
        const { date } = await withContainer(container, () => container.getProperties());
        if (!date) throw new Error("a response without a date");
        return date.getTime();
      }),
  };
}

async function withStorageErrors<T>(operation: string, action: () => Promise<T>): Promise<T> {
  try {
    return await action();
  } catch (error) {
    throw toStorageError(error, operation);
  }
}

/** Lists a missing container as empty. */
async function listOrEmpty(operation: string, action: () => Promise<void>): Promise<void> {
  try {
    await action();
  } catch (error) {
    if (readStorageFailure(error).code !== "ContainerNotFound")
      throw toStorageError(error, operation);
  }
}

/** Adds the quotes that some methods leave out and that If-Match requires. */
const quoteEtag = (etag: string | undefined): string =>
  etag === undefined || etag.startsWith('"') ? (etag ?? "") : `"${etag}"`;

async function loadExport(
  container: ContainerClient,
  path: string,
): Promise<ExportRecord | undefined> {
  try {
    const { etag, metadata } = await container.getBlobClient(path).getProperties();
    const parsed = readMetadata(metadata);
    if (parsed) return { path, metadata: parsed, etag: quoteEtag(etag) };
  } catch (error) {
    if (readStorageFailure(error).status === 404) return undefined;
    throw toStorageError(error, `read ${path}`);
  }
  throw new UpstreamError(
    "unexpectedResponse",
    `storage: ${path} is a blob that is not an export`,
    {
      api: "storage",
    },
  );
}

/** Skips blobs that are not exports: other tools may store files in the container. */
async function* listExports(
  container: ContainerClient,
  prefix: string,
): AsyncIterable<ExportRecord> {
  try {
    for await (const { metadata, name, properties } of container.listBlobsFlat({
      prefix,
      includeMetadata: true,
    })) {
      const parsed = readMetadata(metadata);
      if (parsed) yield { path: name, metadata: parsed, etag: quoteEtag(properties.etag) };
    }
  } catch (error) {
    if (readStorageFailure(error).code !== "ContainerNotFound")
      throw toStorageError(error, `list ${prefix}`);
  }
}

interface WriterOptions {
  readonly path: string;
  readonly attempt: string;
  readonly format: ExportFormat;
  readonly columns: readonly HuntColumn[];
  readonly stagedBlob: StagedBlob;
  readonly find: ExportStore["find"];
}

function createExportWriter(options: WriterOptions): ExportWriter {
  const { columns, find, format, path, stagedBlob } = options;
  let pendingEncoder: Promise<Encoder> | undefined;
  let rows = 0;
  const getEncoder = (): Promise<Encoder> =>
    (pendingEncoder ??= createEncoder(format, columns, stagedBlob.put));

  return {
    writeRows: async (lines, count) => {
      rows += count;
      const encoder = await getEncoder();
      await mapStorageErrors(`write ${path}`, () => encoder.write(lines));
    },
    finish: async () => {
      const encoder = await getEncoder();
      const { rawBytes, sha256, substituted } = await mapStorageErrors(
        `write ${path}`,
        async () => {
          const digest = await encoder.finish();
          await stagedBlob.flush();
          return digest;
        },
      );
      await failpoints.failpoint("E10 compressed");
      return { rows, rawbytes: rawBytes, substituted, sha256 };
    },
    commit: async (metadata) => {
      const outcome = await commitOnce(options, metadata, find);
      stagedBlob.discard();
      return outcome;
    },
    abandon: async () => stagedBlob.discard(),
  };
}

/** Maps failures of storage. An error of the rows or of the program stays as it is. */
async function mapStorageErrors<T>(operation: string, action: () => Promise<T>): Promise<T> {
  try {
    return await action();
  } catch (error) {
    if (error instanceof MalformedRows || error instanceof TypeError || error instanceof RangeError)
      throw error;
    throw toStorageError(error, operation);
  }
}

/**
 * Commits, and after an error believes only the stored blob: after a lost response the SDK's second
 * try finds this attempt's own blob (409, 412), and another attempt's commit removes this attempt's
 * blocks (400).
 */
async function commitOnce(
  { attempt, format, path, stagedBlob }: WriterOptions,
  metadata: ExportMetadata,
  find: ExportStore["find"],
): ReturnType<ExportWriter["commit"]> {
  if (metadata.attempt !== attempt) throw new RangeError("metadata of another attempt");
  const pendingCommit = stagedBlob.commit({
    metadata: writeMetadata(metadata),
    contentType: contentTypes[format],
  });
  // If the failpoint below throws, no code awaits this promise.
  pendingCommit.catch(() => undefined);
  await failpoints.failpoint("E11 put sent");
  const outcome = await pendingCommit.then(
    (etag) => ({ etag: quoteEtag(etag) }),
    (error: unknown) => ({ error }),
  );
  await failpoints.failpoint("E12 put acknowledged");
  if ("etag" in outcome) return { kind: "committed", etag: outcome.etag };
  const existing = await find(path);
  if (!existing) throw toStorageError(outcome.error, `commit ${path}`);
  return existing.metadata.attempt === attempt
    ? { kind: "committed", etag: existing.etag }
    : { kind: "lost" };
}

async function readSlice(
  container: ContainerClient,
  path: string,
  format: ExportFormat,
  slice: { readonly skip: number; readonly top: number },
): Promise<readonly string[]> {
  const blob = container.getBlobClient(path);
  if (format !== "parquet") {
    const body = bodyOf(await blob.download());
    return format === "csv" ? readCsvSlice(body, slice) : readNdjsonSlice(body, slice);
  }
  const { contentLength = 0 } = await blob.getProperties();
  const { readParquetSlice: parquetSlice } = await import("../rows/parquet-slice.ts");
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

/**
 * Narrows the SDK's type, which also covers browsers: in Node a download is a stream of buffers.
 */
function bodyOf({ readableStreamBody }: BlobDownloadResponseParsed): AsyncIterable<Uint8Array> {
  if (!readableStreamBody) throw new Error("a download without a body");
  return readableStreamBody as unknown as AsyncIterable<Uint8Array>;
}
