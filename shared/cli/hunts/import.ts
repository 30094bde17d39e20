/** `npm run hunts -- import`: converts query files to hunts and classifies each query. */
import { existsSync, mkdirSync, readFileSync, readdirSync, statSync, writeFileSync } from "node:fs";
import { basename, join, relative } from "node:path";
import { isMap, parseDocument } from "yaml";
import {
  classDescriptions,
  classifyQuery,
  type QueryClassification,
  type QueryClass,
} from "../../kql/compile/classification.ts";
import { adaptQuery } from "../../kql/compile/adapt-query.ts";
import { compileHunt } from "../../kql/compile/compile-hunt.ts";
import { readDeclaredTables } from "../../kql/compile/declared-tables.ts";
import type { QuerySchema } from "../../kql/language/schema.ts";
import { formatProblem } from "./check.ts";
import { toHuntName } from "../../kql/compile/hunt-name.ts";
import { splitBlocks } from "./split-blocks.ts";
import { createHuntYaml, tidyDocument, toBlockText } from "./hunt-yaml.ts";
import { findQueries, type SourceQuery } from "./find-queries.ts";
import { decodeText } from "../../runtime/decode-text.ts";
import { UsageError } from "../command-line.ts";
import { formatCount, formatTable, type Output } from "../output.ts";

/** What to import and where to write it. */
export interface ImportOptions {
  readonly from: string;
  readonly into: string;
  /** Whether `into` is the catalog that other commands read without an option. */
  readonly isCatalog: boolean;
  readonly enable: boolean;
}

interface ImportedQuery {
  readonly source: string;
  readonly class: QueryClass;
  readonly hunt: string;
  readonly why: string;
}

/**
 * One run of the import: what was written so far, by the query's text without blanks and comments.
 */
interface ImportRun extends ImportOptions {
  readonly writtenQueries: Map<string, string>;
  readonly schema: QuerySchema;
}

const queryFileNames = /\.(?:kql|kusto|csl|txt|md|markdown|ya?ml)$/i;

/** Imports a file or a folder. Returns 0, or 1 when there was nothing to read. */
export function importHunts(options: ImportOptions, output: Output): number {
  const { from, into } = options;
  if (!existsSync(from)) throw new UsageError(`There is no file or folder ${from}.`);
  const files = listFiles(from);
  if (files.length === 0) {
    output.error(
      `${from} has no .kql, .kusto, .csl, .txt, .md or .yaml file. Name a file or folder that has one.`,
    );
    return 1;
  }
  const { schema, problems } = readDeclaredTables(into);
  for (const problem of problems) output.error(`warning: ${formatProblem(problem)}`);
  mkdirSync(into, { recursive: true });
  const run: ImportRun = { ...options, writtenQueries: new Map(), schema };
  const lines = files.flatMap((file, index) => {
    output.progress(index, files.length, basename(file));
    return importFile(file, run);
  });
  output.progress(files.length, files.length, "");
  for (const line of formatTable(["class", "hunt", "from", "why"], lines.map(toRow)))
    output.line(line);
  printSummary(lines, options, output);
  return 0;
}

const toRow = ({ source, class: of, hunt, why }: ImportedQuery): readonly string[] => [
  of,
  hunt || "-",
  source,
  why,
];

function listFiles(from: string): readonly string[] {
  if (!statSync(from).isDirectory()) return queryFileNames.test(from) ? [from] : [];
  return readdirSync(from, { recursive: true, encoding: "utf8" })
    .filter((file) => queryFileNames.test(file) && statSync(join(from, file)).isFile())
    .sort()
    .map((file) => join(from, file));
}

function importFile(file: string, run: ImportRun): readonly ImportedQuery[] {
  const source = file === run.from ? basename(file) : relative(run.from, file);
  const nothing = (why: string): readonly ImportedQuery[] => [
    { source, class: "noQuery", hunt: "", why },
  ];
  const decoded = decodeText(readFileSync(file));
  if (decoded.kind === "invalid") return nothing(decoded.message);
  if (/\.ya?ml$/i.test(file)) return [importYaml({ file, source }, decoded.text, run)];
  const queries = findQueries(file, decoded.text).flatMap((query) =>
    splitQueries(query, run.schema),
  );
  if (queries.length === 0) return nothing("the file has no query");
  return queries.map(({ query, adapted }, index) => {
    const number = queries.length > 1 ? index + 1 : undefined;
    const place = number === undefined ? source : `${source}:${query.line}`;
    const hunt = { source: place, name: chooseName(file, number), ...adapted };
    return writeHunt(hunt, run, (name) =>
      createHuntYaml({ ...query, query: adapted.classification.query }, source, {
        name,
        enable: run.enable,
        changes: adapted.changes,
      }),
    );
  });
}

/** A query under today's names, and its class. */
interface AdaptedClassification {
  readonly classification: QueryClassification;
  readonly changes: readonly string[];
}

interface ClassifiedQuery {
  readonly query: SourceQuery;
  readonly adapted: AdaptedClassification;
}

/** Classifies a query; when advanced hunting lacks a table, once more under today's names. */
function classifyAdapted(text: string, schema: QuerySchema): AdaptedClassification {
  const classification = classifyQuery(text, schema);
  if (classification.class !== "otherTables") return { classification, changes: [] };
  const { query, changes } = adaptQuery(classification.query, schema);
  return changes.length === 0
    ? { classification, changes }
    : { classification: classifyQuery(query, schema), changes };
}

const isUnclear = ({ classification }: AdaptedClassification): boolean =>
  ["multipleQueries", "notAccepted"].includes(classification.class);

/** Splits a text of several queries, where the whole is invalid but a part is valid. */
function splitQueries(query: SourceQuery, schema: QuerySchema): readonly ClassifiedQuery[] {
  const adapted = classifyAdapted(query.query, schema);
  const blocks = isUnclear(adapted) ? splitBlocks(query.query) : [];
  if (blocks.length < 2) return [{ query, adapted }];
  const parts = blocks.map((block, index) => ({
    query: {
      ...query,
      query: block.query,
      line: query.line + block.line,
      title: `${query.title} (${index + 1})`,
    },
    adapted: classifyAdapted(block.query, schema),
  }));
  const isAnyValid = parts.some(
    (part) => !isUnclear(part.adapted) && part.adapted.classification.class !== "noQuery",
  );
  return isAnyValid ? parts : [{ query, adapted }];
}

/** Imports a YAML hunt: tidies lists, renames misspelled keys, changes `enabled`. */
function importYaml(
  { file, source }: { readonly file: string; readonly source: string },
  text: string,
  run: ImportRun,
): ImportedQuery {
  const document = parseDocument(text);
  const isMapping = document.errors.length === 0 && isMap(document.contents);
  const renamedKeys = isMapping ? tidyDocument(document) : [];
  const query: unknown = isMapping ? document.get("query") : undefined;
  if (typeof query !== "string")
    return { source, class: "noQuery", hunt: "", why: "the YAML file has no key query" };
  const adapted = classifyAdapted(query, run.schema);
  if (adapted.changes.length > 0) document.set("query", toBlockText(adapted.classification.query));
  document.set("enabled", run.enable);
  const hunt = { source, name: chooseName(file, undefined), ...adapted };
  const changes = [...renamedKeys, ...adapted.changes];
  if (changes.length > 0) document.commentBefore = ` Changed by the import: ${changes.join("; ")}.`;
  return writeHunt({ ...hunt, changes }, run, () => document.toString({ lineWidth: 0 }));
}

function chooseName(file: string, number: number | undefined): string {
  const name = toHuntName(
    number === undefined ? file : `${basename(file).replace(/\.[^.]+$/, "")}-${number}.yaml`,
  );
  return name ?? `hunt-${number ?? 1}`;
}

interface ClassifiedHunt extends AdaptedClassification {
  readonly source: string;
  readonly name: string;
}

/**
 * Writes the hunt when the check accepts it: any other would stop the build. A query that was
 * written before is not written again.
 */
function writeHunt(
  { source, classification, changes, name }: ClassifiedHunt,
  { into, writtenQueries, schema }: ImportRun,
  toYaml: (name: string) => string,
): ImportedQuery {
  const why = [classification.reason, ...changes].join("; ");
  const line = { source, class: classification.class, why };
  if (classification.class !== "window" && classification.class !== "snapshot")
    return { ...line, hunt: "" };
  const queryKey = compactQuery(classification.query);
  const sameHunt = writtenQueries.get(queryKey);
  if (sameHunt !== undefined) return { ...line, hunt: "", why: `same query as ${sameHunt}` };
  const freeName = findFreeName(name, into, toYaml);
  if (!freeName.isSame) {
    const yaml = toYaml(freeName.name);
    const [problem] = compileHunt(`${freeName.name}.yaml`, freeName.name, yaml, schema).problems;
    if (problem)
      return {
        ...line,
        class: "notAccepted",
        hunt: "",
        why: `the check refuses it: ${problem.message}`,
      };
    writeFileSync(join(into, `${freeName.name}.yaml`), yaml);
  }
  writtenQueries.set(queryKey, freeName.name);
  return { ...line, hunt: freeName.name, why: freeName.isSame ? `${why}; already imported` : why };
}

/** A query without comments and blanks, to recognize it again. */
const compactQuery = (query: string): string =>
  query
    .split("\n")
    .map((line) => line.replace(/^\s*\/\/.*$/, ""))
    .join("\n")
    .replaceAll(/\s+/g, "");

/** Adds a number to the name when another hunt has it; `isSame` when that hunt is this one. */
function findFreeName(
  name: string,
  into: string,
  text: (name: string) => string,
): { name: string; isSame: boolean } {
  for (let number = 1; ; number += 1) {
    const candidate = number === 1 ? name : (toHuntName(`${name}-${number}.yaml`) ?? name);
    const path = join(into, `${candidate}.yaml`);
    if (!existsSync(path)) return { name: candidate, isSame: false };
    if (readFileSync(path, "utf8") === text(candidate)) return { name: candidate, isSame: true };
  }
}

/** What to do about each class, for the summary. */
const nextSteps: Readonly<Record<QueryClass, string>> = {
  window: "",
  snapshot: "",
  otherTables: "declare the tables, or leave the query to the product that has them",
  placeholder: "fill in the value and import again",
  multipleQueries: "give each query a file of its own",
  notAccepted: "correct the query in the portal's editor and import again",
  noQuery: "",
};

function printSummary(
  lines: readonly ImportedQuery[],
  { into, enable, isCatalog }: ImportOptions,
  output: Output,
): void {
  output.line("");
  for (const [of, text] of Object.entries(classDescriptions) as [QueryClass, string][]) {
    const count = lines.filter((line) => line.class === of).length;
    const next = nextSteps[of] === "" ? "" : `: ${nextSteps[of]}`;
    if (count > 0) output.line(`${String(count).padStart(5)}  ${of.padEnd(15)} ${text}${next}`);
  }
  const duplicates = lines.filter(({ why }) => why.startsWith("same query as ")).length;
  if (duplicates > 0)
    output.line(`${String(duplicates).padStart(5)}  ${"of these".padEnd(15)} were written once`);
  const huntCount = lines.filter(({ hunt }) => hunt !== "").length;
  const check = `npm run hunts${isCatalog ? "" : ` -- --catalog ${relative(".", into) || "."}`}`;
  const next =
    huntCount === 0
      ? "fix the queries above and import again"
      : enable
        ? check
        : `set enabled: true in the hunts that should run, then ${check}`;
  output.line(`${formatCount(huntCount, "hunt")} in ${relative(".", into) || "."}. Next: ${next}.`);
}
