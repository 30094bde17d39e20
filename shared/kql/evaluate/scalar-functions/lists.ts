/** Functions whose arguments are arrays. */
import { asDynamic } from "../coerce.ts";
import { deriveScalar } from "../plan.ts";
import type { FunctionCompiler } from "./function-compiler.ts";

export type List = readonly unknown[];

/** Returns an array as it is, nothing for null, and an array of any other value. */
export const toList = (value: unknown): List =>
  Array.isArray(value) ? (value as List) : value === null || value === undefined ? [] : [value];

/** A function of arrays; the values of its arguments are dynamic already. */
export const mapLists =
  (compute: (lists: readonly List[], values: List) => unknown): FunctionCompiler =>
  (args) => {
    const parts = args.map(asDynamic);
    return deriveScalar("dynamic", parts, (row) => {
      const values = parts.map(({ run }) => run(row) ?? null);
      return compute(values.map(toList), values);
    });
  };
