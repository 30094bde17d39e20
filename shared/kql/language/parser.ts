/**
 * KQL text to a typed tree with positions, meanings and result columns. The one door to Microsoft's parser: the
 * analysis beside it and the tenant's evaluator in `test/tenant/kql` both read this tree.
 */
import { kqlTypes, type HuntColumn, type KqlType } from "../../contracts/compiled-hunt.ts";
import {
  getLanguageService,
  type RawDiagnostic,
  type RawElement,
  type RawList,
  type RawSymbol,
} from "./language-service.ts";
import { toLineColumn } from "./position.ts";
import { getGlobals } from "./schema.ts";

/** What a name stands for. */
export interface KqlSymbol {
  /** Microsoft's word: `Table`, `Column`, `Function`, `Variable`, `Parameter`, `Operator`, `Group` (a wildcard's tables) … */
  readonly kind: string;
  readonly name: string;
  /** True for a table or function of the service itself, false for what the query declares and for KQL's own functions. */
  readonly isServiceSymbol: boolean;
  /** Of a `Group`: the tables a wildcard stands for. */
  readonly members: readonly string[];
}

/** A node or token. Offsets are UTF-16 units into the query, half-open, without leading space and comments. */
export interface KqlNode {
  /** Microsoft's SyntaxKind: `FilterOperator`, `PipeExpression`, `IdentifierToken` … */
  readonly kind: string;
  /** Its place in its parent: `Condition`, `Left` …; empty inside a list. */
  readonly role: string;
  readonly start: number;
  readonly end: number;
  readonly text: string;
  readonly isToken: boolean;
  /** Of a token: its text decoded, so a string literal without quotes and escapes. */
  readonly value: string | undefined;
  readonly parent: KqlNode | undefined;
  readonly children: readonly KqlNode[];
  /** What a name or an operator refers to. */
  readonly symbol: KqlSymbol | undefined;
  /** Scalar type of an expression; `table` of a tabular one; absent where the parser knows none. */
  readonly type: KqlType | "table" | undefined;
  /** Result columns of a tabular expression. */
  readonly columns: readonly HuntColumn[] | undefined;
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

/** A query read and checked against the schema. */
export interface ParsedQuery {
  readonly text: string;
  /** The whole query block. */
  readonly root: KqlNode;
  /** Errors only; suggestions and warnings of the parser are left out. */
  readonly diagnostics: readonly KqlDiagnostic[];
  /** Result columns of the last tabular statement; empty when there is none. */
  readonly columns: readonly HuntColumn[];
}

/** Reads a query; never throws on bad KQL: what is wrong is in `diagnostics`. About 8 ms. */
export function parseQuery(text: string): ParsedQuery {
  const { language } = getLanguageService();
  const code = language.KustoCode.ParseAndAnalyze(text, getGlobals());
  const root = createNode(code.Syntax, text, undefined);
  const errors = toArray(code.GetDiagnostics()).filter(
    (diagnostic) => diagnostic.Severity === "Error",
  );
  return {
    text,
    root,
    diagnostics: errors
      .filter((diagnostic) => !isInvokedColumn(root, diagnostic))
      .map((diagnostic) => toDiagnostic(diagnostic, text)),
    columns: toColumns(code.ResultType ?? undefined) ?? [],
  };
}

/** Every node and token below and including `node`, in the order of the text. */
export function* walkTree(node: KqlNode): Generator<KqlNode> {
  yield node;
  for (const child of node.children) yield* walkTree(child);
}

/** The child in that place of its parent, if there. */
export const childAt = (node: KqlNode, role: string): KqlNode | undefined =>
  node.children.find((child) => child.role === role);

/** The elements of a list child such as `Expressions`, without their separators. */
export function listElements(list: KqlNode | undefined): readonly KqlNode[] {
  if (!list) return [];
  return list.children.flatMap((child) =>
    child.kind === "SeparatedElement" ? child.children.slice(0, 1) : [child],
  );
}

function createNode(raw: RawElement, text: string, parent: KqlNode | undefined): KqlNode {
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
    symbol: toSymbol(raw.ReferencedSymbol ?? undefined),
    type: toType(raw.ResultType ?? undefined),
    get text() {
      return text.slice(raw.TextStart, raw.End);
    },
    get children() {
      children ??= childrenOf(raw).map((child) => createNode(child, text, node));
      return children;
    },
    get columns() {
      columns ??= toColumns(raw.ResultType ?? undefined);
      return columns;
    },
  };
  return node;
}

/** Tokens the parser made up where one was missing are left out. */
const childrenOf = (raw: RawElement): readonly RawElement[] =>
  Array.from({ length: raw.ChildCount }, (_, index) => raw.GetChild(index)).filter(
    (child): child is RawElement => child !== null && !(child.IsToken && child.IsMissing),
  );

function toSymbol(raw: RawSymbol | undefined): KqlSymbol | undefined {
  if (!raw) return undefined;
  const kind = getLanguageService().symbolKinds.get(raw.Kind) ?? "None";
  const members = raw.Members ? toArray(raw.Members).map((member) => member.Name) : [];
  return { kind, name: raw.Name, isServiceSymbol: getGlobals().IsDatabaseSymbol(raw), members };
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

/** A column whose type the parser cannot tell, as after some plug-ins, may hold anything: `dynamic`. */
function toColumns(raw: RawSymbol | undefined): readonly HuntColumn[] | undefined {
  if (!raw?.Columns || toType(raw) !== "table") return undefined;
  return toArray(raw.Columns).map((column) => {
    const type = toType(column.Type ?? undefined);
    return { name: column.Name, type: type === undefined || type === "table" ? "dynamic" : type };
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
 * `invoke FileProfile(SHA1, 1000)`: the service takes a column of the piped table there, Microsoft's parser does not
 * know it. Such a name is no error when the piped table has the column.
 */
function isInvokedColumn(root: KqlNode, diagnostic: RawDiagnostic): boolean {
  if (diagnostic.Code !== "KS142") return false;
  const path = findPath(root, diagnostic.Start, diagnostic.Start + diagnostic.Length);
  const invoke = path.findLast((node) => node.kind === "InvokeOperator");
  const piped = invoke?.parent && childAt(invoke.parent, "Expression");
  const name = path.at(-1)?.text;
  return piped?.columns?.some((column) => column.name === name) ?? false;
}

/** From the root down to the smallest node that covers `[start, end)`. */
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
