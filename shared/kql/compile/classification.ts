/** What a query of anybody's is worth here: it runs, or why it does not. For imports, which meet queries of every kind. */
import { analyse, type Analysis } from "./analysis.ts";
import { foremost, inWords } from "./obstacles.ts";
import { walk, type KqlDiagnostic } from "../language/parser.ts";

/** The classes of an import, in the order of the summary. */
export type QueryClass =
  | "window"
  | "snapshot"
  | "other-tables"
  | "placeholder"
  | "several"
  | "not-accepted";

/** Words for each class. */
export const classWords: Readonly<Record<QueryClass, string>> = {
  window: "runs here, each row exported once",
  snapshot: "runs here as a snapshot, cannot be windowed",
  "other-tables": "needs another product's tables",
  placeholder: "has a placeholder to fill in",
  several: "holds several queries",
  "not-accepted": "is not accepted by the parser",
};

/** A query's class, why, and the text that was judged. */
export interface Judgement {
  readonly class: QueryClass;
  readonly why: string;
  /** The query, without invisible characters where they made it unreadable. */
  readonly query: string;
  readonly analysis: Analysis;
}

/** Judges one query. Never throws. */
export function judge(text: string): Judgement {
  const query = readable(text.replaceAll("\r\n", "\n"));
  const analysis = analyse(query);
  const found = (of: QueryClass, why: string): Judgement => ({ class: of, why, query, analysis });
  const placeholder = placeholderIn(analysis);
  if (placeholder !== undefined) return found("placeholder", placeholder);
  const other = otherTables(analysis.errors);
  if (other) return found("other-tables", `advanced hunting has no ${other.join(", ")}`);
  const several = secondResult(analysis.errors);
  if (several)
    return found(
      "several",
      `line ${several.line}: ${several.message}; give each a file of its own`,
    );
  const [error] = analysis.errors;
  if (error) return found("not-accepted", `line ${error.line}:${error.column}: ${error.message}`);
  const obstacle = foremost(analysis.obstacles);
  return obstacle
    ? found("snapshot", inWords(obstacle))
    : found("window", "every operator works row by row");
}

/** Where a second query begins, when nothing but the semicolon between the two is missing. */
function secondResult(errors: readonly KqlDiagnostic[]): KqlDiagnostic | undefined {
  const rest = errors.filter(({ code, message }) => code !== "HL001" && message !== "Expected: ;");
  return rest.length === 0 ? errors.find(({ code }) => code === "HL001") : undefined;
}

/** Copied text often carries a byte-order mark, zero-width and no-break spaces, which no KQL parser reads. */
function readable(query: string): string {
  const clean = query.replaceAll(/[\u200B-\u200D\u2060\uFEFF]/g, "").replaceAll("\u00A0", " ");
  return clean === query || analyse(query).errors.length === 0 ? query : clean;
}

/** Names that the schema lacks where a table or a function belongs; the columns of Sentinel's tables tell it, too. */
function otherTables(errors: readonly KqlDiagnostic[]): readonly string[] | undefined {
  const names = errors.flatMap(({ code, message }) => {
    const name = /'([^']+)'/.exec(message)?.[1];
    if (name === undefined) return [];
    const missing =
      code === "KS204" || code === "KS211" || /any known (table|function)/.test(message);
    return missing || name === "TimeGenerated" ? [name] : [];
  });
  return names.length > 0 ? [...new Set(names)] : undefined;
}

/** `<Insert name>`, `<DeviceId>`, `[DEVICE NAME]`; `<script>` and `[A-Z]` are values of their own. */
const angled = /^\s*(?:<\s*(?:[A-Z_]\w*|\w[\w'/-]*(?: [\w'/-]+)+)\s*>|\[[A-Z][A-Z _]{3,}\])\s*$/;
const askedFor =
  /\b(?:goes here|(?:insert|put|enter|replace|change|add|fill in)[ _-](?:here|with|me|this|your|the|a|query|file|name|hash|ip|value)\b|changeme|placeholder)/i;

/** A text that asks the reader to put something in: `<DeviceId>`, `{{Sha1}}`, `FILENAME GOES HERE`. */
function placeholderIn({ errors, parsed, query }: Analysis): string | undefined {
  const unknown = errors.find(({ code }) => code === "HL003");
  if (unknown) return `line ${unknown.line}: ${unknown.message}`;
  for (const node of walk(parsed.root)) {
    const value = node.isToken && node.kind === "StringLiteralToken" ? node.value : undefined;
    if (value !== undefined && (angled.test(value) || askedFor.test(value)))
      return `"${value}" asks for a value of yours`;
  }
  const bare = errors.length > 0 ? /^\s*<[^<>\n]*[a-z][^<>\n]*>\s*$/im.exec(query) : null;
  return bare ? `${bare[0].trim()} asks for a query of yours` : undefined;
}
