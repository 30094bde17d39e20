/** Runs a test case of a hunt: whole, in windows, and in shards. */
import type { CompiledHunt, HuntColumn } from "../../contracts/compiled-hunt.ts";
import { fillParameters } from "../../contracts/fill-parameters.ts";
import type { HuntTest } from "../../contracts/hunt-test.ts";
import type { EvaluationContext, NamedValues, Row } from "../evaluate/context.ts";
import { toRefusal } from "../evaluate/evaluate.ts";
import { QueryError } from "../evaluate/query-error.ts";
import { toKey } from "../evaluate/values.ts";
import { parseQuery } from "../language/parser.ts";
import { publishedSchema } from "../language/schema.ts";
import { findFinalExpression } from "../language/statements.ts";
import {
  runQuery,
  runShards,
  runWindows,
  type HuntResult,
  type HuntWithSchema,
} from "./evaluate-forms.ts";
import { compareRows, readExpectedRows, type RowDifference } from "./match-rows.ts";
import { createContext, selectTables, type ReadRowsFile } from "./test-context.ts";
import { TestCaseError } from "./test-rows.ts";
import { findLosingStep, traceRows, type TraceStep } from "./trace-rows.ts";

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

/** Runs one case over the tables of `schema`. Never throws for a wrong case or query. */
export function runHuntTest(
  hunt: CompiledHunt,
  test: HuntTest,
  readRowsFile: ReadRowsFile,
  schema = publishedSchema,
): TestOutcome {
  try {
    const context = createContext(test, readRowsFile, selectTables(hunt, test, schema));
    const filled = fillParameters(hunt, test.parameters ?? {});
    if (filled.kind === "invalid")
      throw new TestCaseError(filled.problems.map((each) => `/parameters${each}`).join("; "));
    return runForms({ ...filled.hunt, schema }, test, context);
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

const shardCount = 2;

function runForms(hunt: HuntWithSchema, test: HuntTest, context: EvaluationContext): TestOutcome {
  const whole = runQuery(hunt.source, context);
  const failure = compareRun(hunt, test, context, { how: "whole", run: whole });
  if (failure !== undefined) return failure;
  if (hunt.mode === "window") {
    const run = runWindows(hunt, context, whole.columns);
    const windowed = compareRun(hunt, test, context, { how: "in windows", run });
    if (windowed !== undefined) return windowed;
  }
  const sharded = runShards(hunt, context, shardCount);
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

const isSameRows = (one: readonly Row[], other: readonly Row[]): boolean =>
  toKey([...one].map((row) => toKey(row)).sort()) ===
  toKey([...other].map((row) => toKey(row)).sort());
