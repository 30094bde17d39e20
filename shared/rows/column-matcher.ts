/** Finds the column that the key of a row's member names. */
import { decodeUtf8, startsWith } from "./bytes.ts";
import { isAnnotation } from "./canonical.ts";
import type { RowShape } from "./column.ts";

/** Results of `findIndex` for a key that names no column, and for an annotation. */
export const unknownColumn = -1;
const ignoredMember = -2;

/**
 * Matches the keys of one row after another; the key after a match is mostly that of the next
 * column.
 */
export class ColumnMatcher {
  readonly #shape: RowShape;
  #expected = 0;

  constructor(shape: RowShape) {
    this.#shape = shape;
  }

  startRow(): void {
    this.#expected = 0;
  }

  /** Returns the index of the column that the key with quotes `[key, keyEnd)` names. */
  findIndex(bytes: Uint8Array, key: number, keyEnd: number): number {
    const next = this.#shape.columns[this.#expected];
    if (next && keyEnd - key === next.key.length && startsWith(bytes, key, keyEnd, next.key))
      return this.#expected++;
    if (this.#shape.hasAnnotations && isAnnotation(bytes, key, keyEnd)) return ignoredMember;
    const index = this.#shape.indexOf(String(JSON.parse(decodeUtf8(bytes, key, keyEnd))));
    if (index === undefined) return unknownColumn;
    this.#expected = index + 1;
    return index;
  }
}
