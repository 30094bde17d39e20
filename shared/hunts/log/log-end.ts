/**
 * Finds where a hunt's log goes on. From the cached head it probes one record after the other; without a cache it lists
 * the newest version, newest date first. Closing records lead on to the next version.
 */
import type { CompiledHunt } from "../../contracts/compiled-hunt.ts";
import type { HuntBirth, HuntHead } from "../../contracts/hunt-state.ts";
import { formatInstant, parseInstant, type Ticks } from "../../runtime/time.ts";
import { chainHash, spanOf } from "./metadata.ts";
import { formatOf, versionOf, versionPrefix, windowLog, type LogPlace } from "./paths.ts";
import type { FoundExport, HuntFormat, HuntPorts } from "../ports.ts";
import { giveBirth, newestBirth, readBirth } from "./state.ts";

/** Where the next record of a log goes. */
export interface Tip {
  readonly place: LogPlace;
  readonly format: HuntFormat;
  readonly queryHash: string;
  readonly version: number;
  readonly seq: number;
  readonly from: Ticks;
  readonly prev: string;
  /** The newest record of this version; absent while it has none. */
  readonly last: FoundExport | undefined;
}

/** The tip, and the records that were found past the cached head, oldest first. */
export interface FoundTip {
  readonly tip: Tip;
  readonly passed: readonly FoundExport[];
  /** True when the cached head was there: nothing between it and the tip is missing from `passed`. */
  readonly fromCache: boolean;
}

/** Where a version begins that nobody has begun yet. */
export type BirthOf = (version: number, from: Ticks | undefined, former?: string) => HuntBirth;

/** The path of the tip's next record. */
export const nextPath = (tip: Tip): string => tip.place.pathOf(tip.seq, tip.from);

/** The tip after one more record of the same version. */
export const after = (tip: Tip, found: FoundExport): Tip => ({
  ...tip,
  seq: found.metadata.seq + 1,
  from: spanOf(found.metadata).to,
  prev: chainHash(found.metadata),
  last: found,
});

export async function findTip(
  ports: HuntPorts,
  hunt: CompiledHunt,
  cache: HuntHead | undefined,
  birthOf: BirthOf,
): Promise<FoundTip> {
  const cached = cache?.head === undefined ? undefined : await ports.exports.find(cache.head);
  const start = cached ?? (await newestExport(ports, hunt.name));
  const tip = start
    ? await tipAt(ports, hunt, start, birthOf)
    : await firstTip(ports, hunt, birthOf);
  // A log that was empty when the cache was written misses nothing either.
  const fromCache =
    cached !== undefined ||
    (cache !== undefined && cache.head === undefined && start === undefined);
  return { ...(await walk(ports, hunt, tip, birthOf)), fromCache };
}

/** Goes on from a tip past every record that is there. */
export async function walk(
  ports: HuntPorts,
  hunt: CompiledHunt,
  start: Tip,
  birthOf: BirthOf,
): Promise<{ readonly tip: Tip; readonly passed: readonly FoundExport[] }> {
  const passed: FoundExport[] = [];
  let tip = start;
  for (
    let next = await ports.exports.find(nextPath(tip));
    next;
    next = await ports.exports.find(nextPath(tip))
  ) {
    passed.push(next);
    tip =
      next.metadata.complete === "closed"
        ? await nextVersion(ports, hunt, tip.version, next, birthOf)
        : after(tip, next);
  }
  return { tip, passed };
}

async function tipAt(
  ports: HuntPorts,
  hunt: CompiledHunt,
  found: FoundExport,
  birthOf: BirthOf,
): Promise<Tip> {
  const version = versionOf(found.path);
  const format = formatOf(found.path);
  if (version === undefined || format === undefined)
    throw new Error(`${found.path} is no export of ${hunt.name}`);
  if (found.metadata.complete === "closed")
    return nextVersion(ports, hunt, version, found, birthOf);
  const { queryhash: queryHash } = found.metadata;
  const place = windowLog(hunt.name, version, format);
  return after(
    { place, format, queryHash, version, seq: 0, from: 0n, prev: "", last: undefined },
    found,
  );
}

/** The beginning of the version that a closing record names; begins it where nobody has. */
async function nextVersion(
  ports: HuntPorts,
  hunt: CompiledHunt,
  closed: number,
  closing: FoundExport,
  birthOf: BirthOf,
): Promise<Tip> {
  const version = closed + 1;
  const { from } = spanOf(closing.metadata);
  const proposed = birthOf(version, from, closing.metadata.queryhash);
  const birth =
    (await readBirth(ports, hunt.name, version)) ??
    (await giveBirth(ports, hunt.name, version, proposed));
  // The closing record binds the start; the birth says whose version it is.
  return tipOf(
    hunt.name,
    version,
    { ...birth, from: formatInstant(from) },
    chainHash(closing.metadata),
  );
}

async function firstTip(ports: HuntPorts, hunt: CompiledHunt, birthOf: BirthOf): Promise<Tip> {
  const version = (await newestBirth(ports, hunt.name)) ?? 1;
  const birth =
    (await readBirth(ports, hunt.name, version)) ??
    (await giveBirth(ports, hunt.name, version, birthOf(version, undefined)));
  return tipOf(hunt.name, version, birth, "");
}

function tipOf(hunt: string, version: number, birth: HuntBirth, prev: string): Tip {
  const { format, queryHash } = birth;
  const from = parseInstant(birth.from) ?? 0n;
  return {
    place: windowLog(hunt, version, format),
    format,
    queryHash,
    version,
    seq: 0,
    from,
    prev,
    last: undefined,
  };
}

/** The newest export by listing: the newest version, then the newest year, month and day, then the highest number. */
async function newestExport(
  { exports }: Pick<HuntPorts, "exports">,
  hunt: string,
): Promise<FoundExport | undefined> {
  const versions = await foldersOf(exports, `${hunt}/`, /^v\d+$/);
  const version = Math.max(0, ...versions.map((name) => Number(name.slice(1))));
  if (version === 0) return undefined;
  let prefix = versionPrefix(hunt, version);
  for (const digits of [/^\d{4}$/, /^\d\d$/, /^\d\d$/]) {
    const newest = (await foldersOf(exports, prefix, digits)).toSorted().at(-1);
    if (newest === undefined) return undefined;
    prefix = `${prefix}${newest}/`;
  }
  let newest: FoundExport | undefined;
  for await (const found of exports.list(prefix)) newest = found;
  return newest;
}

const foldersOf = async (
  exports: HuntPorts["exports"],
  prefix: string,
  name: RegExp,
): Promise<string[]> => (await exports.folders(prefix)).filter((folder) => name.test(folder));
