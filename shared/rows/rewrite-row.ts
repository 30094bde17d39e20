/** Writes one row as one line, whatever its order, spacing and encoding. */
import {
  appendBytes,
  appendByte,
  closeBrace,
  comma,
  colon,
  lineFeed,
  openBrace,
  type ByteBuffer,
} from "./bytes.ts";
import { ValueWriter, writeNull } from "./canonical.ts";
import type { RowShape } from "./column.ts";
import { ColumnMatcher, unknownColumn } from "./column-matcher.ts";
import { decodeString } from "./line-values.ts";
import { MalformedRows } from "./malformed-rows.ts";
import { forEachMember, incomplete } from "./scan.ts";

/** Rewrites rows of one answer into `out`; reuses its scratch space between rows. */
export class RowRewriter {
  readonly #shape: RowShape;
  readonly #out: ByteBuffer;
  readonly #matcher: ColumnMatcher;
  readonly #values: ValueWriter;
  readonly #starts: Int32Array;
  readonly #ends: Int32Array;
  /** Members without a column: key, end of the key, value and end of the value of each. */
  readonly #unknownMembers: number[] = [];
  readonly #isFound: Uint8Array;
  readonly #unknownNames = new Set<string>();

  constructor(shape: RowShape, out: ByteBuffer) {
    this.#shape = shape;
    this.#out = out;
    this.#matcher = new ColumnMatcher(shape);
    this.#values = new ValueWriter(out, shape.hasAnnotations);
    this.#starts = new Int32Array(shape.columns.length);
    this.#ends = new Int32Array(shape.columns.length);
    this.#isFound = new Uint8Array(shape.columns.length);
  }

  /** The names that at least one row had: columns in the schema's order, then other members. */
  get memberNames(): readonly string[] {
    const names = this.#shape.names.filter((_, index) => this.#isFound[index] === 1);
    return [...names, ...this.#unknownNames];
  }

  /** Unpaired surrogates that U+FFFD replaced so far. */
  get substituted(): number {
    return this.#values.substituted;
  }

  /**
   * Appends the line of the row that begins at `from`, ended by LF: the columns in the schema's
   * order, absent ones null, then the members that no column names.
   *
   * @returns index after the row, or `incomplete` with `out` as it was
   */
  rewriteRow(bytes: Uint8Array, from: number, to: number): number {
    if (bytes[from] !== openBrace) throw new MalformedRows("a row that is not an object");
    this.#starts.fill(-1);
    this.#unknownMembers.length = 0;
    this.#matcher.startRow();
    const end = forEachMember(bytes, from, to, (key, keyEnd, value, valueEnd) => {
      const columnIndex = this.#matcher.findIndex(bytes, key, keyEnd);
      if (columnIndex >= 0) {
        this.#starts[columnIndex] = value;
        this.#ends[columnIndex] = valueEnd;
      } else if (columnIndex === unknownColumn)
        this.#unknownMembers.push(key, keyEnd, value, valueEnd);
    });
    if (end === incomplete) return incomplete;
    this.#writeColumns(bytes);
    this.#writeUnknownMembers(bytes);
    appendByte(this.#out, closeBrace);
    appendByte(this.#out, lineFeed);
    return end;
  }

  #writeColumns(bytes: Uint8Array): void {
    const { columns } = this.#shape;
    if (columns.length === 0) appendByte(this.#out, openBrace);
    for (let index = 0; index < columns.length; index += 1) {
      const column = columns[index];
      const start = this.#starts[index] ?? -1;
      if (!column) continue;
      appendBytes(this.#out, column.lead);
      if (start < 0) writeNull(this.#out);
      else {
        this.#isFound[index] = 1;
        this.#values.writeValue(column.type, bytes, start, this.#ends[index] ?? start);
      }
    }
  }

  /** Keeps members without a column: to drop what a service sends would lose data. */
  #writeUnknownMembers(bytes: Uint8Array): void {
    let members = this.#shape.columns.length;
    for (let at = 0; at < this.#unknownMembers.length; at += 4) {
      const [key = 0, keyEnd = 0, value = 0, end = 0] = this.#unknownMembers.slice(at, at + 4);
      if (members++ > 0) appendByte(this.#out, comma);
      this.#values.writeString(bytes, key, keyEnd);
      this.#unknownNames.add(decodeString(bytes, key, keyEnd));
      appendByte(this.#out, colon);
      this.#values.writeValue("string", bytes, value, end);
    }
  }
}
