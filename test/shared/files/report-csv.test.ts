import { describe, expect, test } from "vitest";
import { reportToCsv, prefersCsv } from "../../../shared/files/report-csv.ts";
import { createReport, toFileResult } from "../../../shared/files/report.ts";
import type { FileStatistics } from "../../../shared/contracts/file-result.ts";
import { fileHash, information, plainOptions, statistics } from "../../support/files-harness.ts";

const createCsv = (change: Partial<FileStatistics>, options = plainOptions) => {
  const outcome = {
    kind: "answered",
    sha1: fileHash(0),
    statistics: {
      value: { ...statistics, ...change },
      source: "statistics",
      asOf: "2026-01-05T06:00:00.000Z",
    },
    information,
    stale: false,
  } as const;
  const results = [
    toFileResult({ hash: fileHash(0), kind: "sha1", where: ["/a/0"] }, outcome, 0, true),
    toFileResult({ hash: "=cmd()", kind: "invalid" }, undefined, 0, true),
  ];
  return reportToCsv(createReport(results, [], options), options);
};
const splitLines = (csv: string): string[] => csv.split("\r\n");

test("writes one line per hash, with the same columns for hit and error", () => {
  const [header = "", hit, miss, end] = splitLines(
    createCsv({ organizationPrevalence: 0, globalPrevalence: null }),
  );
  expect(header).toBe(
    "hash,sha1,status,source,organizationPrevalence,organizationFirstSeen,organizationLastSeen,globalPrevalence,globalFirstSeen,globalLastSeen,topFileNames,asOf,fromCache,stale,problem",
  );
  expect(hit).toBe(
    `${fileHash(0)},${fileHash(0)},found,statistics,0,2026-01-01T00:00:00Z,2026-01-04T00:00:00Z,,2015-03-19T12:20:07.3432441Z,2026-01-04T00:00:00Z,a.exe,2026-01-05T06:00:00.000Z,false,false,`,
  );
  expect(miss).toMatch(/^'=cmd\(\),,invalid,,,,,,,,,,false,false,"must be 40, 64/);
  expect(end).toBe("");
});

test.each(["=1+1", "+1", "-1", "@SUM(A1)", "\tx", "\rx", "＝1"])(
  "keeps a spreadsheet from running %j",
  (name) => {
    expect(createCsv({ topFileNames: [name] })).toMatch(/,"?'[=+\-@\t\r＝]/);
  },
);

test.each([
  ["a.exe;=1+1", '"a.exe;\'=1+1"'],
  ["a.exe; @SUM(A1)", '"a.exe; \'@SUM(A1)"'],
  ["a.exe\t=1+1", '"a.exe\t\'=1+1"'],
  ["a.exe|-1", '"a.exe|\'-1"'],
  ["a.exe\n=1+1", '"a.exe\n\'=1+1"'],
])("keeps a spreadsheet with another separator from running %j", (name, cell) => {
  expect(createCsv({ topFileNames: [name] })).toContain(`,${cell},`);
});

test("quotes text that holds a comma, a quote or a line end", () => {
  expect(createCsv({ topFileNames: ['a "b", c'] })).toContain(',"a ""b"", c",');
});

test("writes columns for everything that was requested", () => {
  const options = {
    ...plainOptions,
    information: true,
    where: true,
    thresholds: { globalRareBelow: 1_000_000 },
  };
  const [header, hit] = splitLines(createCsv({}, options));
  expect(header).toContain(
    "signerHash,isValidCertificate,determinationType,determinationValue,verdict,rule,asOf",
  );
  expect(header).toMatch(/,where$/);
  expect(hit).toMatch(/,rare,globalPrevalence 705012 is below globalRareBelow 1000000,.*,\/a\/0$/);
});

describe("an Accept header", () => {
  test.each([
    ["text/csv", true],
    ["text/csv, */*;q=0.1", true],
    ["text/csv;q=0.9, application/json;q=0.8", true],
    ["application/json, text/csv;q=0.9", false],
    ["text/csv, application/json", false],
    ["*/*", false],
    ["", false],
    ["text/csv;q=0", false],
  ])("%j prefers CSV: %s", (accept, preferred) => {
    expect(prefersCsv(accept)).toBe(preferred);
  });

  test("that is absent does not prefer CSV", () => {
    expect(prefersCsv(null)).toBe(false);
  });
});
