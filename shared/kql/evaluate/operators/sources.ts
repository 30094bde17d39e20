/** Sources of rows: print, range, datatable, externaldata and tabular calls. */
import { childAt, listElements, type KqlNode } from "../../language/parser.ts";
import type { HuntColumn } from "../../../contracts/compiled-hunt.ts";
import { compileArithmetic } from "../arithmetic.ts";
import { convertScalar } from "../coerce.ts";
import { argumentsOf, readName } from "../names.ts";
import { createConstant, type Row, type Scope, type Table } from "../plan.ts";
import { createSemanticError, createUnsupportedError } from "../query-error.ts";
import { listChildren, requireChild } from "../scalar.ts";
import { readType } from "../type-names.ts";
import { createScan } from "../scan.ts";
import { unboundedSpan } from "../time-bounds.ts";
import { compareValues, getEmptyValue } from "../values.ts";
import { compileCells } from "./rows.ts";
import { compileServiceFunction } from "./service-functions.ts";

export type Source = (node: KqlNode, scope: Scope) => Table;

/** `print`: one row; nameless expressions are `print_0`, `print_1` …. */
export const evaluatePrint: Source = (node, scope) => {
  const nodes = listChildren(node, "Expressions");
  const cells = nodes.flatMap((one, index) => {
    const unnamed = `print_${index}`;
    return compileCells([one], scope, unnamed).map(({ column, scalar }) => ({
      column: column.name === `${unnamed}1` ? { ...column, name: unnamed } : column,
      scalar,
    }));
  });
  const columns = cells.map(({ column }) => column);
  return { columns, rows: () => [cells.map(({ scalar }) => scalar.run([]) ?? null)] };
};

/** `range x from a to b step c`. */
export const evaluateRange: Source = (node, scope) => {
  const [from, to, step] = ["From", "To", "Step"].map((role) =>
    scope.compile.scalar(requireChild(node, role), scope),
  );
  if (from === undefined || to === undefined || step === undefined)
    throw createUnsupportedError("'range'");
  const type = node.boundColumns?.[0]?.type ?? (from.type === "int" ? "long" : from.type);
  return {
    columns: [{ name: readName(requireChild(node, "Name")), type }],
    isSerialized: true,
    rows: () =>
      iterateRange(
        convertScalar(from, type).run([]),
        to.run([]),
        convertScalar(step, type === "datetime" ? "timespan" : type).run([]),
        type,
      ),
  };
};

function* iterateRange(
  from: unknown,
  to: unknown,
  step: unknown,
  type: HuntColumn["type"],
): Generator<Row> {
  const by = createConstant(type === "datetime" ? "timespan" : type, step);
  const order = step === null ? 0 : compareValues(step, typeof step === "bigint" ? 0n : 0);
  if (order === 0) return;
  const isDescending = order < 0;
  for (
    let value = from;
    value !== null && compareValues(value, to) * (isDescending ? -1 : 1) <= 0;
  ) {
    yield [value];
    value = compileArithmetic("+", createConstant(type, value), by).run([]);
  }
}

const readSchema = (schema: KqlNode): readonly HuntColumn[] =>
  listElements(childAt(schema, "Columns")).map((one) => ({
    name: readName(requireChild(one, "Name")),
    type: readType(requireChild(one, "Type")) ?? "dynamic",
  }));

/** `datatable (a: string, …) [ … ]`. */
export const evaluateDatatable: Source = (node, scope) => {
  const columns = readSchema(requireChild(node, "Schema"));
  const values = listChildren(node, "Values").map((one, index) => {
    const type = columns[index % columns.length]?.type ?? "dynamic";
    return convertScalar(scope.compile.scalar(one, scope), type).run([]);
  });
  const rows = Array.from({ length: Math.floor(values.length / columns.length) }, (_, index) =>
    values.slice(index * columns.length, (index + 1) * columns.length),
  );
  return { columns, isSerialized: true, rows: () => rows };
};

/** Compiles a tabular call: a function of the query, `table("T")`, `_GetWatchlist("W")`. */
export const evaluateCall: Source = (node, scope) => {
  const name = readName(requireChild(node, "Name"));
  const declaration = scope.names.find(name);
  if (declaration?.kind === "function") {
    const result = scope.compile.declaredCall(node, declaration, scope);
    if (result.kind === "table") return result.table;
    throw createSemanticError(`'${name}' is not a tabular function.`);
  }
  const serviceTable = compileServiceFunction(name, node, scope);
  if (serviceTable !== undefined) return serviceTable;
  const [argument] = argumentsOf(node);
  if (name === "table" && argument !== undefined)
    return scope.compile.namedTable(
      String(scope.compile.scalar(argument, scope).run([])),
      node,
      scope,
    );
  if (name === "_GetWatchlist" && argument !== undefined) {
    const alias = String(scope.compile.scalar(argument, scope).run([]));
    const watchlist = scope.context.watchlists?.get(alias);
    if (watchlist === undefined)
      throw createUnsupportedError(`'_GetWatchlist()' without rows of ${alias}`);
    return createScan(watchlist, { ...scope.context, timespan: unboundedSpan });
  }
  throw createUnsupportedError(`'${name}()'`);
};

/** `materialize(…)`: computed once, however often it is read. */
export const evaluateMaterialize: Source = (node, scope) => {
  const table = scope.compile.table(requireChild(node, "Expression"), scope);
  let cached: readonly Row[] | undefined;
  return {
    columns: table.columns,
    isSerialized: table.isSerialized,
    rows: () => (cached ??= Array.from(table.rows())),
  };
};

/** `externaldata` reads the rows that the context has for each URI. */
export const evaluateExternalData: Source = (node, scope) => {
  const columns = readSchema(requireChild(node, "Schema"));
  const uris = listChildren(node, "URIs").map((uri) =>
    String(scope.compile.scalar(uri, scope).run([])),
  );
  const sources = uris.map((uri) => {
    const rows = scope.context.externalData?.(uri);
    if (rows === undefined) throw createUnsupportedError(`'externaldata' without rows of ${uri}`);
    return rows;
  });
  return {
    columns,
    *rows() {
      for (const rows of sources)
        for (const row of rows)
          yield columns.map(({ name, type }) =>
            convertScalar(createConstant("dynamic", row[name] ?? getEmptyValue(type)), type).run(
              [],
            ),
          );
    },
  };
};
