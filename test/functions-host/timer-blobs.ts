/**
 * A timer's record and its lease, as blobs in `azure-webjobs-hosts`, where the platform has them.
 */
import type { BlobServiceClient, BlockBlobClient } from "@azure/storage-blob";
import { toStatusJson, type TimerStatus } from "./timer-input.ts";
import { parseStatus } from "./timer-record.ts";

/** Returns the path of a timer's record. */
export interface StatusStore {
  readonly read: () => Promise<TimerStatus | undefined>;
  readonly write: (status: TimerStatus) => Promise<void>;
}

/** The right to fire a timer: one host at a time. */
export interface TimerLease {
  /** False when another host has it. */
  readonly acquire: () => Promise<boolean>;
  /** @throws when the lease is lost */
  readonly renew: () => Promise<void>;
  readonly release: () => Promise<void>;
  readonly leaseMs: number;
}

const containerName = "azure-webjobs-hosts";

export function createStatusStore(
  blobs: BlobServiceClient,
  hostId: string,
  timer: string,
): StatusStore {
  const container = blobs.getContainerClient(containerName);
  const blob = container.getBlockBlobClient(`timers/${hostId}/Host.Functions.${timer}/status`);
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
      await container.createIfNotExists();
      const text = JSON.stringify(toStatusJson(status));
      await blob.upload(text, Buffer.byteLength(text), {
        blobHTTPHeaders: { blobContentType: "application/json" },
      });
    },
  };
}

/** @param leaseSeconds - 15 to 60; a killed host keeps its lease for this time */
export function createTimerLease(
  blobs: BlobServiceClient,
  hostId: string,
  timer: string,
  leaseSeconds: number,
): TimerLease {
  const container = blobs.getContainerClient(containerName);
  const blob = container.getBlockBlobClient(`locks/${hostId}/Host.Functions.${timer}.Listener`);
  const lease = blob.getBlobLeaseClient();
  return {
    leaseMs: leaseSeconds * 1_000,
    acquire: async () => {
      await container.createIfNotExists();
      await createIfMissing(blob);
      return runUnlessConflict(async () => {
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

const createIfMissing = (blob: BlockBlobClient): Promise<boolean> =>
  runUnlessConflict(async () => {
    await blob.upload("", 0, { conditions: { ifNoneMatch: "*" } });
  });

/** 409: it is there or held; 412: it is there and held. */
async function runUnlessConflict(action: () => Promise<void>): Promise<boolean> {
  try {
    await action();
    return true;
  } catch (error) {
    const { statusCode } = error as { statusCode?: number };
    if (statusCode === 409 || statusCode === 412) return false;
    throw error;
  }
}
