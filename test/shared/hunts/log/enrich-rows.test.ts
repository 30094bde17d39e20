import { describe, expect, test } from "vitest";
import { addStatisticsColumn, enrichLines } from "../../../../shared/hunts/log/enrich-rows.ts";
import { testHunt } from "../../../support/hunt-source.ts";

const hash = "DA39A3EE5E6B4B0D3255BFEF95601890AFD80709";
const hunt = testHunt({ enrich: "SHA1" });

const enrichRows = async (
  rows: readonly string[],
  statistics: ReadonlyMap<string, object>,
): Promise<{ rows: string[]; requests: string[][] }> => {
  const requests: string[][] = [];
  const findFileStatistics = async (
    sha1s: readonly string[],
  ): Promise<ReadonlyMap<string, object>> => {
    requests.push([...sha1s]);
    return statistics;
  };
  const bytes = await enrichLines(
    { findFileStatistics },
    hunt,
    Buffer.from(`${rows.join("\n")}\n`),
  );
  return { rows: Buffer.from(bytes).toString("utf8").split("\n").slice(0, -1), requests };
};

describe("enrichLines", () => {
  test("adds known statistics and leaves all other text unchanged", async () => {
    const statistics = new Map([[hash.toLowerCase(), { globalPrevalence: 3 }]]);
    const { rows } = await enrichRows([`{"Id":9007199254740993,"SHA1":"${hash}"}`], statistics);
    expect(rows).toEqual([
      `{"Id":9007199254740993,"SHA1":"${hash}","FileStatistics":{"globalPrevalence":3}}`,
    ]);
  });

  test.each([
    ["an unknown hash", `{"SHA1":"${"0".repeat(40)}"}`],
    ["an empty one", '{"SHA1":""}'],
    ["none", '{"SHA1":null}'],
    ["another column", '{"SHA256":"x"}'],
  ])("adds null to a row with %s", async (_, row) => {
    const { rows } = await enrichRows([row], new Map());
    expect(rows).toEqual([`${row.slice(0, -1)},"FileStatistics":null}`]);
  });

  test("looks up each hash once, whatever its case", async () => {
    const { requests } = await enrichRows(
      [`{"SHA1":"${hash}"}`, `{"SHA1":"${hash.toLowerCase()}"}`],
      new Map(),
    );
    expect(requests).toEqual([[hash.toLowerCase()]]);
  });

  test("leaves the rows of a hunt without an enriched column unchanged", async () => {
    const lines = Buffer.from('{"SHA1":"x"}\n');
    const findFileStatistics = (): Promise<never> => Promise.reject(new Error("asked"));
    expect(await enrichLines({ findFileStatistics }, testHunt(), lines)).toBe(lines);
    expect(addStatisticsColumn(testHunt(), [])).toEqual([]);
    expect(addStatisticsColumn(hunt, [])).toEqual([{ name: "FileStatistics", type: "dynamic" }]);
  });
});
