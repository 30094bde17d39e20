/**
 * A hunting service over rows in memory for tests of the hunts module. It parses the spans out of
 * the few query texts that `testHunt` compiles to, truncates results in a random order and hides
 * rows until they arrive.
 */
import type { CompiledHunt, HuntColumn } from "../../shared/contracts/compiled-hunt.ts";
import type { HuntingPort, HuntingReply, RowSink } from "../../shared/hunts/ports.ts";
import {
  formatInstant,
  parseInstant,
  ticksFromMs,
  type Clock,
  type Ticks,
} from "../../shared/runtime/time.ts";

/**
 * One row of the source: when it happened, when the service has it, and what makes it one of its
 * kind.
 */
export interface SourceRow {
  readonly at: Ticks;
  readonly arrivesMs: number;
  readonly id: string;
}

/** The line that an export holds for a row. */
export const toExportLine = (row: SourceRow): string =>
  `{"Timestamp":"${formatInstant(row.at)}","Id":"${row.id}"}`;

export interface HuntSource extends HuntingPort {
  /** Queries in the order they came. */
  readonly queries: readonly string[];
  readonly rows: SourceRow[];
  /** The schema that an answer names first; undefined for none. A test may change it. */
  columns: readonly HuntColumn[] | undefined;
  /** The row limit of the service. A test may lower it. */
  rowCap: number;
  /** Returns the line of a row. A test may change it. */
  toLine: (row: SourceRow) => string;
}

export interface HuntSourceOptions {
  readonly clock: Clock;
  /** Most rows of a result. */
  readonly cap?: number;
  readonly roundRows?: number;
  readonly random?: () => number;
  /** Answers in the place of the service when it gives a reply. */
  readonly interceptQuery?: (
    query: string,
  ) => HuntingReply | undefined | Promise<HuntingReply | undefined>;
}

const slot = (name: "from" | "to" | "clock" | "step" | "shard" | "shards") => ({ slot: name });

/** A window hunt in the words that the source understands; `change` replaces parts of it. */
export const testHunt = (change: Partial<CompiledHunt> = {}): CompiledHunt => ({
  name: "test-hunt",
  title: "Test",
  description: "",
  severity: undefined,
  tactics: [],
  techniques: [],
  schedule: "0 0 * * * *",
  intervalMs: 3_600_000,
  mode: "window",
  modeReason: "row by row",
  lookBackMs: 86_400_000,
  lagMs: 900_000,
  settleMs: 14_400_000,
  format: "ndjson",
  enrich: undefined,
  enabled: true,
  tables: ["DeviceEvents"],
  columns: [
    { name: "Timestamp", type: "datetime" },
    { name: "Id", type: "string" },
  ],
  timeColumn: "Timestamp",
  queryHash: "a".repeat(64),
  source: "DeviceEvents",
  parameters: [],
  known: [],
  owner: undefined,
  runbook: undefined,
  falsePositives: [],
  reviewBy: undefined,
  tenants: undefined,
  query: {
    prelude: ["ROWS ", slot("from"), " ", slot("to"), " ", slot("clock")],
    inPlace: ["PLACE ", slot("from"), " ", slot("to"), " ", slot("clock")],
    countSuffix: [" | count"],
    histogramSuffix: [" | bins ", slot("step")],
    shardSuffix: [" | shard ", slot("shard"), " of ", slot("shards")],
    shardedBy: "whole row",
  },
  ...change,
});

const instantPattern = /datetime\(([^)]+)\)/g;

export function huntSource(options: HuntSourceOptions): HuntSource {
  const { clock, cap = 10_000, random = () => 0.5 } = options;
  const queries: string[] = [];
  const rows: SourceRow[] = [];

  const selectRows = (query: string): SourceRow[] => {
    const [from = 0n, to = 0n] = [...query.matchAll(instantPattern)].map(
      ([, text = ""]) => parseInstant(text) ?? 0n,
    );
    return rows.filter((row) => row.at >= from && row.at < to && row.arrivesMs <= clock.now());
  };

  const source: HuntSource = {
    columns: undefined,
    rowCap: cap,
    toLine: toExportLine,
    api: "graph",
    caps: { rows: cap, bytes: 1e12, roundRows: options.roundRows ?? cap },
    queries,
    rows,
    runQuery: async (query, { columns: compiled = [] }, sink) => {
      queries.push(query);
      const interceptedReply = await options.interceptQuery?.(query);
      if (interceptedReply) return interceptedReply;
      const matches = selectRows(query);
      if (query.endsWith("| count")) return sendAnswer([`{"Count":${matches.length}}`], sink);
      const step = /\| bins (\d+)tick$/.exec(query)?.[1];
      if (step !== undefined) return sendAnswer(toBinLines(matches, BigInt(step)), sink);
      const shard = /\| shard (\d+) of (\d+)$/.exec(query);
      const shardRows = shard
        ? matches.filter(({ id }) => hashOf(id) % Number(shard[2]) === Number(shard[1]))
        : matches;
      const { columns, toLine } = source;
      if (columns) sink.columns?.(columns);
      const lines = shuffleRows(shardRows, random).slice(0, source.rowCap).map(toLine);
      const answer = await sendAnswer(lines, sink);
      if (lines.length > 0) sink.rowColumns?.(columns ?? compiled);
      return { ...answer, columns: columns ?? compiled };
    },
  };
  return source;
}

async function sendAnswer(
  lines: readonly string[],
  sink: RowSink,
): Promise<Extract<HuntingReply, { kind: "answer" }>> {
  const bytes = Buffer.from(lines.map((line) => `${line}\n`).join(""), "utf8");
  if (lines.length > 0) await sink.writeRows(bytes, lines.length);
  return {
    kind: "answer",
    columns: [],
    rows: lines.length,
    bytes: bytes.byteLength,
    durationMs: 1,
  };
}

function toBinLines(matches: readonly SourceRow[], step: Ticks): string[] {
  const bins = new Map<Ticks, number>();
  for (const { at } of matches)
    bins.set((at / step) * step, (bins.get((at / step) * step) ?? 0) + 1);
  return [...bins].map(([start, count]) => `{"Bin":"${formatInstant(start)}","Rows":${count}}`);
}

function hashOf(id: string): number {
  let hash = 0;
  for (const character of id) hash = (Math.imul(hash, 31) + (character.codePointAt(0) ?? 0)) >>> 0;
  return (hash ^ (hash >>> 15)) >>> 0;
}

function shuffleRows<T>(values: readonly T[], random: () => number): T[] {
  const shuffledValues = [...values];
  for (let index = shuffledValues.length - 1; index > 0; index -= 1) {
    const other = Math.floor(random() * (index + 1));
    const [a, b] = [shuffledValues[index], shuffledValues[other]];
    if (a !== undefined && b !== undefined) [shuffledValues[index], shuffledValues[other]] = [b, a];
  }
  return shuffledValues;
}

/** A row by its time in ms, there at once unless it is said to be late. */
export const sourceRow = (atMs: number, id: string, lateMs = 0): SourceRow => ({
  at: ticksFromMs(atMs),
  arrivesMs: atMs + lateMs,
  id,
});
