/**
 * The records of a hunt. Missing or invalid bytes count as lost and cost calls, never rows. The
 * exception is a version start: guessing another one could give one export two paths.
 */
import {
  huntHead,
  versionStartSchema,
  type HuntHead,
  type VersionStart,
} from "../../contracts/hunt-state.ts";
import { formatInstant, ticksFromMs, type Ticks } from "../../runtime/time.ts";
import { readRecord, type TypedRecord } from "../../storage/typed-record.ts";
import type { HuntContext, HuntDeps } from "../ports.ts";
import { safeReadMs } from "../../contracts/hunting-retention.ts";
import { isExportOf, statePaths } from "./paths.ts";

/** Reads the cached head; a head that names another hunt's log counts as invalid. */
export async function readHead(
  { records }: Pick<HuntDeps, "records">,
  hunt: string,
): Promise<TypedRecord<HuntHead>> {
  const stored = await readRecord(records, statePaths.head(hunt), huntHead);
  if (stored.kind !== "found") return stored;
  const { head } = stored.value;
  const isForeign = head !== undefined && !isExportOf(head, hunt);
  return isForeign
    ? { kind: "invalid", etag: stored.etag, serverNowMs: stored.serverNowMs }
    : stored;
}

/**
 * Returns the start that a new version gets: at `from`, or for a hunt's first version at its
 * look-back.
 *
 * @param formerQueryHash - the query of the version that this one replaces
 */
export const proposeVersionStart = (
  { hunt, serverNow }: HuntContext,
  from: Ticks | undefined,
  formerQueryHash?: string,
): VersionStart => ({
  from: formatInstant(
    from ?? serverNow - ticksFromMs(hunt.lagMs + Math.min(hunt.lookBackMs, safeReadMs)),
  ),
  queryHash: hunt.queryHash,
  format: hunt.format,
  startedAt: formatInstant(serverNow),
  ...(formerQueryHash === undefined ? {} : { formerQueryHash }),
});

/**
 * Reads where a version starts.
 *
 * @throws Error when the record is invalid
 */
export async function readVersionStart(
  { deps, hunt }: HuntContext,
  version: number,
): Promise<VersionStart | undefined> {
  const path = statePaths.versionStart(hunt.name, version);
  const stored = await readRecord(deps.records, path, versionStartSchema);
  if (stored.kind === "invalid")
    throw new Error(
      `${path} is invalid. If version ${version} has no export, delete the record: ` +
        "the next run creates it again.",
    );
  return stored.kind === "found" ? stored.value : undefined;
}

/** Returns the stored start of a version, or stores the proposed one. The first writer wins. */
export async function findOrCreateVersionStart(
  context: HuntContext,
  version: number,
  proposal: VersionStart,
): Promise<VersionStart> {
  const existing = await readVersionStart(context, version);
  if (existing) return existing;
  const { deps, hunt } = context;
  const outcome = await deps.records.create(statePaths.versionStart(hunt.name, version), proposal);
  if (outcome.kind === "written") return proposal;
  return (await readVersionStart(context, version)) ?? proposal;
}

/** Returns the highest version that has a start; undefined when none has. */
export const findLatestVersion = async (context: HuntContext): Promise<number | undefined> =>
  (await listVersions(context)).at(-1);

/**
 * Returns the first version of the hunt's query, or the one that its next run starts. The first one
 * stays the same when another query comes between.
 */
export async function findVersionOfQuery(context: HuntContext): Promise<number> {
  const versions = await listVersions(context);
  for (const version of versions) {
    const versionStart = await readVersionStart(context, version);
    if (versionStart?.queryHash === context.hunt.queryHash) return version;
  }
  return (versions.at(-1) ?? 0) + 1;
}

/** Lists the versions that have a start, lowest first. */
async function listVersions({ deps, hunt }: HuntContext): Promise<number[]> {
  const versions: number[] = [];
  for await (const { path } of deps.records.list(statePaths.versionStarts(hunt.name))) {
    const version = /\/v(\d+)\.json$/.exec(path)?.[1];
    if (version !== undefined) versions.push(Number(version));
  }
  return versions.toSorted((a, b) => a - b);
}
