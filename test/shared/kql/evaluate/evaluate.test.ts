import { beforeAll, describe, expect, test } from "vitest";
import { createDataset } from "../../../simulator/dataset/dataset.ts";
import { evaluateQuery, now, quietDataset, runQuery, warmUp } from "./run-query.ts";

beforeAll(warmUp);

const hourTicks = 36_000_000_000n;
const countRows = (query: string, context: Parameters<typeof runQuery>[1] = {}): unknown =>
  runQuery(`${query} | count`, context)[0]?.[0];

describe("a table of the world", () => {
  test("gives the rows of a window, by time", () => {
    const rows = runQuery(
      "DeviceProcessEvents | where Timestamp >= ago(2h) and Timestamp < ago(1h) | project Timestamp",
    );
    expect(rows).toHaveLength(60);
    expect(rows).toEqual(
      rows.toSorted(([one], [other]) => ((one as bigint) < (other as bigint) ? -1 : 1)),
    );
  });

  test.each([
    ["> and <=", "where Timestamp > ago(2h) and Timestamp <= ago(1h)"],
    ["between", "where Timestamp between (ago(2h) .. 1h)"],
    [
      "a literal",
      "where Timestamp >= datetime(2026-11-21T22:00:00Z) | where Timestamp < datetime(2026-11-21T23:00:00Z)",
    ],
    ["a mirrored comparison", "where ago(2h) <= Timestamp and ago(1h) > Timestamp"],
    ["a let", "where Timestamp between (ago(2h) .. ago(1h))"],
    ["a renamed column", "project-rename At = Timestamp | where At between (ago(2h) .. ago(1h))"],
    [
      "a moved column",
      "extend Timestamp = Timestamp + 1h | where Timestamp between (ago(1h) .. now())",
    ],
  ])("is cut alike by %s", (_, condition) => {
    expect(countRows(`DeviceProcessEvents | ${condition}`)).toBe(60n);
  });

  test.each([
    ["Timestamp < datetime(2026-11-21T12:00:00.0000001Z)", ["a"]],
    ["Timestamp <= datetime(2026-11-21T12:00:00.0000001Z)", ["a", "b"]],
    ["Timestamp == datetime(2026-11-21T12:00:00.0000001Z)", ["b"]],
    ["Timestamp >= datetime(2026-11-21T12:00:00.0000001Z)", ["b", "c"]],
    ["Timestamp > datetime(2026-11-21T12:00:00.0000001Z)", ["c"]],
    ["datetime(2026-11-21T12:00:00.0000001Z) < Timestamp", ["c"]],
    [
      "Timestamp between (datetime(2026-11-21T12:00:00.0000001Z) .. datetime(2026-11-21T12:00:00.0000002Z))",
      ["b", "c"],
    ],
    ["Timestamp between (datetime(2026-11-21T12:00:00) .. 1tick)", ["a", "b"]],
    ["Timestamp !between (datetime(2026-11-21T12:00:00) .. 1tick)", ["c"]],
    ["Timestamp < datetime(2026-11-21T12:00:00) or FileName == 'c'", ["c"]],
  ])("is cut to the tick by %s", (condition, names) => {
    const dataset = createDataset({ eventsPerHour: {} });
    for (const [index, FileName] of ["a", "b", "c"].entries())
      dataset.addRow("DeviceEvents", {
        Timestamp: `2026-11-21T12:00:00.000000${index}Z`,
        FileName,
      });
    expect(
      runQuery(`DeviceEvents | where ${condition} | project FileName`, { dataset }).flat(),
    ).toEqual(names);
  });

  test("is cut by the request's Timespan, whatever the query says", () => {
    const timespan = { from: now - 3n * hourTicks, to: now - 2n * hourTicks };
    expect(countRows("DeviceProcessEvents", { timespan })).toBe(60n);
    expect(countRows("DeviceProcessEvents | where Timestamp > ago(1h)", { timespan })).toBe(0n);
  });

  test("can be shadowed by a let of its own name, and cut in place", () => {
    const from = "datetime(2026-11-21T22:00:00.0000000Z)";
    const to = "datetime(2026-11-21T23:00:00.0000000Z)";
    const body = "| where FileName endswith '.exe' | project Timestamp, FileName";
    const shadowed = `let DeviceProcessEvents = DeviceProcessEvents | where Timestamp >= ${from} and Timestamp < ${to};\nDeviceProcessEvents ${body}`;
    const inPlace = `(DeviceProcessEvents | where Timestamp >= ${from} and Timestamp < ${to}) ${body}`;
    expect(runQuery(shadowed)).toEqual(runQuery(inPlace));
    expect(runQuery(shadowed).length).toBeGreaterThan(40);
  });

  test("joins its mails with their attachments", () => {
    const query =
      "EmailEvents | where Timestamp > ago(6h) and AttachmentCount > 0 | join kind=inner EmailAttachmentInfo on NetworkMessageId, $left.Timestamp == $right.Timestamp";
    expect(countRows(query)).toBe(countRows("EmailAttachmentInfo | where Timestamp > ago(6h)"));
    expect(countRows(query)).not.toBe(0n);
  });

  test("keeps exact numbers and times", () => {
    const dataset = createDataset({ eventsPerHour: {} });
    dataset.addRow("DeviceEvents", {
      Timestamp: "2026-11-21T23:38:35.7664356Z",
      ReportId: 9_007_199_254_740_993n,
    });
    const query =
      "DeviceEvents | where ReportId == 9007199254740993 and Timestamp == datetime(2026-11-21T23:38:35.7664356Z) | project tostring(ReportId), tostring(Timestamp)";
    expect(runQuery(query, { dataset })).toEqual([
      ["9007199254740993", "2026-11-21T23:38:35.7664356Z"],
    ]);
  });

  test("is searched for a word in any column", () => {
    const byTable = runQuery(
      "search in (EmailEvents, DeviceProcessEvents) 'invoice' | summarize count() by $table",
    );
    expect(byTable).toEqual([
      ["EmailEvents", countRows("EmailEvents | where Subject has 'invoice'")],
    ]);
  });

  test("is enriched by FileProfile, up to its limit", () => {
    const [file] = quietDataset().programs;
    const profileQuery = (call: string): string =>
      `range n from 1 to 3 step 1 | extend SHA1 = "${file?.sha1.toUpperCase() ?? ""}" | invoke ${call} | project GlobalPrevalence, Signer, ProfileAvailability`;
    const expected = [file?.globalPrevalence, file?.signer, "Available"];
    expect(runQuery(profileQuery("FileProfile(SHA1, 2)"))).toEqual([
      expected,
      expected,
      [null, "", "Missing"],
    ]);
    expect(runQuery(profileQuery('FileProfile("SHA1", 1000)'))).toEqual([
      expected,
      expected,
      expected,
    ]);
  });

  test("a histogram and the shards of a window add up", () => {
    const bins = runQuery(
      "DeviceProcessEvents | where Timestamp between (ago(7h) .. ago(1h) - 1tick) | summarize Rows = count() by Bin = bin(Timestamp, 36000000000tick)",
    );
    expect(bins.map(([, rows]) => rows)).toEqual([60n, 60n, 60n, 60n, 60n, 60n]);
    const shards = [0, 1, 2].map((shard) =>
      countRows(
        `DeviceProcessEvents | where Timestamp between (ago(7h) .. ago(1h) - 1tick) | where hash(tostring(pack_all()), 3) == ${shard}`,
      ),
    );
    expect(shards.reduce<bigint>((total, rows) => total + (rows as bigint), 0n)).toBe(360n);
  });
});

describe("a query with a fault", () => {
  test.each([
    [
      "Nowhere | where a == 1",
      "table",
      "'where' operator: Failed to resolve table or column expression named 'Nowhere'. Fix semantic errors in your query.",
    ],
    [
      "DeviceEvents | join Nowhere on DeviceId",
      "table",
      "'join' operator: Failed to resolve table or column expression named 'Nowhere'. Fix semantic errors in your query.",
    ],
    [
      "DeviceEvents | summarize count() by Nothing",
      "semantic",
      "'summarize' operator: Failed to resolve scalar expression named 'Nothing'. Fix semantic errors in your query.",
    ],
    [
      "DeviceEvents | extend x = nothing(1)",
      "semantic",
      "The query has a semantic error: Unknown function: 'nothing'. Fix semantic errors in your query.",
    ],
    [
      "DeviceEvents | where Timestamp > 'x' + 1",
      "semantic",
      /^The query has a semantic error: .* Fix semantic errors in your query\.$/,
    ],
    ["DeviceEvents | whre 1", "syntax", /^The query contains syntax errors: /],
    ["DeviceEvents | where (", "syntax", /^The query contains syntax errors: /],
    ["", "syntax", /^The query contains syntax errors: /],
    ["// only a comment", "syntax", /^The query contains syntax errors: /],
    [
      "DeviceEvents | make-graph DeviceId --> FileName",
      "unsupported",
      "The operator 'make-graph' is not supported by the evaluator.",
    ],
    [
      "externaldata(a: string) ['https://example.net/list.txt']",
      "unsupported",
      /'externaldata' without rows of https:\/\/example.net\/list.txt is not supported/,
    ],
    [
      "DeviceEvents | extend x = series_fft(dynamic([1]))",
      "unsupported",
      "The function 'series_fft' is not supported by the evaluator.",
    ],
    [
      "print geo_point_to_s2cell(1.0, 2.0)",
      "unsupported",
      "The function 'geo_point_to_s2cell' is not supported by the evaluator.",
    ],
    ["DeviceEvents | evaluate autocluster()", "unsupported", /'autocluster' is not supported/],
  ])("%s is refused as %s of %s", (query, kind, message) => {
    const result = evaluateQuery(query);
    expect(result).toMatchObject({
      refusedBy: kind === "unsupported" ? "evaluator" : "service",
      cause: kind,
    });
    expect("refusedBy" in result && result.message).toEqual(
      typeof message === "string" ? message : expect.stringMatching(message),
    );
  });

  test("a table the tenant does not have is unknown, and a fuzzy union forgives it", () => {
    const dataset = createDataset({ eventsPerHour: {}, excludedTables: ["EmailEvents"] });
    expect(() => runQuery("EmailEvents | take 1", { dataset })).toThrow(
      "'take' operator: Failed to resolve table or column expression named 'EmailEvents'.",
    );
    expect(runQuery("union isfuzzy=true EmailEvents, DeviceEvents | count", { dataset })).toEqual([
      [0n],
    ]);
  });
});
