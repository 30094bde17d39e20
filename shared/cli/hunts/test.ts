/** `npm run hunts -- test`: runs the test cases of hunts and shows what differs. */
import { watch, writeFileSync } from "node:fs";
import { dirname, relative, resolve } from "node:path";
import type { HuntTest } from "../../contracts/hunt-test.ts";
import { checkCatalog, type CheckedFile } from "../../kql/compile/compile-catalog.ts";
import type { NamedValues } from "../../kql/evaluate/context.ts";
import { runHuntTest, type TestOutcome } from "../../kql/testing/run-hunt-test.ts";
import { TestCaseError } from "../../kql/testing/test-rows.ts";
import { suggestWord } from "../../runtime/suggest-word.ts";
import { formatCount, type Output } from "../output.ts";
import { formatProblem } from "./check.ts";
import { describeOutcome } from "./describe-test.ts";
import { readRowsFile } from "./rows-file.ts";
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
export async function testHunts(request: TestRequest, output: Output): Promise<number> {
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
  const reports: TestReport[] = [];
  for (const file of selected) reports.push(...(await runFile(file)));
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
export async function watchHunts(request: TestRequest, output: Output): Promise<number> {
  const settleMs = 100;
  let timer: NodeJS.Timeout | undefined;
  await testHunts(request, output);
  output.line(`Watching ${relative(".", request.folder)} (Ctrl+C to stop).`);
  watch(request.folder, { recursive: true }, () => {
    clearTimeout(timer);
    timer = setTimeout(() => void testHunts(request, output), settleMs);
  });
  return new Promise(() => undefined);
}

async function runFile({
  file,
  name,
  hunt,
  analysis,
  tests,
}: CheckedFile): Promise<readonly TestReport[]> {
  if (hunt === undefined) return [];
  const rowsFiles = await readRowsFiles(file, tests);
  return tests.map((test): TestReport => {
    const startMs = performance.now();
    const outcome: TestOutcome = runHuntTest(hunt, test, rowsFiles, analysis?.schema);
    return { hunt: name, test: test.name, outcome, durationMs: performance.now() - startMs };
  });
}

/** Reads each file that the cases name once; an error is thrown where the rows are read. */
async function readRowsFiles(
  huntFile: string,
  tests: readonly HuntTest[],
): Promise<(path: string) => readonly NamedValues[]> {
  const paths = new Set(
    tests.flatMap(({ rows }) => Object.values(rows).filter((value) => typeof value === "string")),
  );
  const readings = new Map<string, readonly NamedValues[] | TestCaseError>();
  for (const path of paths)
    readings.set(
      path,
      await readRowsFile(resolve(dirname(huntFile), path), path).catch((error: unknown) => {
        if (error instanceof TestCaseError) return error;
        throw error;
      }),
    );
  return (path) => {
    const reading = readings.get(path) ?? [];
    if (reading instanceof TestCaseError) throw reading;
    return reading;
  };
}
