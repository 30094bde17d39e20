/** Judges a hunt's exports against the tenant's world, by what lies there alone: P1 to P3. */
import { parseInstant, ticksFromMs } from "../../shared/runtime/time.ts";
import type { Tenant } from "../simulator/simulator.ts";

/** The query that the trials export. */
export const watchedQuery =
  'DeviceProcessEvents | where ActionType == "ProcessCreated" | project Timestamp, ReportId, DeviceId, FileName';

/** What the exports come to. Zeros and an empty list are good. */
export interface Judgement {
  readonly rows: number;
  readonly lost: number;
  readonly doubled: number;
  /** Broken promises other than P1, in words. */
  readonly broken: readonly string[];
}

/** An export as anybody sees it. */
interface Seen {
  readonly path: string;
  readonly metadata: Readonly<Record<string, string | number>>;
  readonly lines: readonly string[];
}

const textIn = ({ metadata }: Seen, field: string): string => String(metadata[field] ?? "");
const instantIn = (one: Seen | undefined, field: string): bigint =>
  (one && parseInstant(textIn(one, field))) ?? 0n;

/**
 * What the log holds against what the world held, as multisets.
 *
 * @param exports - of the hunt's own log and its late rows, by path
 * @param nowMs - rows that have arrived by then count
 */
export function judge(
  tenant: Pick<Tenant, "evaluate" | "world">,
  exports: readonly Seen[],
  nowMs: number,
  query = watchedQuery,
): Judgement {
  const log = exports.filter(({ path }) => !path.includes("/late/"));
  const span = { from: instantIn(log[0], "from"), to: instantIn(log.at(-1), "to") };
  const how = { world: tenant.world, now: span.to, visibleAt: ticksFromMs(nowMs), timespan: span };
  const reply = tenant.evaluate(query, how);
  if (reply.kind !== "table") throw new Error(reply.message);
  const counts = new Map<string, number>();
  const add = (key: string, by: number): void => void counts.set(key, (counts.get(key) ?? 0) + by);
  for (const row of reply.rows) add(row.slice(0, 3).map(String).join("|"), 1);
  const lines = exports.flatMap((one) => one.lines);
  for (const line of lines) add(keyOf(line), -1);
  const sum = (of: (left: number) => number): number =>
    [...counts.values()].reduce((all, left) => all + of(left), 0);
  return {
    rows: lines.length,
    lost: sum((left) => Math.max(0, left)),
    doubled: sum((left) => Math.max(0, -left)),
    broken: brokenIn(exports, log),
  };
}

/** Digits are compared as text: a number above 2^53 must not be rounded by the judge. */
function keyOf(line: string): string {
  const text = (field: string): string =>
    new RegExp(`"${field}":"?([^",}]*)`).exec(line)?.[1] ?? "";
  return `${parseInstant(text("Timestamp"))}|${text("ReportId")}|${text("DeviceId")}`;
}

/** P2 and P3: every blob is what its metadata says, and the log has no gap, also across its versions. */
function brokenIn(exports: readonly Seen[], log: readonly Seen[]): string[] {
  const halves = exports.filter((one) => Number(one.metadata["rows"]) !== one.lines.length);
  const gaps = log.filter((one, index) => {
    const before = log[index - 1];
    const seq =
      before && versionIn(before.path) === versionIn(one.path)
        ? Number(before.metadata["seq"]) + 1
        : 0;
    return (
      Number(one.metadata["seq"]) !== seq ||
      (before && textIn(one, "from") !== textIn(before, "to"))
    );
  });
  return [
    ...halves.map(({ path }) => `P2 ${path}`),
    ...gaps.map(({ path }) => `P3 ${path}`),
    ...(log.length === 0 ? ["nothing was exported"] : []),
  ];
}

const versionIn = (path: string): string => /\/v(\d+)\//.exec(path)?.[1] ?? "";
