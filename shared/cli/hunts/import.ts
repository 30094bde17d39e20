/** `npm run hunts -- import`: converts query files to hunts and classifies each query. */
import { existsSync, mkdirSync, readFileSync, readdirSync, statSync, writeFileSync } from "node:fs";
import { basename, join, relative } from "node:path";
import { Document, Scalar, parseDocument } from "yaml";
import {
  classDescriptions,
  classifyQuery,
  type QueryClassification,
  type QueryClass,
} from "../../kql/compile/classification.ts";
import { toHuntName } from "../../kql/compile/hunt-name.ts";
import { splitBlocks } from "./split-blocks.ts";
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
  readonly class: QueryClass | "no-query";
  readonly hunt: string;
  readonly why: string;
}

const queryFileNames = /\.(?:kql|csl|txt|md|markdown|ya?ml)$/i;

/** Imports a file or a folder. Returns 0, or 1 when there was nothing to read. */
export function importHunts(options: ImportOptions, output: Output): number {
  const { from, into } = options;
  if (!existsSync(from)) throw new UsageError(`There is no file or folder ${from}.`);
  const files = listFiles(from);
  if (files.length === 0) {
    output.error(
      `${from} has no .kql, .csl, .txt, .md or .yaml file. Name a file or folder that has one.`,
    );
    return 1;
  }
  mkdirSync(into, { recursive: true });
  const lines = files.flatMap((file, index) => {
    output.progress(index, files.length, basename(file));
    return importFile(file, options);
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

function importFile(file: string, options: ImportOptions): readonly ImportedQuery[] {
  const source = file === options.from ? basename(file) : relative(options.from, file);
  const decoded = decodeText(readFileSync(file));
  if (decoded.kind === "invalid")
    return [{ source, class: "no-query", hunt: "", why: decoded.message }];
  if (/\.ya?ml$/i.test(file)) return [importYaml({ file, source }, decoded.text, options)];
  const queries = findQueries(file, decoded.text).flatMap(splitQueries);
  if (queries.length === 0)
    return [{ source, class: "no-query", hunt: "", why: "the file has no query" }];
  return queries.map(({ query, classification }, index) => {
    const number = queries.length > 1 ? index + 1 : undefined;
    const place = number === undefined ? source : `${source}:${query.line}`;
    return writeHunt({ source: place, classification, name: chooseName(file, number) }, options, {
      toYaml: (name) =>
        createHuntYaml({ ...query, query: classification.query }, source, {
          name,
          enable: options.enable,
        }),
    });
  });
}

interface ClassifiedQuery {
  readonly query: SourceQuery;
  readonly classification: QueryClassification;
}

/** Splits a text of several queries, where the whole is invalid but a part is valid. */
function splitQueries(query: SourceQuery): readonly ClassifiedQuery[] {
  const classification = classifyQuery(query.query);
  if (classification.class !== "multipleQueries" && classification.class !== "notAccepted")
    return [{ query, classification }];
  const parts = splitBlocks(query.query).map((block, index) => ({
    query: {
      ...query,
      query: block.query,
      line: query.line + block.line,
      title: `${query.title} (${index + 1})`,
    },
    classification: classifyQuery(block.query),
  }));
  const validParts = parts.filter(
    (part) => !["multipleQueries", "notAccepted"].includes(part.classification.class),
  );
  return parts.length > 1 && validParts.length > 0 ? parts : [{ query, classification }];
}

/** Imports a YAML hunt; only `enabled` is changed. */
function importYaml(
  { file, source }: { readonly file: string; readonly source: string },
  text: string,
  options: ImportOptions,
): ImportedQuery {
  const document = parseDocument(text);
  const query: unknown = document.errors.length > 0 ? undefined : document.get("query");
  if (typeof query !== "string")
    return { source, class: "no-query", hunt: "", why: "the YAML file has no key query" };
  document.set("enabled", options.enable);
  const hunt = { source, classification: classifyQuery(query), name: chooseName(file, undefined) };
  return writeHunt(hunt, options, { toYaml: () => document.toString({ lineWidth: 0 }) });
}

function chooseName(file: string, number: number | undefined): string {
  const name = toHuntName(
    number === undefined ? file : `${basename(file).replace(/\.[^.]+$/, "")}-${number}.yaml`,
  );
  return name ?? `hunt-${number ?? 1}`;
}

interface ClassifiedHunt {
  readonly source: string;
  readonly classification: QueryClassification;
  readonly name: string;
}

/** Writes the hunt when it can run in Huntline: any other would stop the build. */
function writeHunt(
  { source, classification, name }: ClassifiedHunt,
  { into }: ImportOptions,
  { toYaml }: { readonly toYaml: (name: string) => string },
): ImportedQuery {
  const line = { source, class: classification.class, why: classification.reason };
  if (classification.class !== "window" && classification.class !== "snapshot")
    return { ...line, hunt: "" };
  const freeName = findFreeName(name, into, toYaml);
  if (freeName.isSame)
    return { ...line, hunt: freeName.name, why: `${classification.reason}; already imported` };
  writeFileSync(join(into, `${freeName.name}.yaml`), toYaml(freeName.name));
  return { ...line, hunt: freeName.name };
}

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

function createHuntYaml(
  sourceQuery: SourceQuery,
  source: string,
  { name, enable }: { readonly name: string; readonly enable: boolean },
): string {
  const block = new Scalar(`${sourceQuery.query}\n`);
  block.type = Scalar.BLOCK_LITERAL;
  const document = new Document({
    name: sourceQuery.title || name,
    description: sourceQuery.description || sourceQuery.title || name,
    ...(sourceQuery.tactics.length > 0 ? { tactics: sourceQuery.tactics } : {}),
    ...(sourceQuery.techniques.length > 0 ? { relevantTechniques: sourceQuery.techniques } : {}),
    query: block,
    enabled: enable,
  });
  document.commentBefore = ` Imported from ${source.replaceAll(/[\r\n]/g, " ")}`;
  return document.toString({ lineWidth: 110 });
}

function printSummary(
  lines: readonly ImportedQuery[],
  { into, enable, isCatalog }: ImportOptions,
  output: Output,
): void {
  const classLabels: Readonly<Record<ImportedQuery["class"], string>> = {
    ...classDescriptions,
    "no-query": "the file has no query",
  };
  output.line("");
  for (const [of, text] of Object.entries(classLabels)) {
    const count = lines.filter((line) => line.class === of).length;
    if (count > 0) output.line(`${String(count).padStart(5)}  ${of.padEnd(13)} ${text}`);
  }
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
