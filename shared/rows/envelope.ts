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
  decode,
  gather,
  gathered,
  append,
  openBrace,
  openBracket,
  quote,
  space,
} from "./bytes.ts";
import { MalformedRows } from "./malformed.ts";

/** Most that is kept of the JSON before the rows, and again of that after them. Schema and statistics take some kB. */
export const mostAround = 1_048_576;

/** Follows an answer up to its rows, then takes what comes after them. */
export interface Envelope {
  /** Reads on from `at`. Returns the index where the rows begin, after the `[`, or `undefined` when they are not here. */
  readonly seek: (bytes: Uint8Array, at: number) => number | undefined;
  /** Takes bytes behind the rows' closing bracket. */
  readonly after: (bytes: Uint8Array, at: number) => void;
  /** The members before the rows, once the rows were found. */
  readonly head: () => Readonly<Record<string, unknown>>;
  /**
   * All members around the rows, `results` an empty array, when the answer is complete.
   *
   * @throws MalformedRows when it is cut short, no JSON object, or has two arrays of rows
   */
  readonly close: () => Readonly<Record<string, unknown>>;
}

/** Starts with the first byte of a body. */
export function openEnvelope(): Envelope {
  const around = gather(8_192);
  const seeker = memberSeeker();
  let found = 0;

  const keep = (bytes: Uint8Array, from: number, to: number): void => {
    if (around.length - found + to - from > mostAround)
      throw new MalformedRows("more than 1 MiB of JSON around the rows");
    append(around, bytes, from, to);
  };
  return {
    seek: (bytes, at) => {
      const rows = seeker(bytes, at);
      keep(bytes, at, rows ?? bytes.length);
      if (rows !== undefined) found = around.length;
      return rows;
    },
    after: (bytes, at) => keep(bytes, at, bytes.length),
    head: () => parse(`${decode(around.bytes, 0, found)}]}`),
    close: () => {
      const text = decode(gathered(around));
      return parse(
        found === 0
          ? text
          : `${decode(around.bytes, 0, found)}]${decode(around.bytes, found, around.length)}`,
      );
    },
  };
}

function parse(text: string): Readonly<Record<string, unknown>> {
  const value = parseOrThrow(text);
  if (typeof value !== "object" || value === null || Array.isArray(value))
    throw new MalformedRows("the answer is no JSON object");
  if (Object.keys(value).filter(isRows).length > 1)
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

const isRows = (name: string): boolean => name.toLowerCase() === "results";

const longestName = 4_096;

/** A byte automaton that knows depth, strings and the name of the member of the outermost object it is in. */
function memberSeeker(): (bytes: Uint8Array, from: number) => number | undefined {
  let depth = 0;
  let inString = false;
  let escaped = false;
  let awaits: "name" | "colon" | "value" | "nothing" = "nothing";
  let name: number[] | undefined;
  let isRowsNext = false;

  const inText = (byte: number): void => {
    if (name && name.length < longestName) name.push(byte);
    if (escaped) escaped = false;
    else if (byte === backslash) escaped = true;
    else if (byte === quote) {
      inString = false;
      if (name) isRowsNext = isRows(nameOf(name));
      name = undefined;
    }
  };
  /** True when this byte opens the rows. */
  const outside = (byte: number): boolean => {
    const opensRows = byte === openBracket && depth === 1 && awaits === "value" && isRowsNext;
    if (byte === quote) {
      inString = true;
      if (depth === 1 && awaits === "name") {
        name = [quote];
        awaits = "colon";
      }
    } else if (byte === openBrace || byte === openBracket) {
      depth += 1;
      awaits = depth === 1 && byte === openBrace ? "name" : "nothing";
    } else if (byte === closeBrace || byte === closeBracket) depth -= 1;
    else if (depth === 1 && byte === colon && awaits === "colon") awaits = "value";
    else if (depth === 1 && byte === comma) awaits = "name";
    else if (byte > space && awaits === "value") awaits = "nothing";
    return opensRows;
  };
  return (bytes, from) => {
    for (let at = from; at < bytes.length; at += 1) {
      const byte = bytes[at] as number; // at < length
      if (inString) inText(byte);
      else if (outside(byte)) return at + 1;
    }
    return undefined;
  };
}

function nameOf(bytes: readonly number[]): string {
  try {
    return String(JSON.parse(decode(Uint8Array.from(bytes))));
  } catch {
    return "";
  }
}
