/** `npm run hunts -- import`: other people's queries to hunts of this catalogue, each judged. */
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
import { formatTable, type Output } from "../output.ts";

/** Where to read, where to write, and whether the hunts get timers at once. */
export interface ImportOptions {
  readonly from: string;
  readonly into: string;
  readonly enable: boolean;
}

interface ImportedQuery {
  readonly source: string;
  readonly class: QueryClass | "no-query";
  readonly hunt: string;
  readonly why: string;
}

const queryFileNames = /\.(?:kql|csl|txt|md|markdown|ya?ml)$/i;

/** Imports a file or a folder. Returns the exit code: 0, or 1 when there was nothing to read. */
export function importHunts({ from, into, enable }: ImportOptions, output: Output): number {
  const files = listFiles(from);
  if (files.length === 0) {
    output.error(
      `${from} holds no .kql, .csl, .txt, .md or .yaml file. Name a file or a folder that does.`,
    );
    return 1;
  }
  mkdirSync(into, { recursive: true });
  const lines = files.flatMap((file, index) => {
    output.progress(index, files.length, basename(file));
    return importFile(file, from, into, enable);
  });
  output.progress(files.length, files.length, "");
  for (const line of formatTable(["class", "hunt", "from", "why"], lines.map(toRow)))
    output.line(line);
  printSummary(lines, into, enable, output);
  return 0;
}

const toRow = ({ source, class: of, hunt, why }: ImportedQuery): readonly string[] => [
  of,
  hunt || "-",
  source,
  why,
];

function listFiles(from: string): readonly string[] {
  if (!existsSync(from)) return [];
  if (!statSync(from).isDirectory()) return queryFileNames.test(from) ? [from] : [];
  return readdirSync(from, { recursive: true, encoding: "utf8" })
    .filter((file) => queryFileNames.test(file) && statSync(join(from, file)).isFile())
    .sort()
    .map((file) => join(from, file));
}

function importFile(
  file: string,
  from: string,
  into: string,
  enable: boolean,
): readonly ImportedQuery[] {
  const source = file === from ? basename(file) : relative(from, file);
  const text = readFileSync(file, "utf8");
  if (/\.ya?ml$/i.test(file)) return [importYaml(file, source, text, into, enable)];
  const queries = findQueries(file, text).flatMap(splitQueries);
  if (queries.length === 0)
    return [{ source, class: "no-query", hunt: "", why: "no query in this file" }];
  return queries.map(({ query, classification }, index) => {
    const place = queries.length > 1 ? `${source}:${query.line}` : source;
    const toYaml = (name: string): string =>
      createHuntYaml(query, classification.query, source, enable, name);
    return writeHunt(
      place,
      classification,
      chooseName(file, queries.length > 1 ? index + 1 : undefined),
      into,
      toYaml,
    );
  });
}

interface ClassifiedQuery {
  readonly query: SourceQuery;
  readonly classification: QueryClassification;
}

/** One text may hold several queries; it is taken apart when it is no query as a whole but its parts are. */
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

/** A hunt that is YAML already stays as it is but for `enabled`. */
function importYaml(
  file: string,
  source: string,
  text: string,
  into: string,
  enable: boolean,
): ImportedQuery {
  const document = parseDocument(text);
  const query: unknown = document.errors.length > 0 ? undefined : document.get("query");
  if (typeof query !== "string")
    return { source, class: "no-query", hunt: "", why: "no key query in this YAML file" };
  document.set("enabled", enable);
  return writeHunt(source, classifyQuery(query), chooseName(file, undefined), into, () =>
    document.toString({ lineWidth: 0 }),
  );
}

function chooseName(file: string, number: number | undefined): string {
  const name = toHuntName(
    number === undefined ? file : `${basename(file).replace(/\.[^.]+$/, "")}-${number}.yaml`,
  );
  return name ?? `hunt-${number ?? 1}`;
}

/** Only what runs here is written: anything else would stop the build. */
function writeHunt(
  source: string,
  classification: QueryClassification,
  name: string,
  into: string,
  text: (name: string) => string,
): ImportedQuery {
  const line = { source, class: classification.class, why: classification.reason };
  if (classification.class !== "window" && classification.class !== "snapshot")
    return { ...line, hunt: "" };
  const freeName = findFreeName(name, into, text);
  if (freeName.isSame)
    return { ...line, hunt: freeName.name, why: `${classification.reason}; it is there already` };
  writeFileSync(join(into, `${freeName.name}.yaml`), text(freeName.name));
  return { ...line, hunt: freeName.name };
}

/** The name itself, or with a number when another hunt has it; `isSame` when that hunt is this one. */
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
  query: string,
  source: string,
  enable: boolean,
  name: string,
): string {
  const block = new Scalar(`${query}\n`);
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
  into: string,
  enable: boolean,
  output: Output,
): void {
  const classLabels: Readonly<Record<ImportedQuery["class"], string>> = {
    ...classDescriptions,
    "no-query": "no query in the file",
  };
  output.line("");
  for (const [of, text] of Object.entries(classLabels)) {
    const count = lines.filter((line) => line.class === of).length;
    if (count > 0) output.line(`${String(count).padStart(5)}  ${of.padEnd(13)} ${text}`);
  }
  const huntCount = lines.filter(({ hunt }) => hunt !== "").length;
  const next = enable
    ? "npm run hunts checks them"
    : "write enabled: true in those you want, then npm run hunts";
  output.line(
    `${huntCount} hunts are in ${relative(".", into) || "."}. Next: ${huntCount > 0 ? next : "mend the queries named above and import again"}.`,
  );
}
