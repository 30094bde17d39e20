/**
 * `scan`: matches serialized rows against steps, which may depend on earlier matches. Each step has
 * a state: the last rows that matched it and the steps before it in the same sequence.
 */
import { childAt, listElements, type KqlNode } from "../../language/parser.ts";
import type { HuntColumn } from "../../../contracts/compiled-hunt.ts";
import { convertScalar } from "../coerce.ts";
import { readName } from "../names.ts";
import { createColumnScalar, type Row, type Scalar, type Scope } from "../plan.ts";
import { createSemanticError, createUnsupportedError } from "../query-error.ts";
import { listChildren, requireChild } from "../scalar.ts";
import { readType } from "../type-names.ts";
import { getEmptyValue } from "../values.ts";
import { readParameter } from "./parameters.ts";
import type { Operator } from "./rows.ts";

interface ScanStep {
  readonly name: string;
  readonly output: "all" | "last" | "none";
  readonly condition: Scalar;
  /** Values of declared columns, by their index among them. */
  readonly assignments: readonly { readonly index: number; readonly value: Scalar }[];
}

/** An active sequence: the row of each step up to the one that holds it. */
interface Sequence {
  readonly matchId: bigint;
  readonly rows: readonly Row[];
  /** True while the last row waits for `output=last`. */
  readonly isPending: boolean;
}

interface ScanPlan {
  readonly steps: readonly ScanStep[];
  /** Values of the declared columns that a step does not assign. */
  readonly defaults: Row;
  /** A row of a step without a state. */
  readonly blank: Row;
  readonly hasMatchId: boolean;
}

export const evaluateScan: Operator = (node, input, scope) => {
  if (input.isSerialized !== true)
    throw createSemanticError("'scan' operator: the rows must be serialized.");
  const declared = readDeclarations(node, scope);
  const matchName = readParameter(node, "with_match_id");
  const rowColumns = [...input.columns, ...declared.map(({ column }) => column)];
  const defaults = declared.map(({ value }) => value);
  const steps = listChildren(node, "Steps");
  const names = steps.map((step) => readName(requireChild(step, "Name")));
  const plan: ScanPlan = {
    steps: steps.map((step) => compileStep(step, { names, rowColumns, declared }, scope)),
    defaults,
    blank: [...input.columns.map(({ type }) => getEmptyValue(type)), ...defaults],
    hasMatchId: matchName !== undefined,
  };
  const matchColumn: HuntColumn[] =
    matchName === undefined ? [] : [{ name: matchName, type: "long" }];
  return {
    columns: [...rowColumns, ...matchColumn],
    isSerialized: true,
    rows: () => scanRows(input.rows(), plan),
  };
};

interface Declaration {
  readonly column: HuntColumn;
  readonly value: unknown;
}

function readDeclarations(node: KqlNode, scope: Scope): readonly Declaration[] {
  const clause = childAt(node, "DeclareClause");
  return listElements(clause && childAt(clause, "Declarations")).map((one) => {
    const nameAndType = requireChild(one, "NameAndType");
    const type = readType(requireChild(nameAndType, "Type")) ?? "dynamic";
    const clauseNode = childAt(one, "DefaultValue");
    const valueNode = clauseNode && childAt(clauseNode, "Value");
    return {
      column: { name: readName(requireChild(nameAndType, "Name")), type },
      value: valueNode
        ? convertScalar(scope.compile.scalar(valueNode, scope), type).run([])
        : getEmptyValue(type),
    };
  });
}

interface StepScope {
  readonly names: readonly string[];
  readonly rowColumns: readonly HuntColumn[];
  readonly declared: readonly Declaration[];
}

/** Expressions read the row at hand, then the rows of each step's state, one after the other. */
function compileStep(
  node: KqlNode,
  { names, rowColumns, declared }: StepScope,
  scope: Scope,
): ScanStep {
  if (node.children.some(({ isToken, text }) => isToken && text === "optional"))
    throw createUnsupportedError("An optional step of the operator 'scan'");
  const inner: Scope = {
    ...scope,
    columns: rowColumns,
    findMember: (base, name) => {
      const step = names.indexOf(base);
      const column = rowColumns.findIndex((one) => one.name === name);
      const type = rowColumns[column]?.type;
      return step < 0 || type === undefined
        ? undefined
        : createColumnScalar(type, (step + 1) * rowColumns.length + column);
    },
  };
  const clause = childAt(node, "ComputationClause");
  const output = /=\s*(\w+)/.exec(childAt(node, "ScanStepOutput")?.text ?? "")?.[1] ?? "all";
  return {
    name: readName(requireChild(node, "Name")),
    output: output as ScanStep["output"],
    condition: scope.compile.scalar(requireChild(node, "Condition"), inner),
    assignments: listElements(clause && childAt(clause, "Assignments")).map((one) => {
      const name = readName(requireChild(one, "Name"));
      const index = declared.findIndex(({ column }) => column.name === name);
      const type = declared[index]?.column.type ?? "dynamic";
      const value = scope.compile.scalar(requireChild(one, "Expression"), inner);
      return { index, value: convertScalar(value, type) };
    }),
  };
}

/** The states of all steps while the rows are read. */
interface ScanState {
  readonly sequences: (Sequence | undefined)[];
  nextMatchId: bigint;
}

/** Each row is compared with the last step first. */
function* scanRows(rows: Iterable<Row>, plan: ScanPlan): Generator<Row> {
  const state: ScanState = { sequences: plan.steps.map(() => undefined), nextMatchId: 0n };
  for (const row of rows)
    for (let index = plan.steps.length - 1; index >= 0; index -= 1)
      yield* promoteStep(row, index, state, plan) ?? repeatStep(row, index, state, plan);
  yield* flushPending(state.sequences, plan);
}

/** Moves the sequence of the step before to this step; undefined if the row does not match. */
function promoteStep(
  row: Row,
  index: number,
  { sequences }: ScanState,
  plan: ScanPlan,
): readonly Row[] | undefined {
  const [own, former] = [sequences[index], sequences[index - 1]];
  const matched = former && matchStep(row, index, former, plan);
  if (former === undefined || matched === undefined) return undefined;
  sequences[index - 1] = undefined;
  sequences[index] = holdRow(matched, index, former, plan);
  const ended = flushPending([own, former], plan);
  return [...ended, ...outputRow(matched, index, former.matchId, plan)];
}

/** Matches a row with a step that holds a sequence; the first step begins one. */
function repeatStep(row: Row, index: number, state: ScanState, plan: ScanPlan): readonly Row[] {
  const own = state.sequences[index];
  const matched = own || index === 0 ? matchStep(row, index, own, plan) : undefined;
  if (matched === undefined) return [];
  const matchId = own?.matchId ?? state.nextMatchId;
  if (own === undefined) state.nextMatchId += 1n;
  const former = { matchId, rows: own?.rows.slice(0, index) ?? [], isPending: false };
  state.sequences[index] = holdRow(matched, index, former, plan);
  return outputRow(matched, index, matchId, plan);
}

/** Returns the row with the step's assignments if it matches the step in a sequence. */
function matchStep(
  row: Row,
  index: number,
  sequence: Sequence | undefined,
  { steps, defaults, blank }: ScanPlan,
): Row | undefined {
  const step = steps[index];
  if (step === undefined) return undefined;
  const readRow = [
    ...row,
    ...defaults,
    ...steps.flatMap((_, number) => sequence?.rows[number] ?? blank),
  ];
  if (step.condition.run(readRow) !== true) return undefined;
  const declared = [...defaults];
  for (const { index: at, value } of step.assignments) declared[at] = value.run(readRow);
  return [...row, ...declared];
}

const holdRow = (
  row: Row,
  index: number,
  { matchId, rows }: Sequence,
  { steps }: ScanPlan,
): Sequence => ({
  matchId,
  rows: [...rows, row],
  isPending: steps[index]?.output === "last",
});

const appendMatchId = (row: Row, matchId: bigint, { hasMatchId }: ScanPlan): Row =>
  hasMatchId ? [...row, matchId] : row;

const outputRow = (row: Row, index: number, matchId: bigint, plan: ScanPlan): readonly Row[] =>
  plan.steps[index]?.output === "all" ? [appendMatchId(row, matchId, plan)] : [];

/** Returns the rows of states that end while one waits for `output=last`. */
const flushPending = (states: readonly (Sequence | undefined)[], plan: ScanPlan): readonly Row[] =>
  states.flatMap((state) => {
    const last = state?.isPending === true ? state.rows.at(-1) : undefined;
    return state && last ? [appendMatchId(last, state.matchId, plan)] : [];
  });
