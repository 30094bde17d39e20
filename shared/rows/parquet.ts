/**
 * Parquet with the hunt's column types. Loaded at first use: hunts rarely ask for it.
 *
 * long is INT64, int INT32, real DOUBLE, bool BOOLEAN; datetime is TIMESTAMP in nanoseconds, UTC,
 * so that all seven digits stay (times outside 1677-09-21 to 2262-04-11, which that type cannot
 * hold, are null); dynamic is JSON; string, guid, timespan and decimal are text, exactly as in a
 * line. The KQL types lie in the file's own metadata under `huntline.columns`.
 */
import { createHash } from "node:crypto";
import * as zlib from "node:zlib";
import type { SchemaElement } from "hyparquet";
import { ByteWriter, ParquetWriter } from "hyparquet-writer";
import { parseInstant } from "../runtime/time.ts";
import { decodeUtf8, quote } from "./bytes.ts";
import { createRowShape, type Column, type ColumnType, type RowShape } from "./column.ts";
import type { Encoder, ByteSink } from "./encoder.ts";
import { forEachLine, decodeString } from "./line-values.ts";
import { MalformedRows } from "./malformed-rows.ts";

/** Rows of one row group, and line bytes after which it ends earlier: what is held in memory. */
const groupRows = 10_000;
const groupBytes = 12 * 1_048_576;

/** Name of the entry of the file's metadata that keeps names and KQL types. */
export const columnsKey = "huntline.columns";

/**
 * Writes a Parquet file with these columns; members of a row that are none of them are left out.
 */
export function createParquetEncoder(columns: readonly Column[], put: ByteSink): Encoder {
  const shape = createRowShape(columns, false);
  const { names } = shape;
  const bytes = new ByteWriter(1_048_576);
  const writer = new ParquetWriter({
    writer: bytes,
    schema: createSchema(shape, names),
    ...selectCompression(),
    kvMetadata: [
      {
        key: columnsKey,
        value: JSON.stringify(names.map((name, at) => [name, shape.columns[at]?.type])),
      },
    ],
    createdBy: "huntline",
  });
  const digest = createHash("sha256");
  let group = createEmptyGroup(shape);
  let rows = 0;
  let lineBytes = 0;
  let rawBytes = 0;

  const flushBytes = async (): Promise<void> => {
    // A copy: the writer's buffer is used again.
    const piece = bytes.getBytes().slice();
    bytes.index = 0;
    if (piece.length === 0) return;
    digest.update(piece);
    rawBytes += piece.length;
    await put(piece);
  };
  const endGroup = async (): Promise<void> => {
    if (rows === 0) return;
    const columnData = names.map((name, at) => ({
      name,
      data: group[at] ?? [],
      offsetIndex: false,
    }));
    await writer.write({ columnData, rowGroupSize: rows });
    group = createEmptyGroup(shape);
    rows = 0;
    lineBytes = 0;
    await flushBytes();
  };
  return {
    write: async (lines) => {
      for (const part of splitBatch(lines)) {
        rows += addRows(shape, part, group);
        lineBytes += part.length;
        if (rows >= groupRows || lineBytes >= groupBytes) await endGroup();
      }
    },
    finish: async () => {
      await endGroup();
      await writer.finish();
      await flushBytes();
      return { rawBytes, sha256: digest.digest("hex") };
    },
  };
}

type ColumnValues = unknown[];

const createEmptyGroup = (shape: RowShape): ColumnValues[] => shape.columns.map(() => []);

const maxPortionBytes = 1_048_576;

/** Cuts a large batch between lines, so that no row group grows far beyond its limit. */
function* splitBatch(lines: Uint8Array): Iterable<Uint8Array> {
  for (let at = 0; at < lines.length;) {
    const end = lines.indexOf(0x0a, Math.min(at + maxPortionBytes, lines.length - 1)) + 1;
    const to = end === 0 ? lines.length : end;
    yield lines.subarray(at, to);
    at = to;
  }
}

function addRows(shape: RowShape, lines: Uint8Array, group: readonly ColumnValues[]): number {
  let rows = 0;
  forEachLine(shape, lines, ({ ends, starts }) => {
    rows += 1;
    for (const [at, { type }] of shape.columns.entries()) {
      const from = starts[at] ?? -1;
      group[at]?.push(
        from < 0 || lines[from] === 0x6e
          ? undefined
          : readValue(type, lines, from, ends[at] ?? from),
      );
    }
  });
  return rows;
}

const minNanos = -(2n ** 63n);
const maxNanos = 2n ** 63n - 1n;

function readValue(type: ColumnType, lines: Uint8Array, from: number, to: number): unknown {
  const readText = (): string =>
    lines[from] === quote ? decodeString(lines, from, to) : decodeUtf8(lines, from, to);
  switch (type) {
    case "long":
      return parseWholeNumber(readText());
    case "int":
      return Number(parseWholeNumber(readText()));
    case "real":
      return Number(readText());
    case "bool":
      return lines[from] === 0x74;
    case "datetime":
      return parseNanos(readText());
    case "dynamic":
      return lines.slice(from, to);
    case "string":
    case "guid":
    case "timespan":
    case "decimal":
      return readText();
  }
}

function parseWholeNumber(text: string): bigint {
  if (!/^-?\d+$/.test(text))
    throw new MalformedRows("a value of a whole-number column that is no whole number");
  return BigInt(text);
}

function parseNanos(text: string): bigint | undefined {
  const ticks = parseInstant(text);
  if (ticks === undefined) return undefined;
  const value = ticks * 100n;
  return value >= minNanos && value <= maxNanos ? value : undefined;
}

const textElement: Omit<SchemaElement, "name"> = {
  type: "BYTE_ARRAY",
  converted_type: "UTF8",
  logical_type: { type: "STRING" },
};

const schemaElements: Readonly<Record<ColumnType, Omit<SchemaElement, "name">>> = {
  long: { type: "INT64" },
  int: { type: "INT32" },
  real: { type: "DOUBLE" },
  bool: { type: "BOOLEAN" },
  datetime: {
    type: "INT64",
    logical_type: { type: "TIMESTAMP", isAdjustedToUTC: true, unit: "NANOS" },
  },
  // No converted type: the writer then takes our bytes as they are and leaves numbers exact.
  dynamic: { type: "BYTE_ARRAY", logical_type: { type: "JSON" } },
  string: textElement,
  guid: textElement,
  timespan: textElement,
  decimal: textElement,
};

const createSchema = (shape: RowShape, names: readonly string[]): SchemaElement[] => [
  { name: "rows", num_children: names.length },
  ...names.map((name, at): SchemaElement => ({
    name,
    repetition_type: "OPTIONAL",
    ...schemaElements[shape.columns[at]?.type ?? "string"],
  })),
];

/**
 * zstd where this Node has it (22.15 and later), else the writer's own snappy: every reader knows
 * both.
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
