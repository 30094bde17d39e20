/** Tables and functions of advanced hunting, as the documentation publishes them. */
import schema from "./schema.json" with { type: "json" };
import { getLanguageService, type RawGlobals, type RawSymbol } from "./language-service.ts";

/** Columns of each table: name to KQL scalar type. Published schema of Defender XDR, July 2026. */
export const tables: Readonly<Record<string, Readonly<Record<string, string>>>> = schema.tables;

/** Returns true for a table with a `Timestamp` column, which a window can cut. */
export const hasTimestamp = (table: string): boolean => tables[table]?.["Timestamp"] === "datetime";

interface Enrichment {
  readonly name: string;
  readonly parameters: string;
  /** KQL that has the function's result columns; it is parsed, never run. */
  readonly body: string;
}

/** Functions of the service. Each looks up facts for one row, so rows stay independent. */
export const enrichments: readonly Enrichment[] = [
  {
    name: "FileProfile",
    parameters: '(T: (*), hash: string = "SHA1", limit: long = 100)',
    body: `{ T | extend SHA1 = "", SHA256 = "", MD5 = "", FileSize = long(null),
      GlobalPrevalence = long(null), GlobalFirstSeen = datetime(null),
      GlobalLastSeen = datetime(null), Signer = "", Issuer = "", SignerHash = "",
      IsCertificateValid = bool(null), IsRootSignerMicrosoft = bool(null), SignatureState = "", IsExecutable = bool(null),
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

let cachedGlobals: RawGlobals | undefined;

/** Returns the parser's globals: the tables and functions above and KQL's own functions. */
export function getGlobals(): RawGlobals {
  cachedGlobals ??= buildGlobals();
  return cachedGlobals;
}

function buildGlobals(): RawGlobals {
  const { Symbols, GlobalState } = getLanguageService().language;
  const columnSymbol = ([name, type]: readonly [string, string]): RawSymbol =>
    new Symbols.ColumnSymbol.ctor(name, Symbols.ScalarTypes.GetSymbol(type));
  const tableSymbols = Object.entries(tables).map(
    ([name, columns]): RawSymbol =>
      new Symbols.TableSymbol.$ctor4(name, Object.entries(columns).map(columnSymbol)),
  );
  const functionSymbols = enrichments.map(
    ({ name, parameters, body }): RawSymbol =>
      new Symbols.FunctionSymbol.$ctor16(name, parameters, body, ""),
  );
  return GlobalState.Default.WithDatabase(
    new Symbols.DatabaseSymbol.ctor("advancedhunting", [...tableSymbols, ...functionSymbols]),
  );
}
