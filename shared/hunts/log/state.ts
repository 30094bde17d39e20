/** Reads and writes a hunt's records: what is broken or of another shape counts as lost, except a birth. */
import { huntBirth, huntHead, type HuntBirth, type HuntHead } from "../../contracts/hunt-state.ts";
import { statePaths } from "./paths.ts";
import type { HuntPorts } from "../ports.ts";

type Records = Pick<HuntPorts, "records">;

/** A cache as read, with what is needed to replace it. */
export interface Kept<T> {
  readonly value: T | undefined;
  /** Absent when there is nothing to replace. */
  readonly etag: string | undefined;
}

interface Reads<T> {
  readonly safeParse: (value: unknown) => { readonly data?: T | undefined };
}

/** Reads a record that may be lost: unreadable bytes are like none, but keep their etag so that they can be replaced. */
export async function readKept<T>(
  { records }: Records,
  path: string,
  schema: Reads<T>,
): Promise<Kept<T>> {
  const read = await records.read(path);
  if (read.kind === "absent") return { value: undefined, etag: undefined };
  return {
    value: read.kind === "found" ? schema.safeParse(read.value).data : undefined,
    etag: read.etag,
  };
}

/** Puts a record in the place of the one that was read; does nothing when somebody else has written since. */
export async function writeKept(
  { records }: Records,
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
export async function readHead(ports: Records, hunt: string): Promise<Kept<HuntHead>> {
  const kept = await readKept(ports, statePaths.head(hunt), huntHead);
  const foreign = kept.value?.head !== undefined && !kept.value.head.startsWith(`${hunt}/v`);
  return foreign ? { value: undefined, etag: kept.etag } : kept;
}

/**
 * Where a version begins.
 *
 * @throws Error when bytes are there that are no birth: guessing another start could give one record two paths
 */
export async function readBirth(
  { records }: Records,
  hunt: string,
  version: number,
): Promise<HuntBirth | undefined> {
  const path = statePaths.birth(hunt, version);
  const read = await records.read(path);
  if (read.kind === "absent") return undefined;
  const { data } = read.kind === "found" ? huntBirth.safeParse(read.value) : { data: undefined };
  if (!data)
    throw new Error(
      `${path} is not readable; while version ${version} has no export, remove it to begin anew`,
    );
  return data;
}

/** Writes where a version begins, unless somebody has; returns what holds. */
export async function giveBirth(
  ports: Records,
  hunt: string,
  version: number,
  birth: HuntBirth,
): Promise<HuntBirth> {
  const outcome = await ports.records.create(statePaths.birth(hunt, version), birth);
  if (outcome.kind === "written") return birth;
  return (await readBirth(ports, hunt, version)) ?? birth;
}

/** The newest version that was begun, or `undefined`. */
export async function newestBirth({ records }: Records, hunt: string): Promise<number | undefined> {
  let newest: number | undefined;
  for await (const { path } of records.list(statePaths.births(hunt))) {
    const version = Number(/\/v(\d+)\.json$/.exec(path)?.[1] ?? Number.NaN);
    if (version > (newest ?? 0)) newest = version;
  }
  return newest;
}
