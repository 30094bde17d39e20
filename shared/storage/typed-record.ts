/**
 * Reads and writes records that have a schema: bytes of another shape are `invalid`, never taken
 * for absent.
 */
import type { RecordStore } from "./record-store.ts";

/**
 * A record as read. `invalid`: bytes are there, but not what the schema describes; the etag lets
 * them be replaced.
 */
export type TypedRecord<T> =
  | {
      readonly kind: "found";
      readonly value: T;
      readonly etag: string;
      readonly serverNowMs: number;
    }
  | { readonly kind: "absent"; readonly serverNowMs: number }
  | { readonly kind: "invalid"; readonly etag: string; readonly serverNowMs: number };

/** The part of a zod schema that reading needs. */
export interface RecordSchema<T> {
  readonly safeParse: (value: unknown) => { readonly data?: T | undefined };
}

/** Reads one record and validates it. */
export async function readRecord<T>(
  store: Pick<RecordStore, "read">,
  path: string,
  schema: RecordSchema<T>,
): Promise<TypedRecord<T>> {
  const read = await store.read(path);
  if (read.kind === "absent") return read;
  const { etag, serverNowMs } = read;
  const value = read.kind === "found" ? schema.safeParse(read.value).data : undefined;
  return value === undefined
    ? { kind: "invalid", etag, serverNowMs }
    : { kind: "found", value, etag, serverNowMs };
}

/**
 * The record's value; undefined when it is absent or invalid. For caches, where both mean "not
 * known".
 */
export async function readValue<T>(
  store: Pick<RecordStore, "read">,
  path: string,
  schema: RecordSchema<T>,
): Promise<T | undefined> {
  const record = await readRecord(store, path, schema);
  return record.kind === "found" ? record.value : undefined;
}

/** The etag of what is stored, valid or not; undefined when nothing is. */
export const etagOf = (record: TypedRecord<unknown>): string | undefined =>
  record.kind === "absent" ? undefined : record.etag;

/** Creates the record, or replaces the one with this etag. `lost`: another writer was first. */
export const writeRecord = async (
  store: Pick<RecordStore, "create" | "replace">,
  path: string,
  value: object,
  etag: string | undefined,
) => (etag === undefined ? store.create(path, value) : store.replace(path, value, etag));
