/**
 * JSON records in blobs. Each write stores an attempt id in the blob's metadata. When the response
 * names a conflict, or no response arrives, the record is read back, and a record with this
 * attempt's id counts as written.
 */
import { randomUUID } from "node:crypto";
import type { BlobServiceClient, BlockBlobClient } from "@azure/storage-blob";
import type { ReadRecord, RecordStore, WriteOutcome } from "../storage/record-store.ts";
import { UpstreamError } from "../http-pipeline/upstream-error.ts";
import { toStorageError, readStorageFailure } from "./storage.ts";

/** Writes only if absent, or only if unchanged. */
type Condition = { readonly ifNoneMatch: "*" } | { readonly ifMatch: string };

/**
 * Creates the record store. The first write creates a missing container.
 *
 * @throws UpstreamError with `api: "storage"` from every method when storage is away or the app
 *   lacks a right
 */
export function createRecordStore(blobs: BlobServiceClient): RecordStore {
  const getBlob = (path: string): BlockBlobClient => {
    const [container, name] = splitPath(path);
    return blobs.getContainerClient(container).getBlockBlobClient(name);
  };
  const writeRecord = async (
    path: string,
    value: object,
    condition: Condition,
  ): Promise<WriteOutcome> => {
    try {
      return await writeOnce(getBlob(path), value, condition);
    } catch (error) {
      if (readStorageFailure(error).code !== "ContainerNotFound")
        throw toStorageError(error, `write ${path}`);
    }
    await createContainer(blobs, splitPath(path)[0]);
    return withStorageErrors(`write ${path}`, writeOnce(getBlob(path), value, condition));
  };
  return {
    read: (path) => withStorageErrors(`read ${path}`, downloadRecord(getBlob(path))),
    create: (path, value) => writeRecord(path, value, { ifNoneMatch: "*" }),
    replace: (path, value, etag) => writeRecord(path, value, { ifMatch: etag }),
    remove: (path, etag) => withStorageErrors(`remove ${path}`, removeRecord(getBlob(path), etag)),
    list: (prefix, options) => listRecords(blobs, prefix, options?.startAfter ?? ""),
  };
}

function splitPath(path: string): readonly [container: string, name: string] {
  const slash = path.indexOf("/");
  if (slash < 1)
    throw new RangeError(
      `a record's path must be a container and a name such as state/x.json; it is ${JSON.stringify(path)}`,
    );
  return [path.slice(0, slash), path.slice(slash + 1)];
}

async function withStorageErrors<T>(operation: string, work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (error) {
    throw toStorageError(error, operation);
  }
}

/** Returns the service's clock from its `Date` header, in whole seconds. */
function toServerMs(date: Date | undefined): number {
  if (!date)
    throw new UpstreamError("unavailable", "storage: the response has no Date header", {
      api: "storage",
    });
  return date.getTime();
}

async function downloadRecord(blob: BlockBlobClient): Promise<ReadRecord> {
  try {
    const response = await blob.download();
    const version = { etag: response.etag ?? "", serverNowMs: toServerMs(response.date) };
    const value = parseObject(await readText(response.readableStreamBody));
    return value === undefined
      ? { kind: "broken", ...version }
      : { kind: "found", value, ...version };
  } catch (error) {
    const { serverNowMs, status } = readStorageFailure(error);
    if (status === 404 && serverNowMs !== undefined) return { kind: "absent", serverNowMs };
    throw error;
  }
}

async function readText(body: NodeJS.ReadableStream | undefined): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of body ?? []) chunks.push(Buffer.from(chunk));
  return Buffer.concat(chunks).toString("utf8");
}

function parseObject(text: string): object | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null && !Array.isArray(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

async function writeOnce(
  blob: BlockBlobClient,
  value: object,
  condition: Condition,
): Promise<WriteOutcome> {
  const attempt = randomUUID();
  const body = Buffer.from(JSON.stringify(value));
  try {
    const response = await blob.upload(body, body.length, {
      conditions: condition,
      metadata: { attempt },
      blobHTTPHeaders: { blobContentType: "application/json" },
    });
    return { kind: "written", etag: response.etag ?? "", serverNowMs: toServerMs(response.date) };
  } catch (error) {
    const failure = readStorageFailure(error);
    const isAnswered = failure.status !== undefined && failure.status < 500;
    if (isAnswered && failure.status !== 409 && failure.status !== 412) throw error;
    const existing = await readAttempt(blob);
    if (existing.attempt === attempt)
      return { kind: "written", etag: existing.etag, serverNowMs: existing.serverNowMs };
    // A conflict that this attempt did not cause: another writer was first. Without a response the
    // outcome is unknown.
    if (isAnswered) return { kind: "lost", serverNowMs: existing.serverNowMs };
    throw error;
  }
}

async function readAttempt(
  blob: BlockBlobClient,
): Promise<{ attempt?: string; etag: string; serverNowMs: number }> {
  try {
    const { date, etag = "", metadata } = await blob.getProperties();
    const attempt = metadata?.["attempt"];
    return { ...(attempt === undefined ? {} : { attempt }), etag, serverNowMs: toServerMs(date) };
  } catch (error) {
    const { serverNowMs, status } = readStorageFailure(error);
    if (status === 404 && serverNowMs !== undefined) return { etag: "", serverNowMs };
    throw error;
  }
}

async function removeRecord(blob: BlockBlobClient, etag: string | undefined): Promise<void> {
  try {
    await blob.delete(etag === undefined ? {} : { conditions: { ifMatch: etag } });
  } catch (error) {
    const { status } = readStorageFailure(error);
    if (status !== 404 && status !== 412) throw error;
  }
}

async function* listRecords(blobs: BlobServiceClient, prefix: string, startAfter: string) {
  const [container, start] = splitPath(prefix);
  try {
    for await (const item of blobs.getContainerClient(container).listBlobsFlat({ prefix: start })) {
      const path = `${container}/${item.name}`;
      if (path <= startAfter) continue;
      yield {
        path,
        etag: quoteEtag(item.properties.etag),
        lastModifiedMs: item.properties.lastModified.getTime(),
      };
    }
  } catch (error) {
    if (readStorageFailure(error).status !== 404) throw toStorageError(error, `list ${prefix}`);
  }
}

/** Adds the quotes that a listing leaves out and that conditions require. */
const quoteEtag = (etag: string): string => (etag.startsWith('"') ? etag : `"${etag}"`);

/**
 * Creates a container. Another instance may create it at the same time.
 *
 * @throws UpstreamError `forbidden` with the remedy when the app lacks the right
 */
async function createContainer(blobs: BlobServiceClient, container: string): Promise<void> {
  try {
    await blobs.getContainerClient(container).create();
  } catch (error) {
    const { code, status } = readStorageFailure(error);
    if (code === "ContainerAlreadyExists") return;
    if (status !== 403) throw toStorageError(error, `create container ${container}`);
    const message = `storage: container ${container} is missing and this app may not create it. Deploy infra/ or create the container`;
    throw new UpstreamError("forbidden", message, { api: "storage", status, upstreamCode: code });
  }
}
