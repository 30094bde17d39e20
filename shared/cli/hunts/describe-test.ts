/** Describes the outcome of a test case: expected and actual rows side by side. */
import type { HuntColumn } from "../../contracts/compiled-hunt.ts";
import type { NamedValues, Row } from "../../kql/evaluate/context.ts";
import { toJsonText, toText } from "../../kql/evaluate/values.ts";
import type { TestFailure } from "../../kql/testing/run-hunt-test.ts";
import type { TraceStep } from "../../kql/testing/trace-rows.ts";
import { formatCount, formatTable } from "../output.ts";
import type { TestReport } from "./junit.ts";

const maxRows = 5;

/** Returns the lines of one outcome. */
export function describeOutcome(
  { hunt, test, outcome }: TestReport,
  showsTrace: boolean,
): readonly string[] {
  if (outcome.kind === "passed") return [`ok      ${hunt}: ${test}`];
  if (outcome.kind === "invalid") return [`FAILED  ${hunt}: ${test}`, `  ${outcome.message}`];
  return [`FAILED  ${hunt}: ${test}`, ...describeFailure(outcome, showsTrace).map(indentLine)];
}

const indentLine = (line: string): string => `  ${line}`;

function describeFailure(failure: TestFailure, showsTrace: boolean): readonly string[] {
  const { how, expected, expectedCount, actual, difference, lostAt, trace } = failure;
  const lines = [
    `Run ${how}, the query returns ${formatCount(actual.length, "row")}; expected ${expectedCount}.`,
  ];
  for (const index of difference.missing.slice(0, maxRows))
    lines.push(...describePair(failure, expected[index] ?? {}, `expected row ${index + 1}`));
  for (const row of difference.unexpected.slice(0, maxRows))
    lines.push(`unexpected row: ${describeRow(failure.columns, row)}`);
  if (lostAt !== undefined)
    lines.push(
      lostAt === trace[0]
        ? "No row of the test's tables has the expected values."
        : `The expected row is lost at line ${lostAt.line} of the query: ${shortenText(lostAt.text)}`,
    );
  return showsTrace && trace.length > 0 ? [...lines, ...describeTrace(trace)] : lines;
}

/** Shows an expected row beside the most similar unexpected one. */
function describePair(
  { columns, difference }: TestFailure,
  expected: NamedValues,
  title: string,
): readonly string[] {
  const names = Object.keys(expected);
  const indexes = names.map((name) => columns.findIndex((column) => column.name === name));
  const readCell = (row: Row, index: number): string =>
    toText(row[index] ?? null, columns[index]?.type ?? "dynamic");
  const scoreOf = (row: Row): number =>
    names.filter((name, at) => formatValue(expected[name]) === readCell(row, indexes[at] ?? -1))
      .length;
  const [closest] = difference.unexpected.toSorted((one, other) => scoreOf(other) - scoreOf(one));
  if (closest === undefined)
    return [
      `missing ${title}: ${names.map((name) => `${name}=${formatValue(expected[name])}`).join(", ")}`,
    ];
  const rows = names.map((name, at) => {
    const [wanted, got] = [formatValue(expected[name]), readCell(closest, indexes[at] ?? -1)];
    return [wanted === got ? " " : "≠", name, shortenText(wanted), shortenText(got)];
  });
  return formatTable(["", "column", title, "closest actual row"], rows);
}

const formatValue = (value: unknown): string =>
  typeof value === "string" ? value : value === undefined ? "" : toJsonText(value);

const describeRow = (columns: readonly HuntColumn[], row: Row): string =>
  shortenText(
    columns
      .map(({ name, type }, index) => [name, toText(row[index] ?? null, type)] as const)
      .filter(([, text]) => text !== "")
      .map(([name, text]) => `${name}=${text}`)
      .join(", "),
    300,
  );

const shortenText = (text: string, maxLength = 80): string =>
  text.length <= maxLength ? text : `${text.slice(0, maxLength - 1)}…`;

const describeTrace = (trace: readonly TraceStep[]): readonly string[] =>
  formatTable(
    ["line", "rows", "candidates", "operator"],
    trace.map(({ line, rows, candidates, text }) => [
      String(line),
      String(rows),
      String(candidates),
      shortenText(text),
    ]),
  );
