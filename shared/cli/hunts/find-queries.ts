/** Finds queries in text files: a whole `.kql` file, or the fenced blocks of Markdown. */
import { basename, extname } from "node:path";
import { findFences } from "./fences.ts";
import {
  describeSection,
  findTechniques,
  mergeFrontMatter,
  plainText,
  splitFrontMatter,
  splitSections,
  type MarkdownSection,
  type QueryMetadata,
} from "./markdown-metadata.ts";

/** A query with the title and metadata that its file gives. */
export interface SourceQuery extends QueryMetadata {
  readonly query: string;
  /** Line of the query's first line in the file, from 1. */
  readonly line: number;
  readonly title: string;
}

/** Finds the queries of one file; Markdown without fences has none. */
export function findQueries(file: string, text: string): readonly SourceQuery[] {
  const normalizedText = text.replaceAll(/\r\n?/g, "\n").replace(/^\uFEFF/, "");
  const title = basename(file, extname(file)).trim();
  return /\.(?:md|markdown)$/i.test(file)
    ? parseMarkdown(normalizedText, title)
    : parseWholeText(normalizedText, title);
}

function parseWholeText(text: string, title: string): readonly SourceQuery[] {
  if (text.trim() === "") return [];
  const comments = /^\s*((?:\/\/.*\n\s*)+)/.exec(text)?.[1] ?? "";
  const description = comments
    .split("\n")
    .map((line) => line.trim().replace(/^\/\/+\s?/, ""))
    .filter((line) => /[a-z]{2}/i.test(line))
    .join(" ");
  return [
    {
      query: text.trimEnd(),
      line: 1,
      title,
      description,
      tactics: [],
      techniques: findTechniques(text),
      severity: undefined,
    },
  ];
}

/** Labels of fences that hold KQL. Any other label is another language. */
const queryLabels = new Set(["", "kql", "kusto", "kustoql", "c", "csl", "sql"]);

function parseMarkdown(text: string, fallback: string): readonly SourceQuery[] {
  const lines = text.split("\n");
  const { values, lineCount } = splitFrontMatter(text);
  const bodyLines = lines.map((line, index) => (index < lineCount ? "" : line));
  const fences = findFences(bodyLines);
  const sections = splitSections(bodyLines, fences);
  const title = plainText(sections.find(({ level }) => level === 1)?.heading ?? fallback);
  const queries = fences.filter(
    ({ code, label }) => queryLabels.has(label) && code.join("").trim() !== "",
  );
  return queries.map(({ code, openLine }) => {
    const index = sections.findLastIndex(({ line }) => line <= openLine);
    return {
      query: code.join("\n").trimEnd(),
      line: openLine + 2,
      title: titleOf(title, queries.length > 1 ? sections[index] : undefined),
      ...mergeFrontMatter(values, describeSection(sections, index)),
    };
  });
}

function titleOf(title: string, section: MarkdownSection | undefined): string {
  const heading = section !== undefined && section.level > 1 ? section.heading : "";
  return heading !== "" && heading !== title ? `${title}: ${heading}` : title;
}
