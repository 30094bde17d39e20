/**
 * Writes every value in one form, whichever back-end it came from. Numbers are never converted:
 * their text is copied.
 *
 * - text: UTF-8 with the escapes that `JSON.stringify` writes and no others. An unpaired surrogate
 *   becomes U+FFFD and is counted, because strict readers (jq, DuckDB, arrow-rs) refuse a whole
 *   file for one
 * - numbers: as they came, without quotes also where they came as text; not-a-number and infinity
 *   as the text `"NaN"`, `"Infinity"`
 * - datetime: `2026-01-05T06:38:35.7664356Z`, always seven fraction digits and a Z. A time that
 *   came with seven digits is copied; Graph drops trailing zeros and the 2017 API drops the zone,
 *   so these are filled in
 * - timespan: `1.02:03:04.5000000`, as KQL prints it, also where an ISO duration came
 * - bool: `true` and `false`, also where 0 and 1 came
 * - `{}` as the whole value of a column: null, because Graph writes null so. An empty property bag
 *   is therefore null too
 * - dynamic: JSON without white space and without `@odata.` annotations. A column, or an element of
 *   an array, that is text with a JSON object or array becomes that object or array
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

// Deeper values are copied as they came: no service nests deeper, and recursion must end before the
// stack does.
const maxDepth = 128;

/** Writes `null`. */
export const writeNull = (out: ByteBuffer): void => appendBytes(out, nullText);

/** Appends values of rows to `out`, each in its one form. */
export class ValueWriter {
  readonly #out: ByteBuffer;
  #bytes: Uint8Array = nullText;
  #hasAnnotations: boolean;
  /** Whether text in arrays is read as the JSON it holds. */
  #shouldParseText = false;
  #depth = 0;
  #substituted = 0;

  /** @param hasAnnotations - drops `@odata.` annotations inside values */
  constructor(out: ByteBuffer, hasAnnotations: boolean) {
    this.#out = out;
    this.#hasAnnotations = hasAnnotations;
  }

  /** Unpaired surrogates that U+FFFD replaced so far. */
  get substituted(): number {
    return this.#substituted;
  }

  /** Writes the value `[from, to)` of a column. */
  writeValue(type: ColumnType, bytes: Uint8Array, from: number, to: number): void {
    this.#bytes = bytes;
    const first = bytes[from];
    if (first === openBrace && this.#isEmptyBag(from, to)) return writeNull(this.#out);
    if (type === "dynamic") return this.#writeDynamic(from, to);
    if (first === quote && type !== "string") return this.#writeTypedText(type, from, to);
    if (type === "bool" && to - from === 1 && (first === zero || first === zero + 1))
      return appendBytes(this.#out, first === zero ? falseText : trueText);
    this.#writeJson(from, to);
  }

  /** Writes the string `[from, to)`, quotes included, with canonical escapes. */
  writeString(bytes: Uint8Array, from: number, to: number): void {
    if (isCanonicalString(bytes, from, to)) return appendBytes(this.#out, bytes, from, to);
    const text = String(JSON.parse(decodeUtf8(bytes, from, to)));
    const wellFormed = text.toWellFormed();
    if (wellFormed !== text) this.#substituted += countUnpaired(text);
    appendBytes(this.#out, encodeUtf8(JSON.stringify(wellFormed)));
  }

  /** A string in a column of another type: a time, a duration or a number. */
  #writeTypedText(type: ColumnType, from: number, to: number): void {
    if (type === "datetime") return this.#writeInstant(from, to);
    if (type === "timespan") return this.#writeTimespan(from, to);
    if (isNumeric(type)) return this.#writeNumberText(from, to);
    this.writeString(this.#bytes, from, to);
  }

  /**
   * A number that came as text is written without quotes; not-a-number and infinity stay text, as
   * KQL spells them.
   */
  #writeNumberText(from: number, to: number): void {
    const text = decodeUtf8(this.#bytes, from + 1, to - 1);
    const infinity = infinities.get(text);
    if (numberPattern.test(text)) appendBytes(this.#out, this.#bytes, from + 1, to - 1);
    else if (infinity === undefined) this.writeString(this.#bytes, from, to);
    else appendBytes(this.#out, encodeUtf8(`"${infinity}"`));
  }

  #writeInstant(from: number, to: number): void {
    if (isPlainInstant(this.#bytes, from, to)) return appendBytes(this.#out, this.#bytes, from, to);
    if (isShortInstant(this.#bytes, from, to)) return fillInstant(this.#out, this.#bytes, from, to);
    const ticks = parseInstant(decodeUtf8(this.#bytes, from + 1, to - 1));
    if (ticks === undefined) this.writeString(this.#bytes, from, to);
    else appendBytes(this.#out, encodeUtf8(`"${formatInstant(ticks)}"`));
  }

  #writeTimespan(from: number, to: number): void {
    const timespan = isPlainTimespan(this.#bytes, from)
      ? undefined
      : toKqlTimespan(decodeUtf8(this.#bytes, from + 1, to - 1));
    if (timespan === undefined) this.writeString(this.#bytes, from, to);
    else appendBytes(this.#out, encodeUtf8(`"${timespan}"`));
  }

  /** The value of a dynamic column. Text that holds an empty bag is null, as the bag itself is. */
  #writeDynamic(from: number, to: number): void {
    const startLength = this.#out.length;
    this.#shouldParseText = true;
    if (this.#bytes[from] === quote) this.#writeText(from, to);
    else this.#writeJson(from, to);
    this.#shouldParseText = false;
    if (this.#out.length - startLength !== 2 || this.#out.bytes[startLength] !== openBrace) return;
    this.#out.length = startLength;
    writeNull(this.#out);
  }

  /** A string that may hold JSON is written as that JSON. Inside it, `@odata.` members are data. */
  #writeText(from: number, to: number): void {
    const outer = this.#bytes;
    const text = canHoldJson(outer, from) ? extractJson(decodeUtf8(outer, from, to)) : undefined;
    if (text === undefined) return this.writeString(outer, from, to);
    const hadAnnotations = this.#hasAnnotations;
    this.#bytes = text;
    this.#hasAnnotations = false;
    this.#depth += 1;
    this.#writeJson(0, text.length);
    this.#depth -= 1;
    this.#hasAnnotations = hadAnnotations;
    this.#bytes = outer;
  }

  #writeJson(from: number, to: number): void {
    const first = this.#bytes[from];
    if (first === quote) return this.writeString(this.#bytes, from, to);
    if (first !== openBrace && first !== openBracket)
      return writeScalar(this.#out, this.#bytes, from, to);
    if (this.#depth > maxDepth) return writeVerbatim(this.#out, this.#bytes, from, to);
    this.#depth += 1;
    if (first === openBrace) this.#writeBag(from, to);
    else this.#writeArray(from, to);
    this.#depth -= 1;
  }

  #writeBag(from: number, to: number): void {
    const bytes = this.#bytes;
    let members = 0;
    appendByte(this.#out, openBrace);
    forEachMember(bytes, from, to, (key, keyEnd, value, end) => {
      if (this.#hasAnnotations && isAnnotation(bytes, key, keyEnd)) return;
      if (members++ > 0) appendByte(this.#out, comma);
      this.writeString(bytes, key, keyEnd);
      appendByte(this.#out, colon);
      this.#writeJson(value, end);
    });
    appendByte(this.#out, closeBrace);
  }

  #writeArray(from: number, to: number): void {
    let elements = 0;
    appendByte(this.#out, openBracket);
    forEachElement(this.#bytes, from, to, (value, end) => {
      if (elements++ > 0) appendByte(this.#out, comma);
      if (this.#shouldParseText && this.#bytes[value] === quote) this.#writeText(value, end);
      else this.#writeJson(value, end);
    });
    appendByte(this.#out, closeBracket);
  }

  /** True for `{}`, also with annotations inside. */
  #isEmptyBag(from: number, to: number): boolean {
    let members = 0;
    forEachMember(this.#bytes, from, to, (key, keyEnd) => {
      if (!this.#hasAnnotations || !isAnnotation(this.#bytes, key, keyEnd)) members += 1;
    });
    return members === 0;
  }
}

const numberPattern = /^-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?$/;
const infinities = new Map([
  ["INF", "Infinity"],
  ["-INF", "-Infinity"],
]);

const isNumeric = (type: ColumnType): boolean =>
  type === "long" || type === "int" || type === "real" || type === "decimal";

const countUnpaired = (text: string): number =>
  text.match(/[\uD800-\uDBFF](?![\uDC00-\uDFFF])|(?<![\uD800-\uDBFF])[\uDC00-\uDFFF]/g)?.length ??
  0;

/** True for a key such as `"X@odata.type"` or `"@odata.type"`. */
export function isAnnotation(bytes: Uint8Array, key: number, keyEnd: number): boolean {
  for (let at = key + 1; at < keyEnd - annotation.length; at += 1)
    if (bytes[at] === annotation[0] && startsWith(bytes, at, keyEnd, annotation)) return true;
  return false;
}

const instantMask = encodeUtf8('"0000-00-00T00:00:00.000000');
const instantEnd = encodeUtf8('0000000Z"');

/** True for a time with a Z and fewer than seven fraction digits: Graph's usual form. */
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

/** Copies the time and fills its fraction up to seven digits. */
function fillInstant(out: ByteBuffer, bytes: Uint8Array, from: number, to: number): void {
  const digits = to - 2 - from;
  appendBytes(out, bytes, from, to - 2);
  if (digits === 20) appendByte(out, dot);
  appendBytes(out, instantEnd, Math.max(digits, 21) - 21);
}

const isoTimespan = /^(-?)P(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?(?:(\d+)(?:\.(\d{1,7}))?S)?)?$/;

/** Returns an ISO duration as KQL prints it; `undefined` for any other text. */
function toKqlTimespan(text: string): string | undefined {
  const match = isoTimespan.exec(text);
  if (!match) return undefined;
  const [, sign = "", days = "0", hours = "0", minutes = "0", seconds = "0", fraction = ""] = match;
  const total =
    BigInt(days) * 86_400n + BigInt(hours) * 3_600n + BigInt(minutes) * 60n + BigInt(seconds);
  return `${sign}${formatClock(total)}${fraction === "" ? "" : `.${fraction.padEnd(7, "0")}`}`;
}

/** Formats seconds as `d.hh:mm:ss`, without days when there are none. */
function formatClock(total: bigint): string {
  const padTwo = (value: bigint): string => value.toString().padStart(2, "0");
  const days = total / 86_400n;
  const clock = [(total / 3_600n) % 24n, (total / 60n) % 60n, total % 60n].map(padTwo).join(":");
  return days === 0n ? clock : `${days}.${clock}`;
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

/** Copies JSON of any shape. Its line breaks, which can only be between values, become spaces. */
function writeVerbatim(out: ByteBuffer, bytes: Uint8Array, from: number, to: number): void {
  const startLength = out.length;
  appendBytes(out, bytes, from, to);
  for (let at = startLength; at < out.length; at += 1)
    if (out.bytes[at] === lineFeed || out.bytes[at] === carriageReturn) out.bytes[at] = space;
}
