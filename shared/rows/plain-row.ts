/**
 * The fast path: compares bytes to decide whether a row already is the line that `RowRewriter`
 * would write. Such rows are passed on where they are in the buffer.
 */
import {
  backslash,
  closeBrace,
  closeBracket,
  dot,
  minus,
  nine,
  openBrace,
  openBracket,
  quote,
  startsWith,
  zero,
  encodeUtf8,
} from "./bytes.ts";
import type { ColumnType, RowShape, ShapedColumn } from "./column.ts";
import type { ScanBuffer } from "./scan-buffer.ts";

/** The row or value is not plain, or not complete. */
export const notPlain = -1;

/** Returns the index after the row that begins at `from` when it is plain, else `notPlain`. */
export function findPlainRowEnd(
  shape: RowShape,
  buffer: ScanBuffer,
  from: number,
  to: number,
): number {
  if (shape.columns.length === 0) return notPlain;
  const { bytes } = buffer;
  let at = from;
  for (const column of shape.columns) {
    if (!hasLead(column, buffer, at, to)) return notPlain;
    at = findPlainValueEnd(column.type, buffer, at + column.lead.length, to);
    if (at === notPlain) return notPlain;
  }
  return at < to && bytes[at] === closeBrace ? at + 1 : notPlain;
}

/** Half of a row is leads: they are compared four bytes at a time. */
function hasLead(
  { lead, leadWords }: ShapedColumn,
  { bytes, view }: ScanBuffer,
  at: number,
  to: number,
): boolean {
  if (at + lead.length > to) return false;
  for (let word = 0; word < leadWords.length; word += 1)
    if (view.getInt32(at + word * 4, true) !== leadWords[word]) return false;
  for (let index = leadWords.length * 4; index < lead.length; index += 1)
    if (bytes[at + index] !== lead[index]) return false;
  return true;
}

const literals = new Map(
  ["true", "false", "null"].map((word) => [word.charCodeAt(0), encodeUtf8(word)]),
);

function findPlainValueEnd(type: ColumnType, buffer: ScanBuffer, at: number, to: number): number {
  const { bytes } = buffer;
  const first = bytes[at] as number; // at < to: the caller compared bytes up to here
  if (at >= to) return notPlain;
  if (first === quote) return findPlainTextEnd(type, buffer, at, to);
  if (first === minus || isDigit(first))
    return type === "bool" ? notPlain : findNumberEnd(bytes, at, to);
  if (first === openBracket) return isEmptyArray(type, bytes, at, to) ? at + 2 : notPlain;
  const word = literals.get(first);
  return word !== undefined && startsWith(bytes, at, to, word) ? at + word.length : notPlain;
}

const isDigit = (byte: number): boolean => byte >= zero && byte <= nine;

const isEmptyArray = (type: ColumnType, bytes: Uint8Array, at: number, to: number): boolean =>
  type === "dynamic" && bytes[at + 1] === closeBracket && at + 1 < to;

/** Ends at the first byte that a number cannot hold; `RowRewriter` checks no more than that. */
function findNumberEnd(bytes: Uint8Array, at: number, to: number): number {
  let index = at;
  while (index < to && isNumberByte(bytes[index] as number)) index += 1; // index < to <= length
  return index < to ? index : notPlain;
}

/** True for a digit, sign, point or exponent. */
export const isNumberByte = (byte: number): boolean =>
  isDigit(byte) ||
  byte === dot ||
  byte === minus ||
  byte === 0x65 ||
  byte === 0x45 ||
  byte === 0x2b;

/**
 * Accepts a string with the escapes that `JSON.stringify` writes, in a form that its type does not
 * change.
 */
function findPlainTextEnd(type: ColumnType, buffer: ScanBuffer, at: number, to: number): number {
  const { bytes } = buffer;
  const end = findCanonicalStringEnd(buffer, at, to);
  if (end === notPlain || type === "string" || type === "guid") return end;
  if (type === "datetime") return isPlainInstant(bytes, at, end) ? end : notPlain;
  if (type === "timespan") return isPlainTimespan(bytes, at) ? end : notPlain;
  if (type === "dynamic") return canHoldJson(bytes, at) ? notPlain : end;
  return notPlain;
}

/** Returns the index after a string that has only short escapes, else `notPlain`. */
function findCanonicalStringEnd({ bytes, findStop }: ScanBuffer, at: number, to: number): number {
  for (let index = findStop(at + 1, to); index < to; index = findStop(index + 2, to)) {
    const byte = bytes[index];
    if (byte === quote) return index + 1;
    if (byte !== backslash || index + 1 >= to || !isShortEscape(bytes[index + 1])) return notPlain;
  }
  return notPlain;
}

/** True when the whole string `[from, to)`, quotes included, is as `JSON.stringify` writes it. */
export function isCanonicalString(bytes: Uint8Array, from: number, to: number): boolean {
  for (let index = from + 1; index < to - 1; index += 1) {
    if (bytes[index] !== backslash) continue;
    index += 1;
    if (!isShortEscape(bytes[index])) return false;
  }
  return true;
}

// " \ b f n r t
const isShortEscape = (byte: number | undefined): boolean =>
  byte === quote ||
  byte === backslash ||
  byte === 0x62 ||
  byte === 0x66 ||
  byte === 0x6e ||
  byte === 0x72 ||
  byte === 0x74;

/** True for `"2026-01-05T06:38:35.7664356Z"`: seven fraction digits and a Z. */
export const isPlainInstant = (bytes: Uint8Array, at: number, end: number): boolean =>
  end - at === 30 && bytes[at + 11] === 0x54 && bytes[at + 20] === dot && bytes[at + 28] === 0x5a;

/** True for anything but an ISO duration, which begins with `P` or `-P`. */
export const isPlainTimespan = (bytes: Uint8Array, at: number): boolean =>
  bytes[at + 1] !== 0x50 && !(bytes[at + 1] === minus && bytes[at + 2] === 0x50);

/** True for text that may be a JSON object or array. */
export const canHoldJson = (bytes: Uint8Array, at: number): boolean =>
  bytes[at + 1] === openBrace || bytes[at + 1] === openBracket;
