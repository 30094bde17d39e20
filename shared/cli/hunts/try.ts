/** `npm run hunts -- try`: one call over the last hours, and its first rows as a table. `compare`: the same from two back-ends. */
import type { CompiledHunt } from "../../contracts/compiled-hunt.ts";
import type { HuntingPort } from "../../hunts/ports.ts";
import { rowsQuery, type QuerySpan } from "../../hunts/query/query-text.ts";
import { parseDuration, ticksFromMs } from "../../runtime/time.ts";
import { ask, replyInWords, type Asked, type OpenHunting } from "./one-query.ts";
import { placed } from "./check.ts";
import { about, outcomeOf } from "./explain.ts";
import { table, type Output } from "./output.ts";

/** What both commands work with. `nowMs` since the epoch. */
export interface LiveOrder {
  readonly folder: string;
  readonly which: string;
  /** A duration such as `1h`. */
  readonly last: string;
  readonly nowMs: number;
}

const shownRows = 20;

/** Shows the analysis, then the first rows. Returns the exit code. */
export async function tryHunt(
  order: LiveOrder,
  open: OpenHunting,
  output: Output,
): Promise<number> {
  const subject = subjectOf(order, output);
  if (!subject) return 1;
  const { hunt, span } = subject;
  for (const line of about(hunt)) output.line(line);
  const port = await open();
  const { reply, kept } = await ask(port, rowsQuery(hunt, "prelude", span), span, shownRows);
  if (reply.kind !== "answer") {
    output.error(`${port.api}: ${replyInWords(reply)}`);
    return 1;
  }
  output.line("");
  for (const line of rowTable(kept)) output.line(line);
  output.line(
    `${port.api}: ${replyInWords(reply)}${kept.length < reply.rows ? `; the first ${kept.length} are shown` : ""}`,
  );
  return 0;
}

/** Runs the hunt once on Graph and once on the Defender API and prints what differs. Exit code 1 when something does. */
export async function compareHunt(
  order: LiveOrder,
  open: OpenHunting,
  output: Output,
): Promise<number> {
  const subject = subjectOf(order, output);
  if (!subject) return 1;
  const { hunt, span } = subject;
  const query = rowsQuery(hunt, "prelude", span);
  const sides: { readonly api: HuntingPort["api"]; readonly asked: Asked }[] = [];
  for (const api of ["graph", "defender"] as const) {
    const asked = await ask(await open(api), query, span);
    sides.push({ api, asked });
    output.line(`${api}: ${replyInWords(asked.reply)}`);
  }
  if (sides.some(({ asked }) => asked.reply.kind !== "answer")) return 1;
  if (
    sides.some(({ asked }) => asked.reply.kind === "answer" && asked.reply.rows > asked.kept.length)
  ) {
    output.error("There are too many rows to compare in memory; ask for less with --last.");
    return 1;
  }
  return differences(sides, output);
}

function differences(sides: readonly { api: string; asked: Asked }[], output: Output): number {
  const [one, other] = sides;
  if (!one || !other) return 1;
  const missing = [
    { api: one.api, lines: without(one.asked.kept, other.asked.kept) },
    { api: other.api, lines: without(other.asked.kept, one.asked.kept) },
  ];
  for (const { api, lines } of missing) {
    if (lines.length > 0) output.line(`\nonly from ${api}: ${lines.length}`);
    for (const line of lines.slice(0, shownRows)) output.line(`  ${line}`);
  }
  const same = missing.every(({ lines }) => lines.length === 0);
  if (same) output.line("Both give the same rows.");
  return same ? 0 : 1;
}

/** What is in `lines` more often than in `others`. */
function without(lines: readonly string[], others: readonly string[]): readonly string[] {
  const left = new Map<string, number>();
  for (const line of others) left.set(line, (left.get(line) ?? 0) + 1);
  return lines.filter((line) => {
    const count = left.get(line) ?? 0;
    left.set(line, count - 1);
    return count <= 0;
  });
}

function subjectOf(
  { folder, which, last, nowMs }: LiveOrder,
  output: Output,
): { hunt: CompiledHunt; span: QuerySpan } | undefined {
  const lastMs = parseDuration(last);
  if (lastMs === undefined) {
    output.error(`--last ${last} is no duration; expected one such as 1h or PT30M.`);
    return undefined;
  }
  const outcome = outcomeOf(folder, which);
  for (const problem of outcome?.problems ?? []) output.error(placed(problem));
  if (!outcome)
    output.error(
      `There is no hunt ${which} in the catalogue and no such file. npm run hunts lists the hunts.`,
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

const widestCell = 40;

/** JSON lines as a table; long values are cut. */
function rowTable(lines: readonly string[]): readonly string[] {
  const rows = lines.map((line) => JSON.parse(line) as Readonly<Record<string, unknown>>);
  const head = Object.keys(rows[0] ?? {});
  if (head.length === 0) return [];
  return table(
    head,
    rows.map((row) => head.map((name) => cell(row[name]))),
  );
}

function cell(value: unknown): string {
  const text = typeof value === "string" ? value : JSON.stringify(value ?? "");
  const line = text.replaceAll(/\p{Cc}/gu, " ");
  return line.length > widestCell ? `${line.slice(0, widestCell - 1)}…` : line;
}
