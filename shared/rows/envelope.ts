/**
 * The JSON around the rows. Finds the array named `results` among the members of the answer itself, never inside a
 * string or a nested value, in bytes that come in any pieces; keeps what stands before and after it.
 */
import {
  backslash,
  closeBrace,
  closeBracket,
  colon,
  comma,
  decodeUtf8,
  createByteBuffer,
  bytesOf,
  appendBytes,
  openBrace,
  openBracket,
  quote,
  space,
} from "./bytes.ts";
import { MalformedRows } from "./malformed-rows.ts";

/** Most that is kept of the JSON before the rows, and again of that after them. Schema and statistics take some kB. */
export const maxEnvelopeBytes = 1_048_576;

/** Follows an answer up to its rows, then takes what comes after them. */
export interface EnvelopeReader {
  /** Reads on from `at`. Returns the index where the rows begin, after the `[`, or `undefined` when they are not here. */
  readonly findRows: (bytes: Uint8Array, at: number) => number | undefined;
  /** Takes bytes behind the rows' closing bracket. */
  readonly addAfterRows: (bytes: Uint8Array, at: number) => void;
  /** The members before the rows, once the rows were found. */
  readonly parseHead: () => Readonly<Record<string, unknown>>;
  /**
   * All members around the rows, `results` an empty array, when the answer is complete.
   *
   * @throws MalformedRows when it is cut short, no JSON object, or has two arrays of rows
   */
  readonly parseAll: () => Readonly<Record<string, unknown>>;
}

/** Starts with the first byte of a body. */
export function createEnvelopeReader(): EnvelopeReader {
  const envelope = createByteBuffer(8_192);
  const findRows = createRowsFinder();
  let headLength = 0;

  const keepBytes = (bytes: Uint8Array, from: number, to: number): void => {
    if (envelope.length - headLength + to - from > maxEnvelopeBytes)
      throw new MalformedRows("more than 1 MiB of JSON around the rows");
    appendBytes(envelope, bytes, from, to);
  };
  return {
    findRows: (bytes, at) => {
      const rows = findRows(bytes, at);
      keepBytes(bytes, at, rows ?? bytes.length);
      if (rows !== undefined) headLength = envelope.length;
      return rows;
    },
    addAfterRows: (bytes, at) => keepBytes(bytes, at, bytes.length),
    parseHead: () => parseEnvelope(`${decodeUtf8(envelope.bytes, 0, headLength)}]}`),
    parseAll: () => {
      const text = decodeUtf8(bytesOf(envelope));
      return parseEnvelope(
        headLength === 0
          ? text
          : `${decodeUtf8(envelope.bytes, 0, headLength)}]${decodeUtf8(envelope.bytes, headLength, envelope.length)}`,
      );
    },
  };
}

function parseEnvelope(text: string): Readonly<Record<string, unknown>> {
  const value = parseOrThrow(text);
  if (typeof value !== "object" || value === null || Array.isArray(value))
    throw new MalformedRows("the answer is no JSON object");
  if (Object.keys(value).filter(isRowsName).length > 1)
    throw new MalformedRows("the answer has two members of rows");
  return value as Record<string, unknown>; // an object that is no array, from JSON
}

function parseOrThrow(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new MalformedRows("the answer is cut short or no JSON");
  }
}

const isRowsName = (name: string): boolean => name.toLowerCase() === "results";

const maxNameBytes = 4_096;

/** A byte automaton that knows depth, strings and the name of the member of the outermost object it is in. */
function createRowsFinder(): (bytes: Uint8Array, from: number) => number | undefined {
  let depth = 0;
  let isInString = false;
  let isEscaped = false;
  let expected: "name" | "colon" | "value" | "nothing" = "nothing";
  let name: number[] | undefined;
  let isRowsNext = false;

  const readStringByte = (byte: number): void => {
    if (name && name.length < maxNameBytes) name.push(byte);
    if (isEscaped) isEscaped = false;
    else if (byte === backslash) isEscaped = true;
    else if (byte === quote) {
      isInString = false;
      if (name) isRowsNext = isRowsName(decodeName(name));
      name = undefined;
    }
  };
  /** True when this byte opens the rows. */
  const readStructureByte = (byte: number): boolean => {
    const isRowsStart = byte === openBracket && depth === 1 && expected === "value" && isRowsNext;
    if (byte === quote) {
      isInString = true;
      if (depth === 1 && expected === "name") {
        name = [quote];
        expected = "colon";
      }
    } else if (byte === openBrace || byte === openBracket) {
      depth += 1;
      expected = depth === 1 && byte === openBrace ? "name" : "nothing";
    } else if (byte === closeBrace || byte === closeBracket) depth -= 1;
    else if (depth === 1 && byte === colon && expected === "colon") expected = "value";
    else if (depth === 1 && byte === comma) expected = "name";
    else if (byte > space && expected === "value") expected = "nothing";
    return isRowsStart;
  };
  return (bytes, from) => {
    for (let at = from; at < bytes.length; at += 1) {
      const byte = bytes[at] as number; // at < length
      if (isInString) readStringByte(byte);
      else if (readStructureByte(byte)) return at + 1;
    }
    return undefined;
  };
}

function decodeName(bytes: readonly number[]): string {
  try {
    return String(JSON.parse(decodeUtf8(Uint8Array.from(bytes))));
  } catch {
    return "";
  }
}
