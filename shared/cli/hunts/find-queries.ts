/** Finds queries in text files: a whole `.kql` file, or the fenced blocks of Markdown. */
import { basename, extname } from "node:path";

/** A query with the title, description and techniques that its file gives. */
export interface SourceQuery {
  readonly query: string;
  /** Line of the query's first line in the file, from 1. */
  readonly line: number;
  readonly title: string;
  readonly description: string;
  readonly tactics: readonly string[];
  readonly techniques: readonly string[];
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
    },
  ];
}

interface Fence {
  readonly lines: readonly string[];
  readonly line: number;
  readonly heading: string;
}

function parseMarkdown(text: string, fallback: string): readonly SourceQuery[] {
  const fences = findFences(text.split("\n")).filter(({ lines }) => lines.join("").trim() !== "");
  const title = /^#\s+(.+?)\s*#*\s*$/m.exec(text)?.[1] ?? fallback;
  const metadata = {
    description: findFirstParagraph(text),
    tactics: findTactics(text),
    techniques: findTechniques(text),
  };
  return fences.map(({ lines, line, heading }) => ({
    query: lines.join("\n").trimEnd(),
    line,
    title:
      fences.length > 1 && heading !== "" && heading !== title ? `${title}: ${heading}` : title,
    ...metadata,
  }));
}

interface OpenFence {
  readonly mark: string;
  readonly indent: number;
  readonly start: number;
}

/** Finds blocks between ``` or ~~~ of any label; an open one ends with the file. */
function findFences(lines: readonly string[]): readonly Fence[] {
  const fences: Fence[] = [];
  let openFence: OpenFence | undefined;
  let heading = "";
  for (const [index, line] of lines.entries()) {
    const [, indent = "", mark, label = ""] = /^(\s*)(`{3,}|~{3,})(.*)$/.exec(line) ?? [];
    if (!openFence) {
      if (mark) openFence = { mark, indent: indent.length, start: index + 1 };
      else heading = readHeading(line) ?? heading;
    } else if (mark?.startsWith(openFence.mark) === true && label.trim() === "") {
      fences.push(closeFence(openFence, lines.slice(openFence.start, index), heading));
      openFence = undefined;
    }
  }
  if (openFence) fences.push(closeFence(openFence, lines.slice(openFence.start), heading));
  return fences;
}

const readHeading = (line: string): string | undefined => /^#{2,}\s+(.+?)\s*#*\s*$/.exec(line)?.[1];

const closeFence = (
  { indent, start }: OpenFence,
  lines: readonly string[],
  heading: string,
): Fence => ({ lines: dedentLines(lines, indent), line: start + 1, heading });

const dedentLines = (lines: readonly string[], indent: number): readonly string[] =>
  lines.map((line) => (line.slice(0, indent).trim() === "" ? line.slice(indent) : line));

function findFirstParagraph(text: string): string {
  const paragraphs = text.replaceAll(/^(?:```|~~~)[\s\S]*?^(?:```|~~~)\s*$/gm, "").split(/\n\s*\n/);
  const prose = paragraphs
    .map((paragraph) =>
      paragraph
        .split("\n")
        .filter((line) => !/^\s*#/.test(line))
        .join(" ")
        .trim(),
    )
    .find((paragraph) => paragraph !== "" && !paragraph.startsWith("|"));
  return prose?.replaceAll(/\s+/g, " ") ?? "";
}

const tacticNames = [
  "Initial access",
  "Execution",
  "Persistence",
  "Privilege escalation",
  "Defense evasion",
  "Credential access",
  "Discovery",
  "Lateral movement",
  "Collection",
  "Command and control",
  "Exfiltration",
  "Impact",
];

/** Finds tactics ticked in the table of public Markdown hunts: `| Execution | v | |`. */
const findTactics = (text: string): readonly string[] =>
  tacticNames
    .filter((name) => new RegExp(`^\\|\\s*${name}\\s*\\|\\s*[vx✓]\\s*\\|`, "im").test(text))
    .map((name) => name.replaceAll(/(?:^|\s)(\w)/g, (_, letter: string) => letter.toUpperCase()));

const findTechniques = (text: string): readonly string[] => [
  ...new Set(text.match(/\bT1\d{3}(?:\.\d{3})?\b/g) ?? []),
];
