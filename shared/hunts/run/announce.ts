/** Tells the queue `hunt-results` of every new export with rows, at least once. */
import type { CompiledHunt } from "../../contracts/compiled-hunt.ts";
import type { HuntHead } from "../../contracts/hunt-state.ts";
import type { HuntResult } from "../../contracts/hunt-result.ts";
import { dayMs, parseInstant, ticksFromMs, type Ticks } from "../../runtime/time.ts";
import { spanOf } from "../log/metadata.ts";
import { dayPrefix, versionOf } from "../log/paths.ts";
import type { FoundExport, HuntPorts } from "../ports.ts";
import type { QuerySpan } from "../query/query-text.ts";
import { rowsQuery } from "../query/query-text.ts";
import type { Tip } from "../log/log-end.ts";

type Notified = HuntHead["notified"];

/** Puts one message for an export; one without rows is no news. */
export async function announce(
  ports: HuntPorts,
  hunt: CompiledHunt,
  kind: HuntResult["kind"],
  found: FoundExport,
): Promise<void> {
  const { seq, from, to, rows, complete } = found.metadata;
  if (rows === 0 || complete !== "yes") return;
  const portalLink = ports.portalLink(rowsQuery(hunt, "prelude", asAsked(hunt, found)));
  const message: HuntResult = {
    hunt: hunt.name,
    kind,
    seq,
    from,
    to,
    rows,
    blob: found.path,
    portalLink,
  };
  await ports.queues.send("hunt-results", message);
  await ports.reach("E14 result message sent");
}

/** The span that the export's query read. */
function asAsked(hunt: CompiledHunt, found: FoundExport): QuerySpan {
  const span = spanOf(found.metadata);
  const from = hunt.mode === "snapshot" ? span.to - ticksFromMs(hunt.lookBackMs) : span.from;
  return { from, to: span.to, clock: span.to };
}

/**
 * Announces what was found past the cached head, and, where the cache had not announced that far or was lost, everything
 * after what it says was announced.
 *
 * @param known - records past the cached head, in order
 * @param complete - whether nothing announced-to and the first of `known` has a hole between them
 * @returns what is announced now
 */
export async function announceNew(
  ports: HuntPorts,
  hunt: CompiledHunt,
  notified: Notified,
  known: readonly FoundExport[],
  complete: boolean,
  tip: Tip,
): Promise<Notified> {
  const news = complete ? known : await exportsAfter(ports, hunt.name, notified, tip);
  for (const found of news) await announce(ports, hunt, "window", found);
  const last = news.at(-1);
  const version = last && versionOf(last.path);
  return last && version !== undefined
    ? { version, seq: last.metadata.seq, from: last.metadata.from }
    : notified;
}

/** Every export after one of them, by listing the days from its start to the tip's, over all versions between. */
export async function exportsAfter(
  { exports }: Pick<HuntPorts, "exports">,
  hunt: string,
  after: Notified,
  tip: Pick<Tip, "version" | "from">,
  most = Number.POSITIVE_INFINITY,
): Promise<FoundExport[]> {
  const found: FoundExport[] = [];
  for (let version = after.version; version <= tip.version; version += 1) {
    for (const day of daysBetween(parseInstant(after.from) ?? 0n, tip.from)) {
      for await (const one of exports.list(dayPrefix(hunt, version, day))) {
        if (found.length >= most) return found;
        if (version > after.version || one.metadata.seq > after.seq) found.push(one);
      }
    }
  }
  return found;
}

const dayTicks = ticksFromMs(dayMs);

function daysBetween(from: Ticks, to: Ticks): Ticks[] {
  const first = from / dayTicks;
  const last = to / dayTicks;
  return Array.from(
    { length: Number(last - first) + 1 },
    (_, index) => (first + BigInt(index)) * dayTicks,
  );
}

/** After a lost cache: whatever a reader of the queue could still have had there, whose messages live seven days. */
const againMs = 7 * dayMs;

/** Where announcing begins when nobody knows what was announced. */
export function unknownNotified(tip: Tip): Notified {
  const start = tip.from - ticksFromMs(againMs);
  return { version: 1, seq: -1, from: new Date(Number(start / 10_000n)).toISOString() };
}
