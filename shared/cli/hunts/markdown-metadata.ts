/** Reads what public Markdown hunts say about their queries: description, tactics, techniques. */
import { parse } from "yaml";
import type { Fence } from "./fences.ts";

/** What a text says about a query. */
export interface QueryMetadata {
  readonly description: string;
  readonly tactics: readonly string[];
  readonly techniques: readonly string[];
  readonly severity: string | undefined;
}

/** A part of a Markdown text: a heading and the lines up to the next heading. */
export interface MarkdownSection {
  readonly heading: string;
  /** 1 for `#`, 2 for `##` …; 0 for the lines before the first heading. */
  readonly level: number;
  /** Index of the heading's line in the text. */
  readonly line: number;
  /** The lines of the section without those of code fences. */
  readonly lines: readonly string[];
  /** Whether the section has a code fence. */
  readonly hasFence: boolean;
}

const tacticNames = [
  "Reconnaissance",
  "Resource Development",
  "Initial Access",
  "Execution",
  "Persistence",
  "Privilege Escalation",
  "Defense Evasion",
  "Credential Access",
  "Discovery",
  "Lateral Movement",
  "Collection",
  "Command And Control",
  "Exfiltration",
  "Impact",
];

/** Finds techniques such as `T1059.001` in a text, each once. */
export const findTechniques = (text: string): readonly string[] => [
  ...new Set(text.match(/\bT1\d{3}(?:\.\d{3})?\b/g) ?? []),
];

/**
 * Finds tactics: ticked in a table (`| Execution | v | |`), in a column or row `Tactic`, or after
 * the word, as in `**Tactics**: Execution, Persistence`.
 */
function findTactics(lines: readonly string[]): readonly string[] {
  const named = lines.flatMap((line, index) => {
    const isTacticLine = /^[\s|>*_#-]*(?:mitre\s+)?tactics?\b/i.test(line);
    const followsHeader = index > 0 && isTacticHeader(lines, index);
    return isTacticLine || followsHeader ? namesIn(line) : tickedName(line);
  });
  return tacticNames.filter((name) => named.includes(name));
}

/** True when this table row is below a header row that has a cell `Tactic`. */
function isTacticHeader(lines: readonly string[], index: number): boolean {
  for (let row = index; row >= 0 && lines[row]?.trimStart().startsWith("|") === true; row -= 1)
    if (/\|[\s*]*tactics?[\s*]*\|/i.test(lines[row] ?? "")) return row < index;
  return false;
}

const namesIn = (line: string): readonly string[] =>
  tacticNames.filter((name) =>
    new RegExp(String.raw`\b${name.replaceAll(" ", String.raw`[\s_-]?`)}\b`, "i").test(line),
  );

const tickedName = (line: string): readonly string[] => {
  const [, name = ""] =
    /^\s*\|\s*([A-Za-z ]+?)\s*\|\s*(?:[vx✓✔]|:heavy_check_mark:)\s*\|/i.exec(line) ?? [];
  return tacticNames.filter((tactic) => tactic.toLowerCase() === name.toLowerCase());
};

/** Splits Markdown at its headings, without the lines of code fences. */
export function splitSections(
  lines: readonly string[],
  fences: readonly Fence[],
): readonly MarkdownSection[] {
  const sections = [{ heading: "", level: 0, line: 0, lines: [] as string[], hasFence: false }];
  let index = 0;
  while (index < lines.length) {
    const section = sections.at(-1);
    const fence = fences.find(({ openLine }) => openLine === index);
    const heading = readHeading(lines[index] ?? "");
    if (fence && section) section.hasFence = true;
    else if (heading) sections.push({ ...heading, line: index, lines: [], hasFence: false });
    else section?.lines.push(lines[index] ?? "");
    index = fence ? fence.closeLine + 1 : index + 1;
  }
  return sections;
}

function readHeading(line: string): { heading: string; level: number } | undefined {
  const [, hashes, text = ""] = /^(#{1,6})\s+(.+?)\s*#*\s*$/.exec(line) ?? [];
  return hashes === undefined ? undefined : { heading: plainText(text), level: hashes.length };
}

/**
 * Finds the first sentence-like paragraph: the one under a heading `Description`, else the first.
 * Rules, badges, images, tables, an author's line and `N/A` are passed over.
 */
function findDescription(sections: readonly MarkdownSection[]): string {
  const described = sections.filter(({ heading }) => /^(?:query )?description\b/i.test(heading));
  for (const section of [...described, ...sections]) {
    const paragraphs = section.lines.join("\n").split(/\n\s*\n/);
    const prose = paragraphs.map(toProse).find((text) => text !== "");
    if (prose !== undefined) return prose;
  }
  return "";
}

function toProse(paragraph: string): string {
  const lines = paragraph.split("\n").filter((line) => !isDecoration(line));
  const text = plainText(lines.join(" "));
  return /[a-z]{2,}.*\s.*[a-z]{2,}/i.test(text) ? text : "";
}

/** Thematic breaks, tables, badges, images, bare links, HTML, an author's line, `N/A`. */
const isDecoration = (line: string): boolean =>
  /^\s*(?:[-*_=]{3,}\s*$|\||\[?!\[|<|https?:\S+\s*$|n\/a\s*$)/i.test(line) ||
  /^\W*(?:authors?|created by|last updated|references?|tactics?|techniques?|severity)\b\W*:/i.test(
    line,
  );

/** Text without Markdown's emphasis, links and line breaks. */
export const plainText = (markdown: string): string =>
  markdown
    .replaceAll(/!\[[^\]]*\]\([^)]*\)/g, "")
    .replaceAll(/\[([^\]]*)\]\([^)]*\)/g, "$1")
    .replaceAll(/(\*\*|__)(?=\S)(.+?)\1/g, "$2")
    .replaceAll(/(?<![\w*])[*_](?=\S)([^*_]+?)[*_](?![\w*])/g, "$1")
    .replaceAll("`", "")
    .replaceAll(/\s+/g, " ")
    .trim();

const findSeverity = (lines: readonly string[]): string | undefined =>
  /^[\s|>*_-]*severity[\s|*_]*[:|][\s|*_]*(informational|low|medium|high)\b/im
    .exec(lines.join("\n"))?.[1]
    ?.toLowerCase();

/**
 * What a text says about the query of one section: what the section itself says, else what the
 * sections above it and those without a query say.
 *
 * @param sections - all sections of the text
 * @param index - of the section that has the query
 */
export function describeSection(
  sections: readonly MarkdownSection[],
  index: number,
): QueryMetadata {
  const own = sections[index];
  const general = sections.filter(
    (section, at) => at !== index && (!section.hasFence || section.level <= 1),
  );
  const ownLines = [own?.heading ?? "", ...(own?.lines ?? [])];
  const generalLines = general.flatMap(({ heading, lines }) => [heading, ...lines]);
  const preferOwn = <T>(find: (lines: readonly string[]) => readonly T[]): readonly T[] => {
    const found = find(ownLines);
    return found.length > 0 ? found : find(generalLines);
  };
  const ownDescription = own === undefined || own.level <= 1 ? "" : findDescription([own]);
  return {
    description: ownDescription || findDescription(sections),
    tactics: preferOwn(findTactics),
    techniques: preferOwn((lines) => findTechniques(lines.join("\n"))),
    severity: findSeverity(ownLines) ?? findSeverity(generalLines),
  };
}

/** YAML between `---` lines at the start of a Markdown text. */
export function splitFrontMatter(text: string): {
  readonly values: Readonly<Record<string, unknown>>;
  /** How many lines the front matter has. */
  readonly lineCount: number;
} {
  const match = /^---\n([\s\S]*?)\n---(?:\n|$)/.exec(text);
  if (!match) return { values: {}, lineCount: 0 };
  const lineCount = match[0].trimEnd().split("\n").length;
  try {
    const values: unknown = parse(match[1] ?? "");
    return { values: isMapping(values) ? values : {}, lineCount };
  } catch {
    return { values: {}, lineCount };
  }
}

const isMapping = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/** Metadata of the front matter; what it does not say comes from the text. */
export function mergeFrontMatter(
  values: Readonly<Record<string, unknown>>,
  metadata: QueryMetadata,
): QueryMetadata {
  const byName = new Map(
    Object.entries(values).map(([name, value]) => [name.toLowerCase(), value]),
  );
  const text = (name: string): string | undefined => {
    const value = byName.get(name);
    return typeof value === "string" && value.trim() !== "" ? value.trim() : undefined;
  };
  const line = (...names: readonly string[]): string =>
    JSON.stringify(names.map((name) => byName.get(name) ?? ""));
  const tactics = namesIn(line("tactics", "tactic", "mitre"));
  const techniques = findTechniques(
    line("techniques", "technique", "relevanttechniques", "mitre", "tags"),
  );
  return {
    description: text("description") ?? metadata.description,
    tactics: tactics.length > 0 ? tactics : metadata.tactics,
    techniques: techniques.length > 0 ? techniques : metadata.techniques,
    severity: text("severity")?.toLowerCase() ?? metadata.severity,
  };
}
