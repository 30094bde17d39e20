/**
 * Rows as Graph writes them: OData sidecars, booleans as 0 and 1, nulls as `{}`, dynamic values
 * wrapped.
 */
import type { Behaviors } from "../behaviors.ts";
import type { RowWriter } from "./encode-plain.ts";
import type { Column } from "./evaluation.ts";
import {
  writeDecimal,
  writeInstant,
  writeInteger,
  writeReal,
  writeTimespan,
  toJson,
} from "./scalars.ts";

/** Writes `"name":value`, preceded by its sidecar where Graph has one. */
type FieldWriter = (value: unknown) => string;

export function createGraphRowWriter(
  columns: readonly Column[],
  behaviors: Behaviors["hunting"],
): RowWriter {
  const fields = columns.map((column) =>
    withNulls(column, createFieldWriter(column, behaviors), behaviors),
  );
  return (row) => {
    let text = "";
    for (const [index, field] of fields.entries()) {
      const written = field(row[index] ?? null);
      if (written !== "") text += text === "" ? written : `,${written}`;
    }
    return `{${text}}`;
  };
}

/**
 * Writes null as `{}` in every type but string, which has no null; or omits it or writes null, as
 * the behavior says.
 */
function withNulls(
  { name, type }: Column,
  write: FieldWriter,
  { nulls }: Behaviors["hunting"],
): FieldWriter {
  const key = `${JSON.stringify(name)}:`;
  if (type === "string") return (value) => `${key}${JSON.stringify(value ?? "")}`;
  const nullText = { object: `${key}{}`, null: `${key}null`, absent: "" }[nulls];
  return (value) => (value === null ? nullText : write(value));
}

const writeSidecar = (name: string, type: string): string =>
  `${JSON.stringify(`${name}@odata.type`)}:"#${type}",`;

function createFieldWriter({ name, type }: Column, behaviors: Behaviors["hunting"]): FieldWriter {
  const key = `${JSON.stringify(name)}:`;
  switch (type) {
    case "bool": {
      const head = `${writeSidecar(name, "SByte")}${key}`;
      return (value) => `${head}${value === true ? "1" : "0"}`;
    }
    case "long": {
      const hasSidecar =
        behaviors.longSidecars === "all" ||
        (behaviors.longSidecars === "ids" && name.endsWith("Id"));
      const head = `${hasSidecar ? writeSidecar(name, "Int64") : ""}${key}`;
      return (value) => `${head}${writeInteger(value)}`;
    }
    case "int":
      return (value) => `${key}${writeInteger(value)}`;
    case "datetime":
      return (value) => `${key}"${writeInstant(value as bigint, behaviors.fractions, "Z")}"`;
    case "timespan":
      return (value) =>
        `${key}${JSON.stringify(writeTimespan(value as bigint, behaviors.timespans))}`;
    case "real":
      return (value) => `${key}${writeReal(value as number, "INF")}`;
    case "decimal":
      return (value) => `${key}${writeDecimal(value as string, behaviors.decimals)}`;
    case "string":
    case "guid":
      return (value) => `${key}${JSON.stringify(value)}`;
    case "dynamic":
      return (value) => writeDynamicField(name, value);
  }
}

/** A dynamic value under `name`, at the top or inside another one. */
function writeDynamicField(name: string, value: unknown): string {
  const key = `${JSON.stringify(name)}:`;
  if (Array.isArray(value))
    return `${writeSidecar(name, toCollectionType(value))}${key}${writeArray(value)}`;
  if (typeof value === "bigint") return `${writeSidecar(name, "Int64")}${key}${value}`;
  if (typeof value === "number" && Number.isInteger(value))
    return `${writeSidecar(name, "Int64")}${key}${value}`;
  if (typeof value === "object" && value !== null) return `${key}${writeObject(value)}`;
  return `${key}${toJson(value)}`;
}

function writeObject(value: object): string {
  const inner = Object.entries(value).map(([key, one]) => writeDynamicField(key, one));
  return `{${['"@odata.type":"#microsoft.graph.security.dynamicColumnValue"', ...inner].join(",")}}`;
}

/** An array of one scalar kind keeps its type; any other array is a collection of strings. */
function toCollectionType(values: readonly unknown[]): string {
  const kinds = new Set(values.map(kindOf));
  const only = kinds.size === 1 ? [...kinds][0] : undefined;
  return `Collection(${only ?? "String"})`;
}

function kindOf(value: unknown): string {
  if (typeof value === "boolean") return "Boolean";
  if (typeof value === "bigint" || Number.isInteger(value)) return "Int64";
  return typeof value === "number" ? "Double" : "String";
}

/** Writes objects and arrays inside an array as JSON strings, which a reader must parse again. */
function writeArray(values: readonly unknown[]): string {
  const isText = toCollectionType(values) === "Collection(String)";
  return `[${values.map((value) => (isText ? JSON.stringify(typeof value === "string" ? value : toJson(value)) : toJson(value))).join(",")}]`;
}
