/** Conversions, and functions that choose between values. */
import type { KqlType } from "../../../contracts/compiled-hunt.ts";
import { asText, convertScalar } from "../coerce.ts";
import { createConstant, deriveScalar, type Row, type Scalar } from "../plan.ts";
import {
  requireArgument,
  mapAny,
  type FunctionTable,
  type FunctionCompiler,
} from "./function-compiler.ts";

const createConversion =
  (type: KqlType): FunctionCompiler =>
  (args) =>
    convertScalar(requireArgument(args, 0), type);

/** The type that all choices share: dynamic gives way to any other, whole numbers to reals. */
function findCommonType(choices: readonly Scalar[]): KqlType {
  const types = new Set(choices.map(({ type }) => type));
  if (types.size > 1) types.delete("dynamic");
  if (types.has("real") && (types.has("long") || types.has("int"))) return "real";
  if (types.has("long") && types.has("int")) return "long";
  const [first = "dynamic"] = types;
  return first;
}

/** `case(p, v, p, v, else)`. */
function evaluateCase(args: readonly Scalar[]): Scalar {
  const values = args.filter((_, index) => index % 2 === 1 || index === args.length - 1);
  const type = findCommonType(values);
  const pairs = Array.from({ length: Math.floor(args.length / 2) }, (_, index) => ({
    test: requireArgument(args, index * 2),
    value: convertScalar(requireArgument(args, index * 2 + 1), type),
  }));
  const fallback = convertScalar(requireArgument(args, args.length - 1), type);
  return deriveScalar(type, args, (row) =>
    (pairs.find(({ test }) => test.run(row) === true)?.value ?? fallback).run(row),
  );
}

const isBlank = (value: unknown): boolean => value === null || value === undefined || value === "";

function evaluateCoalesce(args: readonly Scalar[]): Scalar {
  const type = findCommonType(args);
  const parts = args.map((arg) => convertScalar(arg, type));
  const empty = type === "string" ? "" : null;
  return deriveScalar(type, parts, (row: Row) => {
    for (const part of parts) {
      const value = part.run(row);
      if (!isBlank(value)) return value;
    }
    return empty;
  });
}

function createBlankTest(expected: boolean): FunctionCompiler {
  return (args) => {
    const value = requireArgument(args, 0);
    const text = value.type === "dynamic" ? asText(value) : value;
    return deriveScalar("bool", [value], (row) => isBlank(text.run(row)) === expected);
  };
}

function createNullTest(expected: boolean): FunctionCompiler {
  return (args) => {
    const value = requireArgument(args, 0);
    return value.type === "string"
      ? createConstant("bool", !expected)
      : deriveScalar("bool", [value], (row) => ((value.run(row) ?? null) === null) === expected);
  };
}

const dynamicTypeNames: Readonly<Record<string, string>> = {
  bigint: "long",
  number: "real",
  boolean: "bool",
  string: "string",
};

function findTypeName(value: unknown, type: KqlType): string {
  if (value === null) return "null";
  if (type !== "dynamic")
    return { int: "int", long: "long", real: "real", bool: "bool" }[type as string] ?? type;
  if (Array.isArray(value)) return "array";
  if (typeof value === "number") return Number.isInteger(value) ? "long" : "real";
  return dynamicTypeNames[typeof value] ?? "dictionary";
}

export const conversionFunctions: FunctionTable = {
  tostring: createConversion("string"),
  tolong: createConversion("long"),
  toint: createConversion("int"),
  toreal: createConversion("real"),
  todouble: createConversion("real"),
  tobool: createConversion("bool"),
  toboolean: createConversion("bool"),
  todatetime: createConversion("datetime"),
  totimespan: createConversion("timespan"),
  totime: createConversion("timespan"),
  toguid: createConversion("guid"),
  todecimal: createConversion("decimal"),
  todynamic: createConversion("dynamic"),
  toobject: createConversion("dynamic"),
  parse_json: createConversion("dynamic"),
  parsejson: createConversion("dynamic"),
  iff: evaluateCase,
  iif: evaluateCase,
  case: evaluateCase,
  coalesce: evaluateCoalesce,
  isempty: createBlankTest(true),
  isnotempty: createBlankTest(false),
  notempty: createBlankTest(false),
  isnull: createNullTest(true),
  isnotnull: createNullTest(false),
  notnull: createNullTest(false),
  not: mapAny("bool", ([value]) => (typeof value === "boolean" ? !value : null)),
  gettype: mapAny("string", ([value = null], args) =>
    findTypeName(value, requireArgument(args, 0).type),
  ),
};
