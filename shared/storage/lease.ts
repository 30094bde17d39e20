/**
 * A lease keeps two instances from doing the same work at once. It saves quota and guards nothing:
 * correctness comes from conditional writes, so a lost or expired lease costs a repeated call,
 * never a row.
 */
import * as z from "zod/mini";
import type { RecordStore } from "./record-store.ts";
import { etagOf, readRecord, writeRecord } from "./typed-record.ts";

const leaseRecord = z.object({ owner: z.string(), untilMs: z.number() });

/** A lease that this instance holds. */
interface Lease {
  /** Extends the lease from now on. `false`: another instance has taken it meanwhile. */
  readonly renew: () => Promise<boolean>;
  /** Gives the lease up, unless another instance has taken it meanwhile. */
  readonly release: () => Promise<void>;
}

export type AcquiredLease =
  | { readonly kind: "held"; readonly lease: Lease }
  /** `waitMs`: until the other instance's lease expires, at most `leaseMs`. */
  | { readonly kind: "busy"; readonly waitMs: number };

export interface LeaseOptions {
  readonly path: string;
  /** How long the lease lasts without renewal, in milliseconds. */
  readonly leaseMs: number;
  /** Names this attempt in the record. */
  readonly owner: string;
  /** @default false. Takes the lease even when another instance holds it. */
  readonly force?: boolean;
}

/**
 * Acquires the lease, or says how long another instance holds it. Expiry is measured by the store's
 * clock alone, so that the clock of a process may jump. An expiry further away than `leaseMs` is
 * ignored: no instance writes one, and believing it would stop the work for good.
 */
export async function acquireLease(
  store: Pick<RecordStore, "read" | "create" | "replace">,
  { path, leaseMs, owner, force = false }: LeaseOptions,
): Promise<AcquiredLease> {
  const existing = await readRecord(store, path, leaseRecord);
  const untilMs = existing.kind === "found" ? existing.value.untilMs : 0;
  const remainingMs = untilMs - existing.serverNowMs;
  if (!force && remainingMs > 0 && remainingMs <= leaseMs)
    return { kind: "busy", waitMs: remainingMs };

  let etag = etagOf(existing);
  const writeUntil = async (expiryMs: number): Promise<boolean> => {
    const outcome = await writeRecord(store, path, { owner, untilMs: expiryMs }, etag);
    if (outcome.kind === "written") etag = outcome.etag;
    return outcome.kind === "written";
  };
  if (!(await writeUntil(existing.serverNowMs + leaseMs))) return { kind: "busy", waitMs: leaseMs };
  return {
    kind: "held",
    lease: {
      renew: async () => {
        const { serverNowMs } = await store.read(path);
        return writeUntil(serverNowMs + leaseMs);
      },
      release: async () => void (await writeUntil(0)),
    },
  };
}
