/** + − * / % over numbers, instants and spans. */
import type { KqlType } from "../../contracts/compiled-hunt.ts";
import { convertScalar } from "./coerce.ts";
import { deriveScalar, type Scalar } from "./plan.ts";
import { createSemanticError } from "./query-error.ts";

type Sign = "+" | "-" | "*" | "/" | "%";

export const signs: Readonly<Record<string, Sign>> = {
  AddExpression: "+",
  SubtractExpression: "-",
  MultiplyExpression: "*",
  DivideExpression: "/",
  ModuloExpression: "%",
};

/** Null when either side is null or the divisor is zero. */
export function compileArithmetic(sign: Sign, left: Scalar, right: Scalar): Scalar {
  const [one, other] = resolveOperands(left, right);
  const type = findResultType(sign, one.type, other.type);
  const isExact = type === "long" || type === "timespan" || type === "datetime";
  const step =
    isExact && !isReal(one.type) && !isReal(other.type)
      ? createExactStep(sign)
      : createRealStep(sign, type);
  return deriveScalar(type, [one, other], (row) => {
    const first = one.run(row) ?? null;
    const second = other.run(row) ?? null;
    return first === null || second === null ? null : step(first, second);
  });
}

const isReal = (type: KqlType): boolean => type === "real" || type === "int" || type === "decimal";

/** Reads a dynamic operand as the other one's type, two of them as reals. */
function resolveOperands(left: Scalar, right: Scalar): readonly [Scalar, Scalar] {
  if (left.type === "dynamic" && right.type === "dynamic")
    return [convertScalar(left, "real"), convertScalar(right, "real")];
  if (left.type === "dynamic") return [convertScalar(left, right.type), right];
  if (right.type === "dynamic")
    return [left, convertScalar(right, left.type === "datetime" ? "timespan" : left.type)];
  return [left, right];
}

function findResultType(sign: Sign, one: KqlType, other: KqlType): KqlType {
  const temporal = findTemporalType(sign, one, other);
  if (temporal !== undefined) return temporal;
  if ([one, other].some((type) => type === "string" || type === "bool"))
    throw createSemanticError(
      `The operator '${sign}' is not defined for the operand types ${one} and ${other}.`,
    );
  if (one === "real" || other === "real") return "real";
  if (one === "decimal" || other === "decimal") return "decimal";
  return one === "int" && other === "int" ? "int" : "long";
}

function findTemporalType(sign: Sign, one: KqlType, other: KqlType): KqlType | undefined {
  if (one === "datetime" && other === "datetime") return "timespan";
  if (one === "datetime" || other === "datetime") return sign === "%" ? "timespan" : "datetime";
  if (one === "timespan" && other === "timespan") return sign === "/" ? "real" : "timespan";
  return one === "timespan" || other === "timespan" ? "timespan" : undefined;
}

function createExactStep(sign: Sign): (one: unknown, other: unknown) => unknown {
  return (first, second) => {
    const [one, other] = [BigInt(first as bigint | number), BigInt(second as bigint | number)];
    if (sign === "+") return BigInt.asIntN(64, one + other);
    if (sign === "-") return BigInt.asIntN(64, one - other);
    if (sign === "*") return BigInt.asIntN(64, one * other);
    if (other === 0n) return null;
    if (sign === "/") return one / other;
    // Kusto's remainder is never negative.
    const size = other < 0n ? -other : other;
    return ((one % size) + size) % size;
  };
}

function createRealStep(sign: Sign, type: KqlType): (one: unknown, other: unknown) => unknown {
  const isWhole = type === "int" || type === "long";
  return (first, second) => {
    const value = computeReal(sign, Number(first), Number(second));
    if (type === "timespan" || type === "datetime" || type === "long")
      return Number.isFinite(value) ? BigInt(Math.trunc(value)) : null;
    if (type === "decimal") return String(value);
    return isWhole ? (Number.isFinite(value) ? Math.trunc(value) : null) : value;
  };
}

function computeReal(sign: Sign, one: number, other: number): number {
  if (sign === "+") return one + other;
  if (sign === "-") return one - other;
  if (sign === "*") return one * other;
  if (sign === "/") return one / other;
  const size = Math.abs(other);
  return ((one % size) + size) % size;
}
