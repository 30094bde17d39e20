/** Conversions, and the choices between values. */
import type { KqlType } from "../../../contracts/compiled-hunt.ts";
import { asText, convert } from "../coerce.ts";
import { constant, over, type Row, type Scalar } from "../plan.ts";
import { argument, ofAny, type Family, type Maker } from "./maker.ts";

const to =
  (type: KqlType): Maker =>
  (args) =>
    convert(argument(args, 0), type);

/** The type that all choices share: dynamic gives way to any other, whole numbers to reals. */
function commonType(choices: readonly Scalar[]): KqlType {
  const types = new Set(choices.map(({ type }) => type));
  if (types.size > 1) types.delete("dynamic");
  if (types.has("real") && (types.has("long") || types.has("int"))) return "real";
  if (types.has("long") && types.has("int")) return "long";
  const [first = "dynamic"] = types;
  return first;
}

/** `case(p, v, p, v, else)`. */
function choose(args: readonly Scalar[]): Scalar {
  const values = args.filter((_, index) => index % 2 === 1 || index === args.length - 1);
  const type = commonType(values);
  const pairs = Array.from({ length: Math.floor(args.length / 2) }, (_, index) => ({
    test: argument(args, index * 2),
    value: convert(argument(args, index * 2 + 1), type),
  }));
  const otherwise = convert(argument(args, args.length - 1), type);
  return over(type, args, (row) =>
    (pairs.find(({ test }) => test.run(row) === true)?.value ?? otherwise).run(row),
  );
}

const isBlank = (value: unknown): boolean => value === null || value === undefined || value === "";

function coalesce(args: readonly Scalar[]): Scalar {
  const type = commonType(args);
  const parts = args.map((arg) => convert(arg, type));
  const empty = type === "string" ? "" : null;
  return over(type, parts, (row: Row) => {
    for (const part of parts) {
      const value = part.run(row);
      if (!isBlank(value)) return value;
    }
    return empty;
  });
}

function blankTest(wanted: boolean): Maker {
  return (args) => {
    const value = argument(args, 0);
    const text = value.type === "dynamic" ? asText(value) : value;
    return over("bool", [value], (row) => isBlank(text.run(row)) === wanted);
  };
}

function nullTest(wanted: boolean): Maker {
  return (args) => {
    const value = argument(args, 0);
    return value.type === "string"
      ? constant("bool", !wanted)
      : over("bool", [value], (row) => ((value.run(row) ?? null) === null) === wanted);
  };
}

const kinds: Readonly<Record<string, string>> = {
  bigint: "long",
  number: "double",
  boolean: "bool",
  string: "string",
};

function typeName(value: unknown, type: KqlType): string {
  if (value === null) return "null";
  if (type !== "dynamic")
    return { int: "int", long: "long", real: "double", bool: "bool" }[type as string] ?? type;
  if (Array.isArray(value)) return "array";
  if (typeof value === "number") return Number.isInteger(value) ? "long" : "double";
  return kinds[typeof value] ?? "dictionary";
}

export const conversions: Family = {
  tostring: to("string"),
  tolong: to("long"),
  toint: to("int"),
  toreal: to("real"),
  todouble: to("real"),
  tobool: to("bool"),
  toboolean: to("bool"),
  todatetime: to("datetime"),
  totimespan: to("timespan"),
  totime: to("timespan"),
  toguid: to("guid"),
  todecimal: to("decimal"),
  todynamic: to("dynamic"),
  toobject: to("dynamic"),
  parse_json: to("dynamic"),
  parsejson: to("dynamic"),
  iff: choose,
  iif: choose,
  case: choose,
  coalesce,
  isempty: blankTest(true),
  isnotempty: blankTest(false),
  notempty: blankTest(false),
  isnull: nullTest(true),
  isnotnull: nullTest(false),
  notnull: nullTest(false),
  not: ofAny("bool", ([value]) => (typeof value === "boolean" ? !value : null)),
  gettype: ofAny("string", ([value = null], args) => typeName(value, argument(args, 0).type)),
};
