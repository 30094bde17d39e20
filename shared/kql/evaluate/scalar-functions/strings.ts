/** Texts: parts, replacements, patterns, encodings. */
import { asText, convert } from "../coerce.ts";
import { mustRegex } from "../comparisons.ts";
import { over } from "../plan.ts";
import { typeNamed } from "../type-names.ts";
import { parseJson, textOf, toDynamic, toLong } from "../values.ts";
import { argument, ofAny, ofTexts, ofValues, type Family, type Maker } from "./maker.ts";

/** Kusto writes a group's text as `\1`. */
const replacement = (text: string): string =>
  text.replace(/\$/g, "$$$$").replace(/\\(\d)/g, "$$$1");

const replaceRegex = ofTexts("string", (text = "", pattern = "", by = "") =>
  text.replace(mustRegex(pattern, "g"), replacement(by)),
);

function substring(text: string, start: bigint, length?: bigint): string {
  const from = start < 0n ? Math.max(0, text.length + Number(start)) : Number(start);
  return length === undefined
    ? text.slice(from)
    : text.slice(from, from + Math.max(0, Number(length)));
}

/** `extract(regex, group, text, type)`. */
const extract: Maker = (args) => {
  const [pattern, text] = [asText(argument(args, 0)), asText(argument(args, 2))];
  const group = convert(argument(args, 1), "long");
  const found = over(
    "string",
    [pattern, group, text],
    (row) => mustRegex(pattern.run(row)).exec(text.run(row))?.[Number(group.run(row))] ?? "",
  );
  const type = args[3] === undefined ? "string" : typeNamed(textOf(args[3].run([]), "string"));
  return convert(found, type);
};

/** All matches: their one group, or arrays of their groups; `extract_all(regex, groups, text)` picks groups. */
function extractAll(values: readonly unknown[]): unknown {
  const [pattern, second, third] = values;
  const text = textOf(third ?? second, "dynamic");
  const wanted = third === undefined ? undefined : (second as readonly unknown[]).map(Number);
  const matches = [...text.matchAll(mustRegex(textOf(pattern, "dynamic"), "g"))];
  if (matches.length === 0) return null;
  return matches.map((match) => {
    const groups =
      wanted?.map((group) => match[group] ?? "") ??
      match.slice(1).map((group: string | undefined) => group ?? "");
    return groups.length === 1 ? groups[0] : groups.length === 0 ? match[0] : groups;
  });
}

const count = ofTexts("long", (text = "", word = "", kind = "normal") => {
  if (kind === "regex") return BigInt([...text.matchAll(mustRegex(word, "g"))].length);
  if (word === "") return 0n;
  let found = 0n;
  for (let index = text.indexOf(word); index >= 0; index = text.indexOf(word, index + 1))
    found += 1n;
  return found;
});

/** `indexof(text, word, start, length, occurrence)`; −1 when it is not there. */
const indexOf = ofValues(
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

const trim = (where: "both" | "start" | "end"): Maker =>
  ofTexts("string", (pattern = "", text = "") => {
    const start = where === "end" ? text : text.replace(mustRegex(`^(?:${pattern})`), "");
    return where === "start" ? start : start.replace(mustRegex(`(?:${pattern})$`), "");
  });

function parts(text: string, by: string, index?: bigint): unknown {
  const all = by === "" ? [text] : text.split(by);
  if (index === undefined) return all;
  return index < 0n || index >= BigInt(all.length) ? null : [all[Number(index)]];
}

const fromBase64 = (text: string): string => {
  const bytes = Buffer.from(text, "base64");
  return bytes.toString("utf8");
};

const decoded = (text: string): string => {
  try {
    return decodeURIComponent(text.replace(/\+/g, " "));
  } catch {
    return text;
  }
};

/** Dotted numbers to one number, so that versions compare. */
function version(text: string): unknown {
  const numbers = text.split(".").slice(0, 4).map(Number);
  if (numbers.some((part) => !Number.isInteger(part))) return null;
  return [0, 1, 2, 3].map((place) => String(numbers[place] ?? 0).padStart(8, "0")).join("");
}

/** Arguments of a command line as Windows splits them. */
function commandLine(text: string): readonly string[] | null {
  const found = text.match(/(?:[^\s"]|"(?:[^"\\]|\\.)*"?)+/g);
  return found?.map((part) => part.replace(/"/g, "")) ?? null;
}

/** `strcmp`. */
const order = (one = "", other = ""): bigint => (one < other ? -1n : one > other ? 1n : 0n);

function csv(text: string): readonly string[] {
  const cells = text.match(/("(?:[^"]|"")*"|[^,]*)(?:,|$)/g) ?? [];
  return cells.slice(0, text.split(",").length === 0 ? 0 : -1).map((cell) =>
    cell
      .replace(/,$/, "")
      .replace(/^"([\s\S]*)"$/, "$1")
      .replace(/""/g, '"'),
  );
}

export const stringFunctions: Family = {
  strcat: ofTexts("string", (...texts) => texts.join("")),
  strcat_delim: ofTexts("string", (by = "", ...texts) => texts.join(by)),
  strcat_array: ofValues("string", ["dynamic", "string"], (list: unknown, by: string) =>
    Array.isArray(list)
      ? list
          .map((one) => (typeof one === "string" ? one : one === null ? "" : JSON.stringify(one)))
          .join(by)
      : "",
  ),
  strlen: ofTexts("long", (text = "") => BigInt(Array.from(text).length)),
  string_size: ofTexts("long", (text = "") => BigInt(Buffer.byteLength(text))),
  strrep: ofValues("string", ["string", "long", "string"], (text: string, times: bigint, by = "") =>
    Array.from({ length: Number(times) }, () => text).join(by),
  ),
  strcmp: ofTexts("int", (one, other) => Number(order(one, other))),
  reverse: ofTexts("string", (text = "") => Array.from(text).reverse().join("")),
  tolower: ofTexts("string", (text = "") => text.toLowerCase()),
  toupper: ofTexts("string", (text = "") => text.toUpperCase()),
  substring: ofValues("string", ["string", "long"], substring),
  split: ofValues("dynamic", ["string", "string", "long"], parts),
  replace: (args, call) =>
    replaceRegex([argument(args, 2), argument(args, 0), argument(args, 1)], call),
  replace_regex: replaceRegex,
  replace_string: ofTexts("string", (text = "", word = "", by = "") =>
    word === "" ? text : text.replaceAll(word, () => by),
  ),
  replace_strings: ofValues(
    "string",
    ["string", "dynamic", "dynamic"],
    (text: string, words: readonly string[], by: readonly string[]) =>
      words.reduce((done, word, index) => done.replaceAll(word, () => by[index] ?? ""), text),
  ),
  extract,
  extract_all: ofAny("dynamic", extractAll),
  extractall: ofAny("dynamic", extractAll),
  countof: count,
  indexof: indexOf,
  indexof_regex: ofTexts("long", (text = "", pattern = "") =>
    BigInt(text.search(mustRegex(pattern))),
  ),
  trim: trim("both"),
  trim_start: trim("start"),
  trim_end: trim("end"),
  base64_encode_tostring: ofTexts("string", (text = "") => Buffer.from(text).toString("base64")),
  base64_decode_tostring: ofTexts("string", (text = "") => fromBase64(text)),
  base64_encodestring: ofTexts("string", (text = "") => Buffer.from(text).toString("base64")),
  base64_decodestring: ofTexts("string", (text = "") => fromBase64(text)),
  base64_decode_toarray: ofTexts("dynamic", (text = "") => [...Buffer.from(text, "base64")]),
  url_encode: ofTexts("string", (text = "") => encodeURIComponent(text)),
  url_encode_component: ofTexts("string", (text = "") => encodeURIComponent(text)),
  url_decode: ofTexts("string", (text = "") => decoded(text)),
  unicode_codepoints_to_string: ofAny("string", (values) =>
    String.fromCodePoint(...values.flat().map(Number)),
  ),
  make_string: ofAny("string", (values) => String.fromCodePoint(...values.flat().map(Number))),
  unicode_codepoints_from_string: ofTexts("dynamic", (text = "") =>
    Array.from(text, (letter) => letter.codePointAt(0) ?? 0),
  ),
  to_utf8: ofTexts("dynamic", (text = "") =>
    Array.from(text, (letter) => letter.codePointAt(0) ?? 0),
  ),
  tohex: ofValues("string", ["long", "long"], (value: bigint, width = 0n) =>
    BigInt.asUintN(64, value).toString(16).padStart(Number(width), "0"),
  ),
  isutf8: ofTexts("bool", () => true),
  isascii: ofTexts("bool", (text = "") => Array.from(text).every((letter) => letter < "\u0080")),
  parse_version: ofTexts("decimal", (text = "") => version(text)),
  parse_command_line: ofTexts("dynamic", (text = "") => commandLine(text)),
  parse_csv: ofTexts("dynamic", (text = "") => csv(text)),
  extractjson: ofTexts("string", (path = "", text = "") => jsonAt(path, text)),
  extract_json: ofTexts("string", (path = "", text = "") => jsonAt(path, text)),
  translate: ofTexts("string", (from = "", to = "", text = "") =>
    Array.from(text, (letter) =>
      from.includes(letter) ? (to[Math.min(from.indexOf(letter), to.length - 1)] ?? "") : letter,
    ).join(""),
  ),
  dynamic_to_json: ofAny("string", ([value], args) =>
    JSON.stringify(toDynamic(value, argument(args, 0).type)),
  ),
};

/** `$.a.b[0]` in a text of JSON. */
function jsonAt(path: string, text: string): string {
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
