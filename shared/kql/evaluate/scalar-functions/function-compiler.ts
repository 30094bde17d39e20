/** Builds scalar functions from a result type and a computation over values. */
import type { KqlNode } from "../../language/parser.ts";
import type { KqlType } from "../../../contracts/compiled-hunt.ts";
import { asText, convertScalar } from "../coerce.ts";
import { deriveScalar, type Scalar, type Scope } from "../plan.ts";

/** Compiles a call from its compiled arguments. */
export type FunctionCompiler = (args: readonly Scalar[], call: FunctionCall) => Scalar;

/** The call itself, for the few that need more than values. */
export interface FunctionCall {
  readonly name: string;
  readonly nodes: readonly KqlNode[];
  readonly scope: Scope;
}

export type FunctionTable = Readonly<Record<string, FunctionCompiler>>;

/** A function of texts; every argument is read as text, and none is ever null. */
export function mapTexts(
  type: KqlType,
  compute: (...texts: string[]) => unknown,
): FunctionCompiler {
  return (args) => {
    const texts = args.map(asText);
    const [one, other] = texts;
    if (one !== undefined && texts.length === 1)
      return deriveScalar(type, texts, (row) => compute(one.run(row)));
    if (one !== undefined && other !== undefined && texts.length === 2)
      return deriveScalar(type, texts, (row) => compute(one.run(row), other.run(row)));
    return deriveScalar(type, texts, (row) => compute(...texts.map((text) => text.run(row))));
  };
}

/**
 * A function of values of given types; null when any of them is null. The last type serves for all
 * further arguments.
 */
export function mapValues(
  type: KqlType,
  argumentTypes: readonly KqlType[],
  compute: (...values: never[]) => unknown,
): FunctionCompiler {
  // The arguments have been converted to the wanted types, so they fit the parameters.
  const apply = compute as (...values: unknown[]) => unknown;
  return (args) => {
    const parts = args.map((arg, index) =>
      convertScalar(arg, argumentTypes[Math.min(index, argumentTypes.length - 1)] ?? "dynamic"),
    );
    return deriveScalar(type, parts, (row) => {
      const values = parts.map((part) => part.run(row) ?? null);
      return values.includes(null) ? null : apply(...values);
    });
  };
}

/** A function of reals. */
export const mapReals = (compute: (...values: number[]) => number | null): FunctionCompiler =>
  mapValues("real", ["real"], compute);

/** A function of raw values, nulls included. */
export function mapAny(
  type: KqlType | ((args: readonly Scalar[]) => KqlType),
  compute: (values: readonly unknown[], args: readonly Scalar[]) => unknown,
): FunctionCompiler {
  return (args) =>
    deriveScalar(typeof type === "string" ? type : type(args), args, (row) =>
      compute(
        args.map((arg) => arg.run(row) ?? null),
        args,
      ),
    );
}

/** Returns an argument; the parser has checked that it exists. */
export function requireArgument(args: readonly Scalar[], index: number): Scalar {
  const argument = args[index];
  if (argument === undefined) throw new Error(`argument ${index + 1} is missing`);
  return argument;
}
