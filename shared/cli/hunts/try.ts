/** `npm run hunts -- try` and `compare`: run a query once, on one back-end or on two. */
import type { CompiledHunt } from "../../contracts/compiled-hunt.ts";
import type { HuntingPort } from "../../hunts/ports.ts";
import { buildRowsQuery, type QuerySpan } from "../../hunts/query/query-text.ts";
import { parseDuration, ticksFromMs } from "../../runtime/time.ts";
import { runQuery, formatReply, type QueryResult, type CreateHuntingPort } from "./run-query.ts";
import { formatProblem } from "./check.ts";
import { describeHunt, findOutcome, formatNotFound } from "./explain.ts";
import { UsageError } from "../command-line.ts";
import { formatTable, type Output } from "../output.ts";

/** What both commands run with; `nowMs` since the epoch. */
export interface LiveRunOptions {
  readonly folder: string;
  readonly huntOrFile: string;
  /** A duration such as `1h`. */
  readonly last: string;
  readonly nowMs: number;
  /** Whether the simulated cloud answers. */
  readonly isSimulated: boolean;
  readonly tenant?: string | undefined;
}

const maxShownRows = 20;

/** Prints the analysis, then the first rows. Returns the exit code. */
export async function tryHunt(
  options: LiveRunOptions,
  createPort: CreateHuntingPort,
  output: Output,
): Promise<number> {
  const subject = resolveSubject(options, output);
  if (!subject) return 1;
  const { hunt, span } = subject;
  for (const line of describeHunt(hunt)) output.line(line);
  const port = await createPort({ isSimulated: options.isSimulated, tenant: options.tenant });
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
  const isCut = rowLines.length < reply.rows;
  output.line(
    `${port.api}: ${formatReply(reply)}${isCut ? `; the first ${rowLines.length} are shown` : ""}`,
  );
  return 0;
}

/** Runs the hunt on Graph and on the Defender API. Returns 1 when the rows differ. */
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
    const result = await runQuery(
      await createPort({ api, isSimulated: options.isSimulated, tenant: options.tenant }),
      query,
      span,
    );
    sides.push({ api, result });
    output.line(`${api}: ${formatReply(result.reply)}`);
  }
  if (sides.some(({ result }) => result.reply.kind !== "answer")) return 1;
  if (
    sides.some(
      ({ result }) => result.reply.kind === "answer" && result.reply.rows > result.rowLines.length,
    )
  ) {
    output.error("There are too many rows to compare in memory. Choose a shorter --last.");
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

/** Returns each line of `lines` as often as `others` has it less. */
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
  if (lastMs === undefined)
    throw new UsageError(`--last must be a duration such as 1h or PT30M; it is "${last}".`);
  const outcome = findOutcome(folder, huntOrFile);
  for (const problem of outcome?.problems ?? []) output.error(formatProblem(problem));
  if (!outcome) output.error(formatNotFound(folder, huntOrFile));
  if (!outcome?.hunt) return undefined;
  const { widestMs } = outcome.hunt;
  if (widestMs !== undefined && widestMs < lastMs)
    output.error(
      `note: the query keeps only rows of its last ${widestMs} ms; --last ${last} is longer.`,
    );
  const to = ticksFromMs(nowMs);
  return { hunt: outcome.hunt, span: { from: to - ticksFromMs(lastMs), to, clock: to } };
}

const maxCellWidth = 40;

/** Formats JSON lines as a table; long values are cut. */
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
