/** Puts words on schemas, and makes them plain for readers: what zod says twice is said once. */
import type { Json } from "./schemas.ts";
import { fieldDescriptions } from "./field-descriptions.ts";

const findDescription = (
  name: string,
  schema?: string,
): Json & { readonly description: string } => {
  const description = fieldDescriptions[`${schema ?? ""}.${name}`] ?? fieldDescriptions[name];
  if (description === undefined)
    throw new Error(`words.ts has no words for ${schema === undefined ? "" : `${schema}.`}${name}`);
  return typeof description === "string" ? { description: description } : description;
};

/** What a query parameter means. @throws Error for a name without words */
export const describeQueryParameter = (name: string): string =>
  findDescription(name, "?").description;

const acronyms: Readonly<Record<string, string>> = {
  id: "ID",
  sha1: "SHA-1",
  sha256: "SHA-256",
  md5: "MD5",
  pe: "PE",
  ids: "IDs",
  seq: "sequence number",
};

/**
 * `alertIds` → `Alert IDs`, `Idempotency-Key` → `Idempotency key`: how a designer calls a field.
 */
export function titleOf(name: string): string {
  const parts = name
    .replaceAll(/([a-z0-9])([A-Z])/g, "$1 $2")
    .split(/[ -]/)
    .map((part) => part.toLowerCase());
  const text = parts.map((part) => acronyms[part] ?? part).join(" ");
  return text.slice(0, 1).toUpperCase() + text.slice(1);
}

/** Schemas with words on every property, and made plain. */
export const describeSchemas = (schemas: Readonly<Record<string, Json>>): Record<string, Json> =>
  Object.fromEntries(
    Object.entries(schemas).map(([name, schema]) => [name, describeSchema(schema, name)]),
  );

const isObject = (value: unknown): value is Json =>
  typeof value === "object" && value !== null && !Array.isArray(value);

function describeSchema(schema: Json, owner: string): Json {
  const result: Record<string, unknown> = { ...simplifySchema(schema) };
  if (isObject(result["properties"]))
    result["properties"] = Object.fromEntries(
      Object.entries(result["properties"]).map(([name, inner]) => [
        name,
        {
          ...describeSchema(inner as Json, owner),
          "x-ms-summary": titleOf(name),
          ...findDescription(name, owner),
        },
      ]),
    );
  for (const key of ["items", "additionalProperties"])
    if (isObject(result[key])) result[key] = describeSchema(result[key], owner);
  for (const key of ["anyOf", "oneOf", "allOf"])
    if (Array.isArray(result[key]))
      result[key] = (result[key] as Json[]).map((each) => describeSchema(each, owner));
  return result;
}

const maxInt32 = 2_147_483_647;

/**
 * Without what says nothing to a reader: the bounds of JavaScript's integers, patterns that a
 * format says, names that are text.
 */
function simplifySchema({ propertyNames: _propertyNames, ...schema }: Json): Json {
  const result: Record<string, unknown> = { ...schema };
  if (result["format"] === "date-time" || result["format"] === "email") delete result["pattern"];
  if (result["maximum"] === Number.MAX_SAFE_INTEGER) delete result["maximum"];
  if (result["minimum"] === Number.MIN_SAFE_INTEGER) delete result["minimum"];
  if (typeof result["const"] === "number") result["type"] = "integer";
  if (result["type"] === "integer" && result["const"] === undefined)
    result["format"] = Number(result["maximum"] ?? Infinity) <= maxInt32 ? "int32" : "int64";
  return result;
}
