/** Functions that read more than the values of their arguments. */
import { asDynamic, asText, convertScalar } from "../coerce.ts";
import { inferResultName } from "../names.ts";
import { createConstant, deriveScalar } from "../plan.ts";
import { createSemanticError, createUnsupportedError } from "../query-error.ts";
import { requireArgument, type FunctionCompiler, type FunctionTable } from "./function-compiler.ts";
import { evaluateBin, evaluateBinAt } from "./bin.ts";

const findLocation: FunctionCompiler = (args, { scope }) => {
  const find = scope.context.functions?.geo_info_from_ip_address;
  if (find === undefined)
    throw createUnsupportedError("'geo_info_from_ip_address()' without its locations");
  const address = asText(requireArgument(args, 0));
  return deriveScalar("dynamic", [address], (row) => find(address.run(row)) ?? null);
};

/** Rows do not have their time of arrival, so `ingestion_time()` returns the event's time. */
const readIngestionTime: FunctionCompiler = (_, { scope }) => {
  const [columnIndex = -1] = ["Timestamp", "TimeGenerated"].flatMap((time) => {
    const index = scope.columns.findIndex(({ name }) => name === time);
    return index < 0 ? [] : [index];
  });
  return deriveScalar(
    "datetime",
    [{ type: "datetime", isConstant: false, run: () => null }],
    (row) => row[columnIndex] ?? null,
  );
};

/** `assert(condition, message)` ends the query when the condition is false. */
const evaluateAssert: FunctionCompiler = (args) => {
  const [test, message] = [requireArgument(args, 0), asText(requireArgument(args, 1))];
  return deriveScalar("bool", [test, message], (row) => {
    if (test.run(row) !== true)
      throw createSemanticError(`assert() has failed with message: '${message.run(row)}'.`);
    return true;
  });
};

/** `bag_pack_columns(a, b)`: the columns as a bag with their names. */
const packColumns: FunctionCompiler = (args, { nodes }) => {
  const members = args.map((arg, index) => ({
    name: (nodes[index] && inferResultName(nodes[index])) ?? "",
    scalar: asDynamic(arg),
  }));
  return deriveScalar("dynamic", args, (row) =>
    Object.fromEntries(members.map(({ name, scalar }) => [name, scalar.run(row) ?? null])),
  );
};

/** `column_names_of(T)`: the names of a table's columns. */
export const listColumnNames: FunctionCompiler = (_, { nodes, scope }) => {
  const [node] = nodes;
  if (node === undefined) throw createSemanticError("column_names_of: a table is expected.");
  const { columns } = scope.compile.table(node, { ...scope, columns: [] });
  return createConstant(
    "dynamic",
    columns.map(({ name }) => name),
  );
};

/** `bin_auto(value)` takes size and origin from the query's `set` statements. */
const evaluateAutoBin: FunctionCompiler = (args, call) => {
  const { scope } = call;
  const value = requireArgument(args, 0);
  const [size, origin] = ["query_bin_auto_size", "query_bin_auto_at"].map((name) =>
    scope.options.get(name),
  );
  if (size === undefined) throw createUnsupportedError("'bin_auto()' without query_bin_auto_size");
  const step = scope.compile.scalar(size, { ...scope, columns: [] });
  const start = origin && convertScalar(scope.compile.scalar(origin, scope), value.type);
  const parts = start ? [value, step, start] : [value, step];
  return (start ? evaluateBinAt : evaluateBin)(parts, call);
};

export const specialFunctions: FunctionTable = {
  assert: evaluateAssert,
  bag_pack_columns: packColumns,
  bin_auto: evaluateAutoBin,
  column_names_of: listColumnNames,
  geo_info_from_ip_address: findLocation,
  ingestion_time: readIngestionTime,
};
