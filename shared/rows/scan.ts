/**
 * Finds where JSON values end, by bytes, without parsing them. A value that continues beyond the
 * given bytes is `incomplete`: the caller adds bytes and calls again.
 */
import {
  backslash,
  carriageReturn,
  closeBrace,
  closeBracket,
  colon,
  comma,
  lineFeed,
  openBrace,
  openBracket,
  quote,
  space,
  tab,
} from "./bytes.ts";
import { MalformedRows } from "./malformed-rows.ts";

/** The result of every function here when the bytes end too early. */
export const incomplete = -1;

/**
 * Returns the index of the first byte from `at` that is not JSON white space; `to` when there is
 * none.
 */
export function skipSpace(bytes: Uint8Array, at: number, to: number): number {
  let index = at;
  while (index < to && isSpace(bytes[index])) index += 1;
  return index;
}

const isSpace = (byte: number | undefined): boolean =>
  byte === space || byte === lineFeed || byte === carriageReturn || byte === tab;

/**
 * Returns the index after the closing quote of the string whose opening quote is at `at`, or
 * `incomplete`.
 *
 * @throws MalformedRows on a raw control character, which JSON forbids and a line of NDJSON could
 *   not hold
 */
function findStringEnd(bytes: Uint8Array, at: number, to: number): number {
  for (let index = at + 1; index < to; index += 1) {
    const byte = bytes[index] as number; // index < to <= length
    if (byte === quote) return index + 1;
    if (byte === backslash) index += 1;
    else if (byte < space)
      throw new MalformedRows(`a raw control character in a string, ${index - at} bytes in`);
  }
  return incomplete;
}

/** Returns the index after the object or array that opens at `at`, or `incomplete`. */
function findNestedEnd(bytes: Uint8Array, at: number, to: number): number {
  let depth = 0;
  for (let index = at; index < to; index += 1) {
    const byte = bytes[index];
    if (byte === quote) {
      const end = findStringEnd(bytes, index, to);
      if (end === incomplete) return incomplete;
      index = end - 1;
    } else if (byte === openBrace || byte === openBracket) depth += 1;
    else if (byte === closeBrace || byte === closeBracket) {
      depth -= 1;
      if (depth === 0) return index + 1;
    }
  }
  return incomplete;
}

/**
 * Returns the index after the number or literal at `at`. Without a byte behind it, the end is
 * unknown: `incomplete`.
 */
function findScalarEnd(bytes: Uint8Array, at: number, to: number): number {
  for (let index = at; index < to; index += 1) {
    const byte = bytes[index];
    if (byte === comma || byte === closeBrace || byte === closeBracket || isSpace(byte)) {
      if (index === at) throw new MalformedRows("a value is missing");
      return index;
    }
    if (byte === quote || byte === colon || byte === openBrace || byte === openBracket)
      throw new MalformedRows("a value is not ended");
  }
  return incomplete;
}

/**
 * Returns the index after the JSON value that begins at `at`, or `incomplete`. Checks brackets,
 * strings and ends, not the spelling of numbers and literals.
 */
export function findValueEnd(bytes: Uint8Array, at: number, to: number): number {
  if (at >= to) return incomplete;
  const byte = bytes[at];
  if (byte === quote) return findStringEnd(bytes, at, to);
  if (byte === openBrace || byte === openBracket) return findNestedEnd(bytes, at, to);
  return findScalarEnd(bytes, at, to);
}

/**
 * Visits one member of an object: its key with quotes `[key, keyEnd)`, its value `[value, end)`.
 */
type MemberVisitor = (key: number, keyEnd: number, value: number, end: number) => void;

/**
 * Visits the members of the object that opens at `at`.
 *
 * @returns index after the closing brace, or `incomplete` (members seen until then were visited)
 * @throws MalformedRows when the bytes are not an object
 */
export function forEachMember(
  bytes: Uint8Array,
  at: number,
  to: number,
  visit: MemberVisitor,
): number {
  let key = skipSpace(bytes, at + 1, to);
  if (bytes[key] === closeBrace && key < to) return key + 1;
  while (key < to) {
    if (bytes[key] !== quote) throw new MalformedRows("a member without a name");
    const keyEnd = findStringEnd(bytes, key, to);
    if (keyEnd === incomplete) return incomplete;
    const colonIndex = skipSpace(bytes, keyEnd, to);
    if (colonIndex === to) return incomplete;
    if (bytes[colonIndex] !== colon) throw new MalformedRows("a member without a value");
    const value = skipSpace(bytes, colonIndex + 1, to);
    const end = findValueEnd(bytes, value, to);
    if (end === incomplete) return incomplete;
    visit(key, keyEnd, value, end);
    const next = skipSpace(bytes, end, to);
    if (next === to) return incomplete;
    if (bytes[next] === closeBrace) return next + 1;
    if (bytes[next] !== comma) throw new MalformedRows("members without a comma between them");
    key = skipSpace(bytes, next + 1, to);
  }
  return incomplete;
}

/** Visits the elements of the array that opens at `at`, as `forEachMember` does. */
export function forEachElement(
  bytes: Uint8Array,
  at: number,
  to: number,
  visit: (value: number, end: number) => void,
): number {
  let value = skipSpace(bytes, at + 1, to);
  if (bytes[value] === closeBracket && value < to) return value + 1;
  while (value < to) {
    const end = findValueEnd(bytes, value, to);
    if (end === incomplete) return incomplete;
    visit(value, end);
    const next = skipSpace(bytes, end, to);
    if (next === to) return incomplete;
    if (bytes[next] === closeBracket) return next + 1;
    if (bytes[next] !== comma) throw new MalformedRows("elements without a comma between them");
    value = skipSpace(bytes, next + 1, to);
  }
  return incomplete;
}
