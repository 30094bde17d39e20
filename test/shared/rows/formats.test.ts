import { createHash } from "node:crypto";
import { gunzipSync } from "node:zlib";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { encodeUtf8 } from "../../../shared/rows/bytes.ts";
import type { Column, ColumnType } from "../../../shared/rows/column.ts";
import { createEncoder, type ExportFormat } from "../../../shared/rows/formats.ts";
import { readParquetSlice } from "../../../shared/rows/parquet-slice.ts";
import { toStoredText } from "../../../shared/rows/stored-value.ts";
import { readCsvSlice, readNdjsonSlice } from "../../../shared/rows/slice.ts";
import { answers } from "./answers.ts";

async function writeFile(
  format: ExportFormat,
  columns: readonly Column[],
  lines: readonly string[],
) {
  const pieces: Buffer[] = [];
  const encoder = await createEncoder(
    format,
    columns,
    async (bytes) => void pieces.push(Buffer.from(bytes)),
  );
  for (const line of lines) await encoder.write(encodeUtf8(`${line}\n`));
  const digest = await encoder.finish();
  return { file: Buffer.concat(pieces), digest };
}

async function* streamFile(file: Buffer): AsyncIterable<Uint8Array> {
  for (let at = 0; at < file.length; at += 100) yield file.subarray(at, at + 100);
}

const createRangedFile = (file: Buffer) => ({
  byteLength: file.length,
  slice: (start: number, end?: number) => new Uint8Array(file.subarray(start, end)).buffer,
});

const readBack = {
  ndjson: (file: Buffer, slice: { skip: number; top: number }) =>
    readNdjsonSlice(streamFile(file), slice),
  csv: (file: Buffer, slice: { skip: number; top: number }) =>
    readCsvSlice(streamFile(file), slice),
  parquet: (file: Buffer, slice: { skip: number; top: number }) =>
    readParquetSlice(createRangedFile(file), slice),
};

const everyType: readonly Column[] = [
  { name: "Timestamp", type: "datetime" },
  { name: "ReportId", type: "long" },
  { name: "Port", type: "int" },
  { name: "Score", type: "real" },
  { name: "Price", type: "decimal" },
  { name: "IsX", type: "bool" },
  { name: "Took", type: "timespan" },
  { name: "Id", type: "guid" },
  { name: "Text", type: "string" },
  { name: "Bag", type: "dynamic" },
];
const fullRow =
  '{"Timestamp":"2026-01-05T06:38:35.7664356Z","ReportId":9007199254740993,"Port":443,"Score":0.5,"Price":12345678901234567890.12,"IsX":true,"Took":"1.02:03:04","Id":"6f9619ff-8b86-d011-b42d-00cf4fc964ff","Text":"a \\"b\\", c","Bag":{"n":9007199254740993}}';
/** A value of every type as it may stand in a line, also one that is not of its type. */
const storedValues = fc.oneof(
  fc.record({
    type: fc.constantFrom<ColumnType>("string", "guid", "timespan", "decimal", "dynamic"),
    text: fc.string({ unit: "binary" }).map((text) => JSON.stringify(text)),
  }),
  fc.record({
    type: fc.constantFrom<ColumnType>("long", "int", "real", "decimal", "bool", "datetime"),
    text: fc.constantFrom(
      "0",
      "-0",
      "1.50",
      "1E-07",
      "9007199254740993",
      "18446744073709551615",
      "null",
      "true",
      '"NaN"',
      '"-Infinity"',
      '""',
      '"abc"',
      '"true"',
      '"2026-01-05T06:38:35.7664356Z"',
      '"1601-01-01T00:00:00.0000000Z"',
      '"9999-12-31T23:59:59.9999999Z"',
    ),
  }),
  fc.record({
    type: fc.constant<ColumnType>("dynamic"),
    text: fc.constantFrom('{"n":9007199254740993}', "[1,2.50]", "1E+20", "true", "[]", '"{"'),
  }),
);

const nullRow = `{${everyType.map(({ name }) => `"${name}":null`).join(",")}}`;

describe("ndjson", () => {
  test("keeps the lines", async () => {
    const { file } = await writeFile("ndjson", everyType, [fullRow, nullRow]);
    expect(gunzipSync(file).toString()).toBe(`${fullRow}\n${nullRow}\n`);
    expect(await readBack.ndjson(file, { skip: 0, top: 10 })).toEqual([fullRow, nullRow]);
  });
});

describe("csv", () => {
  const writeCsv = async (columns: readonly Column[], lines: readonly string[]) =>
    gunzipSync((await writeFile("csv", columns, lines)).file).toString();

  test("writes a header, quotes text and leaves numbers and nulls bare", async () => {
    expect(await writeCsv(everyType, [fullRow, nullRow])).toBe(
      [
        '"Timestamp","ReportId","Port","Score","Price","IsX","Took","Id","Text","Bag"',
        '"2026-01-05T06:38:35.7664356Z",9007199254740993,443,0.5,12345678901234567890.12,true,"1.02:03:04","6f9619ff-8b86-d011-b42d-00cf4fc964ff","a ""b"", c","{""n"":9007199254740993}"',
        ",,,,,,,,,",
        "",
      ].join("\r\n"),
    );
  });

  test.each(["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "\n=1", "'quoted"])(
    "puts an apostrophe before %j and removes it again",
    async (text) => {
      const column: Column = { name: "Text", type: "string" };
      const line = JSON.stringify({ Text: text });
      const { file } = await writeFile("csv", [column], [line]);
      expect(gunzipSync(file).toString()).toMatch(/^"Text"\r\n"'/);
      expect(await readBack.csv(file, { skip: 0, top: 1 })).toEqual([line]);
    },
  );

  test.each([
    ["a;=1+1", "a;'=1+1"],
    ["a\t=1+1", "a\t'=1+1"],
    ["a|@x", "a|'@x"],
    ["a\n-1", "a\n'-1"],
    ["a;'b", "a;''b"],
    ["a,=1", "a,=1"],
    ["a; b=1", "a; b=1"],
  ])("guards %j where another separator splits it", async (text, cell) => {
    const line = JSON.stringify({ Text: text });
    const { file } = await writeFile("csv", [{ name: "Text", type: "string" }], [line]);
    expect(gunzipSync(file).toString()).toBe(`"Text"\r\n"${cell}"\r\n`);
    expect(await readBack.csv(file, { skip: 0, top: 1 })).toEqual([line]);
  });

  test("guards the header too", async () => {
    expect(await writeCsv([{ name: "=a", type: "string" }], [])).toBe(`"'=a"\r\n`);
  });

  test("leaves negative numbers unchanged", async () => {
    expect(await writeCsv([{ name: "n", type: "long" }], ['{"n":-5}'])).toBe('"n"\r\n-5\r\n');
  });

  test("leaves minus infinity unchanged in a column of numbers alone", async () => {
    const line = '{"n":"-Infinity","t":"-Infinity"}';
    const columns: readonly Column[] = [
      { name: "n", type: "real" },
      { name: "t", type: "string" },
    ];
    expect(await writeCsv(columns, [line])).toBe('"n","t"\r\n"-Infinity","\'-Infinity"\r\n');
  });
});

describe("parquet", () => {
  test("keeps every type exactly", async () => {
    const { file } = await writeFile("parquet", everyType, [fullRow, nullRow]);
    expect(file.subarray(0, 4).toString()).toBe("PAR1");
    expect(await readBack.parquet(file, { skip: 0, top: 10 })).toEqual([fullRow, nullRow]);
  });

  test("writes a file with columns and no rows", async () => {
    const { file } = await writeFile("parquet", everyType, []);
    expect(await readBack.parquet(file, { skip: 0, top: 10 })).toEqual([]);
  });

  test.each<[Column["type"], string, string]>([
    ["datetime", '"0001-01-01T00:00:00.0000000Z"', '"1677-09-21T00:12:43.1452242Z"'],
    ["datetime", '"1601-01-01T00:00:00.0000000Z"', '"1677-09-21T00:12:43.1452242Z"'],
    ["datetime", '"9999-12-31T23:59:59.9999999Z"', '"2262-04-11T23:47:16.8547758Z"'],
    ["datetime", '"no time"', "null"],
    ["long", "1.5", "null"],
    ["long", "18446744073709551615", "null"],
    ["int", "2147483648", "null"],
    ["real", '""', "null"],
    ["real", '"abc"', "null"],
    ["bool", '"maybe"', "null"],
  ])("stores and counts a substitute in a %s column for %s", async (type, text, stored) => {
    const { file, digest } = await writeFile("parquet", [{ name: "V", type }], [`{"V":${text}}`]);
    expect(await readBack.parquet(file, { skip: 0, top: 1 })).toEqual([`{"V":${stored}}`]);
    expect(digest.substituted).toBe(1);
  });

  test.each<[Column["type"], string, string]>([
    ["bool", '"true"', "true"],
    ["bool", '"0"', "false"],
    ["real", "1E-07", "1e-7"],
    ["real", "1E+20", "100000000000000000000"],
    ["real", '"NaN"', '"NaN"'],
    ["long", "-9223372036854775808", "-9223372036854775808"],
  ])("stores the value of a %s column for %s", async (type, text, stored) => {
    const { file, digest } = await writeFile("parquet", [{ name: "V", type }], [`{"V":${text}}`]);
    expect(await readBack.parquet(file, { skip: 0, top: 1 })).toEqual([`{"V":${stored}}`]);
    expect(digest.substituted).toBe(0);
  });

  test("reads across row groups", async () => {
    const lines = Array.from({ length: 25_000 }, (_, at) => `{"n":${at}}`);
    const { file } = await writeFile("parquet", [{ name: "n", type: "long" }], [lines.join("\n")]);
    expect(await readBack.parquet(file, { skip: 9_998, top: 4 })).toEqual(
      lines.slice(9_998, 10_002),
    );
  });
});

describe.each(["ndjson", "csv", "parquet"] as const)("%s", (format) => {
  test("gives any slice of random rows back", async () => {
    await fc.assert(
      fc.asyncProperty(answers, fc.nat(6), fc.nat(6), async ({ columns, lines }, skip, top) => {
        // Infinity and numbers beyond a type's range are KQL's to prevent; CSV keeps dynamic values
        // as text.
        fc.pre(
          columns.every(({ type }) =>
            ["string", "bool", "datetime", "timespan", "guid"].includes(type),
          ),
        );
        const { file } = await writeFile(format, columns, lines);
        expect(await readBack[format](file, { skip, top })).toEqual(lines.slice(skip, skip + top));
      }),
      { numRuns: 100 },
    );
  });

  test("gives back what toStoredText says, whatever the value", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(storedValues, { minLength: 1, maxLength: 8 }), async (values) => {
        const columns = values.map(({ type }, at): Column => ({ name: `C${at}`, type }));
        const line = `{${values.map(({ text }, at) => `"C${at}":${text}`).join(",")}}`;
        const { file } = await writeFile(format, columns, [line]);
        const stored = values.map(
          ({ type, text }, at) => `"C${at}":${toStoredText(format, type, text)}`,
        );
        const [row] = await readBack[format](file, { skip: 0, top: 1 });
        expect(row).toBe(`{${stored.join(",")}}`);
      }),
      { numRuns: 200 },
    );
  });

  test("digests what a reader of the uncompressed file sees", async () => {
    const { digest, file } = await writeFile(format, everyType, [fullRow]);
    const raw = format === "parquet" ? file : gunzipSync(file);
    expect(digest).toEqual({
      rawBytes: raw.length,
      sha256: createHash("sha256").update(raw).digest("hex"),
      substituted: 0,
    });
  });
});

describe("slices", () => {
  test("fail on a file that is cut short", async () => {
    const { file } = await writeFile("ndjson", everyType, [fullRow]);
    await expect(
      readNdjsonSlice(streamFile(file.subarray(0, -9)), { skip: 5, top: 1 }),
    ).rejects.toThrow();
  });
});
