/** What a query of anybody's is worth here: it runs, or why it does not. For imports, which meet queries of every kind. */
import { analyzeQuery, type Analysis } from "./analysis.ts";
import { selectMainObstacle, describeObstacle } from "./obstacles.ts";
import { walkTree, type KqlDiagnostic } from "../language/parser.ts";

/** The classes of an import, in the order of the summary. */
export type QueryClass =
  | "window"
  | "snapshot"
  | "other-tables"
  | "placeholder"
  | "several"
  | "not-accepted";

/** Words for each class. */
export const classDescriptions: Readonly<Record<QueryClass, string>> = {
  window: "runs here, each row exported once",
  snapshot: "runs here as a snapshot, cannot be windowed",
  "other-tables": "needs another product's tables",
  placeholder: "has a placeholder to fill in",
  several: "holds several queries",
  "not-accepted": "is not accepted by the parser",
};

/** A query's class, why, and the text that was judged. */
export interface QueryClassification {
  readonly class: QueryClass;
  readonly reason: string;
  /** The query, without invisible characters where they made it unreadable. */
  readonly query: string;
  readonly analysis: Analysis;
}

/** Judges one query. Never throws. */
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
    return createResult("other-tables", `advanced hunting has no ${unknownTables.join(", ")}`);
  const secondQuery = findSecondResult(analysis.errors);
  if (secondQuery)
    return createResult(
      "several",
      `line ${secondQuery.line}: ${secondQuery.message}; give each a file of its own`,
    );
  const [error] = analysis.errors;
  if (error)
    return createResult("not-accepted", `line ${error.line}:${error.column}: ${error.message}`);
  const obstacle = selectMainObstacle(analysis.obstacles);
  return obstacle
    ? createResult("snapshot", describeObstacle(obstacle))
    : createResult("window", "every operator works row by row");
}

/** Where a second query begins, when nothing but the semicolon between the two is missing. */
function findSecondResult(errors: readonly KqlDiagnostic[]): KqlDiagnostic | undefined {
  const rest = errors.filter(({ code, message }) => code !== "HL001" && message !== "Expected: ;");
  return rest.length === 0 ? errors.find(({ code }) => code === "HL001") : undefined;
}

/** Copied text often carries a byte-order mark, zero-width and no-break spaces, which no KQL parser reads. */
function removeInvisibleChars(query: string): string {
  const clean = query.replaceAll(/[\u200B-\u200D\u2060\uFEFF]/g, "").replaceAll("\u00A0", " ");
  return clean === query || analyzeQuery(query).errors.length === 0 ? query : clean;
}

/** Names that the schema lacks where a table or a function belongs; the columns of Sentinel's tables tell it, too. */
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

/** `<Insert name>`, `<DeviceId>`, `[DEVICE NAME]`; `<script>` and `[A-Z]` are values of their own. */
const bracketedPlaceholder =
  /^\s*(?:<\s*(?:[A-Z_]\w*|\w[\w'/-]*(?: [\w'/-]+)+)\s*>|\[[A-Z][A-Z _]{3,}\])\s*$/;
const placeholderWords =
  /\b(?:goes here|(?:insert|put|enter|replace|change|add|fill in)[ _-](?:here|with|me|this|your|the|a|query|file|name|hash|ip|value)\b|changeme|placeholder)/i;

/** A text that asks the reader to put something in: `<DeviceId>`, `{{Sha1}}`, `FILENAME GOES HERE`. */
function findPlaceholder({ errors, parsed, query }: Analysis): string | undefined {
  const unknown = errors.find(({ code }) => code === "HL003");
  if (unknown) return `line ${unknown.line}: ${unknown.message}`;
  for (const node of walkTree(parsed.root)) {
    const value = node.isToken && node.kind === "StringLiteralToken" ? node.value : undefined;
    if (value !== undefined && (bracketedPlaceholder.test(value) || placeholderWords.test(value)))
      return `"${value}" asks for a value of yours`;
  }
  const bareMatch = errors.length > 0 ? /^\s*<[^<>\n]*[a-z][^<>\n]*>\s*$/im.exec(query) : null;
  return bareMatch ? `${bareMatch[0].trim()} asks for a query of yours` : undefined;
}
