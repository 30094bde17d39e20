import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { encodeUtf8 } from "../../../shared/rows/bytes.ts";
import { createRowShape, type Column } from "../../../shared/rows/column.ts";
import { MalformedRows } from "../../../shared/rows/malformed-rows.ts";
import { readRows } from "../../../shared/rows/read-rows.ts";
import { answers, cutPieces } from "./answers.ts";

async function* streamParts(parts: readonly Uint8Array[]): AsyncIterable<Uint8Array> {
  yield* parts;
}

async function readLines(
  parts: readonly Uint8Array[],
  columns: readonly Column[],
  hasAnnotations = true,
  batchBytes = 1_048_576,
) {
  const texts: string[] = [];
  let lineCount = 0;
  const result = await readRows(streamParts(parts), {
    createShape: () => createRowShape(columns, hasAnnotations),
    batchBytes,
    onLines: (lines, count) => {
      lineCount += count;
      texts.push(Buffer.from(lines).toString());
    },
  });
  expect(lineCount).toBe(result.rows);
  return {
    ...result,
    lines: texts.join("").split("\n").slice(0, -1),
    isWhole: texts.every((text) => text.endsWith("\n")),
  };
}

// Batches so small that every row is cut somewhere, and the usual ones.
const batches = fc.constantFrom(1, 7, 64, 300, 1_048_576);

const columns: readonly Column[] = [
  { name: "Timestamp", type: "datetime" },
  { name: "ReportId", type: "long" },
  { name: "IsX", type: "bool" },
  { name: "Bag", type: "dynamic" },
  { name: "Text", type: "string" },
];

const readFirstLine = async (row: string, hasAnnotations = true): Promise<string | undefined> =>
  (await readLines([encodeUtf8(`{"schema":[],"results":[${row}]}`)], columns, hasAnnotations))
    .lines[0];

describe("readRows", () => {
  test("writes the expected lines for random answers cut at random places", async () => {
    await fc.assert(
      fc.asyncProperty(
        answers,
        fc.array(fc.nat(), { maxLength: 20 }),
        batches,
        async (answer, cuts, batchBytes) => {
          const result = await readLines(
            cutPieces(encodeUtf8(answer.body), cuts),
            answer.columns,
            true,
            batchBytes,
          );
          expect(result.lines).toEqual(answer.lines);
          expect(result.isWhole).toBe(true);
        },
      ),
      { numRuns: 2_000 },
    );
  });

  test("refuses every truncated answer", async () => {
    await fc.assert(
      fc.asyncProperty(answers, fc.nat(), batches, async (answer, cut, batchBytes) => {
        const wholeBody = encodeUtf8(answer.body.trim());
        const short = wholeBody.subarray(0, cut % wholeBody.length);
        await expect(readLines([short], answer.columns, true, batchBytes)).rejects.toThrow(
          MalformedRows,
        );
      }),
      { numRuns: 500 },
    );
  });

  test("reads rows that are larger than a batch or cross batches", async () => {
    const createRow = (at: number) =>
      `{"Timestamp":null,"ReportId":${at},"IsX":null,"Bag":null,"Text":"${"x".repeat(at % 7 === 0 ? 1_500_000 : 60_000)}"}`;
    const rows = Array.from({ length: 40 }, (_, at) => createRow(at));
    const bytes = encodeUtf8(`{"results":[${rows.join(",")}]}`);
    const parts = Array.from({ length: Math.ceil(bytes.length / 65_536) }, (_, at) =>
      bytes.subarray(at * 65_536, (at + 1) * 65_536),
    );
    expect((await readLines(parts, columns)).lines).toEqual(rows);
  });

  test("keeps 64-bit integers and seven-digit times exactly", async () => {
    const row =
      '{"Timestamp":"2026-01-05T06:38:35.7664356Z","ReportId":9007199254740993,"IsX":true,"Bag":{"n":9007199254740993},"Text":"a"}';
    expect(await readFirstLine(row)).toBe(row);
  });

  test.each([
    ["Graph's null", '"Bag":{}', '"Bag":null'],
    [
      "Graph's annotated bag",
      '"Bag":{"@odata.type":"#microsoft.graph.security.dynamicColumnValue","n@odata.type":"#Int64","n":1}',
      '"Bag":{"n":1}',
    ],
    ["text that holds a bag", '"Bag":"{\\"n\\": 1.50}"', '"Bag":{"n":1.50}'],
    ["text that only looks like a bag", '"Bag":"{n}"', '"Bag":"{n}"'],
    [
      "bags as text in an array",
      '"Bag@odata.type":"#Collection(String)","Bag":["{\\"n\\":1}","{\\"@odata.type\\":2}"]',
      '"Bag":[{"n":1},{"@odata.type":2}]',
    ],
    ["text that holds an empty bag", '"Bag":"{ }"', '"Bag":null'],
    ["an annotated empty bag", '"Bag":{"@odata.type":"#x"}', '"Bag":null'],
    [
      "an empty bag inside another",
      '"Bag":{"@odata.type":"#x","a":{"@odata.type":"#x"}}',
      '"Bag":{"a":{}}',
    ],
    [
      "a zone-less time",
      '"Timestamp":"2018-07-09T07:16:26.8017265"',
      '"Timestamp":"2018-07-09T07:16:26.8017265Z"',
    ],
    [
      "a time with an offset",
      '"Timestamp":"2018-07-09T09:16:26+02:00"',
      '"Timestamp":"2018-07-09T07:16:26.0000000Z"',
    ],
    ["text in a column of times", '"Timestamp":"soon"', '"Timestamp":"soon"'],
    ["escaped slashes and quotes", '"Text":"a\\/b\\u0027"', '"Text":"a/b\'"'],
    ["the last of two equal keys", '"Text":"a","Text":"b"', '"Text":"b"'],
    ["a key spelt with escapes", '"\\u0054ext":"a"', '"Text":"a"'],
  ])("reads %s", async (_, sent, line) => {
    const line0 = '{"Timestamp":null,"ReportId":null,"IsX":null,"Bag":null,"Text":null}';
    const name = /^"(\w+)"/.exec(line)?.[1];
    expect(await readFirstLine(`{${sent}}`)).toBe(line0.replace(`"${name}":null`, () => line));
  });

  test("keeps annotations as data for a back-end that has none", async () => {
    expect(await readFirstLine('{"Bag":{"a@odata.type":"#x"}}', false)).toContain(
      '"Bag":{"a@odata.type":"#x"}',
    );
  });

  test("keeps members that no column names", async () => {
    expect(await readFirstLine('{"Extra":{"a":[1]},"Text":"t"}')).toBe(
      '{"Timestamp":null,"ReportId":null,"IsX":null,"Bag":null,"Text":"t","Extra":{"a":[1]}}',
    );
  });

  test("reads nesting that is deeper than the stack", async () => {
    const nestedArrays = `${"[".repeat(50_000)}${"\n]".repeat(50_000)}`;
    expect(await readFirstLine(`{"Bag":${nestedArrays}}`)).toContain("[[[[");
  });

  test("passes the schema on before the first row, up to 1 MiB of it", async () => {
    const heads: unknown[] = [];
    const schema = Array.from({ length: 5_000 }, (_, at) => ({ name: `c${at}`, type: "String" }));
    const body = encodeUtf8(JSON.stringify({ schema, results: [{ c0: "a" }] }));
    await readRows(streamParts(cutPieces(body, [10, 1_000, 50_000])), {
      createShape: (head) => {
        heads.push(head["schema"]);
        return createRowShape([{ name: "c0", type: "string" }], true);
      },
      onLines: () => expect(heads).toEqual([schema]),
    });
  });

  test("reads an answer without rows as empty", async () => {
    const result = await readLines([encodeUtf8('{"Stats":{},"Results":null}')], columns);
    expect(result).toMatchObject({ rows: 0, envelope: { Stats: {}, Results: null } });
  });

  test.each([
    ["a body that is not an object", "[1]"],
    ["HTML", "<html></html>"],
    ["nothing", ""],
    ["two arrays of rows", '{"results":[],"Results":[{"a":1}]}'],
    ["a comma without a row", '{"results":[{"Text":"a"},]}'],
    ["rows without a comma", '{"results":[{"Text":"a"}{"Text":"b"}]}'],
    ["a row that is not an object", '{"results":[1]}'],
    ["a raw line break in text", '{"results":[{"Text":"a\nb"}]}'],
    ["a value that is not JSON", '{"results":[{"Text":nul}]}'],
    ["too much around the rows", `{"a":"${"x".repeat(1_100_000)}","results":[]}`],
  ])("refuses %s", async (_, body) => {
    await expect(readLines([encodeUtf8(body)], columns)).rejects.toThrow(MalformedRows);
  });
});
