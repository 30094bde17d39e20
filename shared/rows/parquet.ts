/**
 * Writes Parquet with the hunt's column types. Loaded at first use: few hunts use it.
 *
 * long is INT64, int INT32, real DOUBLE, bool BOOLEAN; datetime is TIMESTAMP in nanoseconds, UTC,
 * so that all seven digits stay; dynamic is JSON; string, guid, timespan and decimal are text,
 * exactly as in a line. The file's own metadata holds the KQL types under `huntline.columns`.
 *
 * Substitutes, each counted: a time outside 1677-09-21T00:12:43.1452242Z to
 * 2262-04-11T23:47:16.8547758Z is stored as the nearer of the two; any other value that is not of
 * its column's type is stored as null.
 */
import { createHash } from "node:crypto";
import * as zlib from "node:zlib";
import type { SchemaElement } from "hyparquet";
import { ByteWriter, ParquetWriter } from "hyparquet-writer";
import { createRowShape, type Column, type ColumnType, type RowShape } from "./column.ts";
import type { Digest, Encoder, ByteSink } from "./encoder.ts";
import { forEachLine } from "./line-values.ts";
import { readParquetValue, Substitute, type StoredValue } from "./parquet-values.ts";

/** Rows of one row group, and line bytes after which it ends earlier: what is held in memory. */
const groupRows = 10_000;
const groupBytes = 12 * 1_048_576;
const maxPortionBytes = 1_048_576;

/** Name of the entry of the file's metadata that holds names and KQL types. */
export const columnsKey = "huntline.columns";

/** DuckDB refuses a file without columns, so one column that is always null replaces them. */
const placeholderColumn = "hl_no_columns";

/** Creates the writer of a Parquet file with these columns; other members of a row are left out. */
export const createParquetEncoder = (columns: readonly Column[], put: ByteSink): Encoder =>
  new ParquetEncoder(columns, put);

class ParquetEncoder implements Encoder {
  readonly #put: ByteSink;
  readonly #shape: RowShape;
  readonly #names: readonly string[];
  readonly #bytes = new ByteWriter(1_048_576);
  readonly #writer: ParquetWriter;
  readonly #digest = createHash("sha256");
  #group: StoredValue[][];
  #groupLength = 0;
  #groupBytes = 0;
  #rows = 0;
  #rawBytes = 0;
  #substituted = 0;

  constructor(columns: readonly Column[], put: ByteSink) {
    this.#put = put;
    this.#shape = createRowShape(columns, false);
    const { names, columns: shaped } = this.#shape;
    this.#names = names.length === 0 ? [placeholderColumn] : names;
    this.#group = this.#createGroup();
    const stored = names.map((name, at) => [name, shaped[at]?.type]);
    this.#writer = new ParquetWriter({
      writer: this.#bytes,
      schema: this.#createSchema(writtenElements),
      ...selectCompression(),
      kvMetadata: [{ key: columnsKey, value: JSON.stringify(stored) }],
      createdBy: "huntline",
    });
  }

  async write(lines: Uint8Array): Promise<void> {
    for (const part of splitBatch(lines)) {
      this.#addRows(part);
      this.#groupBytes += part.length;
      if (this.#groupLength >= groupRows || this.#groupBytes >= groupBytes) await this.#endGroup();
    }
  }

  async finish(): Promise<Digest> {
    await this.#endGroup();
    this.#writer.schema = this.#createSchema(describedElements);
    await this.#writer.finish();
    if (this.#rows === 0) describeEmptyList(this.#bytes.getBytes());
    await this.#flushBytes();
    return {
      rawBytes: this.#rawBytes,
      sha256: this.#digest.digest("hex"),
      substituted: this.#substituted,
    };
  }

  #addRows(lines: Uint8Array): void {
    forEachLine(this.#shape, lines, ({ ends, starts }) => {
      this.#groupLength += 1;
      if (this.#shape.columns.length === 0) this.#group[0]?.push(undefined);
      for (const [at, { type }] of this.#shape.columns.entries()) {
        const from = starts[at] ?? -1;
        const value = from < 0 ? undefined : readParquetValue(type, lines, from, ends[at] ?? from);
        if (value instanceof Substitute) this.#substituted += 1;
        this.#group[at]?.push(value instanceof Substitute ? value.value : value);
      }
    });
  }

  async #endGroup(): Promise<void> {
    if (this.#groupLength === 0) return;
    const columnData = this.#names.map((name, at) => ({
      name,
      data: this.#group[at] ?? [],
      offsetIndex: false,
      // The bounds of JSON mean nothing.
      statistics: this.#shape.columns[at]?.type !== "dynamic",
    }));
    await this.#writer.write({ columnData, rowGroupSize: this.#groupLength });
    this.#rows += this.#groupLength;
    this.#group = this.#createGroup();
    this.#groupLength = 0;
    this.#groupBytes = 0;
    await this.#flushBytes();
  }

  async #flushBytes(): Promise<void> {
    // A copy: the writer's buffer is used again.
    const piece = this.#bytes.getBytes().slice();
    this.#bytes.index = 0;
    if (piece.length === 0) return;
    this.#digest.update(piece);
    this.#rawBytes += piece.length;
    await this.#put(piece);
  }

  #createGroup(): StoredValue[][] {
    return this.#names.map(() => []);
  }

  #createSchema(elements: Readonly<Record<ColumnType, ElementType>>): SchemaElement[] {
    return [
      { name: "rows", num_children: this.#names.length },
      ...this.#names.map((name, at): SchemaElement => ({
        name,
        repetition_type: "OPTIONAL",
        ...elements[this.#shape.columns[at]?.type ?? "bool"],
      })),
    ];
  }
}

/** Cuts a large batch between lines, so that no row group grows far beyond its limit. */
function* splitBatch(lines: Uint8Array): Iterable<Uint8Array> {
  for (let at = 0; at < lines.length;) {
    const end = lines.indexOf(0x0a, Math.min(at + maxPortionBytes, lines.length - 1)) + 1;
    const to = end === 0 ? lines.length : end;
    yield lines.subarray(at, to);
    at = to;
  }
}

type ElementType = Omit<SchemaElement, "name">;

const textElement: ElementType = {
  type: "BYTE_ARRAY",
  converted_type: "UTF8",
  logical_type: { type: "STRING" },
};

/**
 * With these the writer takes the bytes of dynamic values as they are, so that numbers stay exact.
 */
const writtenElements: Readonly<Record<ColumnType, ElementType>> = {
  long: { type: "INT64" },
  int: { type: "INT32" },
  real: { type: "DOUBLE" },
  bool: { type: "BOOLEAN" },
  datetime: {
    type: "INT64",
    logical_type: { type: "TIMESTAMP", isAdjustedToUTC: true, unit: "NANOS" },
  },
  dynamic: { type: "BYTE_ARRAY" },
  string: textElement,
  guid: textElement,
  timespan: textElement,
  decimal: textElement,
};

/**
 * The footer describes dynamic as JSON; DuckDB reads the converted type, arrow-rs the logical one.
 */
const describedElements: Readonly<Record<ColumnType, ElementType>> = {
  ...writtenElements,
  dynamic: { type: "BYTE_ARRAY", converted_type: "JSON", logical_type: { type: "JSON" } },
};

/**
 * In the footer: zero rows (field 3), then an empty list of row groups (field 4) without the type
 * of its elements.
 */
const untypedRowGroups = Uint8Array.of(0x16, 0x00, 0x19, 0x00);
const structType = 0x0c;

/**
 * Gives an empty list of row groups its type. The writer leaves it out, and arrow-rs refuses such a
 * file: "Expected list element type of Struct". The bytes occur once: no name or text behind them
 * holds a control character.
 */
function describeEmptyList(file: Uint8Array): void {
  const at = Buffer.from(file.buffer, file.byteOffset, file.length).lastIndexOf(untypedRowGroups);
  if (at >= 0) file[at + untypedRowGroups.length - 1] = structType;
}

/**
 * zstd where this Node has it (22.15 and later), else the writer's snappy: every reader knows both.
 */
function selectCompression(): Pick<
  ConstructorParameters<typeof ParquetWriter>[0],
  "codec" | "compressors"
> {
  const compress = (zlib as Partial<typeof zlib>).zstdCompressSync; // absent on older Nodes
  return compress
    ? { codec: "ZSTD", compressors: { ZSTD: (input) => compress(input) } }
    : { codec: "SNAPPY" };
}
