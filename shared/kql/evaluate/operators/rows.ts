/** Operators that treat each row by itself: where, project and its kin, extend. */
import { childAt, type KqlNode } from "../../language/parser.ts";
import type { HuntColumn } from "../../../contracts/compiled-hunt.ts";
import type { Span } from "../../../runtime/time.ts";
import { freeName, resultName, simpleName, wildcard } from "../names.ts";
import { type Row, type Scalar, type Scope, type Table } from "../plan.ts";
import { listOf, part } from "../scalar.ts";
import { narrowed, timeBounds } from "../time-bounds.ts";
import { unsupported } from "../query-error.ts";
import { ordered } from "./ordered.ts";

export type Operator = (node: KqlNode, input: Table, scope: Scope) => Table;

/** `where`: a time predicate also tells the scan below what it may leave out. */
export const where: Operator = (node, input, scope) =>
  ordered(node, input, scope, (source, inner) => {
    const condition = part(node, "Condition");
    const test = scope.compile.scalar(condition, inner);
    return filtered(narrowed(source, timeBounds(condition, inner)), test);
  });

function filtered(source: Table, test: Scalar): Table {
  return {
    columns: source.columns,
    rows: () => keep(source.rows(), test),
    narrow: (span) => filtered(narrowed(source, span), test),
  };
}

function* keep(rows: Iterable<Row>, { run }: Scalar): Generator<Row> {
  for (const row of rows) if (run(row) === true) yield row;
}

/** A table whose rows are each a function of one row of another. `kept` says that `Timestamp` is still the same column. */
export function mapped(
  source: Table,
  columns: readonly HuntColumn[],
  cells: readonly Scalar[],
  kept: boolean,
): Table {
  const runs = cells.map(({ run }) => run);
  const narrow = (span: Span): Table => mapped(narrowed(source, span), columns, cells, kept);
  return { columns, rows: () => mapRows(source.rows(), runs), ...(kept && { narrow }) };
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
function keepsTime(cells: readonly Cell[], input: Table): boolean {
  const place = input.columns.findIndex(({ name }) => name === "Timestamp");
  return (
    place >= 0 &&
    cells.some(({ column, scalar }) => column.name === "Timestamp" && scalar.place === place)
  );
}

const tableOf = (input: Table, cells: readonly Cell[]): Table =>
  mapped(
    input,
    cells.map(({ column }) => column),
    cells.map(({ scalar }) => scalar),
    keepsTime(cells, input),
  );

/** Compiles a list of expressions to named cells; nameless ones are numbered `Column1` …. */
export function cellsOf(
  nodes: readonly KqlNode[],
  scope: Scope,
  prefix = "Column",
): readonly Cell[] {
  const cells: Cell[] = [];
  const taken = (): readonly HuntColumn[] => cells.map(({ column }) => column);
  for (const node of nodes) {
    for (const { name, scalar } of namedScalars(node, scope))
      cells.push({
        column: { name: freeName(taken(), name ?? numbered(cells, prefix)), type: scalar.type },
        scalar,
      });
  }
  return cells;
}

const numbered = (cells: readonly Cell[], prefix: string): string =>
  `${prefix}${1 + cells.filter(({ column }) => column.name.startsWith(prefix)).length}`;

interface NamedScalar {
  readonly name: string | undefined;
  readonly scalar: Scalar;
}

/** One expression as its named scalars: usually one; a wildcard gives several, `(a, b) = x` one for each name. */
function namedScalars(node: KqlNode, scope: Scope): readonly NamedScalar[] {
  if (node.kind === "NameReference" && childAt(node, "Name")?.kind === "WildcardedName")
    return wildcardColumns(node, scope);
  if (node.kind === "StarExpression") return wildcardColumns(node, scope);
  if (node.kind !== "CompoundNamedExpression")
    return [{ name: resultName(node), scalar: scope.compile.scalar(node, scope) }];
  const names = listOf(part(node, "Names"), "Names").map(simpleName);
  const whole = scope.compile.scalar(part(node, "Expression"), scope);
  return names.map((name, index) => ({
    name,
    scalar: {
      type: "dynamic",
      constant: false,
      run: (row) => (whole.run(row) as readonly unknown[] | null)?.[index] ?? null,
    },
  }));
}

const wildcardColumns = (node: KqlNode, scope: Scope): readonly NamedScalar[] => {
  const matches = wildcard(node.text);
  return scope.columns.flatMap(({ name, type }, place) =>
    matches(name)
      ? [{ name, scalar: { type, place, constant: false, run: (row: Row) => row[place] } }]
      : [],
  );
};

export const project: Operator = (node, input, scope) =>
  ordered(node, input, scope, (source, inner) =>
    tableOf(source, cellsOf(listOf(node, "Expressions"), inner)),
  );

/** `extend`: a name that is there already is replaced in its place. */
export const extend: Operator = (node, input, scope) =>
  ordered(node, input, scope, (source, inner) =>
    extended(source, listOf(node, "Expressions"), inner),
  );

export function extended(input: Table, nodes: readonly KqlNode[], scope: Scope): Table {
  const cells: Cell[] = input.columns.map((column, place) => ({
    column,
    scalar: { type: column.type, place, constant: false, run: (row) => row[place] },
  }));
  for (const node of nodes) {
    for (const { name, scalar } of namedScalars(node, scope)) {
      const cell = {
        column: { name: name ?? numbered(cells, "Column"), type: scalar.type },
        scalar,
      };
      const place = name === undefined ? -1 : cells.findIndex(({ column }) => column.name === name);
      if (place >= 0) cells[place] = cell;
      else cells.push(cell);
    }
  }
  return tableOf(input, cells);
}

/** The input's columns that `pick` chooses, in the order it gives. */
export function chosen(
  input: Table,
  places: readonly number[],
  rename: (name: string) => string = (name) => name,
): Table {
  const cells = places.flatMap((place): readonly Cell[] => {
    const column = input.columns[place];
    return column
      ? [
          {
            column: { ...column, name: rename(column.name) },
            scalar: { type: column.type, place, constant: false, run: (row) => row[place] },
          },
        ]
      : [];
  });
  return tableOf(input, cells);
}

const matchingPlaces = (input: Table, node: KqlNode): readonly number[] => {
  const matches = wildcard(node.kind === "NameReference" ? simpleName(node) : node.text);
  return input.columns.flatMap(({ name }, place) => (matches(name) ? [place] : []));
};

export const projectAway: Operator = (node, input) => {
  const gone = new Set(listOf(node, "Expressions").flatMap((one) => matchingPlaces(input, one)));
  return chosen(
    input,
    input.columns.map((_, place) => place).filter((place) => !gone.has(place)),
  );
};

export const projectKeep: Operator = (node, input) => {
  const kept = new Set(listOf(node, "Expressions").flatMap((one) => matchingPlaces(input, one)));
  return chosen(
    input,
    input.columns.map((_, place) => place).filter((place) => kept.has(place)),
  );
};

/** `project-reorder`: the named ones first, in their order; `asc` and `desc` sort what a wildcard finds. */
export const projectReorder: Operator = (node, input) => {
  const first = listOf(node, "Expressions").flatMap((one) => {
    const expression = one.kind === "OrderedExpression" ? part(one, "Expression") : one;
    const places = matchingPlaces(input, expression);
    if (one.kind !== "OrderedExpression") return places;
    const sorted = places.toSorted((left, right) =>
      (input.columns[left]?.name ?? "") < (input.columns[right]?.name ?? "") ? -1 : 1,
    );
    return /\bdesc\b/.test(one.text) ? sorted.toReversed() : sorted;
  });
  const places = [...new Set([...first, ...input.columns.keys()])];
  return chosen(input, places);
};

export const projectRename: Operator = (node, input) => {
  const names = new Map(
    listOf(node, "Expressions").map((one) => {
      if (one.kind !== "SimpleNamedExpression") throw unsupported(`'${one.text}'`);
      return [simpleName(part(one, "Expression")), simpleName(part(one, "Name"))] as const;
    }),
  );
  return chosen(input, [...input.columns.keys()], (name) => names.get(name) ?? name);
};
