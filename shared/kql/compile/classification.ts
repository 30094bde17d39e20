/** Classifies queries of any origin for imports: whether a query runs in Huntline, or why not. */
import { analyzeQuery, type Analysis } from "./analysis.ts";
import { selectMainObstacle, describeObstacle } from "./obstacles.ts";
import { walkTree, type KqlDiagnostic } from "../language/parser.ts";

/** Classes of imported queries, in the order of the summary. */
export type QueryClass =
  | "window"
  | "snapshot"
  | "otherTables"
  | "placeholder"
  | "multipleQueries"
  | "notAccepted";

/** A phrase for each class. */
export const classDescriptions: Readonly<Record<QueryClass, string>> = {
  window: "runs here, each row exported once",
  snapshot: "runs here as a snapshot, cannot be windowed",
  otherTables: "needs another product's tables",
  placeholder: "has a placeholder to fill in",
  multipleQueries: "holds several queries",
  notAccepted: "is not accepted by the parser",
};

/** A query's class, the reason and the text that was analyzed. */
export interface QueryClassification {
  readonly class: QueryClass;
  readonly reason: string;
  /** The query, without invisible characters if the parser refused them. */
  readonly query: string;
  readonly analysis: Analysis;
}

/** Classifies one query. Never throws. */
export function classifyQuery(text: string): QueryClassification {
  const query = removeInvisibleChars(text.replaceAll("\r\n", "\n"));
  const analysis = analyzeQuery(query);
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
  const obstacle = selectMainObstacle(analysis.obstacles);
  return obstacle
    ? createResult("snapshot", describeObstacle(obstacle))
    : createResult("window", "every operator works row by row");
}

/** Returns where a second query begins, if only the semicolon between the two is missing. */
function findSecondResult(errors: readonly KqlDiagnostic[]): KqlDiagnostic | undefined {
  const rest = errors.filter(({ code, message }) => code !== "HL001" && message !== "Expected: ;");
  return rest.length === 0 ? errors.find(({ code }) => code === "HL001") : undefined;
}

/** Removes byte-order marks, zero-width and no-break spaces, which the parser refuses. */
function removeInvisibleChars(query: string): string {
  const clean = query.replaceAll(/[\u200B-\u200D\u2060\uFEFF]/g, "").replaceAll("\u00A0", " ");
  return clean === query || analyzeQuery(query).errors.length === 0 ? query : clean;
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
const fillVerbs = "insert|put|enter|replace|change|add|fill in";
const fillObjects = "here|with|me|this|your|the|a|query|file|name|hash|ip|value";
const placeholderWords = new RegExp(
  String.raw`\b(?:goes here|(?:${fillVerbs})[ _-](?:${fillObjects})\b|changeme|placeholder)`,
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
  const bareMatch = errors.length > 0 ? /^\s*<[^<>\n]*[a-z][^<>\n]*>\s*$/im.exec(query) : null;
  return bareMatch ? `${bareMatch[0].trim()} must be replaced by a query` : undefined;
}
