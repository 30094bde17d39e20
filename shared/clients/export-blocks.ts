/**
 * The bytes of one attempt at one blob: staged in blocks of at least 4 MiB while they arrive,
 * committed once. Small files use blocks too: a single conditional PUT is refused where uncommitted
 * blocks of another attempt exist.
 */
import { createHash } from "node:crypto";
import type { BlockBlobClient, ContainerClient } from "@azure/storage-blob";
import { appendBytes, createByteBuffer, bytesOf, type ByteBuffer } from "../rows/bytes.ts";
import type { ByteSink } from "../rows/encoder.ts";
import { readStorageFailure } from "./storage.ts";

/** Blocks above this size use the fast path of a standard storage account. */
const blockBytes = 4_194_304;

/** Room for the chunk that completes a block. */
const lastChunkBytes = 1_048_576;

/** Blocks uploaded at once: enough to compress meanwhile, few enough to hold in memory. */
const maxInFlight = 2;

/** Metadata and content type that are committed with the blob. */
interface BlobProperties {
  readonly metadata: Record<string, string>;
  readonly contentType: string;
}

/** The bytes of one attempt. */
export interface StagedBlob {
  readonly put: ByteSink;
  /** Stages the rest. All blocks are acknowledged when this resolves. */
  readonly flush: () => Promise<void>;
  /** Creates the blob if none exists. Returns its ETag. */
  readonly commit: (properties: BlobProperties) => Promise<string>;
  /**
   * Drops the bytes. Staged blocks were never visible; the service removes them after seven days.
   */
  readonly discard: () => void;
}

/** @param attempt - part of every block id, so that the blocks of two attempts never mix */
export function createStagedBlob(
  container: ContainerClient,
  path: string,
  attempt: string,
): StagedBlob {
  const blob = new BlockWriter(container, path, attempt);
  return {
    put: (bytes) => blob.put(bytes),
    flush: () => blob.flush(),
    commit: (properties) => blob.commit(properties),
    discard: () => blob.discard(),
  };
}

class BlockWriter implements StagedBlob {
  readonly #container: ContainerClient;
  readonly #blob: BlockBlobClient;
  readonly #idPrefix: string;
  readonly #blockIds: string[] = [];
  readonly #pendingBlocks = new Set<Promise<void>>();
  /** Reused for each block: new buffers of this size cost garbage collection. */
  readonly #freeBuffers: ByteBuffer[] = [];
  #block: ByteBuffer | undefined;
  #failure: { readonly error: unknown } | undefined;

  constructor(container: ContainerClient, path: string, attempt: string) {
    this.#container = container;
    this.#blob = container.getBlockBlobClient(path);
    this.#idPrefix = createHash("sha256").update(attempt).digest("hex").slice(0, 32);
  }

  async put(bytes: Uint8Array): Promise<void> {
    const filling = (this.#block ??=
      this.#freeBuffers.pop() ?? createByteBuffer(blockBytes + lastChunkBytes));
    appendBytes(filling, bytes);
    if (filling.length >= blockBytes) await this.#stageCurrent();
  }

  async flush(): Promise<void> {
    await this.#stageCurrent();
    await Promise.all(this.#pendingBlocks);
    this.#throwFailure();
  }

  async commit({ contentType, metadata }: BlobProperties): Promise<string> {
    const { etag = "" } = await this.#blob.commitBlockList(this.#blockIds, {
      conditions: { ifNoneMatch: "*" },
      metadata,
      blobHTTPHeaders: { blobContentType: contentType },
    });
    return etag;
  }

  discard(): void {
    this.#block = undefined;
  }

  async #stageCurrent(): Promise<void> {
    const full = this.#block;
    if (!full) return;
    this.#block = undefined;
    const upload = this.#stageBlock(full).finally(() => {
      full.length = 0;
      this.#freeBuffers.push(full);
      this.#pendingBlocks.delete(upload);
    });
    this.#pendingBlocks.add(upload);
    if (this.#pendingBlocks.size >= maxInFlight) await Promise.race(this.#pendingBlocks);
    this.#throwFailure();
  }

  async #stageBlock(full: ByteBuffer): Promise<void> {
    try {
      await stageBlock(this.#container, this.#blob, this.#nextBlockId(), bytesOf(full));
    } catch (error) {
      this.#failure ??= { error };
    }
  }

  /** Fixed width: all block ids of a blob, also those of other attempts, must have one length. */
  #nextBlockId(): string {
    const name = `${this.#idPrefix}${String(this.#blockIds.length).padStart(8, "0")}`;
    const id = Buffer.from(name).toString("base64");
    this.#blockIds.push(id);
    return id;
  }

  #throwFailure(): void {
    if (this.#failure) throw this.#failure.error as Error; // whatever the SDK threw
  }
}

async function stageBlock(
  container: ContainerClient,
  blob: BlockBlobClient,
  id: string,
  bytes: Uint8Array,
): Promise<void> {
  // The service refuses a block that was changed on its way.
  const transactionalContentMD5 = createHash("md5").update(bytes).digest();
  await withContainer(container, () =>
    blob.stageBlock(id, bytes, bytes.length, { transactionalContentMD5 }),
  );
}

/** Runs the action; creates the container first where it is missing. */
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
