/** A timer's record and its lease, as blobs in `azure-webjobs-hosts`, where the platform has them. */
import type { BlobServiceClient, BlockBlobClient } from "@azure/storage-blob";
import { statusJson, type TimerStatus } from "./timer-input.ts";
import { parseStatus } from "./timer-record.ts";

/** Where a timer's record lies. */
export interface StatusStore {
  readonly read: () => Promise<TimerStatus | undefined>;
  readonly write: (status: TimerStatus) => Promise<void>;
}

/** The right to fire a timer: one host at a time. */
export interface Turn {
  /** False when another host has it. */
  readonly take: () => Promise<boolean>;
  /** @throws when the lease is lost */
  readonly renew: () => Promise<void>;
  readonly release: () => Promise<void>;
  readonly leaseMs: number;
}

const container = "azure-webjobs-hosts";

export function openStatus(blobs: BlobServiceClient, hostId: string, timer: string): StatusStore {
  const home = blobs.getContainerClient(container);
  const blob = home.getBlockBlobClient(`timers/${hostId}/Host.Functions.${timer}/status`);
  return {
    read: async () => {
      try {
        return parseStatus((await blob.downloadToBuffer()).toString());
      } catch (error) {
        if ((error as { statusCode?: number }).statusCode === 404) return undefined;
        throw error;
      }
    },
    write: async (status) => {
      await home.createIfNotExists();
      const text = JSON.stringify(statusJson(status));
      await blob.upload(text, Buffer.byteLength(text), {
        blobHTTPHeaders: { blobContentType: "application/json" },
      });
    },
  };
}

/** @param leaseSeconds - 15 to 60; a host that was killed keeps its turn for so long */
export function openTurn(
  blobs: BlobServiceClient,
  hostId: string,
  timer: string,
  leaseSeconds: number,
): Turn {
  const home = blobs.getContainerClient(container);
  const blob = home.getBlockBlobClient(`locks/${hostId}/Host.Functions.${timer}.Listener`);
  const lease = blob.getBlobLeaseClient();
  return {
    leaseMs: leaseSeconds * 1_000,
    take: async () => {
      await home.createIfNotExists();
      await createOnce(blob);
      return unlessConflict(async () => {
        await lease.acquireLease(leaseSeconds);
      });
    },
    renew: async () => {
      await lease.renewLease();
    },
    release: async () => {
      await lease.releaseLease();
    },
  };
}

const createOnce = (blob: BlockBlobClient): Promise<boolean> =>
  unlessConflict(async () => {
    await blob.upload("", 0, { conditions: { ifNoneMatch: "*" } });
  });

/** 409: it is there or held; 412: it is there and held. */
async function unlessConflict(act: () => Promise<void>): Promise<boolean> {
  try {
    await act();
    return true;
  } catch (error) {
    const { statusCode } = error as { statusCode?: number };
    if (statusCode === 409 || statusCode === 412) return false;
    throw error;
  }
}
