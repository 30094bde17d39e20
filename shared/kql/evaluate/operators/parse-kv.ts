/**
 * `parse-kv Text as (Key: type, …) with (…)`: keys and values between delimiters, between any
 * characters but letters and digits, or by a regular expression.
 */
import { childAt, listElements, type KqlNode } from "../../language/parser.ts";
import type { HuntColumn } from "../../../contracts/compiled-hunt.ts";
import { asText, convertScalar } from "../coerce.ts";
import { requireRegex } from "../comparisons.ts";
import { readName } from "../names.ts";
import { createConstant, withColumns, type Scope } from "../plan.ts";
import { createUnsupportedError } from "../query-error.ts";
import { requireChild } from "../scalar.ts";
import { readType } from "../type-names.ts";
import { addColumns } from "./parse.ts";
import type { Operator } from "./rows.ts";

const supportedOptions = new Set([
  "pair_delimiter",
  "kv_delimiter",
  "quote",
  "escape",
  "greedy",
  "regex",
]);

type Pairs = ReadonlyMap<string, string>;

/** How the values of a text are found. */
interface KvOptions {
  readonly pairDelimiter: string;
  readonly kvDelimiter: string;
  /** Opening and closing quotes. */
  readonly quotes: readonly (readonly [open: string, close: string])[];
  readonly escapes: readonly string[];
  /** A value ends only where the next key begins. */
  readonly isGreedy: boolean;
}

export const evaluateParseKv: Operator = (node, input, scope) => {
  const text = asText(
    scope.compile.scalar(requireChild(node, "Expression"), withColumns(scope, input.columns)),
  );
  const columns = listElements(childAt(requireChild(node, "Keys"), "Columns")).map(
    (one): HuntColumn => ({
      name: readName(requireChild(one, "Name")),
      type: readType(requireChild(one, "Type")) ?? "dynamic",
    }),
  );
  const keys = columns.map(({ name }) => name);
  const readPairs = createReader(readOptions(childAt(node, "WithClause"), scope), keys);
  return addColumns(input, columns, false, (row) => {
    const pairs = readPairs(text.run(row));
    return columns.map(({ name, type }) =>
      convertScalar(createConstant("string", pairs.get(name) ?? ""), type).run([]),
    );
  });
};

type OptionValues = readonly (readonly [name: string, value: string])[];

function readOptions(clause: KqlNode | undefined, scope: Scope): OptionValues {
  const options = listElements(clause && childAt(clause, "Properties")).map(
    (one) =>
      [
        readName(requireChild(one, "Name")),
        String(scope.compile.scalar(requireChild(one, "Expression"), scope).run([])),
      ] as const,
  );
  const unknown = options.find(([name]) => !supportedOptions.has(name));
  if (unknown !== undefined) throw createUnsupportedError(`The option '${unknown[0]}' of parse-kv`);
  return options;
}

function createReader(options: OptionValues, keys: readonly string[]): (text: string) => Pairs {
  const readAll = (name: string): readonly string[] =>
    options.flatMap(([one, value]) => (one === name ? [value] : []));
  const [regex] = readAll("regex");
  if (regex !== undefined) return (text) => matchPairs(text, requireRegex(regex, "g"));
  const [pairDelimiter, kvDelimiter] = [readAll("pair_delimiter")[0], readAll("kv_delimiter")[0]];
  const kvOptions: KvOptions = {
    pairDelimiter: pairDelimiter ?? "",
    kvDelimiter: kvDelimiter ?? "",
    quotes: readAll("quote").map((quote) => [quote[0] ?? "", quote.at(-1) ?? ""]),
    escapes: readAll("escape"),
    isGreedy: readAll("greedy")[0] === "true",
  };
  return pairDelimiter === undefined || kvDelimiter === undefined
    ? (text) => findKeys(text, keys, kvOptions)
    : (text) => splitPairs(text, keys, kvOptions);
}

/** The first group of a match is a key, the second one its value. */
function matchPairs(text: string, regex: RegExp): Pairs {
  const pairs = new Map<string, string>();
  for (const [, key = "", value = ""] of text.matchAll(regex)) addPair(pairs, key, value);
  return pairs;
}

/** The first appearance of a key counts. */
function addPair(pairs: Map<string, string>, key: string, value: string): void {
  if (!pairs.has(key.trim())) pairs.set(key.trim(), value.trim());
}

/** A part of a text and where the text continues. */
interface TextPart {
  readonly text: string;
  readonly end: number;
}

/** Reads a quoted text that begins at `start`; undefined if there is none. */
function readQuoted(
  text: string,
  start: number,
  { quotes, escapes }: KvOptions,
): TextPart | undefined {
  const quote = quotes.find(([open]) => open !== "" && text.startsWith(open, start));
  if (quote === undefined) return undefined;
  let value = "";
  for (let index = start + 1; index < text.length; index += 1) {
    const letter = text[index] ?? "";
    if (escapes.includes(letter) && index + 1 < text.length) {
      index += 1;
      value += text[index] ?? "";
    } else if (letter === quote[1]) return { text: value, end: index + 1 };
    else value += letter;
  }
  return undefined;
}

const skipSpace = (text: string, start: number): number => {
  let index = start;
  while (index < text.length && text[index]?.trim() === "") index += 1;
  return index;
};

/** Returns the first index of one of the texts, or the end. */
function findFirst(text: string, start: number, ends: readonly string[]): number {
  const indexes = ends.map((end) => text.indexOf(end, start)).filter((index) => index >= 0);
  return Math.min(text.length, ...indexes);
}

/** Reads pairs from left to right. */
function splitPairs(text: string, keys: readonly string[], options: KvOptions): Pairs {
  const { pairDelimiter, kvDelimiter, isGreedy } = options;
  const pairs = new Map<string, string>();
  const valueEnds = isGreedy
    ? keys.map((key) => `${pairDelimiter}${key}${kvDelimiter}`)
    : [pairDelimiter];
  for (let index = 0; index < text.length;) {
    const key = readPart(text, index, [kvDelimiter, pairDelimiter], options);
    if (!text.startsWith(kvDelimiter, key.end)) {
      index = key.end + pairDelimiter.length;
      continue;
    }
    const value = readPart(text, key.end + kvDelimiter.length, valueEnds, options);
    addPair(pairs, key.text, value.text);
    index = value.end + pairDelimiter.length;
  }
  return pairs;
}

/** Reads a quoted text, or a text up to one of the ends. */
function readPart(
  text: string,
  start: number,
  ends: readonly string[],
  options: KvOptions,
): TextPart {
  const quoted = readQuoted(text, skipSpace(text, start), options);
  if (quoted !== undefined) {
    const end = findFirst(text, quoted.end, ends);
    return { text: quoted.text, end };
  }
  const end = findFirst(text, start, ends);
  return { text: text.slice(start, end), end };
}

const isWordLetter = (letter: string | undefined): boolean =>
  letter !== undefined && /[\p{L}\p{N}]/u.test(letter);

/** Finds each key as a word; its value is quoted or the next run of letters and digits. */
function findKeys(text: string, keys: readonly string[], options: KvOptions): Pairs {
  const pairs = new Map<string, string>();
  for (const key of keys) {
    const start = findWord(text, key);
    if (start < 0) continue;
    let index = start + key.length;
    let quoted = readQuoted(text, index, options);
    while (quoted === undefined && index < text.length && !isWordLetter(text[index])) {
      index += 1;
      quoted = readQuoted(text, index, options);
    }
    let end = index;
    while (isWordLetter(text[end])) end += 1;
    addPair(pairs, key, quoted?.text ?? text.slice(index, end));
  }
  return pairs;
}

function findWord(text: string, word: string): number {
  for (let at = text.indexOf(word); at >= 0; at = text.indexOf(word, at + 1))
    if (!isWordLetter(text[at - 1]) && !isWordLetter(text[at + word.length])) return at;
  return -1;
}
