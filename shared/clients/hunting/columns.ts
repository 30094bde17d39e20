/** The schema of a hunting answer, in our words. */
import * as z from "zod/mini";
import type { HuntColumn, KqlType } from "../../contracts/compiled-hunt.ts";

/** The service's type names are those of .NET; bool alone travels as `SByte`. */
const kqlTypes: Readonly<Record<string, KqlType>> = {
  String: "string",
  DateTime: "datetime",
  Int64: "long",
  UInt64: "long",
  UInt32: "long",
  Int32: "int",
  Int16: "int",
  UInt16: "int",
  Byte: "int",
  SByte: "bool",
  Boolean: "bool",
  Single: "real",
  Double: "real",
  Decimal: "decimal",
  SqlDecimal: "decimal",
  TimeSpan: "timespan",
  Guid: "guid",
  Object: "dynamic",
};

const wireColumn = z.union([
  z.object({ name: z.string(), type: z.string() }),
  z.pipe(
    z.object({ Name: z.string(), Type: z.string() }),
    z.transform(({ Name, Type }) => ({ name: Name, type: Type })),
  ),
]);
const wireSchema = z.array(wireColumn);

/**
 * The columns that the members around the rows name. Where a column was compiled, its compiled type wins.
 *
 * @returns `undefined` when the answer names none; an unknown type reads as string, which changes no value
 */
export function readColumns(
  members: Readonly<Record<string, unknown>>,
  compiled: readonly HuntColumn[] = [],
): readonly HuntColumn[] | undefined {
  const parsed = wireSchema.safeParse(members["schema"] ?? members["Schema"]);
  if (!parsed.success || parsed.data.length === 0) return undefined;
  const compiledTypes = new Map(compiled.map(({ name, type }) => [name, type]));
  return parsed.data.map(({ name, type }) => ({
    name,
    type: compiledTypes.get(name) ?? kqlTypes[type] ?? "string",
  }));
}

const wireStats = z.object({ ExecutionTime: z.number() });

/** What the service says the query took, ms, where it says so. */
export function readExecutionMs(members: Readonly<Record<string, unknown>>): number | undefined {
  const parsed = wireStats.safeParse(members["Stats"] ?? members["stats"]);
  return parsed.success ? Math.round(parsed.data.ExecutionTime * 1_000) : undefined;
}
