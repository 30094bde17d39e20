/** Pages through the records under a prefix, newest first. */
import { mapInParallel } from "../runtime/concurrency.ts";
import type { ListedRecord, RecordStore } from "./record-store.ts";
import { readValue, type RecordSchema } from "./typed-record.ts";

export interface NewestPage<T> {
  readonly items: readonly T[];
  /** Continues after the last item; undefined on the last page. */
  readonly skipToken: string | undefined;
}

export interface NewestOptions<T> {
  readonly prefix: string;
  readonly schema: RecordSchema<T>;
  readonly top: number;
  readonly skipToken: string | undefined;
}

const maxParallel = 16;

/** Orders newest first; records of the same instant by path, so that the order is total. */
const compareNewest = (one: ListedRecord, other: ListedRecord): number =>
  other.lastModifiedMs - one.lastModifiedMs || (one.path < other.path ? -1 : 1);

const createToken = ({ lastModifiedMs, path }: ListedRecord): string =>
  Buffer.from(`${lastModifiedMs} ${path}`).toString("base64url");

function isAfter(record: ListedRecord, skipToken: string): boolean {
  const [, ms = "", path = ""] =
    /^(\d+) (.+)$/.exec(Buffer.from(skipToken, "base64url").toString()) ?? [];
  return compareNewest(record, { path, etag: "", lastModifiedMs: Number(ms) }) > 0;
}

/** Reads one page; leaves out records that do not fit the schema. */
export async function listNewestRecords<T>(
  store: Pick<RecordStore, "list" | "read">,
  { prefix, schema, skipToken, top }: NewestOptions<T>,
): Promise<NewestPage<T>> {
  const records: ListedRecord[] = [];
  for await (const record of store.list(prefix))
    if (skipToken === undefined || isAfter(record, skipToken)) records.push(record);
  const page = records.toSorted(compareNewest).slice(0, top);
  const values = await mapInParallel(page, maxParallel, ({ path }) =>
    readValue(store, path, schema),
  );
  const last = page.at(-1);
  return {
    items: values.filter((value) => value !== undefined),
    skipToken: last && records.length > page.length ? createToken(last) : undefined,
  };
}
