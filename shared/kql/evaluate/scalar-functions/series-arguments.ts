/** Reads the arguments of functions of series. */
import { asDynamic } from "../coerce.ts";
import { inferResultName } from "../names.ts";
import { createTuple, deriveScalar, type Row, type Scalar } from "../plan.ts";
import { toNumbers, toSeries } from "../series/numbers.ts";
import { requireArgument, type FunctionCall, type FunctionCompiler } from "./function-compiler.ts";

/** The results of a function by the names of its columns. */
export type NamedResults = Readonly<Record<string, unknown>>;

/** A function with several results; all are null for a series that is not numeric. */
export const createResults =
  (
    names: Readonly<Record<string, Scalar["type"]>>,
    compute: (values: readonly number[], read: ReadArgument) => NamedResults,
  ): FunctionCompiler =>
  (args, call) =>
    createTuple(
      Object.entries(names).map(([name, type]) => ({
        name: createResultName(call, name),
        scalar: deriveSeries(args, type, (values, read) => compute(values, read)[name] ?? null),
      })),
    );

const createResultName = ({ name, nodes }: FunctionCall, suffix: string): string =>
  [name, nodes[0] && inferResultName(nodes[0]), suffix].filter(Boolean).join("_");

/** Reads an argument after the first one; the default for one that is missing or null. */
export type ReadArgument = <T extends number | string | boolean>(index: number, otherwise: T) => T;

/** A function of a numeric series; null for any other value. */
export function deriveSeries(
  args: readonly Scalar[],
  type: Scalar["type"],
  compute: (values: readonly number[], read: ReadArgument) => unknown,
): Scalar {
  const series = asDynamic(requireArgument(args, 0));
  return deriveScalar(type, [series, ...args.slice(1)], (row) => {
    const values = toNumbers(toSeries(series.run(row)));
    return values === null ? null : compute(values, createReader(args, row));
  });
}

export const createReader =
  (args: readonly Scalar[], row: Row): ReadArgument =>
  <T extends number | string | boolean>(index: number, otherwise: T) => {
    const value = args[index]?.run(row) ?? null;
    if (value === null) return otherwise;
    return (typeof value === "bigint" ? Number(value) : value) as T;
  };

export const createSeriesFunction =
  (
    type: Scalar["type"],
    compute: (values: readonly number[], read: ReadArgument) => unknown,
  ): FunctionCompiler =>
  (args) =>
    deriveSeries(args, type, compute);
