/**
 * Which rows are the same row: SHA-256 over the exact text of every cell, by column name, so that neither the order of
 * columns nor a way through a double can change it. And the multiset of such identities, in bounded memory.
 */
import { createHash } from "node:crypto";
import type { HuntFormat } from "../ports.ts";

/** Bytes kept of each identity: 128 bits make an accidental match among a billion rows less likely than a broken disk. */
const keptBytes = 16;

/** Name and exact text of each cell of one row, a JSON object without insignificant white space outside of its cells. */
export function cellsOf(row: string): (readonly [name: string, text: string])[] {
  const cells: (readonly [string, string])[] = [];
  let at = skipBlank(row, 1);
  while (at < row.length && row[at] !== "}") {
    const nameEnd = endOfString(row, at);
    const name = JSON.parse(row.slice(at, nameEnd)) as string;
    const start = skipBlank(row, skipBlank(row, nameEnd) + 1);
    const end = endOfValue(row, start);
    cells.push([name, row.slice(start, end).trimEnd()]);
    at = skipBlank(row, end);
    if (row[at] === ",") at = skipBlank(row, at + 1);
  }
  return cells;
}

function skipBlank(row: string, from: number): number {
  let at = from;
  while (row[at] === " " || row[at] === "\t") at += 1;
  return at;
}

/** The index after the closing quote of the string that begins at `from`. */
function endOfString(row: string, from: number): number {
  for (let at = from + 1; at < row.length; at += 1) {
    if (row[at] === "\\") at += 1;
    else if (row[at] === '"') return at + 1;
  }
  throw new Error("a row that is cut off");
}

function endOfValue(row: string, from: number): number {
  let depth = 0;
  for (let at = from; at < row.length;) {
    const sign = row[at];
    if (sign === '"') {
      at = endOfString(row, at);
      continue;
    }
    if (depth === 0 && (sign === "," || sign === "}")) return at;
    if (sign === "{" || sign === "[") depth += 1;
    if (sign === "}" || sign === "]") depth -= 1;
    at += 1;
  }
  throw new Error("a row that is cut off");
}

/**
 * The identity of a row.
 *
 * @param leftOut - a column that we added ourselves and that is no part of the row
 * @param format - how the row was kept: CSV and Parquet do not keep the difference between text and number
 */
export function rowIdentity(row: string, format: HuntFormat = "ndjson", leftOut?: string): Buffer {
  const hash = createHash("sha256");
  const cells = cellsOf(row).filter(([name]) => name !== leftOut);
  for (const [name, text] of cells.toSorted(([a], [b]) => (a < b ? -1 : 1)))
    hash.update(
      `${JSON.stringify(name)}:${format === "ndjson" ? text : JSON.stringify(bareText(text))}\n`,
    );
  return hash.digest().subarray(0, keptBytes);
}

/** A cell's text without what only JSON tells: quotes, the absent value, and the spreadsheet-safe apostrophe. */
function bareText(text: string): string {
  if (text === "null") return "";
  const bare = text.startsWith('"') ? (JSON.parse(text) as string) : text;
  return bare.startsWith("'") ? bare.slice(1) : bare;
}

/** A multiset of identities. */
export interface Multiset {
  readonly add: (identity: Buffer) => void;
  /** Takes one away; `false` when none is left. */
  readonly take: (identity: Buffer) => boolean;
  /** How many are left. */
  readonly size: () => number;
}

/** More rows than this are not compared: the table would take more than 100 MB. */
export const mostIdentities = 2_500_000;

/**
 * An open-addressing table over flat arrays, 20 bytes a slot: a Map of strings would take five times as much.
 *
 * @param expected - how many will be added at most
 */
export function multiset(expected: number): Multiset {
  const slots = 2 ** Math.ceil(Math.log2(Math.max(16, expected * 1.5)));
  const keys = Buffer.alloc(slots * keptBytes);
  const counts = new Uint32Array(slots);
  const used = new Uint8Array(slots);
  let size = 0;

  const slotOf = (identity: Buffer): number => {
    let slot = identity.readUInt32LE(0) & (slots - 1);
    while (
      used[slot] === 1 &&
      identity.compare(keys, slot * keptBytes, (slot + 1) * keptBytes) !== 0
    )
      slot = (slot + 1) & (slots - 1);
    return slot;
  };

  return {
    add: (identity) => {
      const slot = slotOf(identity);
      if (used[slot] === 0) identity.copy(keys, slot * keptBytes);
      used[slot] = 1;
      counts[slot] = (counts[slot] ?? 0) + 1;
      size += 1;
    },
    take: (identity) => {
      const slot = slotOf(identity);
      const count = counts[slot] ?? 0;
      if (used[slot] === 0 || count === 0) return false;
      counts[slot] = count - 1;
      size -= 1;
      return true;
    },
    size: () => size,
  };
}
