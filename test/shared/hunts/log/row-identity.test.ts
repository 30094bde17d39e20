import { describe, expect, test } from "vitest";
import {
  parseCells,
  createMultiset,
  computeRowIdentity,
} from "../../../../shared/hunts/log/row-identity.ts";

const row =
  '{"Timestamp":"2026-01-05T06:38:35.7664356Z","ReportId":9007199254740993,"Note":"a \\"b\\", {c}","Extra":{"x":[1,2]}}';
const hashRow = (
  text: string,
  ...rest: [format?: "ndjson" | "csv" | "parquet", leftOut?: string]
): string => computeRowIdentity(text, ...rest).toString("hex");

describe("parseCells", () => {
  test("keeps the exact text of every cell", () => {
    expect(parseCells(row)).toEqual([
      ["Timestamp", '"2026-01-05T06:38:35.7664356Z"'],
      ["ReportId", "9007199254740993"],
      ["Note", '"a \\"b\\", {c}"'],
      ["Extra", '{"x":[1,2]}'],
    ]);
  });

  test("finds no cells in an empty row", () => {
    expect(parseCells("{}")).toEqual([]);
  });

  test("refuses a truncated row", () => {
    expect(() => parseCells('{"a":"b')).toThrow("ends inside a value");
  });
});

describe("computeRowIdentity", () => {
  test("ignores the order of columns", () => {
    expect(hashRow('{"b":1,"a":2}')).toBe(hashRow('{"a":2,"b":1}'));
  });

  test.each([
    ["a number beyond a double's reach", "9007199254740993", "9007199254740992"],
    ["the last digit of a time", "7664356Z", "7664357Z"],
    ["a name", '"Note"', '"Mote"'],
  ])("tells rows apart by %s", (_, from, to) => {
    expect(hashRow(row.replace(from, to))).not.toBe(hashRow(row));
  });

  test("ignores the added column", () => {
    expect(hashRow('{"a":1,"FileStatistics":{"x":1}}', "ndjson", "FileStatistics")).toBe(
      hashRow('{"a":1}'),
    );
  });

  test("compares a CSV cell by its text", () => {
    expect(hashRow('{"a":"5","b":"","c":"=1"}', "csv")).toBe(
      hashRow('{"a":5,"b":null,"c":"\'=1"}', "csv"),
    );
  });
});

describe("multiset", () => {
  test("gives each identity as often as it was added", () => {
    const rows = createMultiset(3);
    for (const text of ['{"a":1}', '{"a":1}', '{"a":2}']) rows.add(computeRowIdentity(text));
    expect(
      ['{"a":1}', '{"a":1}', '{"a":1}', '{"a":2}', '{"a":3}'].map((text) =>
        rows.removeOne(computeRowIdentity(text)),
      ),
    ).toEqual([true, true, false, true, false]);
    expect(rows.size()).toBe(0);
  });

  test("holds as many identities as its capacity", () => {
    const rows = createMultiset(5_000);
    for (let index = 0; index < 5_000; index += 1) rows.add(computeRowIdentity(`{"a":${index}}`));
    for (let index = 0; index < 5_000; index += 1)
      expect(rows.removeOne(computeRowIdentity(`{"a":${index}}`))).toBe(true);
  });
});
