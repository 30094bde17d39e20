/** Texts: parts, replacements, patterns, encodings. */
import { asText, convertScalar } from "../coerce.ts";
import { requireRegex } from "../comparisons.ts";
import { readJsonPath, sortKeys } from "../json-values.ts";
import { deriveScalar } from "../plan.ts";
import { parseTypeName } from "../type-names.ts";
import { toDynamic, toJsonText, toText } from "../values.ts";
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
  const groupNames = third === undefined ? undefined : (second as readonly unknown[]);
  const matches = [...text.matchAll(requireRegex(toText(pattern, "dynamic"), "g"))];
  if (matches.length === 0) return null;
  return matches.map((match) => {
    const groups =
      groupNames?.map((group) =>
        typeof group === "string" && !/^\d+$/.test(group)
          ? (match.groups?.[group] ?? "")
          : (match[Number(group)] ?? ""),
      ) ?? match.slice(1).map((group: string | undefined) => group ?? "");
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

/**
 * `indexof(text, word, start, length, occurrence)`; −1 when it is not there. The length limits the
 * search for each occurrence, from where that search starts.
 */
const findWord = mapValues(
  "long",
  ["string", "string", "long", "long", "long"],
  (text: string, word: string, ...limits: bigint[]) => {
    const { start, length, occurrence } = readSearchLimits(text, limits);
    let index = start - 1;
    for (let nth = 0; nth < occurrence; nth += 1) {
      const from = index + 1;
      index = text.indexOf(word, from);
      if (index < 0 || index + word.length > from + length) return -1n;
    }
    return BigInt(index);
  },
);

/** `indexof_regex(text, pattern, start, length, occurrence)`; −1 without a match. */
const findPattern = mapValues(
  "long",
  ["string", "string", "long", "long", "long"],
  (text: string, pattern: string, ...limits: bigint[]) => {
    if ((limits[0] ?? 0n) < 0n) return null;
    const { start, length, occurrence } = readSearchLimits(text, limits);
    const matches = [...text.slice(start, start + length).matchAll(requireRegex(pattern, "g"))];
    const match = matches[occurrence - 1];
    return BigInt(match === undefined ? -1 : match.index + start);
  },
);

/** A negative start counts from the end; a length of −1 has no limit. */
function readSearchLimits(
  text: string,
  [start = 0n, length = -1n, occurrence = 1n]: readonly bigint[],
): { readonly start: number; readonly length: number; readonly occurrence: number } {
  const from = start < 0n ? Math.max(0, text.length + Number(start)) : Number(start);
  const limit = length < 0n ? text.length : Number(length);
  return { start: from, length: limit, occurrence: Number(occurrence) };
}

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

const strictUtf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** Returns the bytes of base64 text, or undefined for other text. */
function decodeBase64(text: string): Buffer | undefined {
  return /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/.test(text)
    ? Buffer.from(text, "base64")
    : undefined;
}

/** Returns the text, or the empty text for what is not base64 of UTF-8. */
function fromBase64(text: string): string {
  const bytes = decodeBase64(text);
  if (bytes === undefined) return "";
  try {
    return strictUtf8.decode(bytes);
  } catch {
    return "";
  }
}

/** Encodes as .NET does: lower-case digits, `!` `(` `)` and `*` unchanged. */
const encodeUrl = (text: string): string =>
  encodeURIComponent(text.toWellFormed())
    .replaceAll(/%[0-9A-F]{2}/g, (code) => code.toLowerCase())
    .replaceAll("'", "%27")
    .replaceAll("~", "%7e");

const decodeUrl = (text: string): string => {
  try {
    return decodeURIComponent(text.replace(/\+/g, " "));
  } catch {
    return text;
  }
};

/** Text that is still searched, or text that a word has matched. */
interface TextPiece {
  readonly text: string;
  readonly isMatched: boolean;
}

/**
 * Replaces each word by the one at its index. Earlier words of the list come first, matches do not
 * overlap, and a replacement that is not a text keeps what its word matched.
 */
function replaceWords(text: string, words: readonly unknown[], by: unknown): string {
  let pieces: readonly TextPiece[] = [{ text, isMatched: false }];
  for (const [index, word] of words.entries()) {
    if (typeof word !== "string" || word === "") continue;
    const replacement: unknown = Array.isArray(by) ? by[index] : by;
    const matched = {
      text: typeof replacement === "string" ? replacement : word,
      isMatched: true,
    };
    pieces = pieces.flatMap((piece) =>
      piece.isMatched ? [piece] : cutPiece(piece, word, matched),
    );
  }
  return pieces.map((piece) => piece.text).join("");
}

const cutPiece = ({ text }: TextPiece, word: string, matched: TextPiece): readonly TextPiece[] =>
  text
    .split(word)
    .flatMap((part, index) => [...(index > 0 ? [matched] : []), { text: part, isMatched: false }]);

/** Converts a dotted version to one number, so that versions compare. */
function parseVersion(text: string): unknown {
  const numbers = text.split(".").slice(0, 4).map(Number);
  if (numbers.some((part) => !Number.isInteger(part))) return null;
  return [0, 1, 2, 3].map((index) => String(numbers[index] ?? 0).padStart(8, "0")).join("");
}

/** Returns the text of backslashes with a quote after them; other text unchanged. */
function unescapeToken(token: string): string {
  if (!token.endsWith('"')) return token;
  const slashes = "\\".repeat(Math.floor((token.length - 1) / 2));
  return token.length % 2 === 1 ? slashes : `${slashes}"`;
}

/**
 * Splits a command line as Windows does: 2n backslashes before a quote are n backslashes, one more
 * escapes the quote.
 */
function parseCommandLine(text: string): readonly string[] | null {
  const words: string[] = [];
  let word: string | undefined;
  let isQuoted = false;
  for (const [token] of text.matchAll(/\\*"|\\+|\s+|[^\\"\s]+/g)) {
    if (!isQuoted && token.trim() === "") {
      if (word !== undefined) words.push(word);
      word = undefined;
      continue;
    }
    const isQuote = token.endsWith('"') && token.length % 2 === 1;
    word = (word ?? "") + unescapeToken(token);
    if (isQuote) isQuoted = !isQuoted;
  }
  if (word !== undefined) words.push(word);
  return words.length === 0 ? null : words;
}

/** `strcmp`. */
const compareTexts = (one = "", other = ""): bigint => (one < other ? -1n : one > other ? 1n : 0n);

/** Returns the cells of the first record. */
function parseCsv(text: string): readonly string[] {
  const cells: string[] = [];
  const cellPattern = /("(?:[^"]|"")*"|[^,\r\n]*)(,|\r?\n|$)/y;
  for (let match = cellPattern.exec(text); match; match = cellPattern.exec(text)) {
    const [, cell = "", end] = match;
    cells.push(cell.startsWith('"') ? cell.slice(1, -1).replaceAll('""', '"') : cell);
    if (end !== ",") break;
  }
  return cells;
}

/** `extract_json(path, text, type)`. */
const evaluateExtractJson: FunctionCompiler = (args, call) => {
  const found = mapTexts("string", (path = "", text = "") => readJsonPath(path, text));
  const type = args[2] === undefined ? "string" : toText(args[2].run([]), "string");
  return convertScalar(found(args.slice(0, 2), call), parseTypeName(type));
};

const joinTexts = mapValues("string", ["dynamic", "string"], (list: unknown, by: string) =>
  Array.isArray(list)
    ? list
        .map((one) => (typeof one === "string" ? one : one === null ? "" : JSON.stringify(one)))
        .join(by)
    : "",
);

export const stringFunctions: FunctionTable = {
  strcat: mapTexts("string", (...texts) => texts.join("")),
  strcat_delim: mapTexts("string", (by = "", ...texts) => texts.join(by)),
  strcat_array: joinTexts,
  array_strcat: joinTexts,
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
  replace_strings: mapValues("string", ["string", "dynamic", "dynamic"], replaceWords),
  extract: evaluateExtract,
  extract_all: mapAny("dynamic", extractAll),
  extractall: mapAny("dynamic", extractAll),
  countof: countMatches,
  indexof: findWord,
  indexof_regex: findPattern,
  regex_quote: mapTexts("string", (text = "") =>
    text.replaceAll(/[\\.+*?()|[\]{}^$#&\-~]/g, String.raw`\$&`),
  ),
  trim: createTrim("both"),
  trim_start: createTrim("start"),
  trim_end: createTrim("end"),
  base64_encode_tostring: mapTexts("string", (text = "") => Buffer.from(text).toString("base64")),
  base64_decode_tostring: mapTexts("string", (text = "") => fromBase64(text)),
  base64_encodestring: mapTexts("string", (text = "") => Buffer.from(text).toString("base64")),
  base64_decodestring: mapTexts("string", (text = "") => fromBase64(text)),
  base64_decode_toarray: mapTexts("dynamic", (text = "") => {
    const bytes = decodeBase64(text);
    return bytes === undefined ? null : [...bytes];
  }),
  base64_encode_fromarray: mapAny("string", ([value]) =>
    Array.isArray(value) && value.every((one) => Number.isInteger(one) && one >= 0 && one <= 255)
      ? Buffer.from(value as number[]).toString("base64")
      : "",
  ),
  url_encode: mapTexts("string", (text = "") => encodeUrl(text).replaceAll("%20", "+")),
  url_encode_component: mapTexts("string", (text = "") => encodeUrl(text)),
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
  tohex: (args, call) =>
    mapValues("string", ["long", "long"], (value: bigint, width = 0n) =>
      BigInt.asUintN(args[0]?.type === "int" ? 32 : 64, value)
        .toString(16)
        .padStart(Number(width), "0"),
    )(args, call),
  isutf8: mapTexts("bool", () => true),
  isascii: mapTexts("bool", (text = "") => Array.from(text).every((letter) => letter < "\u0080")),
  parse_version: mapTexts("decimal", (text = "") => parseVersion(text)),
  parse_command_line: mapTexts("dynamic", (text = "") => parseCommandLine(text)),
  parse_csv: mapTexts("dynamic", (text = "") => parseCsv(text)),
  extractjson: evaluateExtractJson,
  extract_json: evaluateExtractJson,
  translate: mapTexts("string", (from = "", to = "", text = "") =>
    Array.from(text, (letter) =>
      from.includes(letter) ? (to[Math.min(from.indexOf(letter), to.length - 1)] ?? "") : letter,
    ).join(""),
  ),
  dynamic_to_json: mapAny("string", ([value], args) => {
    const dynamic = toDynamic(value, requireArgument(args, 0).type);
    return dynamic === null ? "" : toJsonText(sortKeys(dynamic));
  }),
};
