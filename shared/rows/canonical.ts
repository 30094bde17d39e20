/**
 * One form for every value, whichever back-end it came from. Numbers are never converted: their text is copied.
 *
 * - text: raw UTF-8, with the escapes that `JSON.stringify` writes and no others
 * - numbers: as they came, bare also where they came as text; not-a-number and infinity as the text `"NaN"`, `"Infinity"`
 * - datetime: `2026-01-05T06:38:35.7664356Z`, always seven fraction digits and a Z. A time that came with seven leaves
 *   exactly as it came; Graph drops trailing zeros and the 2017 API drops the zone, so these are filled in
 * - timespan: `1.02:03:04.5000000`, as KQL prints it, also where an ISO duration came
 * - bool: `true` and `false`, also where 0 and 1 came
 * - `{}` as the whole value of a column: null. Graph writes nulls so; that an empty property bag reads as null, too, is
 *   the price of equal lines
 * - dynamic: JSON without white space and without `@odata.` annotations. A column, or an element of an array, that is
 *   text holding a JSON object or array becomes that object or array
 */
import { formatInstant, parseInstant } from "../runtime/time.ts";
import {
  appendBytes,
  appendByte,
  carriageReturn,
  closeBrace,
  closeBracket,
  colon,
  comma,
  decodeUtf8,
  dot,
  encodeUtf8,
  lineFeed,
  nine,
  openBrace,
  openBracket,
  quote,
  space,
  startsWith,
  zero,
  type ByteBuffer,
} from "./bytes.ts";
import type { ColumnType } from "./column.ts";
import {
  canHoldJson,
  isCanonicalString,
  isNumberByte,
  isPlainInstant,
  isPlainTimespan,
} from "./plain-row.ts";
import { MalformedRows } from "./malformed-rows.ts";
import { forEachElement, forEachMember } from "./scan.ts";

const nullText = encodeUtf8("null");
const trueText = encodeUtf8("true");
const falseText = encodeUtf8("false");
const annotation = encodeUtf8("@odata.");

// Deeper values are copied as they came: no service nests so deep, and the stack must hold.
const maxDepth = 128;

/** Writes `null`. */
export const writeNull = (out: ByteBuffer): void => appendBytes(out, nullText);

/**
 * Writes the value `[from, to)` of a column in its one form.
 *
 * @param hasAnnotations - drop `@odata.` annotations inside it
 */
export function writeValue(
  out: ByteBuffer,
  type: ColumnType,
  bytes: Uint8Array,
  from: number,
  to: number,
  hasAnnotations: boolean,
): void {
  const first = bytes[from];
  if (first === openBrace && isEmptyBag(bytes, from, to, hasAnnotations)) return writeNull(out);
  if (type === "dynamic") return writeColumnJson(out, bytes, from, to, hasAnnotations);
  if (type === "bool" && to - from === 1 && (first === zero || first === zero + 1))
    return appendBytes(out, first === zero ? falseText : trueText);
  if (first === quote && type === "datetime") return writeInstant(out, bytes, from, to);
  if (first === quote && type === "timespan") return writeTimespan(out, bytes, from, to);
  if (first === quote && isNumeric(type)) return writeNumberText(out, bytes, from, to);
  writeJson(out, bytes, from, to, { hasAnnotations, shouldParseText: false }, 0);
}

const numberPattern = /^-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?$/;
const infinities: Readonly<Record<string, string>> = { INF: "Infinity", "-INF": "-Infinity" };

/** A number that came as text, such as a decimal: bare. What JSON has no number for stays text, in KQL's spelling. */
function writeNumberText(out: ByteBuffer, bytes: Uint8Array, from: number, to: number): void {
  const text = decodeUtf8(bytes, from + 1, to - 1);
  if (numberPattern.test(text)) appendBytes(out, bytes, from + 1, to - 1);
  else if (infinities[text] === undefined) writeString(out, bytes, from, to);
  else appendBytes(out, encodeUtf8(`"${infinities[text]}"`));
}

const isNumeric = (type: ColumnType): boolean =>
  type === "long" || type === "int" || type === "real" || type === "decimal";

/** True for `{}`, also with annotations inside. */
function isEmptyBag(bytes: Uint8Array, from: number, to: number, hasAnnotations: boolean): boolean {
  let members = 0;
  forEachMember(bytes, from, to, (key, keyEnd) => {
    if (!hasAnnotations || !isAnnotation(bytes, key, keyEnd)) members += 1;
  });
  return members === 0;
}

/** True for a key such as `"X@odata.type"` or `"@odata.type"`. */
export function isAnnotation(bytes: Uint8Array, key: number, keyEnd: number): boolean {
  for (let at = key + 1; at < keyEnd - annotation.length; at += 1)
    if (bytes[at] === annotation[0] && startsWith(bytes, at, keyEnd, annotation)) return true;
  return false;
}

function writeInstant(out: ByteBuffer, bytes: Uint8Array, from: number, to: number): void {
  if (isPlainInstant(bytes, from, to)) return appendBytes(out, bytes, from, to);
  if (isShortInstant(bytes, from, to)) return fillInstant(out, bytes, from, to);
  const ticks = parseInstant(decodeUtf8(bytes, from + 1, to - 1));
  if (ticks === undefined) writeString(out, bytes, from, to);
  else appendBytes(out, encodeUtf8(`"${formatInstant(ticks)}"`));
}

const instantMask = encodeUtf8('"0000-00-00T00:00:00.000000');
const instantEnd = encodeUtf8('0000000Z"');

/** A time with a Z and fewer than seven fraction digits: Graph's usual form. */
function isShortInstant(bytes: Uint8Array, from: number, to: number): boolean {
  const digits = to - 2 - from;
  if (digits < 20 || digits > instantMask.length || digits === 21 || bytes[to - 2] !== 0x5a)
    return false;
  for (let at = 0; at < digits; at += 1) {
    const byte = bytes[from + at] ?? 0;
    if (instantMask[at] === zero ? byte < zero || byte > nine : byte !== instantMask[at])
      return false;
  }
  return true;
}

/** Copies it and fills the fraction up to seven digits. */
function fillInstant(out: ByteBuffer, bytes: Uint8Array, from: number, to: number): void {
  const digits = to - 2 - from;
  appendBytes(out, bytes, from, to - 2);
  if (digits === 20) appendByte(out, dot);
  appendBytes(out, instantEnd, Math.max(digits, 21) - 21);
}

const isoTimespan = /^(-?)P(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?(?:(\d+)(?:\.(\d{1,7}))?S)?)?$/;

function writeTimespan(out: ByteBuffer, bytes: Uint8Array, from: number, to: number): void {
  if (isPlainTimespan(bytes, from)) return writeString(out, bytes, from, to);
  const match = isoTimespan.exec(decodeUtf8(bytes, from + 1, to - 1));
  if (!match) return writeString(out, bytes, from, to);
  const [, sign = "", days = "0", hours = "0", minutes = "0", seconds = "0", fraction = ""] = match;
  const total =
    BigInt(days) * 86_400n + BigInt(hours) * 3_600n + BigInt(minutes) * 60n + BigInt(seconds);
  appendBytes(
    out,
    encodeUtf8(
      `"${sign}${formatClock(total)}${fraction === "" ? "" : `.${fraction.padEnd(7, "0")}`}"`,
    ),
  );
}

/** Seconds as `d.hh:mm:ss`, the days left out when there are none. */
function formatClock(total: bigint): string {
  const padTwo = (value: bigint): string => value.toString().padStart(2, "0");
  const days = total / 86_400n;
  const clock = [(total / 3_600n) % 24n, (total / 60n) % 60n, total % 60n].map(padTwo).join(":");
  return days === 0n ? clock : `${days}.${clock}`;
}

/** Writes the string `[from, to)`, quotes included, with canonical escapes. */
function writeString(out: ByteBuffer, bytes: Uint8Array, from: number, to: number): void {
  if (isCanonicalString(bytes, from, to)) appendBytes(out, bytes, from, to);
  else appendBytes(out, encodeUtf8(JSON.stringify(JSON.parse(decodeUtf8(bytes, from, to)))));
}

interface JsonRules {
  readonly hasAnnotations: boolean;
  /** Read text inside arrays as the JSON it holds. */
  readonly shouldParseText: boolean;
}

/** The value of a dynamic column. Text that holds an empty bag is null, as the bag itself would be. */
function writeColumnJson(
  out: ByteBuffer,
  bytes: Uint8Array,
  from: number,
  to: number,
  hasAnnotations: boolean,
): void {
  const startLength = out.length;
  const rules = { hasAnnotations, shouldParseText: true };
  if (bytes[from] !== quote) return writeJson(out, bytes, from, to, rules, 0);
  writeText(out, bytes, from, to, rules, 0);
  if (out.length - startLength !== 2 || out.bytes[startLength] !== openBrace) return;
  out.length = startLength;
  writeNull(out);
}

/** A string that may hold JSON: written as that JSON when it does. Inside it nothing is an annotation. */
function writeText(
  out: ByteBuffer,
  bytes: Uint8Array,
  from: number,
  to: number,
  rules: JsonRules,
  depth: number,
): void {
  const text = canHoldJson(bytes, from) ? extractJson(decodeUtf8(bytes, from, to)) : undefined;
  if (text === undefined) writeString(out, bytes, from, to);
  else writeJson(out, text, 0, text.length, { ...rules, hasAnnotations: false }, depth + 1);
}

function extractJson(literal: string): Uint8Array | undefined {
  try {
    const text = String(JSON.parse(literal)).trim();
    JSON.parse(text);
    return encodeUtf8(text);
  } catch {
    return undefined;
  }
}

function writeJson(
  out: ByteBuffer,
  bytes: Uint8Array,
  from: number,
  to: number,
  rules: JsonRules,
  depth: number,
): void {
  const first = bytes[from];
  if (first === quote) return writeString(out, bytes, from, to);
  if (first !== openBrace && first !== openBracket) return writeScalar(out, bytes, from, to);
  if (depth > maxDepth) return writeVerbatim(out, bytes, from, to);
  if (first === openBrace) writeBag(out, bytes, from, to, rules, depth);
  else writeArray(out, bytes, from, to, rules, depth);
}

const literals = [nullText, trueText, falseText];

function writeScalar(out: ByteBuffer, bytes: Uint8Array, from: number, to: number): void {
  let at = from;
  while (at < to && isNumberByte(bytes[at] as number)) at += 1; // at < to <= length
  if (
    at < to &&
    !literals.some((word) => to - from === word.length && startsWith(bytes, from, to, word))
  )
    throw new MalformedRows("a value that is neither a number nor true, false or null");
  appendBytes(out, bytes, from, to);
}

/** Copies JSON of any shape; line breaks can only stand between its values and become spaces. */
function writeVerbatim(out: ByteBuffer, bytes: Uint8Array, from: number, to: number): void {
  const startLength = out.length;
  appendBytes(out, bytes, from, to);
  for (let at = startLength; at < out.length; at += 1)
    if (out.bytes[at] === lineFeed || out.bytes[at] === carriageReturn) out.bytes[at] = space;
}

function writeBag(
  out: ByteBuffer,
  bytes: Uint8Array,
  from: number,
  to: number,
  rules: JsonRules,
  depth: number,
): void {
  let members = 0;
  appendByte(out, openBrace);
  forEachMember(bytes, from, to, (key, keyEnd, value, end) => {
    if (rules.hasAnnotations && isAnnotation(bytes, key, keyEnd)) return;
    if (members++ > 0) appendByte(out, comma);
    writeString(out, bytes, key, keyEnd);
    appendByte(out, colon);
    writeJson(out, bytes, value, end, rules, depth + 1);
  });
  appendByte(out, closeBrace);
}

function writeArray(
  out: ByteBuffer,
  bytes: Uint8Array,
  from: number,
  to: number,
  rules: JsonRules,
  depth: number,
): void {
  let elements = 0;
  appendByte(out, openBracket);
  forEachElement(bytes, from, to, (value, end) => {
    if (elements++ > 0) appendByte(out, comma);
    if (rules.shouldParseText && bytes[value] === quote)
      writeText(out, bytes, value, end, rules, depth + 1);
    else writeJson(out, bytes, value, end, rules, depth + 1);
  });
  appendByte(out, closeBracket);
}
