/** `npm run hunts -- test`: runs the test cases of hunts and shows what differs. */
import { existsSync, readFileSync, watch, writeFileSync } from "node:fs";
import { dirname, extname, relative, resolve } from "node:path";
import { gunzipSync } from "node:zlib";
import { checkCatalog, type CheckedFile } from "../../kql/compile/compile-catalog.ts";
import type { NamedValues } from "../../kql/evaluate/context.ts";
import { runHuntTest, type TestOutcome } from "../../kql/testing/run-hunt-test.ts";
import { TestCaseError } from "../../kql/testing/test-rows.ts";
import { suggestWord } from "../../runtime/suggest-word.ts";
import { formatCount, type Output } from "../output.ts";
import { formatProblem } from "./check.ts";
import { describeOutcome } from "./describe-test.ts";
import { formatJunit, type TestReport } from "./junit.ts";

/** What `hunts test` runs. */
export interface TestRequest {
  readonly folder: string;
  /** Names of hunts; empty for all. */
  readonly names: readonly string[];
  /** Path of a JUnit report. */
  readonly junit: string | undefined;
  /** Shows the rows after each operator for every failure. */
  readonly showsTrace: boolean;
}

/** Runs the cases once. Returns the exit code: 0 if all pass, 1 otherwise. */
export function testHunts(request: TestRequest, output: Output): number {
  const checked = checkCatalog(request.folder);
  const known = checked.map(({ name }) => name);
  const unknown = request.names.find((name) => !known.includes(name));
  if (unknown !== undefined) {
    const nearest = suggestWord(unknown, known);
    output.error(
      `There is no hunt ${unknown} in the catalog.${nearest ? ` Did you mean ${nearest}?` : ""}`,
    );
    return 1;
  }
  const selected = checked.filter(
    ({ name }) => request.names.length === 0 || request.names.includes(name),
  );
  const problems = selected.flatMap((file) => file.problems);
  for (const problem of problems) output.error(formatProblem(problem));
  const reports = selected.flatMap(runFile);
  for (const report of reports)
    for (const line of describeOutcome(report, request.showsTrace)) output.line(line);
  if (request.junit !== undefined) writeFileSync(request.junit, formatJunit(reports));
  const untested = selected.filter(({ hunt, tests }) => hunt && tests.length === 0);
  if (untested.length > 0)
    output.line(`Without tests: ${untested.map(({ name }) => name).join(", ")}`);
  const failed = reports.filter(({ outcome }) => outcome.kind !== "passed").length;
  const passed = reports.length - failed;
  output.line(`${formatCount(passed, "test")} passed, ${failed} failed.`);
  return failed + problems.length === 0 ? 0 : 1;
}

/** Runs the cases on every change of the catalog until the process ends. */
export function watchHunts(request: TestRequest, output: Output): Promise<number> {
  const settleMs = 100;
  let timer: NodeJS.Timeout | undefined;
  testHunts(request, output);
  output.line(`Watching ${relative(".", request.folder)} (Ctrl+C to stop).`);
  watch(request.folder, { recursive: true }, () => {
    clearTimeout(timer);
    timer = setTimeout(() => testHunts(request, output), settleMs);
  });
  return new Promise(() => undefined);
}

function runFile({ file, name, hunt, tests }: CheckedFile): readonly TestReport[] {
  if (hunt === undefined) return [];
  return tests.map((test): TestReport => {
    const startMs = performance.now();
    const outcome: TestOutcome = runHuntTest(hunt, test, (path) => readRowsFile(file, path));
    return { hunt: name, test: test.name, outcome, durationMs: performance.now() - startMs };
  });
}

/** Reads rows of a JSON, NDJSON or CSV file, also gzipped; the path is relative to the hunt. */
function readRowsFile(huntFile: string, path: string): readonly NamedValues[] {
  const file = resolve(dirname(huntFile), path);
  if (!existsSync(file)) throw new TestCaseError(`/rows: there is no file ${path}`);
  const bytes = readFileSync(file);
  const isGzip = path.endsWith(".gz");
  const text = (isGzip ? gunzipSync(bytes) : bytes).toString("utf8").replace(/^\uFEFF/, "");
  const format = extname(isGzip ? path.slice(0, -".gz".length) : path);
  if (format === ".json") return JSON.parse(text) as NamedValues[];
  if (format === ".ndjson" || format === ".jsonl")
    return splitLines(text).map((line) => JSON.parse(line) as NamedValues);
  if (format === ".csv") return parseCsv(text);
  throw new TestCaseError(`/rows: ${path} must be a .json, .ndjson or .csv file, or one with .gz`);
}

const splitLines = (text: string): readonly string[] =>
  text.split(/\r?\n/).filter((line) => line.trim() !== "");

/** Reads a CSV file with a header; an empty cell is a missing value. */
function parseCsv(text: string): readonly NamedValues[] {
  const [header = [], ...records] = readCsvRecords(text);
  return records.map((record) =>
    Object.fromEntries(
      header.flatMap((name, index) => {
        const cell = record[index] ?? "";
        return cell === "" ? [] : [[name, cell] as const];
      }),
    ),
  );
}

function readCsvRecords(text: string): readonly (readonly string[])[] {
  const records: string[][] = [];
  let record: string[] = [];
  for (const match of text.matchAll(/("(?:[^"]|"")*"|[^,\r\n]*)(,|\r?\n|$)/g)) {
    const [whole, cell = "", end = ""] = match;
    if (whole === "" && record.length === 0) break;
    record.push(cell.startsWith('"') ? cell.slice(1, -1).replaceAll('""', '"') : cell);
    if (end === ",") continue;
    records.push(record);
    record = [];
  }
  return records;
}
