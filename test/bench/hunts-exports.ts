/** Export speed against `curl | gzip -1`, memory against size, cutting against `JSON.parse`. */
import { startAzurite } from "../support/azurite.ts";
import type { AnswerKind } from "./answers.ts";
import { bundled, childCommand, hasTool, ran, startSource } from "./children.ts";
import type { ExportTook } from "./export-once.ts";
import {
  ceilingResult,
  interleaved,
  skipped,
  speedResult,
  spreadOf,
  type Result,
} from "./harness.ts";

const speedRows = 100_000;
const speedRounds = 5;
const memoryRounds = 3;

/**
 * Goals: at least these times the speed of `curl | gzip -1`, which neither cuts nor uploads. `wall` with all cores;
 * `processor` is what one core would need, and does not suffer when others use the machine.
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

/** Everything that needs the source and a store. */
export async function* exportResults(): AsyncIterable<Result> {
  const source = await startSource();
  const azurite = await startAzurite();
  const child = await bundled("export-once.ts");
  const connection = azurite.connectionString();
  const exported = async (kind: AnswerKind, rows: number): Promise<ExportTook> => {
    const { text } = await ran(child.command(source.url, kind, String(rows), connection));
    return JSON.parse(text) as ExportTook;
  };
  try {
    yield* speeds(source.url, exported);
    yield* memory(exported);
  } finally {
    source.stop();
    await Promise.all([azurite.stop(), child.remove()]);
  }
}

type Exported = (kind: AnswerKind, rows: number) => Promise<ExportTook>;

async function* speeds(sourceUrl: string, exported: Exported): AsyncIterable<Result> {
  for (const { clock, goal, kind } of speedGoals) {
    const name = `export of ${kindName[kind]}, ${clockName[clock]}, against curl | gzip -1`;
    const missing = ["curl", "gzip"].filter((tool) => !hasTool(tool));
    if (missing.length > 0) {
      yield skipped(name, `needs ${missing.join(", ")}`);
      continue;
    }
    const shell = [
      "sh",
      "-c",
      `curl -s ${sourceUrl}/${kind}/${speedRows} | gzip -1 > /dev/null; times`,
    ];
    await exported(kind, speedRows);
    const { limit, ours } = await interleaved(
      {
        limit: async () => {
          const { ms, text } = await ran(shell);
          return clock === "wall" ? ms : processorMs(text);
        },
        ours: async () => {
          const { cpuMs, ms } = await exported(kind, speedRows);
          return clock === "wall" ? ms : cpuMs;
        },
      },
      speedRounds,
    );
    yield speedResult(name, { limit, ours }, goal, `${speedRows} rows`);
  }
}

/** User and system time of the shell's children: the second line that `times` prints, `0m1.39s 0m0.23s`. */
function processorMs(times: string): number {
  const spans = [...(times.split("\n")[1] ?? "").matchAll(/(\d+)m([\d.]+)s/g)];
  return spans.reduce(
    (sum, [, minutes, seconds]) => sum + Number(minutes) * 60_000 + Number(seconds) * 1_000,
    0,
  );
}

async function* memory(exported: Exported): AsyncIterable<Result> {
  const peaks = new Map<number, number>();
  for (const rows of [100_000, 1_000_000, 3_000_000]) {
    const took: ExportTook[] = [];
    for (let round = 0; round < memoryRounds; round += 1) took.push(await exported("narrow", rows));
    const megabytes = Math.round((took[0]?.rawBytes ?? 0) / 1e6);
    peaks.set(rows, spreadOf(took.map(({ peakMb }) => peakMb)).median);
    const above = spreadOf(took.map(({ idleMb, peakMb }) => peakMb - idleMb));
    yield ceilingResult(
      `peak memory above idle, ${rows} rows`,
      above,
      120,
      "MB",
      `${megabytes} MB of lines`,
    );
  }
  const flat = (peaks.get(3_000_000) ?? Number.NaN) / (peaks.get(100_000) ?? Number.NaN);
  yield ceilingResult("peak memory of 3,000,000 rows to 100,000 rows", spreadOf([flat]), 1.2, "x");
}

/** Reading rows from memory, against parsing all of them. */
export async function* cuttingResults(): AsyncIterable<Result> {
  for (const [kind, goal] of [
    ["plain", 2.2],
    ["graph", undefined],
  ] as const) {
    const took = (way: string) => async () =>
      Number((await ran(childCommand("cut", kind, way))).text);
    const { limit, ours } = await interleaved(
      { limit: took("parse"), ours: took("cut") },
      speedRounds,
    );
    yield speedResult(`cutting ${kindName[kind]} against JSON.parse`, { limit, ours }, goal);
  }
}
