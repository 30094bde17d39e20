/** Texts: parts, replacements, patterns, encodings. */
import { asText, convertScalar } from "../coerce.ts";
import { requireRegex } from "../comparisons.ts";
import { deriveScalar } from "../plan.ts";
import { parseTypeName } from "../type-names.ts";
import { parseJson, toText, toDynamic, toLong } from "../values.ts";
import {
  requireArgument,
  mapAny,
  mapTexts,
  mapValues,
  type FunctionTable,
  type FunctionCompiler,
} from "./function-compiler.ts";

/** Kusto writes a group's text as `\1`. */
const toReplacement = (text: string): string =>
  text.replace(/\$/g, "$$$$").replace(/\\(\d)/g, "$$$1");

const replaceRegex = mapTexts("string", (text = "", pattern = "", by = "") =>
  text.replace(requireRegex(pattern, "g"), toReplacement(by)),
);

function sliceText(text: string, start: bigint, length?: bigint): string {
  const from = start < 0n ? Math.max(0, text.length + Number(start)) : Number(start);
  return length === undefined
    ? text.slice(from)
    : text.slice(from, from + Math.max(0, Number(length)));
}

/** `extract(regex, group, text, type)`. */
const evaluateExtract: FunctionCompiler = (args) => {
  const [pattern, text] = [asText(requireArgument(args, 0)), asText(requireArgument(args, 2))];
  const group = convertScalar(requireArgument(args, 1), "long");
  const match = deriveScalar(
    "string",
    [pattern, group, text],
    (row) => requireRegex(pattern.run(row)).exec(text.run(row))?.[Number(group.run(row))] ?? "",
  );
  const type = args[3] === undefined ? "string" : parseTypeName(toText(args[3].run([]), "string"));
  return convertScalar(match, type);
};

/**
 * All matches: their one group, or arrays of their groups; `extract_all(regex, groups, text)` picks
 * groups.
 */
function extractAll(values: readonly unknown[]): unknown {
  const [pattern, second, third] = values;
  const text = toText(third ?? second, "dynamic");
  const groupIndexes = third === undefined ? undefined : (second as readonly unknown[]).map(Number);
  const matches = [...text.matchAll(requireRegex(toText(pattern, "dynamic"), "g"))];
  if (matches.length === 0) return null;
  return matches.map((match) => {
    const groups =
      groupIndexes?.map((group) => match[group] ?? "") ??
      match.slice(1).map((group: string | undefined) => group ?? "");
    return groups.length === 1 ? groups[0] : groups.length === 0 ? match[0] : groups;
  });
}

const countMatches = mapTexts("long", (text = "", word = "", kind = "normal") => {
  if (kind === "regex") return BigInt([...text.matchAll(requireRegex(word, "g"))].length);
  if (word === "") return 0n;
  let total = 0n;
  for (let index = text.indexOf(word); index >= 0; index = text.indexOf(word, index + 1))
    total += 1n;
  return total;
});

/** `indexof(text, word, start, length, occurrence)`; −1 when it is not there. */
const findWord = mapValues(
  "long",
  ["string", "string", "long", "long", "long"],
  (text: string, word: string, start = 0n, length = -1n, occurrence = 1n) => {
    const end = length < 0n ? text.length : Number(start + length);
    let index = text.indexOf(word, Number(start));
    for (let nth = 1n; nth < occurrence && index >= 0; nth += 1n)
      index = text.indexOf(word, index + 1);
    return BigInt(index >= 0 && index + word.length <= end ? index : -1);
  },
);

const createTrim = (where: "both" | "start" | "end"): FunctionCompiler =>
  mapTexts("string", (pattern = "", text = "") => {
    const start = where === "end" ? text : text.replace(requireRegex(`^(?:${pattern})`), "");
    return where === "start" ? start : start.replace(requireRegex(`(?:${pattern})$`), "");
  });

function splitText(text: string, by: string, index?: bigint): unknown {
  const all = by === "" ? [text] : text.split(by);
  if (index === undefined) return all;
  return index < 0n || index >= BigInt(all.length) ? null : [all[Number(index)]];
}

const fromBase64 = (text: string): string => {
  const bytes = Buffer.from(text, "base64");
  return bytes.toString("utf8");
};

const decodeUrl = (text: string): string => {
  try {
    return decodeURIComponent(text.replace(/\+/g, " "));
  } catch {
    return text;
  }
};

/** Dotted numbers to one number, so that versions compare. */
function parseVersion(text: string): unknown {
  const numbers = text.split(".").slice(0, 4).map(Number);
  if (numbers.some((part) => !Number.isInteger(part))) return null;
  return [0, 1, 2, 3].map((index) => String(numbers[index] ?? 0).padStart(8, "0")).join("");
}

/** Arguments of a command line as Windows splits them. */
function parseCommandLine(text: string): readonly string[] | null {
  const words = text.match(/(?:[^\s"]|"(?:[^"\\]|\\.)*"?)+/g);
  return words?.map((part) => part.replace(/"/g, "")) ?? null;
}

/** `strcmp`. */
const compareTexts = (one = "", other = ""): bigint => (one < other ? -1n : one > other ? 1n : 0n);

function parseCsv(text: string): readonly string[] {
  const cells = text.match(/("(?:[^"]|"")*"|[^,]*)(?:,|$)/g) ?? [];
  return cells.slice(0, text.split(",").length === 0 ? 0 : -1).map((cell) =>
    cell
      .replace(/,$/, "")
      .replace(/^"([\s\S]*)"$/, "$1")
      .replace(/""/g, '"'),
  );
}

export const stringFunctions: FunctionTable = {
  strcat: mapTexts("string", (...texts) => texts.join("")),
  strcat_delim: mapTexts("string", (by = "", ...texts) => texts.join(by)),
  strcat_array: mapValues("string", ["dynamic", "string"], (list: unknown, by: string) =>
    Array.isArray(list)
      ? list
          .map((one) => (typeof one === "string" ? one : one === null ? "" : JSON.stringify(one)))
          .join(by)
      : "",
  ),
  strlen: mapTexts("long", (text = "") => BigInt(Array.from(text).length)),
  string_size: mapTexts("long", (text = "") => BigInt(Buffer.byteLength(text))),
  strrep: mapValues(
    "string",
    ["string", "long", "string"],
    (text: string, times: bigint, by = "") =>
      Array.from({ length: Number(times) }, () => text).join(by),
  ),
  strcmp: mapTexts("int", (one, other) => Number(compareTexts(one, other))),
  reverse: mapTexts("string", (text = "") => Array.from(text).reverse().join("")),
  tolower: mapTexts("string", (text = "") => text.toLowerCase()),
  toupper: mapTexts("string", (text = "") => text.toUpperCase()),
  substring: mapValues("string", ["string", "long"], sliceText),
  split: mapValues("dynamic", ["string", "string", "long"], splitText),
  replace: (args, call) =>
    replaceRegex(
      [requireArgument(args, 2), requireArgument(args, 0), requireArgument(args, 1)],
      call,
    ),
  replace_regex: replaceRegex,
  replace_string: mapTexts("string", (text = "", word = "", by = "") =>
    word === "" ? text : text.replaceAll(word, () => by),
  ),
  replace_strings: mapValues(
    "string",
    ["string", "dynamic", "dynamic"],
    (text: string, words: readonly string[], by: readonly string[]) =>
      words.reduce((done, word, index) => done.replaceAll(word, () => by[index] ?? ""), text),
  ),
  extract: evaluateExtract,
  extract_all: mapAny("dynamic", extractAll),
  extractall: mapAny("dynamic", extractAll),
  countof: countMatches,
  indexof: findWord,
  indexof_regex: mapTexts("long", (text = "", pattern = "") =>
    BigInt(text.search(requireRegex(pattern))),
  ),
  trim: createTrim("both"),
  trim_start: createTrim("start"),
  trim_end: createTrim("end"),
  base64_encode_tostring: mapTexts("string", (text = "") => Buffer.from(text).toString("base64")),
  base64_decode_tostring: mapTexts("string", (text = "") => fromBase64(text)),
  base64_encodestring: mapTexts("string", (text = "") => Buffer.from(text).toString("base64")),
  base64_decodestring: mapTexts("string", (text = "") => fromBase64(text)),
  base64_decode_toarray: mapTexts("dynamic", (text = "") => [...Buffer.from(text, "base64")]),
  url_encode: mapTexts("string", (text = "") => encodeURIComponent(text)),
  url_encode_component: mapTexts("string", (text = "") => encodeURIComponent(text)),
  url_decode: mapTexts("string", (text = "") => decodeUrl(text)),
  unicode_codepoints_to_string: mapAny("string", (values) =>
    String.fromCodePoint(...values.flat().map(Number)),
  ),
  make_string: mapAny("string", (values) => String.fromCodePoint(...values.flat().map(Number))),
  unicode_codepoints_from_string: mapTexts("dynamic", (text = "") =>
    Array.from(text, (letter) => letter.codePointAt(0) ?? 0),
  ),
  to_utf8: mapTexts("dynamic", (text = "") =>
    Array.from(text, (letter) => letter.codePointAt(0) ?? 0),
  ),
  tohex: mapValues("string", ["long", "long"], (value: bigint, width = 0n) =>
    BigInt.asUintN(64, value).toString(16).padStart(Number(width), "0"),
  ),
  isutf8: mapTexts("bool", () => true),
  isascii: mapTexts("bool", (text = "") => Array.from(text).every((letter) => letter < "\u0080")),
  parse_version: mapTexts("decimal", (text = "") => parseVersion(text)),
  parse_command_line: mapTexts("dynamic", (text = "") => parseCommandLine(text)),
  parse_csv: mapTexts("dynamic", (text = "") => parseCsv(text)),
  extractjson: mapTexts("string", (path = "", text = "") => readJsonPath(path, text)),
  extract_json: mapTexts("string", (path = "", text = "") => readJsonPath(path, text)),
  translate: mapTexts("string", (from = "", to = "", text = "") =>
    Array.from(text, (letter) =>
      from.includes(letter) ? (to[Math.min(from.indexOf(letter), to.length - 1)] ?? "") : letter,
    ).join(""),
  ),
  dynamic_to_json: mapAny("string", ([value], args) =>
    JSON.stringify(toDynamic(value, requireArgument(args, 0).type)),
  ),
};

/** `$.a.b[0]` in a text of JSON. */
function readJsonPath(path: string, text: string): string {
  const keys = [...path.replace(/^\$/, "").matchAll(/\.?([^.[\]]+)|\[['"]?([^'"\]]+)['"]?\]/g)].map(
    (match) => match[1] ?? match[2] ?? "",
  );
  let value: unknown = parseJson(text);
  for (const key of keys)
    value = Array.isArray(value)
      ? (value as readonly unknown[])[Number(toLong(key) ?? -1n)]
      : value !== null && typeof value === "object"
        ? (value as Record<string, unknown>)[key]
        : undefined;
  return value === undefined || value === null
    ? ""
    : typeof value === "string"
      ? value
      : JSON.stringify(value);
}
