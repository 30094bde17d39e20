/** Operators that read one row at a time: where, project and its variants, extend. */
import { childAt, type KqlNode } from "../../language/parser.ts";
import type { HuntColumn } from "../../../contracts/compiled-hunt.ts";
import type { Span } from "../../../runtime/time.ts";
import { chooseFreeName, inferResultName, readName, createNameMatcher } from "../names.ts";
import { type Row, type Scalar, type ScalarPart, type Scope, type Table } from "../plan.ts";
import { listChildren, requireChild } from "../scalar.ts";
import { narrowTable, findTimeBounds } from "../time-bounds.ts";
import { createUnsupportedError } from "../query-error.ts";
import { compileWithWindows } from "./window-calls.ts";

export type Operator = (node: KqlNode, input: Table, scope: Scope) => Table;

/** `where`: a time predicate also tells the scan below what it may leave out. */
export const evaluateWhere: Operator = (node, input, scope) =>
  compileWithWindows(node, input, scope, (source, inner) => {
    const condition = requireChild(node, "Condition");
    const test = scope.compile.scalar(condition, inner);
    if (source !== input) return trimRows(filterTable(source, test));
    return filterTable(narrowTable(source, findTimeBounds(condition, inner)), test);
  });

function filterTable(source: Table, test: Scalar): Table {
  return {
    columns: source.columns,
    isSerialized: source.isSerialized,
    rows: () => filterRows(source.rows(), test),
    narrow: (span) => filterTable(narrowTable(source, span), test),
  };
}

/** Removes hidden cells from the rows. */
const trimRows = ({ columns, isSerialized, rows }: Table): Table => ({
  columns,
  isSerialized,
  rows: () => Iterator.from(rows()).map((row) => row.slice(0, columns.length)),
});

function* filterRows(rows: Iterable<Row>, { run }: Scalar): Generator<Row> {
  for (const row of rows) if (run(row) === true) yield row;
}

/**
 * A table whose rows are each a function of one row of another. `keepsTimestamp` says that
 * `Timestamp` is still the same column.
 */
export function mapTable(
  source: Table,
  columns: readonly HuntColumn[],
  cells: readonly Scalar[],
  keepsTimestamp: boolean,
): Table {
  const runs = cells.map(({ run }) => run);
  const narrow = (span: Span): Table =>
    mapTable(narrowTable(source, span), columns, cells, keepsTimestamp);
  return {
    columns,
    isSerialized: source.isSerialized,
    rows: () => mapRows(source.rows(), runs),
    ...(keepsTimestamp && { narrow }),
  };
}

function* mapRows(rows: Iterable<Row>, runs: readonly Scalar["run"][]): Generator<Row> {
  for (const row of rows) {
    const out: unknown[] = [];
    for (const run of runs) out.push(run(row));
    yield out;
  }
}

interface Cell {
  readonly column: HuntColumn;
  readonly scalar: Scalar;
}

/** True when the column called `Timestamp` is the input's own. */
function isTimestampKept(cells: readonly Cell[], input: Table): boolean {
  const columnIndex = input.columns.findIndex(({ name }) => name === "Timestamp");
  return (
    columnIndex >= 0 &&
    cells.some(
      ({ column, scalar }) => column.name === "Timestamp" && scalar.columnIndex === columnIndex,
    )
  );
}

const createTable = (input: Table, cells: readonly Cell[]): Table =>
  mapTable(
    input,
    cells.map(({ column }) => column),
    cells.map(({ scalar }) => scalar),
    isTimestampKept(cells, input),
  );

/** Compiles a list of expressions to named cells; nameless ones are numbered `Column1` …. */
export function compileCells(
  nodes: readonly KqlNode[],
  scope: Scope,
  prefix = "Column",
): readonly Cell[] {
  const cells: Cell[] = [];
  const listColumns = (): readonly HuntColumn[] => cells.map(({ column }) => column);
  for (const node of nodes) {
    for (const { name, scalar } of compileNamedScalars(node, scope))
      cells.push({
        column: {
          name: chooseFreeName(listColumns(), name ?? createNumberedName(cells, prefix)),
          type: scalar.type,
        },
        scalar,
      });
  }
  return cells;
}

const createNumberedName = (cells: readonly Cell[], prefix: string): string =>
  `${prefix}${1 + cells.filter(({ column }) => column.name.startsWith(prefix)).length}`;

interface NamedScalar {
  readonly name: string | undefined;
  readonly scalar: Scalar;
}

/**
 * One expression as its named scalars: usually one; a wildcard gives several, `(a, b) = x` one for
 * each name.
 */
function compileNamedScalars(node: KqlNode, scope: Scope): readonly NamedScalar[] {
  if (node.kind === "NameReference" && childAt(node, "Name")?.kind === "WildcardedName")
    return expandWildcard(node, scope);
  if (node.kind === "StarExpression") return expandWildcard(node, scope);
  if (node.kind !== "CompoundNamedExpression") {
    const scalar = scope.compile.scalar(node, scope);
    return scalar.parts === undefined
      ? [{ name: inferResultName(node), scalar }]
      : nameParts(scalar.parts, node.kind === "SimpleNamedExpression" ? [readName(node)] : []);
  }
  const names = listChildren(requireChild(node, "Names"), "Names").map(readName);
  const compound = scope.compile.scalar(requireChild(node, "Expression"), scope);
  if (compound.parts !== undefined) return nameParts(compound.parts, names);
  return names.map((name, index) => ({
    name,
    scalar: {
      type: "dynamic",
      isConstant: false,
      run: (row) => (compound.run(row) as readonly unknown[] | null)?.[index] ?? null,
    },
  }));
}

/** The first results get the given names, further ones keep their own. */
const nameParts = (
  parts: readonly ScalarPart[],
  names: readonly string[],
): readonly NamedScalar[] =>
  parts.map(({ name, scalar }, index) => ({ name: names[index] ?? name, scalar }));

const expandWildcard = (node: KqlNode, scope: Scope): readonly NamedScalar[] => {
  const matches = createNameMatcher(node.text);
  return scope.columns.flatMap(({ name, type }, columnIndex) =>
    matches(name)
      ? [
          {
            name,
            scalar: { type, columnIndex, isConstant: false, run: (row: Row) => row[columnIndex] },
          },
        ]
      : [],
  );
};

export const evaluateProject: Operator = (node, input, scope) =>
  compileWithWindows(node, input, scope, (source, inner) =>
    createTable(source, compileCells(listChildren(node, "Expressions"), inner)),
  );

/** `extend`: a name that is there already is replaced in its place. */
export const evaluateExtend: Operator = (node, input, scope) =>
  compileWithWindows(node, input, scope, (source, inner) =>
    extendTable(source, listChildren(node, "Expressions"), inner),
  );

export function extendTable(input: Table, nodes: readonly KqlNode[], scope: Scope): Table {
  const cells: Cell[] = input.columns.map((column, columnIndex) => ({
    column,
    scalar: { type: column.type, columnIndex, isConstant: false, run: (row) => row[columnIndex] },
  }));
  for (const node of nodes) {
    for (const { name, scalar } of compileNamedScalars(node, scope)) {
      const cell = {
        column: { name: name ?? createNumberedName(cells, "Column"), type: scalar.type },
        scalar,
      };
      const columnIndex =
        name === undefined ? -1 : cells.findIndex(({ column }) => column.name === name);
      if (columnIndex >= 0) cells[columnIndex] = cell;
      else cells.push(cell);
    }
  }
  return createTable(input, cells);
}

/** The input's columns that `pick` chooses, in the order it gives. */
function selectColumns(
  input: Table,
  columnIndexes: readonly number[],
  rename: (name: string) => string = (name) => name,
): Table {
  const cells = columnIndexes.flatMap((columnIndex): readonly Cell[] => {
    const column = input.columns[columnIndex];
    return column
      ? [
          {
            column: { ...column, name: rename(column.name) },
            scalar: {
              type: column.type,
              columnIndex,
              isConstant: false,
              run: (row) => row[columnIndex],
            },
          },
        ]
      : [];
  });
  return createTable(input, cells);
}

const findMatchingColumns = (input: Table, node: KqlNode): readonly number[] => {
  const matches = createNameMatcher(node.kind === "NameReference" ? readName(node) : node.text);
  return input.columns.flatMap(({ name }, columnIndex) => (matches(name) ? [columnIndex] : []));
};

export const evaluateProjectAway: Operator = (node, input) => {
  const removedIndexes = new Set(
    listChildren(node, "Expressions").flatMap((one) => findMatchingColumns(input, one)),
  );
  return selectColumns(
    input,
    input.columns
      .map((_, columnIndex) => columnIndex)
      .filter((columnIndex) => !removedIndexes.has(columnIndex)),
  );
};

export const evaluateProjectKeep: Operator = (node, input) => {
  const selectedIndexes = new Set(
    listChildren(node, "Expressions").flatMap((one) => findMatchingColumns(input, one)),
  );
  return selectColumns(
    input,
    input.columns
      .map((_, columnIndex) => columnIndex)
      .filter((columnIndex) => selectedIndexes.has(columnIndex)),
  );
};

/** `project-by-names "A", dynamic(["B*"])`: columns by their names, in the order of the names. */
export const evaluateProjectByNames: Operator = (node, input, scope) => {
  const names = listChildren(node, "Expressions")
    .flatMap((one) => {
      const value = scope.compile.scalar(one, scope).run([]);
      return Array.isArray(value) ? (value as readonly unknown[]) : [value];
    })
    .map(String);
  const indexes = names.flatMap((name) => {
    const matches = createNameMatcher(name);
    return input.columns.flatMap((column, index) => (matches(column.name) ? [index] : []));
  });
  return selectColumns(input, [...new Set(indexes)]);
};

/**
 * `project-reorder`: the named ones first, in their order; `asc` and `desc` sort what a wildcard
 * finds.
 */
export const evaluateProjectReorder: Operator = (node, input) => {
  const first = listChildren(node, "Expressions").flatMap((one) => {
    const expression = one.kind === "OrderedExpression" ? requireChild(one, "Expression") : one;
    const columnIndexes = findMatchingColumns(input, expression);
    if (one.kind !== "OrderedExpression") return columnIndexes;
    const sorted = columnIndexes.toSorted((left, right) =>
      (input.columns[left]?.name ?? "") < (input.columns[right]?.name ?? "") ? -1 : 1,
    );
    return /\bdesc\b/.test(one.text) ? sorted.toReversed() : sorted;
  });
  const columnIndexes = [...new Set([...first, ...input.columns.keys()])];
  return selectColumns(input, columnIndexes);
};

export const evaluateProjectRename: Operator = (node, input) => {
  const names = new Map(
    listChildren(node, "Expressions").map((one) => {
      if (one.kind !== "SimpleNamedExpression") throw createUnsupportedError(`'${one.text}'`);
      return [
        readName(requireChild(one, "Expression")),
        readName(requireChild(one, "Name")),
      ] as const;
    }),
  );
  return selectColumns(input, [...input.columns.keys()], (name) => names.get(name) ?? name);
};
