/** Tables and functions of advanced hunting, as the documentation publishes them. */
import schema from "./schema.json" with { type: "json" };
import { getLanguageService, type RawGlobals, type RawSymbol } from "./language-service.ts";

/** Columns of each table: name to KQL scalar type. Published schema of Defender XDR, July 2026. */
export const tables: Readonly<Record<string, Readonly<Record<string, string>>>> = schema.tables;

/** A function of the service or of the tenant. */
interface SchemaFunction {
  readonly name: string;
  readonly parameters: string;
  /** KQL that has the function's result columns; it is parsed, never run. */
  readonly body: string;
}

/** Functions of the service. Each looks up facts for one row, so rows stay independent. */
const enrichments: readonly SchemaFunction[] = [
  {
    name: "FileProfile",
    parameters: '(T: (*), hash: string = "SHA1", limit: long = 100)',
    body: `{ T | extend SHA1 = "", SHA256 = "", MD5 = "", FileSize = long(null),
      GlobalPrevalence = long(null), GlobalFirstSeen = datetime(null),
      GlobalLastSeen = datetime(null), Signer = "", Issuer = "", SignerHash = "",
      IsCertificateValid = bool(null),
      IsRootSignerMicrosoft = bool(null), SignatureState = "", IsExecutable = bool(null),
      ThreatName = "", Publisher = "", SoftwareName = "", ProfileAvailability = "" }`,
  },
  {
    name: "DeviceFromIP",
    parameters: '(T: (*), ip: string = "IP", at: datetime = datetime(null))',
    body: '{ T | extend IP = "", DeviceId = "" }',
  },
  {
    name: "AssignedIPAddresses",
    parameters: "(device: string, at: datetime = datetime(null))",
    body: `{ print Timestamp = datetime(null), IPAddress = "", IPType = "", NetworkAdapterType = "",
      ConnectedNetworks = "" }`,
  },
  {
    name: "SeenBy",
    parameters: '(T: (*), device: string = "DeviceId")',
    body: '{ T | extend DeviceId = "", SeenBy = "" }',
  },
];

/** Tables and functions of one query's environment, added to the published ones. */
export interface QuerySchema {
  /**
   * Columns of each table: name to KQL scalar type. They replace a published table of that name.
   */
  readonly tables: Readonly<Record<string, Readonly<Record<string, string>>>>;
  readonly functions: readonly SchemaFunction[];
  /** Time column of the tables whose declaration names one. */
  readonly timeColumns?: Readonly<Record<string, string>>;
  /** Product beside Defender that a tenant needs for a table. */
  readonly products?: Readonly<Record<string, string>>;
}

/** The published tables and functions alone. */
export const publishedSchema: QuerySchema = { tables, functions: [] };

/** A query that reads every table, or tables by a pattern of names. */
const readsManyTables = /\b(?:search|find|union)\b/;

/**
 * Returns the published schema for a query that names nothing of the declared tables and functions:
 * its parse is then shared with its tests.
 */
export function selectSchema(query: string, schema: QuerySchema): QuerySchema {
  if (schema === publishedSchema || readsManyTables.test(query)) return schema;
  const words = new Set(query.match(/\w+/g));
  const namesDeclared =
    Object.entries(schema.tables).some(
      ([name, columns]) => columns !== tables[name] && words.has(name),
    ) || schema.functions.some(({ name }) => words.has(name));
  return namesDeclared ? schema : publishedSchema;
}

/**
 * Columns that hold a row's own time, the first one that a table has: `Timestamp` of Defender,
 * `TimeGenerated` of Log Analytics, `ActivityTimestamp` of calls.
 */
const timeColumnNames = ["Timestamp", "TimeGenerated", "ActivityTimestamp"];

/** Returns the column by which a window cuts a table; undefined if the table has none. */
export function findTableTime(table: string, schema: QuerySchema): string | undefined {
  const columns = schema.tables[table];
  return (
    schema.timeColumns?.[table] ??
    timeColumnNames.find((column) => columns?.[column] === "datetime")
  );
}

const globalsBySchema = new WeakMap<QuerySchema, RawGlobals>();

/** Returns the parser's globals: published tables and functions, and those of `schema`. */
export function getGlobals(schema = publishedSchema): RawGlobals {
  const known = globalsBySchema.get(schema);
  if (known !== undefined) return known;
  const names = new Set(schema.functions.map(({ name }) => name));
  const globals = buildGlobals({ ...tables, ...schema.tables }, [
    ...enrichments.filter(({ name }) => !names.has(name)),
    ...schema.functions,
  ]);
  globalsBySchema.set(schema, globals);
  return globals;
}

function buildGlobals(
  allTables: QuerySchema["tables"],
  functions: readonly SchemaFunction[],
): RawGlobals {
  const { Symbols, GlobalState } = getLanguageService().language;
  const columnSymbol = ([name, type]: readonly [string, string]): RawSymbol =>
    new Symbols.ColumnSymbol.ctor(name, Symbols.ScalarTypes.GetSymbol(type));
  const tableSymbols = Object.entries(allTables).map(
    ([name, columns]): RawSymbol =>
      new Symbols.TableSymbol.$ctor4(name, Object.entries(columns).map(columnSymbol)),
  );
  const functionSymbols = functions.map(
    ({ name, parameters, body }): RawSymbol =>
      new Symbols.FunctionSymbol.$ctor16(name, parameters, body, ""),
  );
  return GlobalState.Default.WithDatabase(
    new Symbols.DatabaseSymbol.ctor("advancedhunting", [...tableSymbols, ...functionSymbols]),
  );
}
