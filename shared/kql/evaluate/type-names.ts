/** Reads type names of queries. */
import type { KqlNode } from "../language/parser.ts";
import type { KqlType } from "../../contracts/compiled-hunt.ts";

const aliases: Readonly<Record<string, KqlType>> = {
  double: "real",
  float: "real",
  boolean: "bool",
  date: "datetime",
  time: "timespan",
  int64: "long",
  int32: "int",
  uuid: "guid",
  uniqueid: "guid",
};

/** Returns the type that a word names. */
export function parseTypeName(word: string): KqlType {
  const lower = word.trim().toLowerCase();
  return aliases[lower] ?? (lower as KqlType);
}

/** The type a declaration names, or `undefined` for a table's schema. */
export const readType = (node: KqlNode): KqlType | undefined =>
  node.kind === "SchemaTypeExpression" ? undefined : parseTypeName(node.text);
