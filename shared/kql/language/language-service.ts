/**
 * Loads Microsoft's KQL parser and declares the part of it that Huntline uses. The package is C#
 * compiled to two scripts that write to the global object; they run in a separate context, once
 * per process (about 155 ms and 56 MB).
 */
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import vm from "node:vm";

/** A .NET list, as Bridge.NET exposes it. */
export interface RawList<T> {
  readonly Count: number;
  readonly getItem: (index: number) => T;
}

/** A symbol: table, column, function, variable … `Kind` is a number of `SymbolKind`. */
export interface RawSymbol {
  readonly Kind: number;
  readonly Name: string;
  readonly Type?: RawSymbol | null;
  readonly Columns?: RawList<RawSymbol>;
  /** Of a table: true if it may have further columns. */
  readonly IsOpen?: boolean;
  /** Of a group, as a wildcard makes it. */
  readonly Members?: RawList<RawSymbol>;
}

/** A node or token of the syntax tree. `Kind` is a number of `SyntaxKind`. */
export interface RawElement {
  readonly Kind: number;
  readonly IsToken: boolean;
  readonly IsMissing: boolean;
  readonly NameInParent: string | null;
  readonly TextStart: number;
  readonly End: number;
  readonly ChildCount: number;
  readonly GetChild: (index: number) => RawElement | null;
  readonly ReferencedSymbol?: RawSymbol | null;
  readonly ResultType?: RawSymbol | null;
  /** Of a token: its decoded text, such as a string without its quotes. */
  readonly ValueText?: string;
}

export interface RawDiagnostic {
  readonly Code: string;
  readonly Severity: string;
  readonly Message: string;
  readonly Start: number;
  readonly Length: number;
}

interface RawCode {
  readonly Syntax: RawElement;
  readonly ResultType: RawSymbol | null;
  readonly GetDiagnostics: () => RawList<RawDiagnostic>;
}

export interface RawGlobals {
  readonly WithDatabase: (database: RawSymbol) => RawGlobals;
  readonly IsDatabaseSymbol: (symbol: RawSymbol) => boolean;
}

interface RawLanguage {
  readonly KustoCode: { readonly ParseAndAnalyze: (text: string, globals: RawGlobals) => RawCode };
  readonly GlobalState: { readonly Default: RawGlobals };
  readonly Syntax: { readonly SyntaxKind: Readonly<Record<string, unknown>> };
  readonly Symbols: {
    readonly SymbolKind: Readonly<Record<string, unknown>>;
    readonly ScalarTypes: { readonly GetSymbol: (name: string) => RawSymbol };
    readonly ColumnSymbol: { readonly ctor: new (name: string, type: RawSymbol) => RawSymbol };
    readonly TableSymbol: {
      readonly $ctor4: new (name: string, columns: readonly RawSymbol[]) => RawSymbol;
    };
    readonly DatabaseSymbol: {
      readonly ctor: new (name: string, members: readonly RawSymbol[]) => RawSymbol;
    };
    readonly FunctionSymbol: {
      /** Name, parameter list, body, description. */
      readonly $ctor16: new (
        name: string,
        parameters: string,
        body: string,
        description: string,
      ) => RawSymbol;
    };
  };
}

/** The language service with its enums inverted: number to name. */
export interface LanguageService {
  readonly language: RawLanguage;
  readonly syntaxKinds: ReadonlyMap<number, string>;
  readonly symbolKinds: ReadonlyMap<number, string>;
}

let cachedService: LanguageService | undefined;

/** Returns the parser; the first call loads it. */
export function getLanguageService(): LanguageService {
  cachedService ??= loadLanguageService();
  return cachedService;
}

function loadLanguageService(): LanguageService {
  const require = createRequire(import.meta.url);
  const context = vm.createContext({});
  for (const script of [
    require.resolve("@kusto/language-service-next/bridge.min.js"),
    require.resolve("@kusto/language-service-next/Kusto.Language.Bridge.min.js"),
  ])
    vm.runInContext(readFileSync(script, "utf8"), context, { filename: script });
  // The scripts have no types; the interfaces above declare the members that are used.
  const { Language: language } = (context as { Kusto: { Language: RawLanguage } }).Kusto;
  return {
    language,
    syntaxKinds: invertEnum(language.Syntax.SyntaxKind),
    symbolKinds: invertEnum(language.Symbols.SymbolKind),
  };
}

const invertEnum = (values: Readonly<Record<string, unknown>>): ReadonlyMap<number, string> =>
  new Map(
    Object.entries(values).flatMap(([name, value]) =>
      typeof value === "number" ? [[value, name] as const] : [],
    ),
  );
