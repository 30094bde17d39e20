/** join and lookup. The right side is kept by key, the left one streams past it. */
import { childAt, type KqlNode } from "../../language/parser.ts";
import type { HuntColumn } from "../../../contracts/compiled-hunt.ts";
import { emptyValue } from "../../../../test/simulator/dataset/schema.ts";
import { alike } from "../comparisons.ts";
import { freeName } from "../names.ts";
import { withColumns, type Row, type Scalar, type Scope, type Table } from "../plan.ts";
import { QueryError, unsupported } from "../query-error.ts";
import { listOf, part } from "../scalar.ts";
import { keyOf } from "../values.ts";
import { parameterOf } from "./parameters.ts";
import type { Operator } from "./rows.ts";

interface Pair {
  readonly left: Scalar;
  readonly right: Scalar;
}

/** Both sides with what makes their rows meet. */
interface Sides {
  readonly left: Table;
  readonly right: Table;
  readonly pairs: readonly Pair[];
}

type Rows = (sides: Sides) => Generator<Row>;

export const join: Operator = (node, input, scope) => {
  const kind = (parameterOf(node, "kind") ?? "innerunique").toLowerCase();
  const sides = sidesOf(node, "ConditionClause", input, scope);
  const make = kinds[kind];
  if (make === undefined) throw unsupported(`The join kind '${kind}'`);
  const { left, right } = sides;
  if (kind.startsWith("left") && kind !== "leftouter")
    return { columns: left.columns, rows: () => make(sides) };
  if (kind.startsWith("right") && kind !== "rightouter")
    return { columns: right.columns, rows: () => make(sides) };
  return { columns: sideBySide(left.columns, right.columns), rows: () => make(sides) };
};

/** `lookup`: the right side without its keys; `leftouter` unless said otherwise. */
export const lookup: Operator = (node, input, scope) => {
  const kind = (parameterOf(node, "kind") ?? "leftouter").toLowerCase();
  const make = kinds[kind];
  if (make === undefined) throw unsupported(`The lookup kind '${kind}'`);
  const sides = sidesOf(node, "LookupClause", input, scope);
  const keys = new Set(sides.pairs.map(({ right }) => right.place));
  const places = sides.right.columns.map((_, place) => place).filter((place) => !keys.has(place));
  const columns = places.flatMap((place) => sides.right.columns[place] ?? []);
  const width = input.columns.length;
  return {
    columns: sideBySide(input.columns, columns),
    rows: () =>
      Iterator.from(make(sides)).map((row) => [
        ...row.slice(0, width),
        ...places.map((place) => row[width + place]),
      ]),
  };
};

function sidesOf(node: KqlNode, role: string, left: Table, scope: Scope): Sides {
  const right = scope.compile.table(part(node, "Expression"), { ...scope, columns: [] });
  const clause = childAt(node, role);
  if (clause?.kind !== "JoinOnClause") throw unsupported("A join without 'on'");
  const pairs = listOf(clause, "Expressions").flatMap((one) => pairsOf(one, left, right, scope));
  return { left, right, pairs: pairs.map(sameType) };
}

/** Keys of different types meet as the comparison of the two would see them. */
function sameType(pair: Pair): Pair {
  const [left, right] = alike(pair.left, pair.right);
  return {
    left,
    right:
      right.place === undefined && pair.right.place !== undefined
        ? { ...right, place: pair.right.place }
        : right,
  };
}

/** `on Name`, or `on $left.a == $right.b`, several of them joined by commas or `and`. */
function pairsOf(node: KqlNode, left: Table, right: Table, scope: Scope): readonly Pair[] {
  const [one, other] = [childAt(node, "Left"), childAt(node, "Right")];
  if (node.kind === "NameReference")
    return [
      {
        left: scope.compile.scalar(node, withColumns(scope, left.columns)),
        right: scope.compile.scalar(node, withColumns(scope, right.columns)),
      },
    ];
  if (node.kind === "ParenthesizedExpression")
    return pairsOf(part(node, "Expression"), left, right, scope);
  if (one === undefined || other === undefined)
    throw unsupported(`The join condition '${node.text}'`);
  if (node.kind === "AndExpression")
    return [...pairsOf(one, left, right, scope), ...pairsOf(other, left, right, scope)];
  const [first, second] = [sideOf(one, left, right, scope), sideOf(other, left, right, scope)];
  if (node.kind !== "EqualExpression" || first.side === second.side)
    throw new QueryError(
      "semantic",
      "The query has a semantic error: join: only equality of $left and $right is allowed in 'on'. Fix semantic errors in your query.",
    );
  return [
    first.side === "$left"
      ? { left: first.scalar, right: second.scalar }
      : { left: second.scalar, right: first.scalar },
  ];
}

function sideOf(
  node: KqlNode,
  left: Table,
  right: Table,
  scope: Scope,
): { readonly side: string; readonly scalar: Scalar } {
  const side = childAt(node, "Expression")?.text ?? "";
  const table = side === "$left" ? left : right;
  return {
    side,
    scalar: scope.compile.scalar(part(node, "Selector"), withColumns(scope, table.columns)),
  };
}

/** The right side's columns after the left side's; a name that is taken gets a number, counted from the name it came from. */
export function sideBySide(
  left: readonly HuntColumn[],
  right: readonly HuntColumn[],
): readonly HuntColumn[] {
  const columns = [...left];
  const roots = new Map<string, string>();
  for (const column of right) {
    const isTaken = columns.some(({ name }) => name === column.name);
    const name = isTaken ? freeName(columns, roots.get(column.name) ?? column.name) : column.name;
    if (isTaken) roots.set(name, roots.get(column.name) ?? column.name);
    columns.push({ ...column, name });
  }
  return columns;
}

/** The key of a row, or `undefined` when a part is null: null meets nothing. */
function keyIn(row: Row, keys: readonly Scalar[]): string | undefined {
  const values = keys.map(({ run }) => run(row) ?? null);
  return values.includes(null) ? undefined : keyOf(values);
}

const leftKeys = ({ pairs }: Sides): readonly Scalar[] => pairs.map(({ left }) => left);
const rightKeys = ({ pairs }: Sides): readonly Scalar[] => pairs.map(({ right }) => right);

function byKey(table: Table, keys: readonly Scalar[]): ReadonlyMap<string, readonly Row[]> {
  const groups = new Map<string, Row[]>();
  for (const row of table.rows()) {
    const key = keyIn(row, keys);
    if (key === undefined) continue;
    const group = groups.get(key);
    if (group) group.push(row);
    else groups.set(key, [row]);
  }
  return groups;
}

const blankRow = ({ columns }: Table): Row => columns.map(({ type }) => emptyValue(type));

/** Rows that meet; with `outer`, left ones that meet nothing too. Keys met are told to `met`. */
function* meeting(
  sides: Sides,
  unique: boolean,
  outer: boolean,
  met?: (key: string) => void,
): Generator<Row> {
  const right = byKey(sides.right, rightKeys(sides));
  const seen = new Set<string>();
  const blank = blankRow(sides.right);
  for (const row of sides.left.rows()) {
    const key = keyIn(row, leftKeys(sides));
    if (unique && key !== undefined && seen.has(key)) continue;
    if (unique && key !== undefined) seen.add(key);
    const partners = key === undefined ? undefined : right.get(key);
    if (partners === undefined) {
      if (outer) yield [...row, ...blank];
      continue;
    }
    if (key !== undefined) met?.(key);
    for (const partner of partners) yield [...row, ...partner];
  }
}

/** Right rows that met nothing, with an empty left side, follow the others. */
function* withLonelyRight(sides: Sides, leftToo: boolean): Generator<Row> {
  const met = new Set<string>();
  yield* meeting(sides, false, leftToo, (key) => met.add(key));
  const blank = blankRow(sides.left);
  for (const row of sides.right.rows()) {
    const key = keyIn(row, rightKeys(sides));
    if (key === undefined || !met.has(key)) yield [...blank, ...row];
  }
}

/** One side's rows that meet the other (`wanted`), or do not. */
function* onlyFrom(
  table: Table,
  keys: readonly Scalar[],
  others: ReadonlyMap<string, readonly Row[]>,
  wanted: boolean,
): Generator<Row> {
  for (const row of table.rows()) {
    const key = keyIn(row, keys);
    if ((key !== undefined && others.has(key)) === wanted) yield row;
  }
}

const fromLeft =
  (wanted: boolean): Rows =>
  (sides) =>
    onlyFrom(sides.left, leftKeys(sides), byKey(sides.right, rightKeys(sides)), wanted);
const fromRight =
  (wanted: boolean): Rows =>
  (sides) =>
    onlyFrom(sides.right, rightKeys(sides), byKey(sides.left, leftKeys(sides)), wanted);

const kinds: Readonly<Record<string, Rows>> = {
  inner: (sides) => meeting(sides, false, false),
  innerunique: (sides) => meeting(sides, true, false),
  leftouter: (sides) => meeting(sides, false, true),
  rightouter: (sides) => withLonelyRight(sides, false),
  fullouter: (sides) => withLonelyRight(sides, true),
  leftanti: fromLeft(false),
  anti: fromLeft(false),
  leftantisemi: fromLeft(false),
  leftsemi: fromLeft(true),
  rightanti: fromRight(false),
  rightantisemi: fromRight(false),
  rightsemi: fromRight(true),
};
