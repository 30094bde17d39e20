/**
 * JSON records over blobs. Each write carries an attempt id in its metadata: when the answer says "somebody else",
 * or no answer comes, the record is read back, and a write that was our own after all counts as written.
 */
import { randomUUID } from "node:crypto";
import type { BlobServiceClient, BlockBlobClient } from "@azure/storage-blob";
import type { ReadRecord, RecordStore, WriteOutcome } from "../storage/record-store.ts";
import { UpstreamError } from "../http-pipeline/upstream-error.ts";
import { storageError, storageFailure } from "./storage.ts";

/** Only if absent, or only if unchanged. */
type Condition = { readonly ifNoneMatch: "*" } | { readonly ifMatch: string };

/**
 * The live record store. A missing container is created once, at the first write.
 *
 * @throws UpstreamError with `api: "storage"` from every verb when storage is away or the app lacks a right
 */
export function openRecords(blobs: BlobServiceClient): RecordStore {
  const at = (path: string): BlockBlobClient => {
    const [container, name] = parts(path);
    return blobs.getContainerClient(container).getBlockBlobClient(name);
  };
  const write = async (
    path: string,
    value: object,
    condition: Condition,
  ): Promise<WriteOutcome> => {
    try {
      return await writeOnce(at(path), value, condition);
    } catch (error) {
      if (storageFailure(error).code !== "ContainerNotFound")
        throw storageError(error, `write ${path}`);
    }
    await createContainer(blobs, parts(path)[0]);
    return named(`write ${path}`, writeOnce(at(path), value, condition));
  };
  return {
    read: (path) => named(`read ${path}`, readRecord(at(path))),
    create: (path, value) => write(path, value, { ifNoneMatch: "*" }),
    replace: (path, value, etag) => write(path, value, { ifMatch: etag }),
    remove: (path, etag) => named(`remove ${path}`, removeRecord(at(path), etag)),
    list: (prefix, options) => listRecords(blobs, prefix, options?.startAfter ?? ""),
  };
}

function parts(path: string): readonly [container: string, name: string] {
  const slash = path.indexOf("/");
  if (slash < 1)
    throw new RangeError(
      `record path ${JSON.stringify(path)} wants a container and a name: state/x.json`,
    );
  return [path.slice(0, slash), path.slice(slash + 1)];
}

async function named<T>(tried: string, work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (error) {
    throw storageError(error, tried);
  }
}

/** The service's clock as its `Date` header has it: whole seconds. */
function serverNow(date: Date | undefined): number {
  if (!date)
    throw new UpstreamError("unavailable", "storage: an answer has no Date header", {
      api: "storage",
    });
  return date.getTime();
}

async function readRecord(blob: BlockBlobClient): Promise<ReadRecord> {
  try {
    const answer = await blob.download();
    const read = { etag: answer.etag ?? "", serverNowMs: serverNow(answer.date) };
    const value = objectOf(await textOf(answer.readableStreamBody));
    return value === undefined ? { kind: "broken", ...read } : { kind: "found", value, ...read };
  } catch (error) {
    const { serverNowMs, status } = storageFailure(error);
    if (status === 404 && serverNowMs !== undefined) return { kind: "absent", serverNowMs };
    throw error;
  }
}

async function textOf(body: NodeJS.ReadableStream | undefined): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of body ?? []) chunks.push(Buffer.from(chunk));
  return Buffer.concat(chunks).toString("utf8");
}

function objectOf(text: string): object | undefined {
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
    const answer = await blob.upload(body, body.length, {
      conditions: condition,
      metadata: { attempt },
      blobHTTPHeaders: { blobContentType: "application/json" },
    });
    return { kind: "written", etag: answer.etag ?? "", serverNowMs: serverNow(answer.date) };
  } catch (error) {
    const failure = storageFailure(error);
    const answered = failure.status !== undefined && failure.status < 500;
    if (answered && failure.status !== 409 && failure.status !== 412) throw error;
    const seen = await whoseIsIt(blob);
    if (seen.attempt === attempt)
      return { kind: "written", etag: seen.etag, serverNowMs: seen.serverNowMs };
    // Refused by condition, and not by our own earlier try: somebody else was first. No answer at all: nothing is known.
    if (answered) return { kind: "lost", serverNowMs: seen.serverNowMs };
    throw error;
  }
}

async function whoseIsIt(
  blob: BlockBlobClient,
): Promise<{ attempt?: string; etag: string; serverNowMs: number }> {
  try {
    const { date, etag = "", metadata } = await blob.getProperties();
    const attempt = metadata?.["attempt"];
    return { ...(attempt === undefined ? {} : { attempt }), etag, serverNowMs: serverNow(date) };
  } catch (error) {
    const { serverNowMs, status } = storageFailure(error);
    if (status === 404 && serverNowMs !== undefined) return { etag: "", serverNowMs };
    throw error;
  }
}

async function removeRecord(blob: BlockBlobClient, etag: string | undefined): Promise<void> {
  try {
    await blob.delete(etag === undefined ? {} : { conditions: { ifMatch: etag } });
  } catch (error) {
    const { status } = storageFailure(error);
    if (status !== 404 && status !== 412) throw error;
  }
}

async function* listRecords(blobs: BlobServiceClient, prefix: string, startAfter: string) {
  const [container, start] = parts(prefix);
  try {
    for await (const item of blobs.getContainerClient(container).listBlobsFlat({ prefix: start })) {
      const path = `${container}/${item.name}`;
      if (path <= startAfter) continue;
      yield {
        path,
        etag: quoted(item.properties.etag),
        lastModifiedMs: item.properties.lastModified.getTime(),
      };
    }
  } catch (error) {
    if (storageFailure(error).status !== 404) throw storageError(error, `list ${prefix}`);
  }
}

/** A listing writes etags without the quotes that conditions and single answers have. */
const quoted = (etag: string): string => (etag.startsWith('"') ? etag : `"${etag}"`);

/**
 * Creates a container; another instance that does so at the same time is no harm.
 *
 * @throws UpstreamError `forbidden` that says what to do when this app may not
 */
async function createContainer(blobs: BlobServiceClient, container: string): Promise<void> {
  try {
    await blobs.getContainerClient(container).create();
  } catch (error) {
    const { code, status } = storageFailure(error);
    if (code === "ContainerAlreadyExists") return;
    if (status !== 403) throw storageError(error, `create container ${container}`);
    const message = `storage: container ${container} is missing and this app may not create it: deploy infra/, or create it by hand`;
    throw new UpstreamError("forbidden", message, { api: "storage", status, upstreamCode: code });
  }
}
