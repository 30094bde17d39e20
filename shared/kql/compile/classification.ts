/** Classifies queries of any origin for imports: whether a query runs in Huntline, or why not. */
import { analyzeQuery, type Analysis } from "./analysis.ts";
import { selectMainObstacle, describeObstacle } from "./obstacles.ts";
import { walkTree, type KqlDiagnostic } from "../language/parser.ts";
import { publishedSchema, type QuerySchema } from "../language/schema.ts";

/** Classes of imported queries, in the order of the summary. */
export type QueryClass =
  | "window"
  | "snapshot"
  | "otherTables"
  | "placeholder"
  | "multipleQueries"
  | "notAccepted"
  | "noQuery";

/** A phrase for each class. */
export const classDescriptions: Readonly<Record<QueryClass, string>> = {
  window: "runs here, each row exported once",
  snapshot: "runs here as a snapshot, cannot be windowed",
  otherTables: "needs another product's tables",
  placeholder: "has a placeholder to fill in",
  multipleQueries: "holds several queries",
  notAccepted: "is not accepted by the parser",
  noQuery: "is not a query of events",
};

/** A query's class, the reason and the text that was analyzed. */
export interface QueryClassification {
  readonly class: QueryClass;
  readonly reason: string;
  /** The query, without invisible characters if the parser refused them. */
  readonly query: string;
  readonly analysis: Analysis;
}

/** Classifies one query against the tables of `schema`. Never throws. */
export function classifyQuery(text: string, schema = publishedSchema): QueryClassification {
  if (!resemblesQuery(text, schema)) return classifyProse(text);
  const query = removeInvisibleChars(text.replaceAll("\r\n", "\n"), schema);
  const analysis = analyzeQuery(query, schema);
  const createResult = (queryClass: QueryClass, reason: string): QueryClassification => ({
    class: queryClass,
    reason,
    query,
    analysis,
  });
  const placeholder = findPlaceholder(analysis);
  if (placeholder !== undefined) return createResult("placeholder", placeholder);
  const unknownTables = findUnknownTables(analysis.errors);
  if (unknownTables)
    return createResult("otherTables", `advanced hunting has no ${unknownTables.join(", ")}`);
  const secondQuery = findSecondResult(analysis.errors);
  if (secondQuery)
    return createResult(
      "multipleQueries",
      `line ${secondQuery.line}: ${secondQuery.message}; give each a file of its own`,
    );
  const [error] = analysis.errors;
  if (error)
    return createResult("notAccepted", `line ${error.line}:${error.column}: ${error.message}`);
  if (analysis.tables.length === 0) {
    const legs = listUnknownLegs(analysis);
    return legs.length > 0
      ? createResult("otherTables", `advanced hunting has no ${legs.join(", ")}`)
      : createResult("noQuery", "it reads no table of events");
  }
  const obstacle = selectMainObstacle(analysis.obstacles);
  const products = describeProducts(analysis);
  return obstacle
    ? createResult("snapshot", describeObstacle(obstacle) + products)
    : createResult("window", `every operator works row by row${products}`);
}

/** Names the products that the tenant needs beside Defender; empty if there are none. */
function describeProducts({ tables, schema }: Analysis): string {
  const names = new Set(tables.flatMap((table) => schema.products?.[table] ?? []));
  return [...names].map((name) => `; needs ${name} in the tenant's Defender portal`).join("");
}

const pipedOperator =
  /\|\s*(?:as|consume|count|distinct|evaluate|extend|facet|find|fork|getschema|invoke|join|limit|lookup|make-series|mv-apply|mv-expand|order|parse|parse-kv|parse-where|partition|project|project-away|project-keep|project-rename|project-reorder|reduce|render|sample|sample-distinct|scan|search|serialize|sort|summarize|take|top|top-hitters|top-nested|union|where)\b/;
const queryStart = /^\s*(?:union|search|find|print|range|datatable|externaldata|materialize)\b/m;

/**
 * True for a text that can be a query: it pipes into an operator, begins as one, or names a table.
 */
const resemblesQuery = (text: string, { tables }: QuerySchema): boolean =>
  pipedOperator.test(text) ||
  queryStart.test(text) ||
  text.split("\n").some((line) => Object.hasOwn(tables, line.trim()));

/** Classifies a text that is not parsed: thousands of lines without an operator cost minutes. */
function classifyProse(text: string): QueryClassification {
  const placeholder = bareLine.exec(text);
  return {
    class: placeholder ? "placeholder" : "noQuery",
    reason: placeholder
      ? `${placeholder[0].trim()} must be replaced by a query`
      : "the text has no table and no operator of KQL",
    query: text,
    analysis: analyzeQuery(""),
  };
}

/** Tables that a fuzzy union names and advanced hunting lacks: the parser passes over such legs. */
function listUnknownLegs({ parsed }: Analysis): readonly string[] {
  const names = [...walkTree(parsed.root)].flatMap(({ kind, parent, symbol, text }) =>
    kind === "NameReference" &&
    symbol === undefined &&
    /^(?:PipeExpression|ParenthesizedExpression|SeparatedElement)$/.test(parent?.kind ?? "")
      ? [text]
      : [],
  );
  return [...new Set(names)];
}

/** Returns where a second query begins, if only the semicolon between the two is missing. */
function findSecondResult(errors: readonly KqlDiagnostic[]): KqlDiagnostic | undefined {
  const rest = errors.filter(({ code, message }) => code !== "HL001" && message !== "Expected: ;");
  return rest.length === 0 ? errors.find(({ code }) => code === "HL001") : undefined;
}

/** Removes byte-order marks, zero-width and no-break spaces, which the parser refuses. */
function removeInvisibleChars(query: string, schema: QuerySchema): string {
  const clean = query.replaceAll(/[\u200B-\u200D\u2060\uFEFF]/g, "").replaceAll("\u00A0", " ");
  return clean === query || analyzeQuery(query, schema).errors.length === 0 ? query : clean;
}

/** Returns unknown table and function names; `TimeGenerated` also shows a Sentinel table. */
function findUnknownTables(errors: readonly KqlDiagnostic[]): readonly string[] | undefined {
  const names = errors.flatMap(({ code, message }) => {
    const name = /'([^']+)'/.exec(message)?.[1];
    if (name === undefined) return [];
    const isMissing =
      code === "KS204" || code === "KS211" || /any known (table|function)/.test(message);
    return isMissing || name === "TimeGenerated" ? [name] : [];
  });
  return names.length > 0 ? [...new Set(names)] : undefined;
}

/** Matches `<Insert name>`, `<DeviceId>`, `[DEVICE NAME]`, but not `<script>` and `[A-Z]`. */
const bracketedPlaceholder =
  /^\s*(?:<\s*(?:[A-Z_]\w*|\w[\w'/-]*(?: [\w'/-]+)+)\s*>|\[[A-Z][A-Z _]{3,}\])\s*$/;
/** A line such as `<Insert query here>`. */
const bareLine = /^\s*<[^<>\n]*[a-z][^<>\n]*>\s*$/im;
const fillVerbs = "insert|put|enter|replace|fill in";
const fillObjects = "here|with|me|this|your|the|a|query|file|name|hash|ip|value";
const placeholderWords = new RegExp(
  String.raw`\b(?:goes here|(?:${fillVerbs})[ _-](?:${fillObjects})\b|(?:add|change)[ _-](?:here|me|your \w+ here)\b|changeme|placeholder)`,
  "i",
);

/** Finds a text that a reader must replace: `<DeviceId>`, `{{Sha1}}`, `FILENAME GOES HERE`. */
function findPlaceholder({ errors, parsed, query }: Analysis): string | undefined {
  const unknown = errors.find(({ code }) => code === "HL003");
  if (unknown) return `line ${unknown.line}: ${unknown.message}`;
  for (const node of walkTree(parsed.root)) {
    const value = node.isToken && node.kind === "StringLiteralToken" ? node.value : undefined;
    if (value !== undefined && (bracketedPlaceholder.test(value) || placeholderWords.test(value)))
      return `"${value}" must be replaced by a value`;
  }
  const bareMatch = errors.length > 0 ? bareLine.exec(query) : null;
  return bareMatch ? `${bareMatch[0].trim()} must be replaced by a query` : undefined;
}
