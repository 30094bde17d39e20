/** union: tables one after the other, columns matched by name and type. */
import { childAt, type KqlNode } from "../../language/parser.ts";
import type { HuntColumn } from "../../../contracts/compiled-hunt.ts";
import type { Span } from "../../../runtime/time.ts";
import { getEmptyValue } from "../values.ts";
import { readName, createNameMatcher } from "../names.ts";
import type { Row, Scope, Table } from "../plan.ts";
import { QueryError } from "../query-error.ts";
import { listChildren } from "../scalar.ts";
import { narrowTable } from "../time-bounds.ts";
import { readParameter } from "./parameters.ts";

interface UnionPart {
  /** The value of the `withsource` column. */
  readonly name: string;
  readonly table: Table;
}

/** Compiles a union; a piped table is its first part. */
export function evaluateUnion(node: KqlNode, input: Table | undefined, scope: Scope): Table {
  const isFuzzy = readParameter(node, "isfuzzy")?.toLowerCase() === "true";
  const operands = listChildren(node, "Expressions").flatMap((one) =>
    compileParts(one, scope, isFuzzy),
  );
  const parts = [...(input ? [{ name: "", table: input }] : []), ...operands].map(
    (part, index) => ({
      ...part,
      name: part.name === "" ? `union_arg${index}` : part.name,
    }),
  );
  return combineParts(
    parts,
    readParameter(node, "kind") === "inner",
    readParameter(node, "withsource") ?? readParameter(node, "with_source"),
  );
}

/** Compiles one operand: a wildcard gives several, and a fuzzy union ignores missing tables. */
function compileParts(node: KqlNode, scope: Scope, isFuzzy: boolean): readonly UnionPart[] {
  if (node.kind === "NameReference" && childAt(node, "Name")?.kind === "WildcardedName") {
    const matches = createNameMatcher(node.text);
    return [...scope.names.listViews(), ...scope.context.tables.keys()]
      .filter(matches)
      .map((name) => ({ name, table: scope.compile.namedTable(name, node, scope) }));
  }
  try {
    return [
      {
        name: node.kind === "NameReference" ? readName(node) : readAsName(node),
        table: scope.compile.table(node, { ...scope, columns: [] }),
      },
    ];
  } catch (error) {
    if (isFuzzy && error instanceof QueryError && error.kind === "table") return [];
    throw error;
  }
}

/**
 * The parts as one table. Columns of one name but different types stay apart, each with its type in
 * the name.
 */
export function combineParts(
  parts: readonly UnionPart[],
  isInner: boolean,
  sourceName: string | undefined,
): Table {
  const outputs = findOutputColumns(
    parts.map(({ table }) => table),
    isInner,
  );
  const columns =
    sourceName === undefined
      ? outputs.map(({ column }) => column)
      : [{ name: sourceName, type: "string" } as const, ...outputs.map(({ column }) => column)];
  const columnIndexes = parts.map(({ table }) =>
    outputs.map(({ name, column }) =>
      table.columns.findIndex((one) => one.name === name && one.type === column.type),
    ),
  );
  const rows = function* (): Generator<Row> {
    for (const [index, { name, table }] of parts.entries())
      yield* alignRows(
        table,
        columnIndexes[index] ?? [],
        outputs.map(({ column }) => column),
        sourceName === undefined ? [] : [name],
      );
  };
  return {
    columns,
    rows,
    narrow: (span: Span) =>
      combineParts(
        parts.map(({ name, table }) => ({ name, table: narrowTable(table, span) })),
        isInner,
        sourceName,
      ),
  };
}

function* alignRows(
  table: Table,
  columnIndexes: readonly number[],
  columns: readonly HuntColumn[],
  leadingValues: readonly unknown[],
): Generator<Row> {
  const empty = columns.map(({ type }) => getEmptyValue(type));
  for (const row of table.rows())
    yield [
      ...leadingValues,
      ...columnIndexes.map((columnIndex, index) =>
        columnIndex < 0 ? empty[index] : row[columnIndex],
      ),
    ];
}

/** Returns the name that a trailing `as` gives an operand. */
function readAsName(node: KqlNode): string {
  if (node.kind === "ParenthesizedExpression") {
    const inner = childAt(node, "Expression");
    return inner ? readAsName(inner) : "";
  }
  const operator = node.kind === "PipeExpression" ? childAt(node, "Operator") : undefined;
  const name = operator?.kind === "AsOperator" ? childAt(operator, "Name") : undefined;
  return name ? readName(name) : "";
}

interface OutputColumn {
  /** The name in the parts. */
  readonly name: string;
  /** The column in the result. */
  readonly column: HuntColumn;
}

function findOutputColumns(tables: readonly Table[], isInner: boolean): readonly OutputColumn[] {
  const types = new Map<string, Set<HuntColumn["type"]>>();
  for (const { columns } of tables)
    for (const { name, type } of columns) types.set(name, (types.get(name) ?? new Set()).add(type));
  const isInEveryTable = (name: string, type: HuntColumn["type"]): boolean =>
    tables.every(({ columns }) => columns.some((one) => one.name === name && one.type === type));
  return [...types].flatMap(([name, kinds]) =>
    [...kinds]
      .filter((type) => !isInner || isInEveryTable(name, type))
      .map((type) => ({
        name,
        column: { name: kinds.size > 1 && !isInner ? `${name}_${type}` : name, type },
      })),
  );
}
