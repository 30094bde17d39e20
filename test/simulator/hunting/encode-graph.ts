/** Rows as Graph writes them: OData sidecars, booleans as 0 and 1, nulls as `{}`, dynamic values wrapped. */
import type { Switches } from "../behaviors.ts";
import type { RowWriter } from "./encode-plain.ts";
import type { Column } from "./evaluation.ts";
import {
  decimalText,
  instantText,
  integerText,
  realText,
  timespanText,
  toJson,
} from "./scalars.ts";

/** Writes `"name":value`, with its sidecar before it where Graph has one. */
type Field = (value: unknown) => string;

export function graphRows(columns: readonly Column[], switches: Switches["hunting"]): RowWriter {
  const fields = columns.map((column) =>
    withNulls(column, fieldWriter(column, switches), switches),
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

/** A null is `{}` in every type but string, which has none; or absent, or null, if the switch says so. */
function withNulls({ name, type }: Column, write: Field, { nulls }: Switches["hunting"]): Field {
  const key = `${JSON.stringify(name)}:`;
  if (type === "string") return (value) => `${key}${JSON.stringify(value ?? "")}`;
  const none = { object: `${key}{}`, null: `${key}null`, absent: "" }[nulls];
  return (value) => (value === null ? none : write(value));
}

const sidecar = (name: string, type: string): string =>
  `${JSON.stringify(`${name}@odata.type`)}:"#${type}",`;

function fieldWriter({ name, type }: Column, switches: Switches["hunting"]): Field {
  const key = `${JSON.stringify(name)}:`;
  switch (type) {
    case "bool": {
      const head = `${sidecar(name, "SByte")}${key}`;
      return (value) => `${head}${value === true ? "1" : "0"}`;
    }
    case "long": {
      const marked =
        switches.longSidecars === "all" || (switches.longSidecars === "ids" && name.endsWith("Id"));
      const head = `${marked ? sidecar(name, "Int64") : ""}${key}`;
      return (value) => `${head}${integerText(value)}`;
    }
    case "int":
      return (value) => `${key}${integerText(value)}`;
    case "datetime":
      return (value) => `${key}"${instantText(value as bigint, switches.fractions, "Z")}"`;
    case "timespan":
      return (value) =>
        `${key}${JSON.stringify(timespanText(value as bigint, switches.timespans))}`;
    case "real":
      return (value) => `${key}${realText(value as number, "INF")}`;
    case "decimal":
      return (value) => `${key}${decimalText(value as string, switches.decimals)}`;
    case "string":
    case "guid":
      return (value) => `${key}${JSON.stringify(value)}`;
    case "dynamic":
      return (value) => dynamicField(name, value);
  }
}

/** A dynamic value under `name`, at the top or inside another one. */
function dynamicField(name: string, value: unknown): string {
  const key = `${JSON.stringify(name)}:`;
  if (Array.isArray(value)) return `${sidecar(name, collectionOf(value))}${key}${arrayText(value)}`;
  if (typeof value === "bigint") return `${sidecar(name, "Int64")}${key}${value}`;
  if (typeof value === "number" && Number.isInteger(value))
    return `${sidecar(name, "Int64")}${key}${value}`;
  if (typeof value === "object" && value !== null) return `${key}${objectText(value)}`;
  return `${key}${toJson(value)}`;
}

function objectText(value: object): string {
  const inner = Object.entries(value).map(([key, one]) => dynamicField(key, one));
  return `{${['"@odata.type":"#microsoft.graph.security.dynamicColumnValue"', ...inner].join(",")}}`;
}

/** All of one scalar kind keeps its type; anything else is a collection of strings. */
function collectionOf(values: readonly unknown[]): string {
  const kinds = new Set(values.map(kindOf));
  const only = kinds.size === 1 ? [...kinds][0] : undefined;
  return `Collection(${only ?? "String"})`;
}

function kindOf(value: unknown): string {
  if (typeof value === "boolean") return "Boolean";
  if (typeof value === "bigint" || Number.isInteger(value)) return "Int64";
  return typeof value === "number" ? "Double" : "String";
}

/** Objects and arrays inside an array become JSON strings: whoever reads them parses twice. */
function arrayText(values: readonly unknown[]): string {
  const texts = collectionOf(values) === "Collection(String)";
  return `[${values.map((value) => (texts ? JSON.stringify(typeof value === "string" ? value : toJson(value)) : toJson(value))).join(",")}]`;
}
