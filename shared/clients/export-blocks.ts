/**
 * The bytes of one attempt at one blob: staged in blocks of 4 MiB and more while they come, committed once. Small files
 * go the same way: a single conditional PUT is refused where blocks of a dead attempt still lie.
 */
import { createHash } from "node:crypto";
import type { BlockBlobClient, ContainerClient } from "@azure/storage-blob";
import { append, gather, gathered, type Gathered } from "../rows/bytes.ts";
import type { Put } from "../rows/encoder.ts";
import { storageFailure } from "./storage.ts";

/** Above this, a standard account takes a block by its fast way. */
const blockBytes = 4_194_304;

/** Room for the piece that fills a block. */
const lastPiece = 1_048_576;

/** Blocks on their way at once: enough to keep compressing meanwhile, few enough to hold. */
const inFlight = 2;

/** What is committed with the blob. */
export interface BlobFace {
  readonly metadata: Record<string, string>;
  readonly contentType: string;
}

/** One attempt's bytes. */
export interface StagedBlob {
  readonly put: Put;
  /** Stages what is left. All blocks are acknowledged when this resolves. */
  readonly settle: () => Promise<void>;
  /** Makes the blob, only if none is there. Returns its ETag. */
  readonly commit: (face: BlobFace) => Promise<string>;
  /** Forgets the bytes. Blocks that were staged were never visible; the service drops them after seven days. */
  readonly drop: () => void;
}

/** @param attempt - makes the block ids this attempt's own, so that two attempts never mix */
export function stagedBlob(container: ContainerClient, path: string, attempt: string): StagedBlob {
  const blob = container.getBlockBlobClient(path);
  const prefix = createHash("sha256").update(attempt).digest("hex").slice(0, 32);
  const blockIds: string[] = [];
  const onTheWay = new Set<Promise<void>>();
  // Used again block after block: fresh memory of this size keeps the garbage collector busy.
  const free: Gathered[] = [];
  let block: Gathered | undefined;
  let failure: { readonly error: unknown } | undefined;

  const rethrow = (): void => {
    if (failure) throw failure.error as Error; // whatever the SDK threw
  };
  const stage = async (): Promise<void> => {
    const full = block;
    if (!full) return;
    block = undefined;
    // Fixed width: all block ids of a blob, other attempts' included, must be of one length.
    const id = Buffer.from(`${prefix}${String(blockIds.length).padStart(8, "0")}`).toString(
      "base64",
    );
    blockIds.push(id);
    const sent = stageBlock(container, blob, id, gathered(full))
      .catch((error: unknown) => {
        failure ??= { error };
      })
      .finally(() => {
        full.length = 0;
        free.push(full);
        onTheWay.delete(sent);
      });
    onTheWay.add(sent);
    if (onTheWay.size >= inFlight) await Promise.race(onTheWay);
    rethrow();
  };
  return {
    put: async (bytes) => {
      const filling = (block ??= free.pop() ?? gather(blockBytes + lastPiece));
      append(filling, bytes);
      if (filling.length >= blockBytes) await stage();
    },
    settle: async () => {
      await stage();
      await Promise.all(onTheWay);
      rethrow();
    },
    commit: async ({ contentType, metadata }) => {
      const { etag = "" } = await blob.commitBlockList(blockIds, {
        conditions: { ifNoneMatch: "*" },
        metadata,
        blobHTTPHeaders: { blobContentType: contentType },
      });
      return etag;
    },
    drop: () => {
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
  await inContainer(container, () =>
    blob.stageBlock(id, bytes, bytes.length, { transactionalContentMD5 }),
  );
}

/** Does it; makes the container first where that is missing. */
export async function inContainer<T>(
  container: ContainerClient,
  act: () => Promise<T>,
): Promise<T> {
  try {
    return await act();
  } catch (error) {
    if (storageFailure(error).code !== "ContainerNotFound") throw error;
    await container.createIfNotExists();
    return act();
  }
}
