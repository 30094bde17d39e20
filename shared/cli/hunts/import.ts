/** `npm run hunts -- import`: other people's queries to hunts of this catalogue, each judged. */
import { existsSync, mkdirSync, readFileSync, readdirSync, statSync, writeFileSync } from "node:fs";
import { basename, join, relative } from "node:path";
import { Document, Scalar, parseDocument } from "yaml";
import {
  classWords,
  judge,
  type Judgement,
  type QueryClass,
} from "../../kql/compile/classification.ts";
import { huntName } from "../../kql/compile/hunt-name.ts";
import { blocksOf } from "./blocks.ts";
import { queriesIn, type FoundQuery } from "./fences.ts";
import { table, type Output } from "./output.ts";

/** Where to read, where to write, and whether the hunts get timers at once. */
export interface ImportOrder {
  readonly from: string;
  readonly into: string;
  readonly enable: boolean;
}

interface Line {
  readonly source: string;
  readonly class: QueryClass | "no-query";
  readonly hunt: string;
  readonly why: string;
}

const readable = /\.(?:kql|csl|txt|md|markdown|ya?ml)$/i;

/** Imports a file or a folder. Returns the exit code: 0, or 1 when there was nothing to read. */
export function importHunts({ from, into, enable }: ImportOrder, output: Output): number {
  const files = filesOf(from);
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
  for (const line of table(["class", "hunt", "from", "why"], lines.map(asRow))) output.line(line);
  summarize(lines, into, enable, output);
  return 0;
}

const asRow = ({ source, class: of, hunt, why }: Line): readonly string[] => [
  of,
  hunt || "-",
  source,
  why,
];

function filesOf(from: string): readonly string[] {
  if (!existsSync(from)) return [];
  if (!statSync(from).isDirectory()) return readable.test(from) ? [from] : [];
  return readdirSync(from, { recursive: true, encoding: "utf8" })
    .filter((file) => readable.test(file) && statSync(join(from, file)).isFile())
    .sort()
    .map((file) => join(from, file));
}

function importFile(file: string, from: string, into: string, enable: boolean): readonly Line[] {
  const source = file === from ? basename(file) : relative(from, file);
  const text = readFileSync(file, "utf8");
  if (/\.ya?ml$/i.test(file)) return [importYaml(file, source, text, into, enable)];
  const found = queriesIn(file, text).flatMap(apart);
  if (found.length === 0)
    return [{ source, class: "no-query", hunt: "", why: "no query in this file" }];
  return found.map(({ query, judged }, index) => {
    const place = found.length > 1 ? `${source}:${query.line}` : source;
    const write = (name: string): string => hunt(query, judged.query, source, enable, name);
    return written(
      place,
      judged,
      nameFor(file, found.length > 1 ? index + 1 : undefined),
      into,
      write,
    );
  });
}

interface JudgedQuery {
  readonly query: FoundQuery;
  readonly judged: Judgement;
}

/** One text may hold several queries; it is taken apart when it is no query as a whole but its parts are. */
function apart(query: FoundQuery): readonly JudgedQuery[] {
  const judged = judge(query.query);
  if (judged.class !== "several" && judged.class !== "not-accepted") return [{ query, judged }];
  const parts = blocksOf(query.query).map((block, index) => ({
    query: {
      ...query,
      query: block.query,
      line: query.line + block.line,
      title: `${query.title} (${index + 1})`,
    },
    judged: judge(block.query),
  }));
  const sound = parts.filter((part) => !["several", "not-accepted"].includes(part.judged.class));
  return parts.length > 1 && sound.length > 0 ? parts : [{ query, judged }];
}

/** A hunt that is YAML already stays as it is but for `enabled`. */
function importYaml(
  file: string,
  source: string,
  text: string,
  into: string,
  enable: boolean,
): Line {
  const document = parseDocument(text);
  const query: unknown = document.errors.length > 0 ? undefined : document.get("query");
  if (typeof query !== "string")
    return { source, class: "no-query", hunt: "", why: "no key query in this YAML file" };
  document.set("enabled", enable);
  return written(source, judge(query), nameFor(file, undefined), into, () =>
    document.toString({ lineWidth: 0 }),
  );
}

function nameFor(file: string, number: number | undefined): string {
  const name = huntName(
    number === undefined ? file : `${basename(file).replace(/\.[^.]+$/, "")}-${number}.yaml`,
  );
  return name ?? `hunt-${number ?? 1}`;
}

/** Only what runs here is written: anything else would stop the build. */
function written(
  source: string,
  judged: Judgement,
  name: string,
  into: string,
  text: (name: string) => string,
): Line {
  const line = { source, class: judged.class, why: judged.why };
  if (judged.class !== "window" && judged.class !== "snapshot") return { ...line, hunt: "" };
  const free = freeName(name, into, text);
  if (free.same) return { ...line, hunt: free.name, why: `${judged.why}; it is there already` };
  writeFileSync(join(into, `${free.name}.yaml`), text(free.name));
  return { ...line, hunt: free.name };
}

/** The name itself, or with a number when another hunt has it; `same` when that hunt is this one. */
function freeName(
  name: string,
  into: string,
  text: (name: string) => string,
): { name: string; same: boolean } {
  for (let number = 1; ; number += 1) {
    const tried = number === 1 ? name : (huntName(`${name}-${number}.yaml`) ?? name);
    const path = join(into, `${tried}.yaml`);
    if (!existsSync(path)) return { name: tried, same: false };
    if (readFileSync(path, "utf8") === text(tried)) return { name: tried, same: true };
  }
}

function hunt(
  found: FoundQuery,
  query: string,
  source: string,
  enable: boolean,
  name: string,
): string {
  const block = new Scalar(`${query}\n`);
  block.type = Scalar.BLOCK_LITERAL;
  const document = new Document({
    name: found.title || name,
    description: found.description || found.title || name,
    ...(found.tactics.length > 0 ? { tactics: found.tactics } : {}),
    ...(found.techniques.length > 0 ? { relevantTechniques: found.techniques } : {}),
    query: block,
    enabled: enable,
  });
  document.commentBefore = ` Imported from ${source.replaceAll(/[\r\n]/g, " ")}`;
  return document.toString({ lineWidth: 110 });
}

function summarize(lines: readonly Line[], into: string, enable: boolean, output: Output): void {
  const words: Readonly<Record<Line["class"], string>> = {
    ...classWords,
    "no-query": "no query in the file",
  };
  output.line("");
  for (const [of, text] of Object.entries(words)) {
    const count = lines.filter((line) => line.class === of).length;
    if (count > 0) output.line(`${String(count).padStart(5)}  ${of.padEnd(13)} ${text}`);
  }
  const made = lines.filter(({ hunt }) => hunt !== "").length;
  const next = enable
    ? "npm run hunts checks them"
    : "write enabled: true in those you want, then npm run hunts";
  output.line(
    `${made} hunts are in ${relative(".", into) || "."}. Next: ${made > 0 ? next : "mend the queries named above and import again"}.`,
  );
}
