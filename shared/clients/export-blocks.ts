/**
 * The bytes of one attempt at one blob: staged in blocks of 4 MiB and more while they come, committed once. Small files
 * go the same way: a single conditional PUT is refused where blocks of a dead attempt still lie.
 */
import { createHash } from "node:crypto";
import type { BlockBlobClient, ContainerClient } from "@azure/storage-blob";
import { appendBytes, createByteBuffer, bytesOf, type ByteBuffer } from "../rows/bytes.ts";
import type { ByteSink } from "../rows/encoder.ts";
import { readStorageFailure } from "./storage.ts";

/** Above this, a standard account takes a block by its fast way. */
const blockBytes = 4_194_304;

/** Room for the piece that fills a block. */
const lastChunkBytes = 1_048_576;

/** Blocks on their way at once: enough to keep compressing meanwhile, few enough to hold. */
const maxInFlight = 2;

/** What is committed with the blob. */
export interface BlobProperties {
  readonly metadata: Record<string, string>;
  readonly contentType: string;
}

/** One attempt's bytes. */
export interface StagedBlob {
  readonly put: ByteSink;
  /** Stages what is left. All blocks are acknowledged when this resolves. */
  readonly flush: () => Promise<void>;
  /** Makes the blob, only if none is there. Returns its ETag. */
  readonly commit: (properties: BlobProperties) => Promise<string>;
  /** Forgets the bytes. Blocks that were staged were never visible; the service drops them after seven days. */
  readonly discard: () => void;
}

/** @param attempt - makes the block ids this attempt's own, so that two attempts never mix */
export function createStagedBlob(
  container: ContainerClient,
  path: string,
  attempt: string,
): StagedBlob {
  const blob = container.getBlockBlobClient(path);
  const prefix = createHash("sha256").update(attempt).digest("hex").slice(0, 32);
  const blockIds: string[] = [];
  const pendingBlocks = new Set<Promise<void>>();
  // Used again block after block: fresh memory of this size keeps the garbage collector busy.
  const freeBuffers: ByteBuffer[] = [];
  let block: ByteBuffer | undefined;
  let failure: { readonly error: unknown } | undefined;

  const throwFailure = (): void => {
    if (failure) throw failure.error as Error; // whatever the SDK threw
  };
  const stageCurrent = async (): Promise<void> => {
    const full = block;
    if (!full) return;
    block = undefined;
    // Fixed width: all block ids of a blob, other attempts' included, must be of one length.
    const id = Buffer.from(`${prefix}${String(blockIds.length).padStart(8, "0")}`).toString(
      "base64",
    );
    blockIds.push(id);
    const upload = stageBlock(container, blob, id, bytesOf(full))
      .catch((error: unknown) => {
        failure ??= { error };
      })
      .finally(() => {
        full.length = 0;
        freeBuffers.push(full);
        pendingBlocks.delete(upload);
      });
    pendingBlocks.add(upload);
    if (pendingBlocks.size >= maxInFlight) await Promise.race(pendingBlocks);
    throwFailure();
  };
  return {
    put: async (bytes) => {
      const filling = (block ??=
        freeBuffers.pop() ?? createByteBuffer(blockBytes + lastChunkBytes));
      appendBytes(filling, bytes);
      if (filling.length >= blockBytes) await stageCurrent();
    },
    flush: async () => {
      await stageCurrent();
      await Promise.all(pendingBlocks);
      throwFailure();
    },
    commit: async ({ contentType, metadata }) => {
      const { etag = "" } = await blob.commitBlockList(blockIds, {
        conditions: { ifNoneMatch: "*" },
        metadata,
        blobHTTPHeaders: { blobContentType: contentType },
      });
      return etag;
    },
    discard: () => {
      block = undefined;
    },
  };
}

async function stageBlock(
  container: ContainerClient,
  blob: BlockBlobClient,
  id: string,
  bytes: Uint8Array,
): Promise<void> {
  // The service refuses a block that does not arrive as it was made.
  const transactionalContentMD5 = createHash("md5").update(bytes).digest();
  await withContainer(container, () =>
    blob.stageBlock(id, bytes, bytes.length, { transactionalContentMD5 }),
  );
}

/** Does it; makes the container first where that is missing. */
export async function withContainer<T>(
  container: ContainerClient,
  action: () => Promise<T>,
): Promise<T> {
  try {
    return await action();
  } catch (error) {
    if (readStorageFailure(error).code !== "ContainerNotFound") throw error;
    await container.createIfNotExists();
    return action();
  }
}
