/** Rows from nothing: print, range, datatable, and calls that give rows. */
import { childAt, elements, type KqlNode } from "../../language/parser.ts";
import type { HuntColumn } from "../../../contracts/compiled-hunt.ts";
import { arithmetic } from "../arithmetic.ts";
import { convert } from "../coerce.ts";
import { argumentsOf, simpleName } from "../names.ts";
import { constant, type Row, type Scope, type Table } from "../plan.ts";
import { QueryError, unsupported } from "../query-error.ts";
import { listOf, part } from "../scalar.ts";
import { typeOf } from "../type-names.ts";
import { compareValues } from "../values.ts";
import { cellsOf } from "./rows.ts";

export type Source = (node: KqlNode, scope: Scope) => Table;

/** `print`: one row; nameless expressions are `print_0`, `print_1` …. */
export const print: Source = (node, scope) => {
  const nodes = listOf(node, "Expressions");
  const cells = nodes.map((one, index) => cellsOf([one], scope, `print_${index}`)[0]);
  const columns = cells.flatMap((cell, index): readonly HuntColumn[] => {
    if (cell === undefined) return [];
    return [
      cell.column.name === `print_${index}1`
        ? { ...cell.column, name: `print_${index}` }
        : cell.column,
    ];
  });
  return { columns, rows: () => [cells.map((cell) => cell?.scalar.run([]) ?? null)] };
};

/** `range x from a to b step c`. */
export const range: Source = (node, scope) => {
  const [from, to, step] = ["From", "To", "Step"].map((role) =>
    scope.compile.scalar(part(node, role), scope),
  );
  if (from === undefined || to === undefined || step === undefined) throw unsupported("'range'");
  const type = from.type === "int" ? "long" : from.type;
  return {
    columns: [{ name: simpleName(part(node, "Name")), type }],
    rows: () => steps(convert(from, type).run([]), to.run([]), step.run([]), type),
  };
};

function* steps(
  from: unknown,
  to: unknown,
  step: unknown,
  type: HuntColumn["type"],
): Generator<Row> {
  const by = constant(type === "datetime" ? "timespan" : type, step);
  const down = compareValues(step, typeof step === "bigint" ? 0n : 0) < 0;
  for (let value = from; value !== null && compareValues(value, to) * (down ? -1 : 1) <= 0;) {
    yield [value];
    value = arithmetic("+", constant(type, value), by).run([]);
  }
}

/** `datatable (a: string, …) [ … ]`. */
export const datatable: Source = (node, scope) => {
  const columns = elements(childAt(part(node, "Schema"), "Columns")).map((one): HuntColumn => ({
    name: simpleName(part(one, "Name")),
    type: typeOf(part(one, "Type")) ?? "dynamic",
  }));
  const values = listOf(node, "Values").map((one, index) => {
    const type = columns[index % columns.length]?.type ?? "dynamic";
    return convert(scope.compile.scalar(one, scope), type).run([]);
  });
  const rows = Array.from({ length: Math.floor(values.length / columns.length) }, (_, index) =>
    values.slice(index * columns.length, (index + 1) * columns.length),
  );
  return { columns, rows: () => rows };
};

/** A call that gives rows: a function of the query, `table("T")`, `view(…)`. */
export const call: Source = (node, scope) => {
  const name = simpleName(part(node, "Name"));
  const declared = scope.names.find(name);
  if (declared?.kind === "function") {
    const result = scope.compile.call(node, declared, scope);
    if (result.kind === "table") return result.table;
    throw new QueryError(
      "semantic",
      `The query has a semantic error: '${name}' is not a tabular function. Fix semantic errors in your query.`,
    );
  }
  const [argument] = argumentsOf(node);
  if (name === "table" && argument !== undefined)
    return scope.compile.named(String(scope.compile.scalar(argument, scope).run([])), node, scope);
  throw unsupported(`'${name}()'`);
};

/** `materialize(…)`: computed once, however often it is read. */
export const materialize: Source = (node, scope) => {
  const table = scope.compile.table(part(node, "Expression"), scope);
  let kept: readonly Row[] | undefined;
  return { columns: table.columns, rows: () => (kept ??= Array.from(table.rows())) };
};

/** What the service answers to a hunt that fetches from elsewhere. */
export const externalData: Source = () => {
  throw new QueryError(
    "unsupported",
    "The query has a semantic error: The operator 'externaldata' is not supported. Fix semantic errors in your query.",
  );
};
