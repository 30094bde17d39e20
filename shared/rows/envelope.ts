/**
 * The JSON around the rows. Finds the array named `results` among the members of the answer itself,
 * never inside a string or a nested value, in bytes that come in any pieces; keeps what is before
 * and after the array.
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

/**
 * Maximum size of the JSON before the rows, and of the JSON after them. Schema and statistics take
 * some kB.
 */
const maxEnvelopeBytes = 1_048_576;

/** Reads an answer up to its rows, then what comes after them. */
export interface EnvelopeReader {
  /**
   * Reads from `at`. Returns the index where the rows begin, after the `[`; `undefined` when these
   * bytes have none.
   */
  readonly findRows: (bytes: Uint8Array, at: number) => number | undefined;
  /** Adds bytes after the closing bracket of the rows. */
  readonly addAfterRows: (bytes: Uint8Array, at: number) => void;
  /** Returns the members before the rows, once the rows were found. */
  readonly parseHead: () => Readonly<Record<string, unknown>>;
  /**
   * Returns all members around the rows, with `results` as an empty array.
   *
   * @throws MalformedRows when the answer is cut short, not a JSON object, or has two arrays of
   *   rows
   */
  readonly parseAll: () => Readonly<Record<string, unknown>>;
}

/** Creates a reader for the first byte of a body. */
export function createEnvelopeReader(): EnvelopeReader {
  const envelope = createByteBuffer(8_192);
  const finder = new RowsFinder();
  let headLength = 0;

  const keepBytes = (bytes: Uint8Array, from: number, to: number): void => {
    if (envelope.length - headLength + to - from > maxEnvelopeBytes)
      throw new MalformedRows("more than 1 MiB of JSON around the rows");
    appendBytes(envelope, bytes, from, to);
  };
  return {
    findRows: (bytes, at) => {
      const rows = finder.readBytes(bytes, at);
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
    throw new MalformedRows("the answer is not a JSON object");
  if (Object.keys(value).filter(isRowsName).length > 1)
    throw new MalformedRows("the answer has two members of rows");
  return value as Record<string, unknown>; // an object from JSON that is not an array
}

function parseOrThrow(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new MalformedRows("the answer is cut short or not JSON");
  }
}

const isRowsName = (name: string): boolean => name.toLowerCase() === "results";

const maxNameBytes = 4_096;

/**
 * Finds where the rows begin: a byte automaton over depth, strings and the names of the outermost
 * object's members.
 */
class RowsFinder {
  #depth = 0;
  #isInString = false;
  #isEscaped = false;
  #expected: "name" | "colon" | "value" | "nothing" = "nothing";
  #name: number[] | undefined;
  #isRowsNext = false;

  /** Returns the index after the `[` of the rows; `undefined` when these bytes do not open them. */
  readBytes(bytes: Uint8Array, from: number): number | undefined {
    for (let at = from; at < bytes.length; at += 1) {
      const byte = bytes[at] as number; // at < length
      if (this.#isInString) this.#readStringByte(byte);
      else if (this.#readStructureByte(byte)) return at + 1;
    }
    return undefined;
  }

  #readStringByte(byte: number): void {
    if (this.#name && this.#name.length < maxNameBytes) this.#name.push(byte);
    if (this.#isEscaped) this.#isEscaped = false;
    else if (byte === backslash) this.#isEscaped = true;
    else if (byte === quote) {
      this.#isInString = false;
      if (this.#name) this.#isRowsNext = isRowsName(decodeName(this.#name));
      this.#name = undefined;
    }
  }

  /** Returns true when this byte opens the rows. */
  #readStructureByte(byte: number): boolean {
    if (byte === quote) this.#openString();
    else if (byte === openBrace || byte === openBracket) return this.#openContainer(byte);
    else if (byte === closeBrace || byte === closeBracket) this.#depth -= 1;
    else if (this.#depth === 1) this.#readMemberByte(byte);
    return false;
  }

  #openString(): void {
    this.#isInString = true;
    if (this.#depth !== 1 || this.#expected !== "name") return;
    this.#name = [quote];
    this.#expected = "colon";
  }

  #openContainer(byte: number): boolean {
    const isRowsStart =
      byte === openBracket && this.#depth === 1 && this.#expected === "value" && this.#isRowsNext;
    this.#depth += 1;
    this.#expected = this.#depth === 1 && byte === openBrace ? "name" : "nothing";
    return isRowsStart;
  }

  #readMemberByte(byte: number): void {
    if (byte === colon && this.#expected === "colon") this.#expected = "value";
    else if (byte === comma) this.#expected = "name";
    else if (byte > space && this.#expected === "value") this.#expected = "nothing";
  }
}

function decodeName(bytes: readonly number[]): string {
  try {
    return String(JSON.parse(decodeUtf8(Uint8Array.from(bytes))));
  } catch {
    return "";
  }
}
