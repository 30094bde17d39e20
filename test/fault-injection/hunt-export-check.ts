/** Checks a hunt's exports against the simulator's dataset: P1 to P3. */
import { parseInstant, ticksFromMs } from "../../shared/runtime/time.ts";
import type { Simulator } from "../simulator/simulator.ts";

/** The query that the trials export. */
export const watchedQuery =
  'DeviceProcessEvents | where ActionType == "ProcessCreated" | project Timestamp, ReportId, DeviceId, FileName';

/** The result of a check. Zeros and an empty list mean success. */
export interface ExportCheck {
  readonly rows: number;
  readonly lost: number;
  readonly duplicated: number;
  /** Violated guarantees other than P1, as sentences. */
  readonly violations: readonly string[];
}

/** An export as a reader sees it. */
interface ExportedFile {
  readonly path: string;
  readonly metadata: Readonly<Record<string, string | number>>;
  readonly lines: readonly string[];
}

const readMetadata = ({ metadata }: ExportedFile, field: string): string =>
  String(metadata[field] ?? "");
const readMetadataInstant = (one: ExportedFile | undefined, field: string): bigint =>
  (one && parseInstant(readMetadata(one, field))) ?? 0n;

/**
 * Compares the rows of the log with those of the dataset as multisets.
 *
 * @param exports - of the hunt's own log and its late rows, by path
 * @param nowMs - rows that have arrived by then are expected
 */
export function checkExports(
  simulator: Pick<Simulator, "evaluate" | "dataset">,
  exports: readonly ExportedFile[],
  nowMs: number,
  query = watchedQuery,
): ExportCheck {
  const log = exports.filter(({ path }) => !path.includes("/hl_log=late/"));
  const span = {
    from: readMetadataInstant(log[0], "from"),
    to: readMetadataInstant(log.at(-1), "to"),
  };
  const options = {
    dataset: simulator.dataset,
    now: span.to,
    visibleAt: ticksFromMs(nowMs),
    timespan: span,
  };
  const reply = simulator.evaluate(query, options);
  if (reply.kind !== "table") throw new Error(reply.message);
  const counts = new Map<string, number>();
  const addCount = (key: string, by: number): void =>
    void counts.set(key, (counts.get(key) ?? 0) + by);
  for (const row of reply.rows) addCount(row.slice(0, 3).map(String).join("|"), 1);
  const lines = exports.flatMap((one) => one.lines);
  for (const line of lines) addCount(keyOf(line), -1);
  const sumCounts = (toValue: (remaining: number) => number): number =>
    [...counts.values()].reduce((total, remaining) => total + toValue(remaining), 0);
  return {
    rows: lines.length,
    lost: sumCounts((remaining) => Math.max(0, remaining)),
    duplicated: sumCounts((remaining) => Math.max(0, -remaining)),
    violations: findViolations(exports, log),
  };
}

/** Compares digits as text, so that a number above 2^53 is not rounded. */
function keyOf(line: string): string {
  const readText = (field: string): string =>
    new RegExp(`"${field}":"?([^",}]*)`).exec(line)?.[1] ?? "";
  return `${parseInstant(readText("Timestamp"))}|${readText("ReportId")}|${readText("DeviceId")}`;
}

/**
 * Checks P2 and P3: every blob matches its metadata, and the log has no gap, also across versions.
 */
function findViolations(exports: readonly ExportedFile[], log: readonly ExportedFile[]): string[] {
  const incomplete = exports.filter((one) => Number(one.metadata["rows"]) !== one.lines.length);
  const gaps = log.filter((one, index) => {
    const previous = log[index - 1];
    const seq =
      previous && versionOf(previous.path) === versionOf(one.path)
        ? Number(previous.metadata["seq"]) + 1
        : 0;
    return (
      Number(one.metadata["seq"]) !== seq ||
      (previous && readMetadata(one, "from") !== readMetadata(previous, "to"))
    );
  });
  return [
    ...incomplete.map(({ path }) => `P2 ${path}`),
    ...gaps.map(({ path }) => `P3 ${path}`),
    ...(log.length === 0 ? ["nothing was exported"] : []),
  ];
}

const versionOf = (path: string): string => /\/hl_version=(\d+)\//.exec(path)?.[1] ?? "";
