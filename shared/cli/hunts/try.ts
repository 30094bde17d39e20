/** `npm run hunts -- try`: one call over the last hours, and its first rows as a table. `compare`: the same from two back-ends. */
import type { CompiledHunt } from "../../contracts/compiled-hunt.ts";
import type { HuntingPort } from "../../hunts/ports.ts";
import { buildRowsQuery, type QuerySpan } from "../../hunts/query/query-text.ts";
import { parseDuration, ticksFromMs } from "../../runtime/time.ts";
import { runQuery, formatReply, type QueryResult, type CreateHuntingPort } from "./run-query.ts";
import { formatProblem } from "./check.ts";
import { describeHunt, findOutcome } from "./explain.ts";
import { formatTable, type Output } from "../output.ts";

/** What both commands work with. `nowMs` since the epoch. */
export interface LiveRunOptions {
  readonly folder: string;
  readonly huntOrFile: string;
  /** A duration such as `1h`. */
  readonly last: string;
  readonly nowMs: number;
}

const maxShownRows = 20;

/** Shows the analysis, then the first rows. Returns the exit code. */
export async function tryHunt(
  options: LiveRunOptions,
  createPort: CreateHuntingPort,
  output: Output,
): Promise<number> {
  const subject = resolveSubject(options, output);
  if (!subject) return 1;
  const { hunt, span } = subject;
  for (const line of describeHunt(hunt)) output.line(line);
  const port = await createPort();
  const { reply, rowLines } = await runQuery(
    port,
    buildRowsQuery(hunt, "prelude", span),
    span,
    maxShownRows,
  );
  if (reply.kind !== "answer") {
    output.error(`${port.api}: ${formatReply(reply)}`);
    return 1;
  }
  output.line("");
  for (const line of formatRowTable(rowLines)) output.line(line);
  output.line(
    `${port.api}: ${formatReply(reply)}${rowLines.length < reply.rows ? `; the first ${rowLines.length} are shown` : ""}`,
  );
  return 0;
}

/** Runs the hunt once on Graph and once on the Defender API and prints what differs. Exit code 1 when something does. */
export async function compareHunt(
  options: LiveRunOptions,
  createPort: CreateHuntingPort,
  output: Output,
): Promise<number> {
  const subject = resolveSubject(options, output);
  if (!subject) return 1;
  const { hunt, span } = subject;
  const query = buildRowsQuery(hunt, "prelude", span);
  const sides: { readonly api: HuntingPort["api"]; readonly result: QueryResult }[] = [];
  for (const api of ["graph", "defender"] as const) {
    const result = await runQuery(await createPort(api), query, span);
    sides.push({ api, result });
    output.line(`${api}: ${formatReply(result.reply)}`);
  }
  if (sides.some(({ result }) => result.reply.kind !== "answer")) return 1;
  if (
    sides.some(
      ({ result }) => result.reply.kind === "answer" && result.reply.rows > result.rowLines.length,
    )
  ) {
    output.error("There are too many rows to compare in memory; ask for less with --last.");
    return 1;
  }
  return printDifferences(sides, output);
}

function printDifferences(
  sides: readonly { api: string; result: QueryResult }[],
  output: Output,
): number {
  const [one, other] = sides;
  if (!one || !other) return 1;
  const missing = [
    { api: one.api, lines: subtractLines(one.result.rowLines, other.result.rowLines) },
    { api: other.api, lines: subtractLines(other.result.rowLines, one.result.rowLines) },
  ];
  for (const { api, lines } of missing) {
    if (lines.length > 0) output.line(`\nonly from ${api}: ${lines.length}`);
    for (const line of lines.slice(0, maxShownRows)) output.line(`  ${line}`);
  }
  const isSame = missing.every(({ lines }) => lines.length === 0);
  if (isSame) output.line("Both give the same rows.");
  return isSame ? 0 : 1;
}

/** What is in `lines` more often than in `others`. */
function subtractLines(lines: readonly string[], others: readonly string[]): readonly string[] {
  const remaining = new Map<string, number>();
  for (const line of others) remaining.set(line, (remaining.get(line) ?? 0) + 1);
  return lines.filter((line) => {
    const count = remaining.get(line) ?? 0;
    remaining.set(line, count - 1);
    return count <= 0;
  });
}

function resolveSubject(
  { folder, huntOrFile, last, nowMs }: LiveRunOptions,
  output: Output,
): { hunt: CompiledHunt; span: QuerySpan } | undefined {
  const lastMs = parseDuration(last);
  if (lastMs === undefined) {
    output.error(`--last ${last} is no duration; expected one such as 1h or PT30M.`);
    return undefined;
  }
  const outcome = findOutcome(folder, huntOrFile);
  for (const problem of outcome?.problems ?? []) output.error(formatProblem(problem));
  if (!outcome)
    output.error(
      `There is no hunt ${huntOrFile} in the catalogue and no such file. npm run hunts lists the hunts.`,
    );
  if (!outcome?.hunt) return undefined;
  const { widestMs } = outcome.hunt;
  if (widestMs !== undefined && widestMs < lastMs)
    output.error(
      `note: the query's own times keep rows of its last ${widestMs} ms alone; --last ${last} is longer.`,
    );
  const to = ticksFromMs(nowMs);
  return { hunt: outcome.hunt, span: { from: to - ticksFromMs(lastMs), to, clock: to } };
}

const maxCellWidth = 40;

/** JSON lines as a table; long values are cut. */
function formatRowTable(lines: readonly string[]): readonly string[] {
  const rows = lines.map((line) => JSON.parse(line) as Readonly<Record<string, unknown>>);
  const head = Object.keys(rows[0] ?? {});
  if (head.length === 0) return [];
  return formatTable(
    head,
    rows.map((row) => head.map((name) => formatCell(row[name]))),
  );
}

function formatCell(value: unknown): string {
  const text = typeof value === "string" ? value : JSON.stringify(value ?? "");
  const line = text.replaceAll(/\p{Cc}/gu, " ");
  return line.length > maxCellWidth ? `${line.slice(0, maxCellWidth - 1)}…` : line;
}
