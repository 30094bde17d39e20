/** Reads and writes a hunt's records: what is broken or of another shape counts as lost, except a birth. */
import {
  versionStartSchema,
  huntHead,
  type VersionStart,
  type HuntHead,
} from "../../contracts/hunt-state.ts";
import { statePaths } from "./paths.ts";
import type { HuntDeps } from "../ports.ts";

type RecordDeps = Pick<HuntDeps, "records">;

/** A cache as read, with what is needed to replace it. */
export interface StoredRecord<T> {
  readonly value: T | undefined;
  /** Absent when there is nothing to replace. */
  readonly etag: string | undefined;
}

interface RecordSchema<T> {
  readonly safeParse: (value: unknown) => { readonly data?: T | undefined };
}

/** Reads a record that may be lost: unreadable bytes are like none, but keep their etag so that they can be replaced. */
export async function readRecord<T>(
  { records }: RecordDeps,
  path: string,
  schema: RecordSchema<T>,
): Promise<StoredRecord<T>> {
  const stored = await records.read(path);
  if (stored.kind === "absent") return { value: undefined, etag: undefined };
  return {
    value: stored.kind === "found" ? schema.safeParse(stored.value).data : undefined,
    etag: stored.etag,
  };
}

/** Puts a record in the place of the one that was read; does nothing when somebody else has written since. */
export async function writeRecord(
  { records }: RecordDeps,
  path: string,
  value: object,
  etag: string | undefined,
): Promise<boolean> {
  const outcome = await (etag === undefined
    ? records.create(path, value)
    : records.replace(path, value, etag));
  return outcome.kind === "written";
}

/** The head cache; a head of another hunt's log, however it came there, is none. */
export async function readHead(deps: RecordDeps, hunt: string): Promise<StoredRecord<HuntHead>> {
  const stored = await readRecord(deps, statePaths.head(hunt), huntHead);
  const isForeign = stored.value?.head !== undefined && !stored.value.head.startsWith(`${hunt}/v`);
  return isForeign ? { value: undefined, etag: stored.etag } : stored;
}

/**
 * Where a version begins.
 *
 * @throws Error when bytes are there that are no birth: guessing another start could give one record two paths
 */
export async function readVersionStart(
  { records }: RecordDeps,
  hunt: string,
  version: number,
): Promise<VersionStart | undefined> {
  const path = statePaths.versionStart(hunt, version);
  const stored = await records.read(path);
  if (stored.kind === "absent") return undefined;
  const { data } =
    stored.kind === "found" ? versionStartSchema.safeParse(stored.value) : { data: undefined };
  if (!data)
    throw new Error(
      `${path} is not readable; while version ${version} has no export, remove it to begin anew`,
    );
  return data;
}

/** Writes where a version begins, unless somebody has; returns what holds. */
export async function createVersionStart(
  deps: RecordDeps,
  hunt: string,
  version: number,
  versionStart: VersionStart,
): Promise<VersionStart> {
  const outcome = await deps.records.create(statePaths.versionStart(hunt, version), versionStart);
  if (outcome.kind === "written") return versionStart;
  return (await readVersionStart(deps, hunt, version)) ?? versionStart;
}

/** The newest version that was begun, or `undefined`. */
export async function latestVersion(
  { records }: RecordDeps,
  hunt: string,
): Promise<number | undefined> {
  let newest: number | undefined;
  for await (const { path } of records.list(statePaths.versionStarts(hunt))) {
    const version = Number(/\/v(\d+)\.json$/.exec(path)?.[1] ?? Number.NaN);
    if (version > (newest ?? 0)) newest = version;
  }
  return newest;
}
