/**
 * Export speed relative to `curl | gzip -1`, memory by size, row splitting relative to
 * `JSON.parse`.
 */
import { startAzurite } from "../support/azurite.ts";
import type { AnswerKind } from "./answers.ts";
import { bundleChild, getChildCommand, hasTool, runCommand, startSource } from "./children.ts";
import type { ExportMeasure } from "./export-once.ts";
import {
  toCeilingResult,
  measureInterleaved,
  toSkippedResult,
  toSpeedResult,
  spreadOf,
  type Result,
} from "./harness.ts";

const speedRows = 100_000;
const speedRounds = 5;
const memoryRounds = 3;

/**
 * Goals: minimum speed relative to `curl | gzip -1`, which neither splits rows nor uploads. `wall`
 * uses all cores; `processor` is CPU time, which other load on the machine does not change.
 */
const speedGoals = [
  { kind: "plain", clock: "wall", goal: 1.15 },
  { kind: "plain", clock: "processor", goal: 0.85 },
  { kind: "graph", clock: "wall", goal: 0.575 },
  { kind: "graph", clock: "processor", goal: 0.425 },
] as const;

const clockName = { wall: "all cores", processor: "one core (processor time)" } as const;
const kindName = {
  plain: "plain rows",
  graph: "normalised Graph rows",
  narrow: "narrow rows",
} as const;

/** Measurements that need the source and a storage account. */
export async function* measureExports(): AsyncIterable<Result> {
  const source = await startSource();
  const azurite = await startAzurite();
  const child = await bundleChild("export-once.ts");
  const connection = azurite.connectionString();
  const runExport = async (kind: AnswerKind, rows: number): Promise<ExportMeasure> => {
    const { text } = await runCommand(child.command(source.url, kind, String(rows), connection));
    return JSON.parse(text) as ExportMeasure;
  };
  try {
    yield* measureSpeeds(source.url, runExport);
    yield* measureMemory(runExport);
  } finally {
    source.stop();
    await Promise.all([azurite.stop(), child.remove()]);
  }
}

type RunExport = (kind: AnswerKind, rows: number) => Promise<ExportMeasure>;

async function* measureSpeeds(sourceUrl: string, runExport: RunExport): AsyncIterable<Result> {
  for (const { clock, goal, kind } of speedGoals) {
    const name = `export of ${kindName[kind]}, ${clockName[clock]}, against curl | gzip -1`;
    const missing = ["curl", "gzip"].filter((tool) => !hasTool(tool));
    if (missing.length > 0) {
      yield toSkippedResult(name, `needs ${missing.join(", ")}`);
      continue;
    }
    const shell = [
      "sh",
      "-c",
      `curl -s ${sourceUrl}/${kind}/${speedRows} | gzip -1 > /dev/null; times`,
    ];
    await runExport(kind, speedRows);
    const { limit, ours } = await measureInterleaved(
      {
        limit: async () => {
          const { ms, text } = await runCommand(shell);
          return clock === "wall" ? ms : parseProcessorMs(text);
        },
        ours: async () => {
          const { cpuMs, ms } = await runExport(kind, speedRows);
          return clock === "wall" ? ms : cpuMs;
        },
      },
      speedRounds,
    );
    yield toSpeedResult(name, { limit, ours }, goal, `${speedRows} rows`);
  }
}

/**
 * Parses user and system time of the shell's children: the second line that `times` prints,
 * `0m1.39s 0m0.23s`.
 */
function parseProcessorMs(times: string): number {
  const spans = [...(times.split("\n")[1] ?? "").matchAll(/(\d+)m([\d.]+)s/g)];
  return spans.reduce(
    (sum, [, minutes, seconds]) => sum + Number(minutes) * 60_000 + Number(seconds) * 1_000,
    0,
  );
}

async function* measureMemory(runExport: RunExport): AsyncIterable<Result> {
  const peaks = new Map<number, number>();
  for (const rows of [100_000, 1_000_000, 3_000_000]) {
    const measures: ExportMeasure[] = [];
    for (let round = 0; round < memoryRounds; round += 1)
      measures.push(await runExport("narrow", rows));
    const megabytes = Math.round((measures[0]?.rawBytes ?? 0) / 1e6);
    peaks.set(rows, spreadOf(measures.map(({ peakMb }) => peakMb)).median);
    const aboveIdle = spreadOf(measures.map(({ idleMb, peakMb }) => peakMb - idleMb));
    yield toCeilingResult(
      `peak memory above idle, ${rows} rows`,
      aboveIdle,
      120,
      "MB",
      `${megabytes} MB of lines`,
    );
  }
  const growth = (peaks.get(3_000_000) ?? Number.NaN) / (peaks.get(100_000) ?? Number.NaN);
  yield toCeilingResult(
    "peak memory of 3,000,000 rows to 100,000 rows",
    spreadOf([growth]),
    1.2,
    "x",
  );
}

/** Measures splitting rows in memory relative to parsing all of them. */
export async function* measureCutting(): AsyncIterable<Result> {
  for (const [kind, goal] of [
    ["plain", 2.2],
    ["graph", undefined],
  ] as const) {
    const createReadRun = (method: string) => async () =>
      Number((await runCommand(getChildCommand("cut", kind, method))).text);
    const { limit, ours } = await measureInterleaved(
      { limit: createReadRun("parse"), ours: createReadRun("cut") },
      speedRounds,
    );
    yield toSpeedResult(`cutting ${kindName[kind]} against JSON.parse`, { limit, ours }, goal);
  }
}
