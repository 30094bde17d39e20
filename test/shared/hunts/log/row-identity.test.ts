import { describe, expect, test } from "vitest";
import type { NamedColumn } from "../../../../shared/hunts/log/shared-columns.ts";
import {
  parseCells,
  createMultiset,
  computeRowIdentity,
} from "../../../../shared/hunts/log/row-identity.ts";

const row =
  '{"Timestamp":"2026-01-05T06:38:35.7664356Z","ReportId":9007199254740993,"Note":"a \\"b\\", {c}","Extra":{"x":[1,2]}}';
const hashRow = (text: string, findColumn?: (name: string) => NamedColumn | undefined): string =>
  computeRowIdentity(text, findColumn).toString("hex");
const hashCell = (type: NamedColumn["type"], text: string): string =>
  hashRow(`{"a":${text}}`, (name) => ({ name, type }));

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

  test("ignores a column without a shared name", () => {
    const findColumn = (name: string): NamedColumn | undefined =>
      name === "b" ? undefined : { name, type: undefined };
    expect(hashRow('{"a":1,"b":{"x":1}}', findColumn)).toBe(hashRow('{"a":1}'));
  });

  test("compares a column by its shared name", () => {
    expect(hashRow('{"A":1}', (name) => ({ name: name.toLowerCase(), type: undefined }))).toBe(
      hashRow('{"a":1}'),
    );
  });

  test.each<[NamedColumn["type"], string, string]>([
    ["real", "1E-07", "1e-7"],
    ["real", "1E+20", "100000000000000000000"],
    ["real", "4.0", "4"],
    ["real", "-0.0", "0"],
    ["decimal", "0.10", "0.1"],
    ["long", '"5"', "5"],
    ["string", "5", '"5"'],
    ["bool", '"true"', "true"],
  ])("takes the %s values %s and %s for one", (type, first, second) => {
    expect(hashCell(type, first)).toBe(hashCell(type, second));
  });

  test.each<[NamedColumn["type"], string, string]>([
    ["long", "9007199254740993", "9007199254740992"],
    ["real", "10", "1"],
    ["real", "-1", "1"],
    ["string", '"1.0"', '"1"'],
    ["dynamic", '"1"', "1"],
    [undefined, "1.0", "1"],
  ])("tells the %s values %s and %s apart", (type, first, second) => {
    expect(hashCell(type, first)).not.toBe(hashCell(type, second));
  });

  test("treats a missing cell as null", () => {
    expect(hashRow('{"a":1,"b":null}')).toBe(hashRow('{"a":1}'));
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
