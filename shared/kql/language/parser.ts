/**
 * Parses KQL text to a typed tree with positions, symbols and result columns. Only this module
 * calls Microsoft's parser; `compile` and `evaluate` read this tree.
 */
import { kqlTypes, type HuntColumn, type KqlType } from "../../contracts/compiled-hunt.ts";
import {
  getLanguageService,
  type RawDiagnostic,
  type RawElement,
  type RawGlobals,
  type RawList,
  type RawSymbol,
} from "./language-service.ts";
import { toLineColumn } from "./position.ts";
import { getGlobals, publishedSchema, type QuerySchema } from "./schema.ts";

/** What a name refers to. */
interface KqlSymbol {
  /**
   * Microsoft's SymbolKind: `Table`, `Column`, `Function`, `Variable`, `Parameter`, `Operator`,
   * `Group` (the tables of a wildcard) …
   */
  readonly kind: string;
  readonly name: string;
  /** True for a table or function of the service; false for the query's own and KQL's functions. */
  readonly isServiceSymbol: boolean;
  /** Of a `Group`: the tables that a wildcard matches. */
  readonly members: readonly string[];
}

/**
 * A node or token. Offsets are UTF-16 units into the query, half-open, without leading space and
 * comments.
 */
export interface KqlNode {
  /** Microsoft's SyntaxKind: `FilterOperator`, `PipeExpression`, `NameReference` … */
  readonly kind: string;
  /** The role in its parent: `Condition`, `Left` …; empty inside a list. */
  readonly role: string;
  readonly start: number;
  readonly end: number;
  readonly text: string;
  readonly isToken: boolean;
  /** Of a token: its decoded text, such as a string literal without quotes and escapes. */
  readonly value: string | undefined;
  readonly parent: KqlNode | undefined;
  readonly children: readonly KqlNode[];
  /** The symbol that a name or an operator refers to. */
  readonly symbol: KqlSymbol | undefined;
  /** Scalar type of an expression; `table` of a tabular one; undefined if the parser knows none. */
  readonly type: KqlType | "table" | undefined;
  /** Result columns of a tabular expression. */
  readonly columns: readonly HuntColumn[] | undefined;
  /** Result columns if the parser knows all of them; a type is undefined if it is not known. */
  readonly boundColumns: readonly BoundColumn[] | undefined;
}

/** A result column as the parser knows it. */
interface BoundColumn {
  readonly name: string;
  readonly type: KqlType | undefined;
}

/** An error in a query. Line and column count from 1. */
export interface KqlDiagnostic {
  /** Microsoft's code, `KS142`. */
  readonly code: string;
  readonly message: string;
  readonly start: number;
  readonly end: number;
  readonly line: number;
  readonly column: number;
}

/** A query parsed and checked against the schema. */
export interface ParsedQuery {
  readonly text: string;
  /** The whole query block. */
  readonly root: KqlNode;
  /** Errors only; suggestions and warnings of the parser are left out. */
  readonly diagnostics: readonly KqlDiagnostic[];
  /** Result columns of the last tabular statement; empty when there is none. */
  readonly columns: readonly HuntColumn[];
}

/** The last queries that were parsed against the published schema: a parse takes about 20 ms. */
const parsedQueries = new Map<string, ParsedQuery>();
const maxParsedQueries = 100;

/**
 * Parses a query. Never throws on bad KQL; errors are in `diagnostics`. Queries without a schema of
 * their own are cached, because a hunt is checked, rewritten and tested by one text.
 */
export function parseQuery(text: string, schema = publishedSchema): ParsedQuery {
  if (schema !== publishedSchema) return analyzeText(text, schema);
  const known = parsedQueries.get(text);
  const parsed = known ?? analyzeText(text, schema);
  parsedQueries.delete(text);
  parsedQueries.set(text, parsed);
  const [oldest] = parsedQueries.keys();
  if (parsedQueries.size > maxParsedQueries && oldest !== undefined) parsedQueries.delete(oldest);
  return parsed;
}

function analyzeText(text: string, schema: QuerySchema): ParsedQuery {
  const { language } = getLanguageService();
  const globals = getGlobals(schema);
  const code = language.KustoCode.ParseAndAnalyze(text, globals);
  const root = createNode(code.Syntax, { text, globals }, undefined);
  const errors = toArray(code.GetDiagnostics()).filter(
    (diagnostic) => diagnostic.Severity === "Error",
  );
  return {
    text,
    root,
    diagnostics: errors
      .filter(
        (diagnostic) => !isInvokedColumn(root, diagnostic) && !isFuzzyWildcard(root, diagnostic),
      )
      .map((diagnostic) => toDiagnostic(diagnostic, text)),
    columns: toColumns(code.ResultType ?? undefined) ?? [],
  };
}

/** Yields `node` and every node and token below it, in the order of the text. */
export function* walkTree(node: KqlNode): Generator<KqlNode> {
  yield node;
  for (const child of node.children) yield* walkTree(child);
}

/** Returns the child with the role, if there is one. */
export const childAt = (node: KqlNode, role: string): KqlNode | undefined =>
  node.children.find((child) => child.role === role);

/** Returns the elements of a list child such as `Expressions`, without their separators. */
export function listElements(list: KqlNode | undefined): readonly KqlNode[] {
  if (!list) return [];
  return list.children.flatMap((child) =>
    child.kind === "SeparatedElement" ? child.children.slice(0, 1) : [child],
  );
}

/** The query's text and the names that it may use. */
interface ParseContext {
  readonly text: string;
  readonly globals: RawGlobals;
}

function createNode(raw: RawElement, context: ParseContext, parent: KqlNode | undefined): KqlNode {
  let children: readonly KqlNode[] | undefined;
  let columns: readonly HuntColumn[] | undefined;
  const node: KqlNode = {
    kind: getLanguageService().syntaxKinds.get(raw.Kind) ?? "None",
    role: raw.NameInParent ?? "",
    start: raw.TextStart,
    end: raw.End,
    isToken: raw.IsToken,
    value: raw.IsToken ? raw.ValueText : undefined,
    parent,
    symbol: toSymbol(raw.ReferencedSymbol ?? undefined, context.globals),
    type: toType(raw.ResultType ?? undefined),
    get text() {
      return context.text.slice(raw.TextStart, raw.End);
    },
    get children() {
      children ??= childrenOf(raw).map((child) => createNode(child, context, node));
      return children;
    },
    get columns() {
      columns ??= toColumns(raw.ResultType ?? undefined);
      return columns;
    },
    get boundColumns() {
      return raw.ResultType?.IsOpen === true ? undefined : listBoundColumns(raw.ResultType);
    },
  };
  return node;
}

/** Returns the children without the tokens that the parser inserted for missing ones. */
const childrenOf = (raw: RawElement): readonly RawElement[] =>
  Array.from({ length: raw.ChildCount }, (_, index) => raw.GetChild(index)).filter(
    (child): child is RawElement => child !== null && !(child.IsToken && child.IsMissing),
  );

function toSymbol(raw: RawSymbol | undefined, globals: RawGlobals): KqlSymbol | undefined {
  if (!raw) return undefined;
  const kind = getLanguageService().symbolKinds.get(raw.Kind) ?? "None";
  const members = raw.Members ? toArray(raw.Members).map((member) => member.Name) : [];
  return { kind, name: raw.Name, isServiceSymbol: globals.IsDatabaseSymbol(raw), members };
}

const scalarTypes = new Set<string>(kqlTypes);

const isScalarType = (name: string): name is KqlType => scalarTypes.has(name);

function toType(raw: RawSymbol | undefined): KqlType | "table" | undefined {
  if (!raw) return undefined;
  if (raw.Columns && getLanguageService().symbolKinds.get(raw.Kind) === "Table") return "table";
  const kind = getLanguageService().symbolKinds.get(raw.Kind);
  if (kind === "Bag" || kind === "Array") return "dynamic";
  return isScalarType(raw.Name) ? raw.Name : undefined;
}

/** Returns a table's columns. A column of unknown type, as after some plug-ins, is `dynamic`. */
const toColumns = (raw: RawSymbol | undefined): readonly HuntColumn[] | undefined =>
  listBoundColumns(raw)?.map(({ name, type = "dynamic" }) => ({ name, type }));

function listBoundColumns(raw: RawSymbol | null | undefined): readonly BoundColumn[] | undefined {
  if (!raw?.Columns || toType(raw) !== "table") return undefined;
  return toArray(raw.Columns).map((column) => {
    const type = toType(column.Type ?? undefined);
    return { name: column.Name, type: type === "table" ? undefined : type };
  });
}

const toDiagnostic = (raw: RawDiagnostic, text: string): KqlDiagnostic => ({
  code: raw.Code,
  message: raw.Message,
  start: raw.Start,
  end: raw.Start + raw.Length,
  ...toLineColumn(text, raw.Start),
});

/**
 * Tells whether a diagnostic is about a column of the piped table in `invoke FileProfile(SHA1,
 * 1000)`. The service accepts the column there; Microsoft's parser reports it as unknown.
 */
function isInvokedColumn(root: KqlNode, diagnostic: RawDiagnostic): boolean {
  if (diagnostic.Code !== "KS142") return false;
  const path = findPath(root, diagnostic.Start, diagnostic.Start + diagnostic.Length);
  const invoke = path.findLast((node) => node.kind === "InvokeOperator");
  const piped = invoke?.parent && childAt(invoke.parent, "Expression");
  const name = path.at(-1)?.text;
  return piped?.columns?.some((column) => column.name === name) ?? false;
}

/**
 * Tells whether a diagnostic is about a wildcard of a fuzzy union that matches no table. The service
 * leaves such an operand out; Microsoft's parser reports it as unknown.
 */
function isFuzzyWildcard(root: KqlNode, diagnostic: RawDiagnostic): boolean {
  if (diagnostic.Code !== "KS142") return false;
  const path = findPath(root, diagnostic.Start, diagnostic.Start + diagnostic.Length);
  const union = path.findLast((node) => node.kind === "UnionOperator");
  const isFuzzy = /\bisfuzzy\s*=\s*true\b/i.test(
    (union && childAt(union, "Parameters")?.text) ?? "",
  );
  return isFuzzy && path.some(({ kind }) => kind === "WildcardedName");
}

/** Returns the nodes from the root down to the smallest one that covers `[start, end)`. */
export function findPath(root: KqlNode, start: number, end: number): readonly KqlNode[] {
  const path: KqlNode[] = [];
  for (let node: KqlNode | undefined = root; node;) {
    path.push(node);
    node = node.children.find(
      (child) => child.start <= start && end <= child.end && child.end > child.start,
    );
  }
  return path;
}

const toArray = <T>(list: RawList<T>): readonly T[] =>
  Array.from({ length: list.Count }, (_, index) => list.getItem(index));
