/** `npm run hunts -- capture`: writes a test case from real rows into a hunt's file. */
import { readFileSync, writeFileSync } from "node:fs";
import { relative } from "node:path";
import { isMap, isScalar, isSeq, parseDocument, stringify } from "yaml";
import type { CompiledHunt, HuntColumn, KqlType } from "../../contracts/compiled-hunt.ts";
import { checkCatalog } from "../../kql/compile/compile-catalog.ts";
import type { NamedValues } from "../../kql/evaluate/context.ts";
import { toDynamic } from "../../kql/evaluate/values.ts";
import { publishedSchema, type QuerySchema } from "../../kql/language/schema.ts";
import { evaluateHunt, type HuntResult } from "../../kql/testing/evaluate-forms.ts";
import { TestCaseError } from "../../kql/testing/test-rows.ts";
import { formatSuggestion } from "../../runtime/suggest-word.ts";
import { formatInstant, parseInstant, ticksFromMs } from "../../runtime/time.ts";
import { UsageError } from "../command-line.ts";
import { formatCount, type Output } from "../output.ts";
import { readRowsFile } from "./rows-file.ts";

/** What `hunts capture` writes. */
export interface CaptureRequest {
  readonly folder: string;
  readonly hunt: string;
  /** Path of a file with rows of the table. */
  readonly rows: string;
  /** The table of the rows; optional for a hunt that reads one table. */
  readonly table: string | undefined;
  /** The case's name. */
  readonly name: string | undefined;
  /** The first rows to take. */
  readonly top: number;
}

/**
 * Adds a case whose rows are those of the file and whose expected rows are what the query returns
 * for them. Returns the exit code. @throws UsageError
 */
export async function captureCase(request: CaptureRequest, output: Output): Promise<number> {
  const checked = checkCatalog(request.folder);
  const file = checked.find(({ name }) => name === request.hunt);
  if (file?.hunt === undefined) {
    const hunts = checked.map(({ name }) => name);
    const hint = file
      ? " Run npm run hunts to see its problems."
      : formatSuggestion(request.hunt, hunts);
    output.error(`There is no valid hunt ${request.hunt} in the catalog.${hint}`);
    return 1;
  }
  try {
    const table = selectTable(file.hunt, request.table);
    const schema = file.analysis?.schema ?? publishedSchema;
    const taken = await takeRows(request, table, schema);
    const now = findNow(taken.rows);
    const result = evaluateHunt(file.hunt, { [table]: taken.rows }, now, schema);
    const expect = result.rows.map((row) => toNamedValues(result.columns, row));
    const name = request.name ?? `finds the rows of ${relative(".", request.rows)}`;
    appendCase(file.file, { name, now, rows: { [table]: taken.rows }, expect });
    describeCapture({ file: file.file, table, ...taken, result }, output);
    return 0;
  } catch (error) {
    if (!(error instanceof TestCaseError)) throw error;
    output.error(error.message);
    return 1;
  }
}

/** @throws UsageError for a table that the hunt does not read */
function selectTable({ name, tables }: CompiledHunt, requested: string | undefined): string {
  const [only] = tables;
  if (requested === undefined && only !== undefined && tables.length === 1) return only;
  if (requested !== undefined && tables.includes(requested)) return requested;
  throw new UsageError(
    `--table must be one of the tables that ${name} reads: ${tables.join(", ")}.`,
  );
}

interface TakenRows {
  readonly rows: readonly NamedValues[];
  /** Columns of the file that the table does not have. */
  readonly droppedColumns: readonly string[];
  /** Columns of the table that the file does not have. */
  readonly missingColumns: readonly string[];
}

/** Takes the first rows, without empty values and without columns that the table does not have. */
async function takeRows(
  { rows: path, top }: CaptureRequest,
  table: string,
  schema: QuerySchema,
): Promise<TakenRows> {
  const known = Object.keys(schema.tables[table] ?? {});
  const all = await readRowsFile(path, path);
  const names = new Set(all.flatMap((row) => Object.keys(row)));
  const rows = all
    .slice(0, top)
    .map((row) =>
      Object.fromEntries(
        Object.entries(row).filter(
          ([name, value]) => known.includes(name) && value !== null && value !== "",
        ),
      ),
    );
  return {
    rows,
    droppedColumns: [...names].filter((name) => !known.includes(name)),
    missingColumns: known.filter((name) => !names.has(name)),
  };
}

const timeColumns = ["Timestamp", "TimeGenerated"];
const minuteMs = 60_000;

/** One minute after the last row, so that the query's look-back covers it. */
function findNow(rows: readonly NamedValues[]): string | undefined {
  const instants = rows
    .flatMap((row) => timeColumns.map((name) => row[name]))
    .map((value) => (typeof value === "string" ? parseInstant(value) : undefined))
    .filter((at) => at !== undefined);
  const last = instants.reduce((one, other) => (other > one ? other : one), instants[0] ?? 0n);
  return instants.length === 0 ? undefined : formatInstant(last + ticksFromMs(minuteMs));
}

/** Values of a result's row as YAML holds them, without empty ones. */
const toNamedValues = (columns: readonly HuntColumn[], row: readonly unknown[]): NamedValues =>
  Object.fromEntries(
    columns.flatMap(({ name, type }, index) => {
      const value = toYamlValue(row[index] ?? null, type);
      return value === null || value === "" ? [] : [[name, value] as const];
    }),
  );

/** Whole numbers beyond 2^53 become text, which the comparison reads exactly. */
function toYamlValue(value: unknown, type: KqlType): unknown {
  const plain = toDynamic(value, type);
  return typeof plain === "bigint" ? plain.toString() : plain;
}

interface TestCase {
  readonly name: string;
  readonly now: string | undefined;
  readonly rows: Readonly<Record<string, readonly NamedValues[]>>;
  readonly expect: readonly NamedValues[];
}

/** Adds the case as text, so that the rest of the file stays as its author wrote it. */
function appendCase(file: string, { now, ...rest }: TestCase): void {
  const text = readFileSync(file, "utf8");
  const [first, ...lines] = stringify(
    { name: rest.name, ...(now !== undefined && { now }), rows: rest.rows, expect: rest.expect },
    (_, value: unknown) => (typeof value === "bigint" ? value.toString() : value),
    { lineWidth: 110 },
  )
    .trimEnd()
    .split("\n");
  const item = [`  - ${first}`, ...lines.map((line) => `    ${line}`)].join("\n");
  const { contents } = parseDocument(text);
  const pair = isMap(contents)
    ? contents.items.find(({ key }) => isScalar(key) && key.value === "tests")
    : undefined;
  const body = text.endsWith("\n") ? text : `${text}\n`;
  if (pair === undefined) {
    writeFileSync(file, `${body}tests:\n${item}\n`);
    return;
  }
  const { value } = pair;
  if (!isSeq(value) || value.flow === true)
    throw new TestCaseError("/tests: must be a list with one case below the other");
  const end = body.slice(0, value.range[1]).trimEnd().length;
  writeFileSync(
    file,
    `${body.slice(0, end)}\n${indentLike(text, value.range[0], item)}${body.slice(end)}`,
  );
}

/** Indents the item as the items that are there. */
function indentLike(text: string, start: number, item: string): string {
  const lineStart = text.lastIndexOf("\n", start) + 1;
  const indent = text.slice(lineStart, start).length;
  return item
    .split("\n")
    .map((line) => " ".repeat(indent) + line.slice(2))
    .join("\n");
}

interface Capture extends TakenRows {
  readonly file: string;
  readonly table: string;
  readonly result: HuntResult;
}

function describeCapture(
  { file, table, rows, droppedColumns, missingColumns, result }: Capture,
  output: Output,
): void {
  output.line(
    `Wrote a case with ${formatCount(rows.length, "row")} of ${table} and ${formatCount(result.rows.length, "expected row")} to ${relative(".", file)}.`,
  );
  if (droppedColumns.length > 0)
    output.line(`Left out, because ${table} does not have them: ${droppedColumns.join(", ")}.`);
  if (result.rows.length === 0 && rows.length > 0)
    output.line(
      `The query returns no row. The file has no ${missingColumns.slice(0, 10).join(", ")}: if the query reads one of them, add it to the rows.`,
    );
  output.line("Replace names of people and devices before you commit the file.");
}
