/** The stored fact that Cloud Apps refuses the calls of verdicts, for the health report. */
import * as z from "zod/mini";
import { hourMs } from "../runtime/time.ts";
import type { RecordStore } from "../storage/record-store.ts";
import { etagOf, readRecord, writeRecord } from "../storage/typed-record.ts";

const path = "state/verdict-calls/refused.json";

const refusedCalls = z.object({
  version: z.literal(1),
  /** The service's reason, redacted. */
  reason: z.string(),
  sinceMs: z.number(),
  lastMs: z.number(),
});

/** Longer than the longest pause between two tries of a refused call. */
const maxAgeMs = 2 * hourMs;

/** Records that a call was refused. Losing to another instance loses nothing. */
export async function recordRefusedCall(store: RecordStore, reason: string): Promise<void> {
  const read = await readRecord(store, path, refusedCalls);
  const { serverNowMs: lastMs } = read;
  const sinceMs = read.kind === "found" ? read.value.sinceMs : lastMs;
  await writeRecord(store, path, { version: 1, reason, sinceMs, lastMs }, etagOf(read));
}

/** Records that a call was accepted. */
export const clearRefusedCalls = (store: Pick<RecordStore, "remove">): Promise<void> =>
  store.remove(path);

/** Reads since when and why calls are refused; null while they are accepted. */
export async function readRefusedCalls(
  store: Pick<RecordStore, "read">,
): Promise<{ readonly since: string; readonly reason: string } | null> {
  const read = await readRecord(store, path, refusedCalls);
  if (read.kind !== "found" || read.serverNowMs - read.value.lastMs > maxAgeMs) return null;
  return { since: new Date(read.value.sinceMs).toISOString(), reason: read.value.reason };
}
