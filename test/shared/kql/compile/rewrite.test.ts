import { beforeAll, describe, expect, test } from "vitest";
import { analyzeQuery } from "../../../../shared/kql/compile/analysis.ts";
import { applyEdits, mergeTexts } from "../../../../shared/kql/compile/edits.ts";
import { parseQuery } from "../../../../shared/kql/language/parser.ts";
import { compileQuery } from "../../../../shared/kql/compile/rewrite.ts";
import { verifyQuery } from "../../../../shared/kql/compile/verify-query.ts";
import type { CompiledQuery, Pieces } from "../../../../shared/contracts/compiled-hunt.ts";

/** A text that contains this one. */
const textContaining = (text: string): string => expect.stringContaining(text) as string;

// Loading the parser takes a second on a quiet machine, and long on a busy one.
beforeAll(() => void parseQuery("print 1"), 120_000);

const showPieces = (pieces: Pieces | undefined): string =>
  (pieces ?? []).map((piece) => (typeof piece === "string" ? piece : `<${piece.slot}>`)).join("");

/** Rewrites for a window, and proves that every form parses with the columns of the original. */
function rewriteQuery(
  query: string,
  options = { isRestricted: true, hasHistogram: true },
): CompiledQuery {
  const analysis = analyzeQuery(query);
  expect(analysis.errors, query).toEqual([]);
  const compiled = compileQuery(analysis, options);
  expect(verifyQuery(analysis, compiled), query).toEqual([]);
  return compiled;
}

const windowFilter = "where Timestamp >= <from> and Timestamp < <to>";

describe("the prelude", () => {
  test("shadows each table once, before the first statement", () => {
    expect(
      showPieces(rewriteQuery("let n = 1;\nDeviceEvents | union DeviceInfo, DeviceEvents").prelude),
    ).toBe(
      `let DeviceEvents = DeviceEvents | ${windowFilter};\nlet DeviceInfo = DeviceInfo | ${windowFilter};\nlet n = 1;\nDeviceEvents | union DeviceInfo, DeviceEvents`,
    );
  });

  test.each([
    [
      "stays behind set statements and comments",
      "// why\nset notruncation;\nDeviceEvents | where FileName != ''",
      `// why\nset notruncation;\nlet DeviceEvents = DeviceEvents | ${windowFilter};\nDeviceEvents | where FileName != ''`,
    ],
    [
      "restricts in place what the query gives a name of its own",
      "let DeviceEvents = DeviceEvents | where FileName != ''; DeviceEvents",
      `let DeviceEvents = (DeviceEvents | ${windowFilter}) | where FileName != ''; DeviceEvents`,
    ],
    [
      "leaves a parameter called like a table alone",
      "let f = (DeviceInfo: string) { DeviceEvents | where DeviceName == DeviceInfo }; f('a')",
      `let DeviceEvents = DeviceEvents | ${windowFilter};\nlet f = (DeviceInfo: string) { DeviceEvents | where DeviceName == DeviceInfo }; f('a')`,
    ],
    [
      "restricts table() where it stands",
      'table("DeviceEvents") | where FileName != ""',
      `(table("DeviceEvents") | ${windowFilter}) | where FileName != ""`,
    ],
    [
      "drops a trailing render and what follows it",
      "DeviceEvents | project Timestamp // last\n| render timechart // drawn\n",
      `let DeviceEvents = DeviceEvents | ${windowFilter};\nDeviceEvents | project Timestamp`,
    ],
    [
      "drops a trailing semicolon and comment",
      "DeviceEvents | project Timestamp; // done",
      `let DeviceEvents = DeviceEvents | ${windowFilter};\nDeviceEvents | project Timestamp`,
    ],
  ])("the prelude %s", (_, query, text) => {
    expect(showPieces(rewriteQuery(query).prelude)).toBe(text);
  });

  test("leaves tables without Timestamp alone", () => {
    const { prelude } = rewriteQuery(
      "DeviceTvmSoftwareVulnerabilitiesKB | join kind=inner (DeviceEvents) on $left.CveId == $right.FileName",
    );
    expect(showPieces(prelude).match(/let \w+ =/g)).toEqual(["let DeviceEvents ="]);
  });

  test("is absent from a snapshot without a look-back of its own", () => {
    const { prelude, inPlace } = rewriteQuery("DeviceEvents | count", {
      isRestricted: false,
      hasHistogram: false,
    });
    expect([showPieces(prelude), showPieces(inPlace)]).toEqual([
      "DeviceEvents | count",
      "DeviceEvents | count",
    ]);
  });
});

test("the second form restricts every reference in place", () => {
  expect(
    showPieces(
      rewriteQuery(
        "DeviceEvents | join kind=inner (DeviceInfo | take 1) on DeviceId | union DeviceInfo",
      ).inPlace,
    ),
  ).toBe(
    `(DeviceEvents | ${windowFilter}) | join kind=inner ((DeviceInfo | ${windowFilter}) | take 1) on DeviceId | union (DeviceInfo | ${windowFilter})`,
  );
});

describe("the pinned clock", () => {
  test.each([
    ["now()", "DeviceEvents | extend t = now()", "DeviceEvents | extend t = <clock>"],
    [
      "ago of a literal",
      "DeviceEvents | where Timestamp > ago(1d)",
      "DeviceEvents | where Timestamp > (<clock> - 1d)",
    ],
    [
      "ago of a name",
      "let d = 1d; DeviceEvents | where Timestamp > ago(d)",
      "let d = 1d; DeviceEvents | where Timestamp > (<clock> - d)",
    ],
    [
      "ago of an expression",
      "DeviceEvents | where Timestamp > ago(7 * 1d)",
      "DeviceEvents | where Timestamp > (<clock> - (7 * 1d))",
    ],
    [
      "now with an offset",
      "DeviceEvents | where Timestamp > now(-1d)",
      "DeviceEvents | where Timestamp > (<clock> + (-1d))",
    ],
    [
      "ago within ago",
      "DeviceEvents | where Timestamp > ago(now() - ago(1d))",
      "DeviceEvents | where Timestamp > (<clock> - (<clock> - (<clock> - 1d)))",
    ],
    [
      "an argument, which stays a constant",
      "DeviceEvents | serialize | extend p = prev(Timestamp, 1, now(1d))",
      "DeviceEvents | serialize | extend p = prev(Timestamp, 1, <clock> + 1d)",
    ],
    [
      "text and comments that look like it",
      "// ago(1d)\nDeviceEvents | where FileName == 'now()'",
      "// ago(1d)\nDeviceEvents | where FileName == 'now()'",
    ],
    [
      "a function of the query's own",
      "let ago = (x: timespan) { datetime(2020-01-01) }; DeviceEvents | where Timestamp > ago(1d)",
      "let ago = (x: timespan) { datetime(2020-01-01) }; DeviceEvents | where Timestamp > ago(1d)",
    ],
  ])("pins the clock in %s", (_, query, text) => {
    expect(
      showPieces(rewriteQuery(query, { isRestricted: false, hasHistogram: false }).prelude),
    ).toBe(text);
  });
});

test("placeholders become the bounds", () => {
  const query =
    "DeviceEvents | where Timestamp between (datetime({{StartTimeISO}}) .. todatetime('{{EndTimeISO}}'))";
  expect(showPieces(rewriteQuery(query).inPlace)).toBe(
    `(DeviceEvents | ${windowFilter}) | where Timestamp between (datetime(<fromText>) .. todatetime('<toText>'))`,
  );
});

describe("suffixes", () => {
  test.each([
    ["the count", "DeviceEvents", "countSuffix", "\n| count"],
    [
      "the histogram by the event's time",
      "DeviceEvents | project At = Timestamp",
      "histogramSuffix",
      "\n| summarize Rows = count() by Bin = bin(At, <step>)\n| sort by Bin asc",
    ],
    ["no histogram without it", "DeviceEvents | project FileName", "histogramSuffix", ""],
    [
      "a shard by the whole row",
      "DeviceEvents",
      "shardSuffix",
      "\n| where hash(tostring(pack_all()), <shards>) == <shard>",
    ],
    [
      "a shard by one group",
      "DeviceEvents | summarize count() by DeviceId",
      "shardSuffix",
      "\n| where hash(tostring(DeviceId), <shards>) == <shard>",
    ],
    [
      "a shard by groups, one with a keyword for a name",
      "DeviceEvents | summarize count() by DeviceId, ['kind'] = FileName",
      "shardSuffix",
      String.raw`
| where hash(strcat_delim("\u001f", tostring(DeviceId), tostring(['kind'])), <shards>) == <shard>`,
    ],
    ["no shard where askings differ", "DeviceEvents | take 5", "shardSuffix", ""],
  ] as const)("%s", (_, query, suffix, text) => {
    expect(showPieces(rewriteQuery(query)[suffix])).toBe(text);
  });
});

test("verifyQuery names the form that the parser would refuse", () => {
  const analysis = analyzeQuery("DeviceEvents | project FileName");
  const validQuery = compileQuery(analysis, { isRestricted: true, hasHistogram: true });
  expect(verifyQuery(analysis, { ...validQuery, inPlace: ["DeviceEvents | where"] })).toEqual([
    textContaining("in place would be refused"),
  ]);
  expect(verifyQuery(analysis, { ...validQuery, prelude: ["DeviceEvents"] })).toEqual([
    textContaining("other columns"),
  ]);
  expect(verifyQuery(analysis, { ...validQuery, shardSuffix: ["\n| where Nmae == 1"] })).toEqual([
    textContaining("a shard would be refused"),
  ]);
});

describe("applyEdits", () => {
  test("refuses changes that overlap", () => {
    const edits = [
      { start: 0, end: 4, replacement: ["x"] },
      { start: 2, end: 6, replacement: ["y"] },
    ];
    expect(() => applyEdits("abcdefgh", edits, 8)).toThrow("two edits overlap at offset 2");
  });

  test("joins adjacent texts", () => {
    expect(mergeTexts(["a", "", "b", { slot: "from" }, "c", "d"])).toEqual([
      "ab",
      { slot: "from" },
      "cd",
    ]);
  });
});
