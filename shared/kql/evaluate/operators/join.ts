/** join and lookup. The right side is kept by key, the left one streams past it. */
import { childAt, type KqlNode } from "../../language/parser.ts";
import type { HuntColumn } from "../../../contracts/compiled-hunt.ts";
import { alignTypes } from "../comparisons.ts";
import { chooseFreeName } from "../names.ts";
import { withColumns, type Row, type Scalar, type Scope, type Table } from "../plan.ts";
import { createSemanticError, createUnsupportedError } from "../query-error.ts";
import { listChildren, requireChild } from "../scalar.ts";
import { getEmptyValue, toKey } from "../values.ts";
import { readParameter } from "./parameters.ts";
import type { Operator } from "./rows.ts";

interface KeyPair {
  readonly left: Scalar;
  readonly right: Scalar;
}

/** Both sides and the keys on which their rows match. */
interface JoinSides {
  readonly left: Table;
  readonly right: Table;
  readonly pairs: readonly KeyPair[];
}

type JoinRows = (sides: JoinSides) => Generator<Row>;

export const evaluateJoin: Operator = (node, input, scope) => {
  const kind = (readParameter(node, "kind") ?? "innerunique").toLowerCase();
  const sides = compileSides(node, "ConditionClause", input, scope);
  const joinRows = joinKinds[kind];
  if (joinRows === undefined) throw createUnsupportedError(`The join kind '${kind}'`);
  const { left, right } = sides;
  if (kind.startsWith("left") && kind !== "leftouter")
    return { columns: left.columns, rows: () => joinRows(sides) };
  if (kind.startsWith("right") && kind !== "rightouter")
    return { columns: right.columns, rows: () => joinRows(sides) };
  return { columns: joinColumns(left.columns, right.columns), rows: () => joinRows(sides) };
};

/** `lookup`: the right side without its keys; `leftouter` unless said otherwise. */
export const evaluateLookup: Operator = (node, input, scope) => {
  const kind = (readParameter(node, "kind") ?? "leftouter").toLowerCase();
  const joinRows = joinKinds[kind];
  if (joinRows === undefined) throw createUnsupportedError(`The lookup kind '${kind}'`);
  const sides = compileSides(node, "LookupClause", input, scope);
  const keys = new Set(sides.pairs.map(({ right }) => right.columnIndex));
  const columnIndexes = sides.right.columns
    .map((_, columnIndex) => columnIndex)
    .filter((columnIndex) => !keys.has(columnIndex));
  const columns = columnIndexes.flatMap((columnIndex) => sides.right.columns[columnIndex] ?? []);
  const width = input.columns.length;
  return {
    columns: joinColumns(input.columns, columns),
    rows: () =>
      Iterator.from(joinRows(sides)).map((row) => [
        ...row.slice(0, width),
        ...columnIndexes.map((columnIndex) => row[width + columnIndex]),
      ]),
  };
};

function compileSides(node: KqlNode, role: string, left: Table, scope: Scope): JoinSides {
  const right = scope.compile.table(requireChild(node, "Expression"), { ...scope, columns: [] });
  const clause = childAt(node, role);
  if (clause?.kind !== "JoinOnClause") throw createUnsupportedError("A join without 'on'");
  const pairs = listChildren(clause, "Expressions").flatMap((one) =>
    compilePairs(one, left, right, scope),
  );
  return { left, right, pairs: pairs.map(alignPair) };
}

/** Converts keys of different types as a comparison of the two does. */
function alignPair(pair: KeyPair): KeyPair {
  const [left, right] = alignTypes(pair.left, pair.right);
  return {
    left,
    right:
      right.columnIndex === undefined && pair.right.columnIndex !== undefined
        ? { ...right, columnIndex: pair.right.columnIndex }
        : right,
  };
}

/** `on Name`, or `on $left.a == $right.b`, several of them joined by commas or `and`. */
function compilePairs(node: KqlNode, left: Table, right: Table, scope: Scope): readonly KeyPair[] {
  const [one, other] = [childAt(node, "Left"), childAt(node, "Right")];
  if (node.kind === "NameReference")
    return [
      {
        left: scope.compile.scalar(node, withColumns(scope, left.columns)),
        right: scope.compile.scalar(node, withColumns(scope, right.columns)),
      },
    ];
  if (node.kind === "ParenthesizedExpression")
    return compilePairs(requireChild(node, "Expression"), left, right, scope);
  if (one === undefined || other === undefined)
    throw createUnsupportedError(`The join condition '${node.text}'`);
  if (node.kind === "AndExpression")
    return [...compilePairs(one, left, right, scope), ...compilePairs(other, left, right, scope)];
  const [first, second] = [
    compileSide(one, left, right, scope),
    compileSide(other, left, right, scope),
  ];
  if (node.kind !== "EqualExpression" || first.side === second.side)
    throw createSemanticError("join: only equality of $left and $right is allowed in 'on'.");
  return [
    first.side === "$left"
      ? { left: first.scalar, right: second.scalar }
      : { left: second.scalar, right: first.scalar },
  ];
}

function compileSide(
  node: KqlNode,
  left: Table,
  right: Table,
  scope: Scope,
): { readonly side: string; readonly scalar: Scalar } {
  const side = childAt(node, "Expression")?.text ?? "";
  const table = side === "$left" ? left : right;
  return {
    side,
    scalar: scope.compile.scalar(requireChild(node, "Selector"), withColumns(scope, table.columns)),
  };
}

/**
 * The right side's columns after the left side's; a name that is taken gets a number, counted from
 * the name it came from.
 */
export function joinColumns(
  left: readonly HuntColumn[],
  right: readonly HuntColumn[],
): readonly HuntColumn[] {
  const columns = [...left];
  const roots = new Map<string, string>();
  for (const column of right) {
    const isTaken = columns.some(({ name }) => name === column.name);
    const name = isTaken
      ? chooseFreeName(columns, roots.get(column.name) ?? column.name)
      : column.name;
    if (isTaken) roots.set(name, roots.get(column.name) ?? column.name);
    columns.push({ ...column, name });
  }
  return columns;
}

/** The key of a row, or `undefined` when a part is null: null meets nothing. */
function readKey(row: Row, keys: readonly Scalar[]): string | undefined {
  const values = keys.map(({ run }) => run(row) ?? null);
  return values.includes(null) ? undefined : toKey(values);
}

const leftKeysOf = ({ pairs }: JoinSides): readonly Scalar[] => pairs.map(({ left }) => left);
const rightKeysOf = ({ pairs }: JoinSides): readonly Scalar[] => pairs.map(({ right }) => right);

function groupByKey(table: Table, keys: readonly Scalar[]): ReadonlyMap<string, readonly Row[]> {
  const groups = new Map<string, Row[]>();
  for (const row of table.rows()) {
    const key = readKey(row, keys);
    if (key === undefined) continue;
    const group = groups.get(key);
    if (group) group.push(row);
    else groups.set(key, [row]);
  }
  return groups;
}

const createBlankRow = ({ columns }: Table): Row => columns.map(({ type }) => getEmptyValue(type));

/**
 * Rows that meet; with `isOuter`, left ones that meet nothing too. Calls `onMatch` with each
 * matched key.
 */
function* matchRows(
  sides: JoinSides,
  isUnique: boolean,
  isOuter: boolean,
  onMatch?: (key: string) => void,
): Generator<Row> {
  const right = groupByKey(sides.right, rightKeysOf(sides));
  const usedKeys = new Set<string>();
  const blank = createBlankRow(sides.right);
  for (const row of sides.left.rows()) {
    const key = readKey(row, leftKeysOf(sides));
    const partners = key === undefined ? undefined : right.get(key);
    if (key === undefined || partners === undefined) {
      if (isOuter) yield [...row, ...blank];
      continue;
    }
    if (isUnique && usedKeys.has(key)) continue;
    usedKeys.add(key);
    onMatch?.(key);
    for (const partner of partners) yield [...row, ...partner];
  }
}

/** Yields matched rows, then right rows without a match beside empty left columns. */
function* matchRightOuter(sides: JoinSides, isFullOuter: boolean): Generator<Row> {
  const matchedKeys = new Set<string>();
  yield* matchRows(sides, false, isFullOuter, (key) => matchedKeys.add(key));
  const blank = createBlankRow(sides.left);
  for (const row of sides.right.rows()) {
    const key = readKey(row, rightKeysOf(sides));
    if (key === undefined || !matchedKeys.has(key)) yield [...blank, ...row];
  }
}

/** Yields one side's rows that match the other (`hasMatch`), or do not. */
function* filterByMatch(
  table: Table,
  keys: readonly Scalar[],
  others: ReadonlyMap<string, readonly Row[]>,
  hasMatch: boolean,
): Generator<Row> {
  for (const row of table.rows()) {
    const key = readKey(row, keys);
    if ((key !== undefined && others.has(key)) === hasMatch) yield row;
  }
}

const createLeftFilter =
  (hasMatch: boolean): JoinRows =>
  (sides) =>
    filterByMatch(
      sides.left,
      leftKeysOf(sides),
      groupByKey(sides.right, rightKeysOf(sides)),
      hasMatch,
    );
const createRightFilter =
  (hasMatch: boolean): JoinRows =>
  (sides) =>
    filterByMatch(
      sides.right,
      rightKeysOf(sides),
      groupByKey(sides.left, leftKeysOf(sides)),
      hasMatch,
    );

const joinKinds: Readonly<Record<string, JoinRows>> = {
  inner: (sides) => matchRows(sides, false, false),
  innerunique: (sides) => matchRows(sides, true, false),
  leftouter: (sides) => matchRows(sides, false, true),
  rightouter: (sides) => matchRightOuter(sides, false),
  fullouter: (sides) => matchRightOuter(sides, true),
  leftanti: createLeftFilter(false),
  anti: createLeftFilter(false),
  leftantisemi: createLeftFilter(false),
  leftsemi: createLeftFilter(true),
  rightanti: createRightFilter(false),
  rightantisemi: createRightFilter(false),
  rightsemi: createRightFilter(true),
};
