/** Queries in a text file: the whole of a `.kql`, the fenced blocks of Markdown with what is said about them. */
import { basename, extname } from "node:path";

/** A query as found, with what its file says about it. */
export interface SourceQuery {
  readonly query: string;
  /** Line of the query's first line in the file, from 1. */
  readonly line: number;
  readonly title: string;
  readonly description: string;
  readonly tactics: readonly string[];
  readonly techniques: readonly string[];
}

/** Finds the queries of one file. Markdown without a fence has none. */
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

/** Blocks between ``` or ~~~ of any label; one that is never closed reaches to the end. */
function findFences(lines: readonly string[]): readonly Fence[] {
  const fences: Fence[] = [];
  let openFence: { mark: string; indent: number; start: number } | undefined;
  let heading = "";
  for (const [index, line] of lines.entries()) {
    const mark = /^(\s*)(`{3,}|~{3,})(.*)$/.exec(line);
    if (!openFence && mark)
      openFence = { mark: mark[2] ?? "", indent: mark[1]?.length ?? 0, start: index + 1 };
    else if (openFence && mark && mark[2]?.startsWith(openFence.mark) && mark[3]?.trim() === "") {
      fences.push({
        lines: dedentLines(lines.slice(openFence.start, index), openFence.indent),
        line: openFence.start + 1,
        heading,
      });
      openFence = undefined;
    } else if (!openFence) heading = /^#{2,}\s+(.+?)\s*#*\s*$/.exec(line)?.[1] ?? heading;
  }
  if (openFence)
    fences.push({
      lines: dedentLines(lines.slice(openFence.start), openFence.indent),
      line: openFence.start + 1,
      heading,
    });
  return fences;
}

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

/** Tactics ticked in the table that public Markdown hunts carry: `| Execution | v | |`. */
const findTactics = (text: string): readonly string[] =>
  tacticNames
    .filter((name) => new RegExp(`^\\|\\s*${name}\\s*\\|\\s*[vx✓]\\s*\\|`, "im").test(text))
    .map((name) => name.replaceAll(/(?:^|\s)(\w)/g, (_, letter: string) => letter.toUpperCase()));

const findTechniques = (text: string): readonly string[] => [
  ...new Set(text.match(/\bT1\d{3}(?:\.\d{3})?\b/g) ?? []),
];
