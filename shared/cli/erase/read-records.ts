/** Reads all records under a prefix, a page at a time. */
import { mapInParallel } from "../../runtime/concurrency.ts";
import type { ReadRecord, RecordStore } from "../../storage/record-store.ts";

/** A record with its path. */
export type StoredRecord = Extract<ReadRecord, { kind: "found" }> & { readonly path: string };

const pageSize = 500;
const maxParallel = 16;

/** Yields records in the order of their paths; bytes that are no JSON object are left out. */
export async function* readRecords(
  store: Pick<RecordStore, "list" | "read">,
  prefix: string,
): AsyncIterable<StoredRecord> {
  let page: string[] = [];
  for await (const { path } of store.list(prefix)) {
    page.push(path);
    if (page.length < pageSize) continue;
    yield* await readPage(store, page);
    page = [];
  }
  yield* await readPage(store, page);
}

async function readPage(
  store: Pick<RecordStore, "read">,
  paths: readonly string[],
): Promise<StoredRecord[]> {
  const records = await mapInParallel(paths, maxParallel, async (path) => ({
    path,
    ...(await store.read(path)),
  }));
  return records.filter((record) => record.kind === "found");
}
