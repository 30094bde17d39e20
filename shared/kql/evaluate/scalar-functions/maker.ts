/** How a scalar function is written down: its result type and what it does with values. */
import type { KqlNode } from "../../language/parser.ts";
import type { KqlType } from "../../../contracts/compiled-hunt.ts";
import { asText, convert } from "../coerce.ts";
import { over, type Scalar, type Scope } from "../plan.ts";

/** Compiles a call from its compiled arguments. */
export type Maker = (args: readonly Scalar[], call: Call) => Scalar;

/** The call itself, for the few that need more than values. */
export interface Call {
  readonly name: string;
  readonly nodes: readonly KqlNode[];
  readonly scope: Scope;
}

export type Family = Readonly<Record<string, Maker>>;

/** A function of texts; every argument is read as text, and none is ever null. */
export function ofTexts(type: KqlType, compute: (...texts: string[]) => unknown): Maker {
  return (args) => {
    const texts = args.map(asText);
    const [one, other] = texts;
    if (one !== undefined && texts.length === 1)
      return over(type, texts, (row) => compute(one.run(row)));
    if (one !== undefined && other !== undefined && texts.length === 2)
      return over(type, texts, (row) => compute(one.run(row), other.run(row)));
    return over(type, texts, (row) => compute(...texts.map((text) => text.run(row))));
  };
}

/** A function of values of given types; null when any of them is null. The last type serves for all further arguments. */
export function ofValues(
  type: KqlType,
  wanted: readonly KqlType[],
  compute: (...values: never[]) => unknown,
): Maker {
  // The arguments have been converted to the wanted types, so they fit the parameters.
  const apply = compute as (...values: unknown[]) => unknown;
  return (args) => {
    const parts = args.map((arg, index) =>
      convert(arg, wanted[Math.min(index, wanted.length - 1)] ?? "dynamic"),
    );
    return over(type, parts, (row) => {
      const values = parts.map((part) => part.run(row) ?? null);
      return values.includes(null) ? null : apply(...values);
    });
  };
}

/** A function of reals. */
export const ofReals = (compute: (...values: number[]) => number | null): Maker =>
  ofValues("real", ["real"], compute);

/** A function of raw values, nulls included. */
export function ofAny(
  type: KqlType | ((args: readonly Scalar[]) => KqlType),
  compute: (values: readonly unknown[], args: readonly Scalar[]) => unknown,
): Maker {
  return (args) =>
    over(typeof type === "string" ? type : type(args), args, (row) =>
      compute(
        args.map((arg) => arg.run(row) ?? null),
        args,
      ),
    );
}

/** An argument that must be there. */
export function argument(args: readonly Scalar[], index: number): Scalar {
  const found = args[index];
  if (found === undefined) throw new Error(`argument ${index + 1} is missing`);
  return found;
}
