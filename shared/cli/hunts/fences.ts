/** Queries in a text file: the whole of a `.kql`, the fenced blocks of Markdown with what is said about them. */
import { basename, extname } from "node:path";

/** A query as found, with what its file says about it. */
export interface FoundQuery {
  readonly query: string;
  /** Line of the query's first line in the file, from 1. */
  readonly line: number;
  readonly title: string;
  readonly description: string;
  readonly tactics: readonly string[];
  readonly techniques: readonly string[];
}

/** Finds the queries of one file. Markdown without a fence has none. */
export function queriesIn(file: string, text: string): readonly FoundQuery[] {
  const plain = text.replaceAll(/\r\n?/g, "\n").replace(/^\uFEFF/, "");
  const title = basename(file, extname(file)).trim();
  return /\.(?:md|markdown)$/i.test(file) ? fenced(plain, title) : whole(plain, title);
}

function whole(text: string, title: string): readonly FoundQuery[] {
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
      techniques: techniquesIn(text),
    },
  ];
}

interface Fence {
  readonly lines: readonly string[];
  readonly line: number;
  readonly heading: string;
}

function fenced(text: string, fallback: string): readonly FoundQuery[] {
  const fences = fencesOf(text.split("\n")).filter(({ lines }) => lines.join("").trim() !== "");
  const title = /^#\s+(.+?)\s*#*\s*$/m.exec(text)?.[1] ?? fallback;
  const about = {
    description: firstParagraph(text),
    tactics: tacticsIn(text),
    techniques: techniquesIn(text),
  };
  return fences.map(({ lines, line, heading }) => ({
    query: lines.join("\n").trimEnd(),
    line,
    title:
      fences.length > 1 && heading !== "" && heading !== title ? `${title}: ${heading}` : title,
    ...about,
  }));
}

/** Blocks between ``` or ~~~ of any label; one that is never closed reaches to the end. */
function fencesOf(lines: readonly string[]): readonly Fence[] {
  const found: Fence[] = [];
  let open: { mark: string; indent: number; start: number } | undefined;
  let heading = "";
  for (const [index, line] of lines.entries()) {
    const mark = /^(\s*)(`{3,}|~{3,})(.*)$/.exec(line);
    if (!open && mark)
      open = { mark: mark[2] ?? "", indent: mark[1]?.length ?? 0, start: index + 1 };
    else if (open && mark && mark[2]?.startsWith(open.mark) && mark[3]?.trim() === "") {
      found.push({
        lines: dedented(lines.slice(open.start, index), open.indent),
        line: open.start + 1,
        heading,
      });
      open = undefined;
    } else if (!open) heading = /^#{2,}\s+(.+?)\s*#*\s*$/.exec(line)?.[1] ?? heading;
  }
  if (open)
    found.push({
      lines: dedented(lines.slice(open.start), open.indent),
      line: open.start + 1,
      heading,
    });
  return found;
}

const dedented = (lines: readonly string[], indent: number): readonly string[] =>
  lines.map((line) => (line.slice(0, indent).trim() === "" ? line.slice(indent) : line));

function firstParagraph(text: string): string {
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
const tacticsIn = (text: string): readonly string[] =>
  tacticNames
    .filter((name) => new RegExp(`^\\|\\s*${name}\\s*\\|\\s*[vx✓]\\s*\\|`, "im").test(text))
    .map((name) => name.replaceAll(/(?:^|\s)(\w)/g, (_, letter: string) => letter.toUpperCase()));

const techniquesIn = (text: string): readonly string[] => [
  ...new Set(text.match(/\bT1\d{3}(?:\.\d{3})?\b/g) ?? []),
];
