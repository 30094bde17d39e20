/** Runs a test case of a hunt: whole, in windows, and in shards. */
import type { CompiledHunt, HuntColumn, KqlType, Pieces } from "../../contracts/compiled-hunt.ts";
import type { HuntTest } from "../../contracts/hunt-test.ts";
import { suggestWord } from "../../runtime/suggest-word.ts";
import {
  formatInstant,
  parseInstant,
  ticksFromMs,
  type Span,
  type Ticks,
} from "../../runtime/time.ts";
import { fillSlots } from "../compile/verify-query.ts";
import type { EvaluationContext, NamedValues, Row, SourceTable } from "../evaluate/context.ts";
import { evaluate, toRefusal } from "../evaluate/evaluate.ts";
import { QueryError } from "../evaluate/query-error.ts";
import { toKey } from "../evaluate/values.ts";
import { parseQuery } from "../language/parser.ts";
import { findTableTime, publishedSchema, type QuerySchema } from "../language/schema.ts";
import { findFinalExpression } from "../language/statements.ts";
import { compareRows, readExpectedRows, type RowDifference } from "./match-rows.ts";
import { createInferredTable, createTestTable, TestCaseError } from "./test-rows.ts";
import { findLosingStep, traceRows, type TraceStep } from "./trace-rows.ts";

/** Reads the rows of a file that a test case names. */
export type ReadRowsFile = (path: string) => readonly NamedValues[];

export type TestOutcome =
  | { readonly kind: "passed"; readonly rows: number }
  /** The case itself, or the query, cannot be run. */
  | { readonly kind: "invalid"; readonly message: string }
  | TestFailure;

/** A case whose rows differ from the expected ones. */
export interface TestFailure {
  readonly kind: "failed";
  /** How the query ran when it failed. */
  readonly how: "whole" | "in windows" | "in shards";
  readonly columns: readonly HuntColumn[];
  readonly expected: readonly NamedValues[];
  readonly expectedCount: number;
  readonly actual: readonly Row[];
  readonly difference: RowDifference;
  /** Steps of the query for the first missing row, and the one that removed it. */
  readonly trace: readonly TraceStep[];
  readonly lostAt: TraceStep | undefined;
}

const defaultNow = "2026-01-05T12:00:00Z";

/** Runs one case over the tables of `schema`. Never throws for a wrong case or query. */
export function runHuntTest(
  hunt: CompiledHunt,
  test: HuntTest,
  readRowsFile: ReadRowsFile,
  schema = publishedSchema,
): TestOutcome {
  try {
    const context = createContext(test, readRowsFile, selectTables(hunt, test, schema));
    return runForms({ ...hunt, schema }, test, context);
  } catch (error) {
    if (error instanceof TestCaseError) return { kind: "invalid", message: error.message };
    if (error instanceof QueryError) {
      const { refusedBy, message, at } = toRefusal(hunt.source, error);
      const place = at === undefined ? "" : ` (line ${at.line} of the query)`;
      return { kind: "invalid", message: `The ${refusedBy} refuses the query${place}: ${message}` };
    }
    throw error;
  }
}

/** Rows of a hunt over the rows of a case. */
export interface HuntResult {
  readonly columns: readonly HuntColumn[];
  readonly rows: readonly Row[];
}

/** Evaluates a hunt's whole query. @throws TestCaseError */
export function evaluateHunt(
  hunt: CompiledHunt,
  rows: Readonly<Record<string, readonly NamedValues[]>>,
  now: string | undefined,
  schema = publishedSchema,
): HuntResult {
  const tables: Record<string, Record<string, unknown>[]> = {};
  for (const [name, table] of Object.entries(rows)) tables[name] = table.map((row) => ({ ...row }));
  const test: HuntTest = {
    name: "",
    rows: tables,
    expect: [],
    ...(now !== undefined && { now }),
  };
  return runQuery(
    hunt.source,
    createContext(test, () => [], selectTables(hunt, test, schema)),
  );
}

function createContext(
  test: HuntTest,
  readRowsFile: ReadRowsFile,
  columnsByTable: QuerySchema["tables"],
): EvaluationContext {
  const now = parseInstant(test.now ?? defaultNow);
  if (now === undefined) throw new TestCaseError(`/now: must be an instant such as ${defaultNow}`);
  const { externalData, files, locations, watchlists } = test;
  const { assignedAddresses, devicesByAddress, seenBy } = test;
  return {
    tables: createTables(test, now, readRowsFile, columnsByTable),
    now,
    ...(externalData && { externalData: (uri: string) => externalData[uri] }),
    ...(watchlists && {
      watchlists: new Map(
        Object.entries(watchlists).map(([alias, rows]) => [alias, createInferredTable(rows)]),
      ),
    }),
    functions: {
      FileProfile: createFileLookup(files ?? []),
      ...(assignedAddresses && {
        AssignedIPAddresses: (device: string) => assignedAddresses[device] ?? [],
      }),
      ...(devicesByAddress && {
        DeviceFromIP: (address: string) => devicesByAddress[address] ?? [],
      }),
      ...(seenBy && { SeenBy: (device: string) => seenBy[device] ?? [] }),
      ...(locations && { geo_info_from_ip_address: (address: string) => locations[address] }),
    },
  };
}

/** The published tables, and those of the tenant that the hunt or the case names. */
function selectTables(
  { tables }: CompiledHunt,
  { rows }: HuntTest,
  schema: QuerySchema,
): QuerySchema["tables"] {
  const names = new Set([
    ...Object.keys(publishedSchema.tables),
    ...tables,
    ...Object.keys(rows).filter((name) => name in schema.tables),
  ]);
  return Object.fromEntries([...names].map((name) => [name, schema.tables[name] ?? {}]));
}

/** Tables that the case does not name have no rows. */
function createTables(
  { rows }: HuntTest,
  now: Ticks,
  readRowsFile: ReadRowsFile,
  columnsByTable: QuerySchema["tables"],
): ReadonlyMap<string, SourceTable> {
  const names = Object.keys(columnsByTable);
  const unknown = Object.keys(rows).find((name) => !names.includes(name));
  if (unknown !== undefined) {
    const nearest = suggestWord(unknown, names, 3);
    throw new TestCaseError(
      `/rows/${unknown}: must be a table of advanced hunting.${nearest ? ` Did you mean ${nearest}?` : ""}`,
    );
  }
  return new Map(
    Object.entries(columnsByTable).map(([name, types]) => {
      const given = rows[name] ?? [];
      const namedRows = typeof given === "string" ? readRowsFile(given) : given;
      const columns = Object.entries(types).map(([column, type]) => ({
        name: column,
        type: type as KqlType,
      }));
      return [name, createTestTable(name, columns, namedRows, now)];
    }),
  );
}

function createFileLookup(
  files: readonly NamedValues[],
): (hash: string) => NamedValues | undefined {
  const hashNames = ["SHA1", "SHA256", "MD5"];
  return (hash) =>
    files.find((file) => hashNames.some((name) => String(file[name]).toLowerCase() === hash));
}

function runQuery(text: string, context: EvaluationContext): HuntResult {
  const result = evaluate(text, context);
  if ("refusedBy" in result)
    throw new TestCaseError(
      `The ${result.refusedBy} refuses the query${
        result.at ? ` (line ${result.at.line} of the query)` : ""
      }: ${result.message}`,
    );
  return { columns: result.columns, rows: [...result.rows] };
}

/** A hunt and the tables of its tenant. */
interface HuntWithSchema extends CompiledHunt {
  readonly schema: QuerySchema;
}

function runForms(hunt: HuntWithSchema, test: HuntTest, context: EvaluationContext): TestOutcome {
  const whole = runQuery(hunt.source, context);
  const failure = compareRun(hunt, test, context, { how: "whole", run: whole });
  if (failure !== undefined) return failure;
  if (hunt.mode === "window") {
    const run = runWindows(hunt, context, whole.columns);
    const windowed = compareRun(hunt, test, context, { how: "in windows", run });
    if (windowed !== undefined) return windowed;
  }
  const sharded = runShards(hunt, context, whole.columns);
  if (sharded !== undefined && !isSameRows(sharded, whole.rows)) {
    const run = { columns: whole.columns, rows: sharded };
    return describeFailure(hunt, test, context, { how: "in shards", run });
  }
  return { kind: "passed", rows: whole.rows.length };
}

interface NamedRun {
  readonly how: TestFailure["how"];
  readonly run: HuntResult;
}

function compareRun(
  hunt: CompiledHunt,
  test: HuntTest,
  context: EvaluationContext,
  named: NamedRun,
): TestFailure | undefined {
  if (!Array.isArray(test.expect))
    return named.run.rows.length === test.expect.count
      ? undefined
      : describeFailure(hunt, test, context, named);
  const failure = describeFailure(hunt, test, context, named);
  const { missing, unexpected } = failure.difference;
  return missing.length + unexpected.length === 0 ? undefined : failure;
}

function describeFailure(
  hunt: CompiledHunt,
  test: HuntTest,
  context: EvaluationContext,
  { how, run: { columns, rows } }: NamedRun,
): TestFailure {
  const isCount = !Array.isArray(test.expect);
  const expected = Array.isArray(test.expect) ? test.expect : [];
  const isOrdered = how === "whole" && endsSorted(hunt.source);
  const difference = isCount
    ? { missing: [], unexpected: [] }
    : compareRows(columns, readExpectedRows(columns, expected), rows, isOrdered);
  const lost = expected[difference.missing[0] ?? -1];
  const trace = lost === undefined ? [] : traceRows(hunt.source, context, lost);
  return {
    kind: "failed",
    how,
    columns,
    expected,
    expectedCount: Array.isArray(test.expect) ? expected.length : test.expect.count,
    actual: rows,
    difference,
    trace,
    lostAt: findLosingStep(trace),
  };
}

/** Order counts only if the query defines it. */
const endsSorted = (query: string): boolean => {
  const final = findFinalExpression(parseQuery(query).root);
  const last = final?.children.at(-1)?.kind;
  return last === "SortOperator" || last === "TopOperator";
};

/** Runs each window that holds rows, as the service would: from the look-back to `now`. */
function runWindows(
  hunt: HuntWithSchema,
  context: EvaluationContext,
  columns: readonly HuntColumn[],
): HuntResult {
  const lengthMs = Math.min(hunt.intervalMs, hunt.widestMs ?? Infinity);
  const length = ticksFromMs(Math.max(1, Math.floor(lengthMs)));
  const start = context.now - ticksFromMs(hunt.lookBackMs);
  const indexes = new Set<bigint>();
  for (const name of hunt.tables)
    for (const row of readTimes(context.tables.get(name), findTableTime(name, hunt.schema)))
      if (row >= start && row < context.now) indexes.add((row - start) / length);
  const rows = [...indexes].flatMap((index) => {
    const from = start + index * length;
    const end = from + length;
    const to = end < context.now ? end : context.now;
    return runQuery(fillWindow(hunt.query.prelude, { from, to }), context).rows;
  });
  return { columns, rows };
}

function* readTimes(
  table: SourceTable | undefined,
  timeColumn: string | undefined,
): Generator<Ticks> {
  const timeIndex = table?.columns.findIndex(({ name }) => name === timeColumn) ?? -1;
  if (table === undefined || timeIndex < 0) return;
  for (const row of table.rows({ from: -(2n ** 62n), to: 2n ** 62n })) {
    const at = row[timeIndex];
    if (typeof at === "bigint") yield at;
  }
}

const fillWindow = (pieces: Pieces, { from, to }: Span): string => {
  const [fromText, toText] = [formatInstant(from), formatInstant(to)];
  const end = `datetime(${toText})`;
  return fillSlots(pieces, {
    from: `datetime(${fromText})`,
    to: end,
    clock: end,
    fromText,
    toText,
  });
};

const shardCount = 2;

/** Runs the query in shards; undefined if it cannot be sharded. */
function runShards(
  hunt: CompiledHunt,
  context: EvaluationContext,
  columns: readonly HuntColumn[],
): readonly Row[] | undefined {
  const { shardSuffix, prelude } = hunt.query;
  if (shardSuffix === undefined || hunt.mode === "window" || columns.length === 0) return undefined;
  const span = { from: context.now - ticksFromMs(hunt.lookBackMs), to: context.now };
  return Array.from({ length: shardCount }, (_, shard) => {
    const suffix = fillSlots(shardSuffix, { shard: String(shard), shards: String(shardCount) });
    return runQuery(fillWindow(prelude, span) + suffix, context).rows;
  }).flat();
}

const isSameRows = (one: readonly Row[], other: readonly Row[]): boolean =>
  toKey([...one].map((row) => toKey(row)).sort()) ===
  toKey([...other].map((row) => toKey(row)).sort());
