/**
 * Tells whether two rows are the same: SHA-256 over the value of every cell by column name. Neither
 * the order of columns nor the spelling of a number changes it, and no number passes through a
 * double. Also the multiset of such identities, in bounded memory.
 */
import { createHash } from "node:crypto";
import { toComparedText } from "./compared-text.ts";
import type { NamedColumn } from "./shared-columns.ts";

/**
 * Bytes kept of each identity: with 128 bits, a billion rows have an accidental match with p ≈
 * 10⁻²¹.
 */
const identityBytes = 16;

/** Returns name and exact text of each cell of one row, a JSON object. */
export function parseCells(row: string): (readonly [name: string, text: string])[] {
  const cells: (readonly [string, string])[] = [];
  let at = skipBlanks(row, 1);
  while (at < row.length && row[at] !== "}") {
    const nameEnd = findStringEnd(row, at);
    const name = JSON.parse(row.slice(at, nameEnd)) as string;
    const start = skipBlanks(row, skipBlanks(row, nameEnd) + 1);
    const end = findValueEnd(row, start);
    cells.push([name, row.slice(start, end).trimEnd()]);
    at = skipBlanks(row, end);
    if (row[at] === ",") at = skipBlanks(row, at + 1);
  }
  return cells;
}

function skipBlanks(row: string, from: number): number {
  let at = from;
  while (row[at] === " " || row[at] === "\t") at += 1;
  return at;
}

/** Returns the index after the closing quote of the string that begins at `from`. */
function findStringEnd(row: string, from: number): number {
  for (let at = from + 1; at < row.length; at += 1) {
    if (row[at] === "\\") at += 1;
    else if (row[at] === '"') return at + 1;
  }
  throw new Error("A row ends inside a value.");
}

function findValueEnd(row: string, from: number): number {
  let depth = 0;
  for (let at = from; at < row.length;) {
    const character = row[at];
    if (character === '"') {
      at = findStringEnd(row, at);
      continue;
    }
    if (depth === 0 && (character === "," || character === "}")) return at;
    if (character === "{" || character === "[") depth += 1;
    if (character === "}" || character === "]") depth -= 1;
    at += 1;
  }
  throw new Error("A row ends inside a value.");
}

/**
 * Computes the identity of a row over the columns that `findColumn` knows. A missing cell equals
 * null.
 *
 * @param findColumn - returns the column as which a cell is compared; undefined leaves the cell
 *   out
 */
export function computeRowIdentity(
  row: string,
  findColumn: (name: string) => NamedColumn | undefined = (name) => ({ name, type: undefined }),
): Buffer {
  const hash = createHash("sha256");
  const cells = parseCells(row).flatMap(([name, text]) => {
    const column = text === "null" ? undefined : findColumn(name);
    return column === undefined ? [] : [[column.name, toComparedText(column.type, text)] as const];
  });
  for (const [name, text] of cells.toSorted(([a], [b]) => (a < b ? -1 : 1)))
    hash.update(`${JSON.stringify(name)}:${text}\n`);
  return hash.digest().subarray(0, identityBytes);
}

/** A multiset of identities. */
export interface Multiset {
  readonly add: (identity: Buffer) => void;
  /** Removes one; `false` when none is left. */
  readonly removeOne: (identity: Buffer) => boolean;
  /** Returns how many are left. */
  readonly size: () => number;
}

/** More rows are not compared: the table would take more than 100 MB. */
export const maxIdentities = 2_500_000;

/**
 * Creates an open-addressing table over flat arrays: 21 bytes a slot, a fifth of a Map of strings.
 *
 * @param capacity - the maximum number of identities
 */
export function createMultiset(capacity: number): Multiset {
  const slots = 2 ** Math.ceil(Math.log2(Math.max(16, capacity * 1.5)));
  const keys = Buffer.alloc(slots * identityBytes);
  const counts = new Uint32Array(slots);
  const used = new Uint8Array(slots);
  let size = 0;

  const findSlot = (identity: Buffer): number => {
    let slot = identity.readUInt32LE(0) & (slots - 1);
    while (
      used[slot] === 1 &&
      identity.compare(keys, slot * identityBytes, (slot + 1) * identityBytes) !== 0
    )
      slot = (slot + 1) & (slots - 1);
    return slot;
  };

  return {
    add: (identity) => {
      const slot = findSlot(identity);
      if (used[slot] === 0) identity.copy(keys, slot * identityBytes);
      used[slot] = 1;
      counts[slot] = (counts[slot] ?? 0) + 1;
      size += 1;
    },
    removeOne: (identity) => {
      const slot = findSlot(identity);
      const count = counts[slot] ?? 0;
      if (used[slot] === 0 || count === 0) return false;
      counts[slot] = count - 1;
      size -= 1;
      return true;
    },
    size: () => size,
  };
}
