/** Reads the schema of a hunting response. */
import * as z from "zod/mini";
import type { HuntColumn, KqlType } from "../../contracts/compiled-hunt.ts";

/** KQL types by the service's names, which are those of .NET; bool is `SByte`. */
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
 * Returns the columns that the members around the rows name. A compiled column keeps its compiled
 * type.
 *
 * @returns `undefined` when the response names none; an unknown type becomes string, which changes
 *   no value
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

/** The columns that a response and the compiled hunt name. */
interface NamedColumns {
  /** Named before the rows: these decide how values are written. */
  readonly first: readonly HuntColumn[] | undefined;
  /** Named anywhere in the response. */
  readonly named: readonly HuntColumn[] | undefined;
  readonly compiled: readonly HuntColumn[] | undefined;
}

/**
 * Returns the columns that the rows of a response really have, each with the type as which its
 * values were written. A schema before the rows is believed; without one a compiled column counts
 * when a row or a later schema has it. Members that no column named when they were written are
 * strings: their values are copied.
 *
 * @param memberNames - the names that at least one row has
 */
export function findRowColumns(
  memberNames: readonly string[],
  { first, named = [], compiled = [] }: NamedColumns,
): readonly HuntColumn[] {
  const existing = new Set([...memberNames, ...named.map(({ name }) => name)]);
  const columns = first ?? compiled.filter(({ name }) => existing.has(name));
  const columnNames = new Set(columns.map(({ name }) => name));
  const unnamed = memberNames.filter((name) => !columnNames.has(name));
  return [...columns, ...unnamed.map((name): HuntColumn => ({ name, type: "string" }))];
}

const wireStats = z.object({ ExecutionTime: z.number() });

/** Returns the query's execution time in milliseconds where the service states it. */
export function readExecutionMs(members: Readonly<Record<string, unknown>>): number | undefined {
  const parsed = wireStats.safeParse(members["Stats"] ?? members["stats"]);
  return parsed.success ? Math.round(parsed.data.ExecutionTime * 1_000) : undefined;
}
