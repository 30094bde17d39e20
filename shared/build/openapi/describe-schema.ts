/** Puts words on schemas, and makes them plain for readers: what zod says twice is said once. */
import type { Json } from "./schemas.ts";
import { words } from "./descriptions.ts";

const entryOf = (name: string, schema?: string): Json & { readonly description: string } => {
  const found = words[`${schema ?? ""}.${name}`] ?? words[name];
  if (found === undefined)
    throw new Error(`words.ts has no words for ${schema === undefined ? "" : `${schema}.`}${name}`);
  return typeof found === "string" ? { description: found } : found;
};

/** What a query parameter means. @throws Error for a name without words */
export const wordsOf = (name: string): string => entryOf(name, "?").description;

const acronyms: Readonly<Record<string, string>> = {
  id: "ID",
  sha1: "SHA-1",
  sha256: "SHA-256",
  md5: "MD5",
  pe: "PE",
  ids: "IDs",
  seq: "sequence number",
};

/** `alertIds` → `Alert IDs`, `Idempotency-Key` → `Idempotency key`: how a designer calls a field. */
export function titleOf(name: string): string {
  const parts = name
    .replaceAll(/([a-z0-9])([A-Z])/g, "$1 $2")
    .split(/[ -]/)
    .map((part) => part.toLowerCase());
  const text = parts.map((part) => acronyms[part] ?? part).join(" ");
  return text.slice(0, 1).toUpperCase() + text.slice(1);
}

/** Schemas with words on every property, and made plain. */
export const withWords = (schemas: Readonly<Record<string, Json>>): Record<string, Json> =>
  Object.fromEntries(Object.entries(schemas).map(([name, schema]) => [name, worded(schema, name)]));

const isObject = (value: unknown): value is Json =>
  typeof value === "object" && value !== null && !Array.isArray(value);

function worded(schema: Json, owner: string): Json {
  const made: Record<string, unknown> = { ...plain(schema) };
  if (isObject(made["properties"]))
    made["properties"] = Object.fromEntries(
      Object.entries(made["properties"]).map(([name, inner]) => [
        name,
        { ...worded(inner as Json, owner), "x-ms-summary": titleOf(name), ...entryOf(name, owner) },
      ]),
    );
  for (const key of ["items", "additionalProperties"])
    if (isObject(made[key])) made[key] = worded(made[key], owner);
  for (const key of ["anyOf", "oneOf", "allOf"])
    if (Array.isArray(made[key]))
      made[key] = (made[key] as Json[]).map((each) => worded(each, owner));
  return made;
}

const largestInt32 = 2_147_483_647;

/** Without what says nothing to a reader: the bounds of JavaScript's integers, patterns that a format says, names that are text. */
function plain({ propertyNames: _propertyNames, ...schema }: Json): Json {
  const made: Record<string, unknown> = { ...schema };
  if (made["format"] === "date-time" || made["format"] === "email") delete made["pattern"];
  if (made["maximum"] === Number.MAX_SAFE_INTEGER) delete made["maximum"];
  if (made["minimum"] === Number.MIN_SAFE_INTEGER) delete made["minimum"];
  if (typeof made["const"] === "number") made["type"] = "integer";
  if (made["type"] === "integer" && made["const"] === undefined)
    made["format"] = Number(made["maximum"] ?? Infinity) <= largestInt32 ? "int32" : "int64";
  return made;
}
