/**
 * A backfill: a span of the past, exported once more into a log of its own, `{hunt}/backfill/{from}-{to}/`. The same
 * protocol as the hunt's own log; it begins at the asked `from` and ends when a window reaches the asked `to`.
 */
import type { CompiledHunt } from "../../contracts/compiled-hunt.ts";
import { formatInstant, ticksFromMs, type Span } from "../../runtime/time.ts";
import { backfillLog, backfillPrefix } from "../log/paths.ts";
import type { FoundExport, HuntPorts } from "../ports.ts";
import { openDesk } from "./run-hunt.ts";
import { startPace } from "../query/slicing.ts";
import { after, nextPath, type Tip } from "../log/log-end.ts";
import { appendWindows, type Ending } from "./windows.ts";

/** Records of a backfill, oldest first, and why it stopped. */
export interface Backfilled {
  readonly records: readonly FoundExport[];
  readonly calls: number;
  readonly ending: Ending;
}

export async function runBackfill(
  ports: HuntPorts,
  hunt: CompiledHunt,
  span: Span,
): Promise<Backfilled> {
  const records: FoundExport[] = [];
  for await (const found of ports.exports.list(backfillPrefix(hunt.name, span.from, span.to)))
    records.push(found);
  if (records.some(({ metadata }) => metadata.queryhash !== hunt.queryHash))
    return {
      records,
      calls: 0,
      ending: { kind: "refused", cause: "query", message: changed(span) },
    };
  const desk = openDesk(ports, hunt);
  const tip = records.reduce<Tip>((at, found) => after(at, found), emptyTip(hunt, span));
  const task = {
    desk,
    tip,
    pace: startPace(desk.caps),
    goal: span.to,
    emptyTo: undefined,
    ends: true,
  };
  const appended = await appendWindows({ ...task, walk: (from) => walkOn(ports, from) });
  return {
    records: [...records, ...appended.records],
    calls: desk.asker.calls(),
    ending: appended.ending,
  };
}

const changed = (span: Span): string =>
  `${formatInstant(span.from)} to ${formatInstant(span.to)} was backfilled with another query; ask for a span that differs`;

function emptyTip(hunt: CompiledHunt, span: Span): Tip {
  const place = backfillLog(hunt.name, span.from, span.to, hunt.format);
  const { format, queryHash } = hunt;
  return {
    place,
    format,
    queryHash,
    version: 0,
    seq: 0,
    from: span.from,
    prev: "",
    last: undefined,
  };
}

async function walkOn(
  { exports }: HuntPorts,
  start: Tip,
): Promise<{ tip: Tip; passed: FoundExport[] }> {
  const passed: FoundExport[] = [];
  let tip = start;
  for (
    let next = await exports.find(nextPath(tip));
    next;
    next = await exports.find(nextPath(tip))
  ) {
    passed.push(next);
    tip = after(tip, next);
  }
  return { tip, passed };
}

/** Why a span cannot be backfilled, in words for the one who asked; `undefined` when it can. */
export function backfillFault(
  hunt: CompiledHunt,
  span: Span,
  serverNow: bigint,
): string | undefined {
  if (hunt.mode === "snapshot")
    return "this hunt is a snapshot; only hunts that run in windows can be backfilled";
  if (span.from >= span.to) return "`from` must be before `to`";
  if (span.to > serverNow - ticksFromMs(hunt.lagMs))
    return "`to` must be in the past by more than the hunt's lag";
  if (span.from < serverNow - ticksFromMs(29 * 86_400_000))
    return "`from` must be within the last 29 days";
  return undefined;
}
