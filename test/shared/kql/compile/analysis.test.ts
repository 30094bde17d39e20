import { beforeAll, describe, expect, test } from "vitest";
import { analyzeQuery } from "../../../../shared/kql/compile/analysis.ts";
import { describeObstacle } from "../../../../shared/kql/compile/obstacles.ts";
import { classifyQuery } from "../../../../shared/kql/compile/classification.ts";
import { childAt, parseQuery, walkTree } from "../../../../shared/kql/language/parser.ts";

/** A text that contains this one. */
const textContaining = (text: string): string => expect.stringContaining(text) as string;

/** An object that has these values, whatever else. */
const objectIncluding = (values: object): object => expect.objectContaining(values) as object;

// Loading the parser takes a second on a quiet machine, and long on a busy one.
beforeAll(() => void parseQuery("print 1"), 120_000);

const listReasons = (query: string): readonly string[] => {
  const { errors, obstacles } = analyzeQuery(query);
  expect(errors, query).toEqual([]);
  return obstacles.map(describeObstacle);
};

describe("parseQuery", () => {
  test("gives positions, meanings, types and result columns", () => {
    const { root, columns, diagnostics } = parseQuery(
      "DeviceEvents\n| project Timestamp, N = strlen(FileName)",
    );
    expect(diagnostics).toEqual([]);
    expect(columns).toEqual([
      { name: "Timestamp", type: "datetime" },
      { name: "N", type: "long" },
    ]);
    const table = [...walkTree(root)].find(({ symbol }) => symbol?.kind === "Table");
    expect(table).toMatchObject({
      text: "DeviceEvents",
      start: 0,
      end: 12,
      type: "table",
      symbol: { isServiceSymbol: true },
    });
    const operator = [...walkTree(root)].find(({ kind }) => kind === "ProjectOperator");
    expect(operator && childAt(operator, "Expressions")?.text).toBe(
      "Timestamp, N = strlen(FileName)",
    );
  });

  test.each([
    ["an unknown table", "DeviceEvent | take 1", 1, 1, "DeviceEvent"],
    ["an unknown column", "DeviceEvents\n| where Nmae == 1", 2, 9, "Nmae"],
    ["an unknown function", "DeviceEvents | extend x = lookitup(FileName)", 1, 27, "lookitup"],
    ["broken syntax", "DeviceEvents | where", 1, 21, "issing"],
    [
      "a column the piped table lacks, given to invoke",
      "DeviceEvents | project SHA1 | invoke FileProfile(SHA2)",
      1,
      50,
      "SHA2",
    ],
  ])("finds %s", (_, query, line, column, words) => {
    expect(parseQuery(query).diagnostics[0]).toMatchObject({
      line,
      column,
      message: textContaining(words),
    });
  });

  test("knows the functions of the service, and a column given to invoke", () => {
    const { diagnostics, columns } = parseQuery(
      "DeviceEvents | project SHA1 | invoke FileProfile(SHA1, 1000) | where GlobalPrevalence < 5 | project Signer",
    );
    expect([diagnostics, columns]).toEqual([[], [{ name: "Signer", type: "string" }]]);
  });
});

describe("windows", () => {
  test.each([
    [
      "filters and projections",
      'DeviceEvents | where FileName == "a" | extend x = 1 | project Timestamp, x',
    ],
    [
      "parse and mv-expand",
      'DeviceEvents | parse FolderPath with * "a" Rest | mv-expand f = parse_json(AdditionalFields)',
    ],
    [
      "mv-apply, which sees one row at a time",
      "DeviceEvents | mv-apply f = parse_json(AdditionalFields) on (summarize n = count() by tostring(f))",
    ],
    [
      "a union of tables",
      "DeviceEvents | union DeviceProcessEvents, (DeviceFileEvents | where FileSize > 1)",
    ],
    [
      "lookup of a constant table",
      'DeviceEvents | lookup (datatable(FileName: string, Why: string) ["a", "b"]) on FileName',
    ],
    [
      "a list written into the query",
      'let bad = datatable(h: string) ["x"]; DeviceEvents | where SHA1 in (bad)',
    ],
    ["sort, which changes no row", "DeviceEvents | sort by Timestamp desc"],
    [
      "materialize and a let used twice",
      'let T = materialize(DeviceEvents | where FileName == "a"); T | union T',
    ],
    [
      "a function of its own",
      "let f = (T: (Timestamp: datetime, FileName: string)) { T | where FileName != '' }; DeviceEvents | invoke f()",
    ],
    [
      "a function without parameters",
      "let f = () { DeviceEvents | where FileName != '' }; f() | project Timestamp",
    ],
    ["ingestion_time, which a row keeps", "DeviceEvents | extend i = ingestion_time()"],
    ["a let that nothing reads", "let unused = DeviceInfo | summarize count(); DeviceEvents"],
    ["a fixed date", "DeviceEvents | where Timestamp > datetime(2026-01-01)"],
    ["a trailing render", "DeviceEvents | project Timestamp | render table"],
  ])("allows windows for %s", (_, query) => {
    expect(listReasons(query)).toEqual([]);
  });

  test.each([
    ["summarize", "DeviceEvents\n| summarize count() by FileName", "it summarizes (line 2)"],
    ["join", "DeviceEvents | join kind=inner (DeviceInfo) on DeviceId", "it joins (line 1)"],
    ["distinct", "DeviceEvents | distinct FileName", "it keeps distinct rows (distinct) (line 1)"],
    ["take", "DeviceEvents | take 5", "it takes some rows (take) (line 1)"],
    ["limit", "DeviceEvents | limit 5", "it takes some rows (take) (line 1)"],
    ["top", "DeviceEvents | top 5 by Timestamp", "it takes the first rows (top) (line 1)"],
    ["sample", "DeviceEvents | sample 5", "it samples rows (sample) (line 1)"],
    ["count", "DeviceEvents | count", "it counts (line 1)"],
    [
      "make-series",
      "DeviceEvents | make-series count() on Timestamp step 1h",
      "it makes a time series (make-series) (line 1)",
    ],
    [
      "evaluate",
      "DeviceEvents | evaluate bag_unpack(AdditionalFields)",
      "it runs a plug-in over all rows (evaluate) (line 1)",
    ],
    [
      "lookup of a table of events",
      "DeviceEvents | lookup DeviceInfo on DeviceId",
      "it looks values up in a second table (lookup) (line 1)",
    ],
    [
      "a subquery in a condition",
      "DeviceEvents | where DeviceId in (DeviceInfo | project DeviceId)",
      "it reads a second table in a condition (line 1)",
    ],
    [
      "a subquery behind a let",
      "let ids = DeviceInfo | project DeviceId; DeviceEvents | where DeviceId has_any (ids)",
      "it reads a second table in a condition (line 1)",
    ],
    [
      "toscalar",
      "let m = toscalar(DeviceInfo | project DeviceId); DeviceEvents | where DeviceId == m",
      "it reads a value from a second query (toscalar) (line 1)",
    ],
    ["rand", "DeviceEvents | where rand() < 0.1", "rand() gives another value each time (line 1)"],
    [
      "new_guid",
      "DeviceEvents | extend g = new_guid()",
      "new_guid() gives another value each time (line 1)",
    ],
    [
      "prev",
      "DeviceEvents | sort by Timestamp asc | extend p = prev(FileName)",
      "prev() reads neighboring rows (line 1)",
    ],
    [
      "row_number",
      "DeviceEvents | serialize n = row_number()",
      "row_number() reads neighboring rows (line 1)",
    ],
    [
      "FileProfile",
      "DeviceEvents | invoke FileProfile(SHA1, 1000)",
      "it calls FileProfile(), whose result changes with time (line 1)",
    ],
    [
      "external data",
      'externaldata(h: string) ["https://a.example/x"] | project h',
      "it reads external data, which changes by itself (line 1)",
    ],
    [
      "a table without Timestamp",
      "DeviceTvmSoftwareVulnerabilities | project DeviceId",
      "DeviceTvmSoftwareVulnerabilities has no Timestamp (line 1)",
    ],
    [
      "a constant leg of a union",
      'DeviceEvents | union (print FileName = "x")',
      "it unites events with a constant table, whose rows every window would repeat (line 1)",
    ],
    ["nothing but a constant", "print x = 1", "its result reads no table of events (line 1)"],
    [
      "wildcards",
      "union AlertInfo, Alert* | project Timestamp",
      "it names tables by the wildcard Alert* (line 1)",
    ],
    [
      "withsource",
      "union withsource = Source DeviceEvents, DeviceInfo",
      "union withsource= names its tables in the result (line 1)",
    ],
    [
      "find",
      "find in (DeviceEvents) where FileName == 'a'",
      "find names its tables in the result and reads them by name (line 1)",
    ],
    [
      "search",
      "search in (DeviceEvents) 'a'",
      "search names its tables in the result and reads them by name (line 1)",
    ],
    [
      "a join within a function",
      "let f = () { DeviceEvents | join DeviceInfo on DeviceId }; f()",
      "it joins (line 1)",
    ],
    [
      "a summarize behind two lets",
      "let a = DeviceEvents | summarize count() by FileName; let b = a; b | where count_ > 1",
      "it summarizes (line 1)",
    ],
    [
      "a second table in mv-apply",
      "DeviceEvents | mv-apply f = parse_json(AdditionalFields) on (where tostring(f) in ((DeviceInfo | project DeviceId)))",
      "it reads a second table in mv-apply (line 1)",
    ],
  ])("refuses windows for %s", (_, query, reason) => {
    expect(listReasons(query)).toContain(reason);
  });

  test("says which obstacles a file can overrule", () => {
    const listOverridable = (query: string): readonly boolean[] =>
      analyzeQuery(query).obstacles.map((obstacle) => obstacle.isOverridable);
    expect(listOverridable("DeviceEvents | extend Age = now() - Timestamp")).toEqual([true]);
    expect(listOverridable("DeviceEvents | summarize count()")).toEqual([false]);
  });
});

describe("a use of the clock", () => {
  const hour = 3_600_000;
  test.each([
    ["ago in a where", "DeviceEvents | where Timestamp >= ago(1h)", hour],
    [
      "a strict bound, which leaves the first instant out",
      "DeviceEvents | where Timestamp > ago(1h)",
      hour - 1,
    ],
    ["the other way round", "DeviceEvents | where ago(1h) <= Timestamp", hour],
    ["between", "DeviceEvents | where Timestamp between (ago(2h) .. now())", 2 * hour],
    ["between with a span", "DeviceEvents | where Timestamp between (ago(2h) .. 2h)", 2 * hour],
    [
      "a let",
      "let span = 3h; let since = ago(span); DeviceEvents | where Timestamp >= since",
      3 * hour,
    ],
    ["arithmetic", "DeviceEvents | where Timestamp >= now() - 2 * 2h", 4 * hour],
    ["now with an offset", "DeviceEvents | where Timestamp >= now(-5h)", 5 * hour],
    ["datetime_add", 'DeviceEvents | where Timestamp >= datetime_add("hour", -6, now())', 6 * hour],
    [
      "the start of a day, which is never later",
      "DeviceEvents | where Timestamp >= startofday(ago(1d))",
      24 * hour,
    ],
    [
      "the narrowest of several",
      "DeviceEvents | where Timestamp >= ago(1d) | where Timestamp >= ago(6h) and Timestamp < now()",
      6 * hour,
    ],
    [
      "or",
      'DeviceEvents | where (Timestamp >= ago(2h) and FileName == "a") or Timestamp >= ago(8h)',
      2 * hour,
    ],
    [
      "another name of the event's time",
      "DeviceEvents | project At = Timestamp | where At >= ago(1h)",
      hour,
    ],
    [
      "a function's body",
      "let since = ago(1h); let f = (T: (Timestamp: datetime)) { T | where Timestamp >= since }; DeviceEvents | invoke f()",
      hour,
    ],
  ])("limits the window by %s", (_, query, widestMs) => {
    expect(listReasons(query)).toEqual([]);
    expect(analyzeQuery(query).widestMs).toBe(widestMs);
  });

  test.each([
    ["an upper bound in the past", "DeviceEvents | where Timestamp < ago(1h)"],
    ["both", "DeviceEvents | where Timestamp between (ago(1d) .. ago(1h))"],
    ["a negation", "DeviceEvents | where not(Timestamp > ago(1h))"],
    ["!between", "DeviceEvents | where Timestamp !between (ago(1d) .. now())"],
    ["a value of the row", "DeviceEvents | extend Age = now() - Timestamp"],
    ["another time", "DeviceEvents | where ProcessCreationTime > ago(1h)"],
    [
      "a Timestamp that is something else",
      "DeviceEvents | extend Timestamp = ProcessCreationTime | where Timestamp > ago(1h)",
    ],
    [
      "a condition within an expression",
      "DeviceEvents | extend recent = iff(Timestamp > ago(1h), 1, 0)",
    ],
    ["a span that rows decide", "DeviceEvents | where Timestamp > ago(FileSize * 1d)"],
    ["a scalar let used for something else", "let t = now(); DeviceEvents | extend Seen = t"],
    [
      "the end of today, which some rows of the future meet",
      "DeviceEvents | where Timestamp > endofday(now())",
    ],
  ])("prevents windows for %s", (_, query) => {
    expect(analyzeQuery(query).obstacles.map(({ cause }) => cause)).toContain("clock");
  });

  test("is not read by a function of the query's own called now", () => {
    expect(
      listReasons("let now = () { datetime(2020-01-01) }; DeviceEvents | where Timestamp > now()"),
    ).toEqual([]);
  });

  test.each([
    [
      "DeviceEvents | where Timestamp > ago(7d) | summarize count() by bin(Timestamp, 1d), R = Timestamp > ago(1d)",
      168 * hour,
    ],
    ["DeviceEvents | where Timestamp > now() - 2d | count", 48 * hour],
    ["DeviceEvents | count", undefined],
  ])("knows the longest look back of %s", (query, maxAgoMs) => {
    expect(analyzeQuery(query).maxAgoMs).toBe(maxAgoMs);
  });
});

describe("placeholders of public hunts", () => {
  test("stand for the window's bounds", () => {
    const query =
      "DeviceEvents | where Timestamp between (datetime({{StartTimeISO}}) .. datetime({{EndTimeISO}}))";
    expect(listReasons(query)).toEqual([]);
    expect(analyzeQuery(query).placeholders.map(({ slot }) => slot)).toEqual([
      "fromText",
      "toText",
    ]);
  });

  test("bear no windows where the first instant would be lost", () => {
    const { obstacles } = analyzeQuery(
      "DeviceEvents | where Timestamp > todatetime('{{StartTimeISO}}')",
    );
    expect(obstacles.map(({ cause }) => cause)).toEqual(["clock"]);
  });

  test("of any other name are refused", () => {
    expect(analyzeQuery("DeviceEvents\n| where SHA1 == '{{Sha1}}'").errors[0]).toMatchObject({
      line: 2,
      column: 18,
      code: "HL003",
    });
  });
});

describe("the shard key", () => {
  test.each([
    ["a row-wise query by the whole row", "DeviceEvents | project FileName", "wholeRow"],
    [
      "summarize by its groups",
      "DeviceEvents | summarize n = count() by DeviceId, Day = bin(Timestamp, 1d)",
      ["DeviceId", "Day"],
    ],
    [
      "groups that are renamed and sorted",
      "DeviceEvents | summarize n = count() by DeviceId | where n > 1 | project Id = DeviceId, n | sort by n",
      ["Id"],
    ],
    [
      "groups behind a let",
      "let t = DeviceEvents | summarize n = count() by DeviceId; t | extend x = n",
      ["DeviceId"],
    ],
    [
      "a group whose name is given away",
      "DeviceEvents | summarize n = count() by DeviceId, FileName | extend FileName = 'x'",
      ["DeviceId"],
    ],
    [
      "distinct by its columns",
      "DeviceEvents | distinct DeviceId, FileName",
      ["DeviceId", "FileName"],
    ],
    [
      "arg_max by its groups",
      "DeviceInfo | summarize arg_max(Timestamp, *) by DeviceId",
      ["DeviceId"],
    ],
    [
      "a join whose rows are all kept",
      "DeviceEvents | join kind=inner (DeviceInfo) on DeviceId",
      "wholeRow",
    ],
    [
      "a join that keeps any row of a key",
      "DeviceEvents | join (DeviceInfo) on DeviceId",
      undefined,
    ],
    ["one row for all", "DeviceEvents | summarize count()", undefined],
    [
      "groups that are projected away",
      "DeviceEvents | summarize n = count() by DeviceId | project n",
      undefined,
    ],
    ["a sample", "DeviceEvents | sample 5 | summarize count() by DeviceId", undefined],
    ["random rows", "DeviceEvents | where rand() > 0.5 | summarize count() by DeviceId", undefined],
    [
      "the first rows",
      "DeviceEvents | top 100 by Timestamp | summarize count() by DeviceId",
      undefined,
    ],
    [
      "an aggregate joined to rows",
      "DeviceEvents | join kind=inner (DeviceInfo | summarize n = count() by DeviceId) on DeviceId",
      undefined,
    ],
  ])("chooses the shard key for %s", (_, query, shardedBy) => {
    expect(analyzeQuery(query)).toMatchObject({ errors: [], shardedBy });
  });
});

describe("analyzeQuery", () => {
  test.each([
    ["two results", "DeviceEvents | take 1;\nDeviceInfo | take 1", 2, "a second one begins here"],
    ["no result", "let x = 1;", 1, "gives no table"],
  ])("refuses a query with %s", (_, query, line, words) => {
    expect(analyzeQuery(query).errors).toContainEqual(
      objectIncluding({ line, message: textContaining(words) }),
    );
  });

  test("warns of external data", () => {
    const query =
      'let bad = externaldata(h: string) ["https://a.example/x"];\nDeviceEvents | where SHA1 in (bad)';
    expect(analyzeQuery(query).warnings).toMatchObject([
      { line: 1, column: 11, message: textContaining("externaldata") },
    ]);
  });
});

test("a piped search reads the piped table alone, find without a list reads every table", () => {
  expect(analyzeQuery("DeviceEvents | search 'a'").tables).toEqual(["DeviceEvents"]);
  expect(analyzeQuery("find where DeviceName == 'a'").tables.length).toBeGreaterThan(30);
});

test("reads name their tables once each, in order, with the way each can be restricted", () => {
  const { tables, reads } = analyzeQuery(
    'let DeviceInfo = DeviceInfo | where DeviceName != ""; DeviceEvents | union DeviceInfo, table("DeviceFileEvents"), DeviceEvents',
  );
  expect(tables).toEqual(["DeviceInfo", "DeviceEvents", "DeviceFileEvents"]);
  expect(reads.map(({ restrict }) => restrict)).toEqual(["inPlace", "shadow", "inPlace", "shadow"]);
});

describe("classifyQuery", () => {
  test.each([
    ["window", "DeviceEvents | where FileName == 'a'"],
    ["snapshot", "DeviceEvents | count"],
    ["otherTables", "SigninLogs | where TimeGenerated > ago(1d)"],
    ["otherTables", "DeviceEvents | where TimeGenerated > ago(1d)"],
    ["otherTables", "DeviceEvents | join kind=inner (_GetWatchlist('x')) on DeviceId"],
    ["placeholder", 'DeviceEvents | where FileName == "<FileName>"'],
    ["placeholder", 'DeviceEvents | where FileName == "FILENAME GOES HERE"'],
    ["placeholder", "< Insert query string here >"],
    ["placeholder", "DeviceEvents | where SHA1 == '{{Sha1}}'"],
    ["multipleQueries", "DeviceEvents | take 1; DeviceEvents | take 2"],
    ["notAccepted", "DeviceEvents | where Nmae == 1"],
    ["noQuery", "Get-Process | Sort-Object CPU"],
    ["noQuery", "192.0.2.1\n192.0.2.2"],
    ["noQuery", "print x = 1 | extend y = 2"],
    ["noQuery", "datatable(a: int) [1, 2] | summarize sum(a)"],
    ["otherTables", "union isfuzzy=true (SigninLogs | where a == 1), (AuditLogs)"],
    ["window", 'DeviceEvents | where ActionType == "Add a partner to cross-tenant access setting"'],
    ["placeholder", 'DeviceEvents | where FileName == "add your file here"'],
    [
      "window",
      'DeviceEvents | where ProcessCommandLine has_any ("<script>", "[A-Z]", "This is your order?")',
    ],
    ["window", "\uFEFFDeviceEvents\u00A0| where FileName ==\u200B 'a'"],
  ])("classifies as %s: %s", (queryClass, query) => {
    expect(classifyQuery(query).class).toBe(queryClass);
  });
});
