/** union: tables one after the other, columns matched by name and type. */
import { childAt, type KqlNode } from "../../language/parser.ts";
import type { HuntColumn } from "../../../contracts/compiled-hunt.ts";
import type { Span } from "../../../runtime/time.ts";
import { emptyValue } from "../../../../test/simulator/dataset/schema.ts";
import { simpleName, wildcard } from "../names.ts";
import type { Row, Scope, Table } from "../plan.ts";
import { QueryError } from "../query-error.ts";
import { listOf } from "../scalar.ts";
import { narrowed } from "../time-bounds.ts";
import { parameterOf } from "./parameters.ts";

interface Part {
  /** What `withsource` calls it. */
  readonly name: string;
  readonly table: Table;
}

/** At the head of a pipe or behind one; the piped table then comes first. */
export function union(node: KqlNode, input: Table | undefined, scope: Scope): Table {
  const fuzzy = parameterOf(node, "isfuzzy")?.toLowerCase() === "true";
  const operands = listOf(node, "Expressions").flatMap((one) => partsOf(one, scope, fuzzy));
  const parts = [...(input ? [{ name: "", table: input }] : []), ...operands].map(
    (part, index) => ({
      ...part,
      name: part.name === "" ? `union_arg${index}` : part.name,
    }),
  );
  return joined(
    parts,
    parameterOf(node, "kind") === "inner",
    parameterOf(node, "withsource") ?? parameterOf(node, "with_source"),
  );
}

/** One operand: a wildcard stands for many, and a fuzzy union forgives what is not there. */
function partsOf(node: KqlNode, scope: Scope, fuzzy: boolean): readonly Part[] {
  if (node.kind === "NameReference" && childAt(node, "Name")?.kind === "WildcardedName") {
    const matches = wildcard(node.text);
    return [...scope.context.world.tables.keys()]
      .filter(matches)
      .map((name) => ({ name, table: scope.compile.named(name, node, scope) }));
  }
  try {
    return [
      {
        name: node.kind === "NameReference" ? simpleName(node) : "",
        table: scope.compile.table(node, { ...scope, columns: [] }),
      },
    ];
  } catch (error) {
    if (fuzzy && error instanceof QueryError && error.kind === "table") return [];
    throw error;
  }
}

/** The parts as one table. Columns of one name but different types stay apart, each with its type in the name. */
export function joined(parts: readonly Part[], common: boolean, source: string | undefined): Table {
  const found = columnsOf(
    parts.map(({ table }) => table),
    common,
  );
  const columns =
    source === undefined
      ? found.map(({ column }) => column)
      : [{ name: source, type: "string" } as const, ...found.map(({ column }) => column)];
  const places = parts.map(({ table }) =>
    found.map(({ name, column }) =>
      table.columns.findIndex((one) => one.name === name && one.type === column.type),
    ),
  );
  const rows = function* (): Generator<Row> {
    for (const [index, { name, table }] of parts.entries())
      yield* aligned(
        table,
        places[index] ?? [],
        found.map(({ column }) => column),
        source === undefined ? [] : [name],
      );
  };
  return {
    columns,
    rows,
    narrow: (span: Span) =>
      joined(
        parts.map(({ name, table }) => ({ name, table: narrowed(table, span) })),
        common,
        source,
      ),
  };
}

function* aligned(
  table: Table,
  places: readonly number[],
  columns: readonly HuntColumn[],
  before: readonly unknown[],
): Generator<Row> {
  const empty = columns.map(({ type }) => emptyValue(type));
  for (const row of table.rows())
    yield [...before, ...places.map((place, index) => (place < 0 ? empty[index] : row[place]))];
}

interface Found {
  /** The name in the parts. */
  readonly name: string;
  /** The column in the result. */
  readonly column: HuntColumn;
}

function columnsOf(tables: readonly Table[], common: boolean): readonly Found[] {
  const types = new Map<string, Set<HuntColumn["type"]>>();
  for (const { columns } of tables)
    for (const { name, type } of columns) types.set(name, (types.get(name) ?? new Set()).add(type));
  const everywhere = (name: string, type: HuntColumn["type"]): boolean =>
    tables.every(({ columns }) => columns.some((one) => one.name === name && one.type === type));
  return [...types].flatMap(([name, kinds]) =>
    [...kinds]
      .filter((type) => !common || everywhere(name, type))
      .map((type) => ({
        name,
        column: { name: kinds.size > 1 && !common ? `${name}_${type}` : name, type },
      })),
  );
}
