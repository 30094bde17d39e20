/**
 * Erases the texts about people from settled records of verdicts after a time; outcomes stay. A
 * watermark over the time of the last change keeps each run from reading what earlier runs erased.
 */
import * as z from "zod/mini";
import { mapInParallel } from "../runtime/concurrency.ts";
import { hourMs } from "../runtime/time.ts";
import type { RecordStore } from "../storage/record-store.ts";
import { etagOf, readRecord, writeRecord } from "../storage/typed-record.ts";
import { alertFolder, alertRecord, isSettled, type AlertRecord } from "./alert-record.ts";
import { eraseFromRecord, eraseFromRequest, hasPersonalData } from "./personal-data.ts";
import { requestFolder, requestRecord, type RequestRecord } from "./request-record.ts";

const progressPath = "state/privacy/expired.json";
const progress = z.object({ version: z.literal(1), upToMs: z.number() });

/** Runs within this time of the last one read nothing. */
const pauseMs = hourMs;

/** Records after which a run ends. The next run continues. */
const maxChangesPerRun = 2_000;
const pageSize = 500;
const maxParallel = 16;

/**
 * Erases the texts of records that did not change since an instant. A record that is not settled is
 * read again after it changed.
 *
 * @returns the number of records that were changed
 */
export async function expirePersonalData(store: RecordStore, cutoffMs: number): Promise<number> {
  const stored = await readRecord(store, progressPath, progress);
  const storedMs = stored.kind === "found" ? stored.value.upToMs : 0;
  // A watermark in the future is forged: it would keep every text.
  const upToMs = storedMs <= stored.serverNowMs ? storedMs : 0;
  if (cutoffMs - upToMs < pauseMs) return 0;
  const paths: string[] = [];
  for (const folder of [alertFolder, requestFolder])
    for await (const { path, lastModifiedMs } of store.list(folder))
      if (lastModifiedMs > upToMs && lastModifiedMs <= cutoffMs) paths.push(path);
  let changedCount = 0;
  for (let start = 0; start < paths.length; start += pageSize) {
    const page = paths.slice(start, start + pageSize);
    const changes = await mapInParallel(page, maxParallel, (path) => eraseFromPath(store, path));
    changedCount += changes.filter(Boolean).length;
    // Erased records count as changed now, so the next run finds only the rest.
    if (changedCount >= maxChangesPerRun) return changedCount;
  }
  await writeRecord(store, progressPath, { version: 1, upToMs: cutoffMs }, etagOf(stored));
  return changedCount;
}

/** Erases the texts of one record. @returns whether it had any and is settled */
async function eraseFromPath(store: RecordStore, path: string): Promise<boolean> {
  return path.startsWith(alertFolder)
    ? eraseRecord(store, path, alertRecord, toErasedRecord)
    : eraseRecord(store, path, requestRecord, toErasedRequest);
}

const toErasedRecord = (record: AlertRecord): AlertRecord | undefined =>
  isSettled(record) && hasPersonalData(record) ? eraseFromRecord(record) : undefined;

const toErasedRequest = (request: RequestRecord): RequestRecord | undefined =>
  hasPersonalData(request) ? eraseFromRequest(request) : undefined;

/** A record that another instance changes meanwhile is left to a later run. */
async function eraseRecord<T extends object>(
  store: RecordStore,
  path: string,
  schema: { readonly safeParse: (value: unknown) => { readonly data?: T | undefined } },
  erase: (value: T) => T | undefined,
): Promise<boolean> {
  const read = await readRecord(store, path, schema);
  const erased = read.kind === "found" ? erase(read.value) : undefined;
  if (read.kind !== "found" || erased === undefined) return false;
  return (await store.replace(path, erased, read.etag)).kind === "written";
}
