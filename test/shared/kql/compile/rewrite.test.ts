import { beforeAll, describe, expect, test } from "vitest";
import { analyse } from "../../../../shared/kql/compile/analysis.ts";
import { applyEdits, joined } from "../../../../shared/kql/compile/edits.ts";
import { parse } from "../../../../shared/kql/language/parser.ts";
import { compileQuery } from "../../../../shared/kql/compile/rewrite.ts";
import { verify } from "../../../../shared/kql/compile/verify.ts";
import type { CompiledQuery, Pieces } from "../../../../shared/contracts/compiled-hunt.ts";

/** A text that contains this one. */
const having = (text: string): string => expect.stringContaining(text) as string;

// Loading the parser takes a second on a quiet machine, and long on a busy one.
beforeAll(() => void parse("print 1"), 120_000);

const shown = (pieces: Pieces | undefined): string =>
  (pieces ?? []).map((piece) => (typeof piece === "string" ? piece : `<${piece.slot}>`)).join("");

/** Rewrites for a window, and proves that every form parses with the columns of the original. */
function rewritten(query: string, cut = { restricted: true, histogram: true }): CompiledQuery {
  const analysis = analyse(query);
  expect(analysis.errors, query).toEqual([]);
  const compiled = compileQuery(analysis, cut);
  expect(verify(analysis, compiled), query).toEqual([]);
  return compiled;
}

const within = "where Timestamp >= <from> and Timestamp < <to>";

describe("the prelude", () => {
  test("shadows each table once, before the first statement", () => {
    expect(
      shown(rewritten("let n = 1;\nDeviceEvents | union DeviceInfo, DeviceEvents").prelude),
    ).toBe(
      `let DeviceEvents = DeviceEvents | ${within};\nlet DeviceInfo = DeviceInfo | ${within};\nlet n = 1;\nDeviceEvents | union DeviceInfo, DeviceEvents`,
    );
  });

  test.each([
    [
      "stays behind set statements and comments",
      "// why\nset notruncation;\nDeviceEvents | where FileName != ''",
      `// why\nset notruncation;\nlet DeviceEvents = DeviceEvents | ${within};\nDeviceEvents | where FileName != ''`,
    ],
    [
      "restricts in place what the query gives a name of its own",
      "let DeviceEvents = DeviceEvents | where FileName != ''; DeviceEvents",
      `let DeviceEvents = (DeviceEvents | ${within}) | where FileName != ''; DeviceEvents`,
    ],
    [
      "leaves a parameter called like a table alone",
      "let f = (DeviceInfo: string) { DeviceEvents | where DeviceName == DeviceInfo }; f('a')",
      `let DeviceEvents = DeviceEvents | ${within};\nlet f = (DeviceInfo: string) { DeviceEvents | where DeviceName == DeviceInfo }; f('a')`,
    ],
    [
      "restricts table() where it stands",
      'table("DeviceEvents") | where FileName != ""',
      `(table("DeviceEvents") | ${within}) | where FileName != ""`,
    ],
    [
      "drops a trailing render and what follows it",
      "DeviceEvents | project Timestamp // last\n| render timechart // drawn\n",
      `let DeviceEvents = DeviceEvents | ${within};\nDeviceEvents | project Timestamp`,
    ],
    [
      "drops a trailing semicolon and comment",
      "DeviceEvents | project Timestamp; // done",
      `let DeviceEvents = DeviceEvents | ${within};\nDeviceEvents | project Timestamp`,
    ],
  ])("%s", (_, query, text) => {
    expect(shown(rewritten(query).prelude)).toBe(text);
  });

  test("leaves tables without Timestamp alone", () => {
    const { prelude } = rewritten(
      "DeviceTvmSoftwareVulnerabilitiesKB | join kind=inner (DeviceEvents) on $left.CveId == $right.FileName",
    );
    expect(shown(prelude).match(/let \w+ =/g)).toEqual(["let DeviceEvents ="]);
  });

  test("is absent from a snapshot without a look-back of its own", () => {
    const { prelude, inPlace } = rewritten("DeviceEvents | count", {
      restricted: false,
      histogram: false,
    });
    expect([shown(prelude), shown(inPlace)]).toEqual([
      "DeviceEvents | count",
      "DeviceEvents | count",
    ]);
  });
});

test("the second form restricts every reference where it stands", () => {
  expect(
    shown(
      rewritten(
        "DeviceEvents | join kind=inner (DeviceInfo | take 1) on DeviceId | union DeviceInfo",
      ).inPlace,
    ),
  ).toBe(
    `(DeviceEvents | ${within}) | join kind=inner ((DeviceInfo | ${within}) | take 1) on DeviceId | union (DeviceInfo | ${within})`,
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
  ])("%s", (_, query, text) => {
    expect(shown(rewritten(query, { restricted: false, histogram: false }).prelude)).toBe(text);
  });
});

test("placeholders become the bounds", () => {
  const query =
    "DeviceEvents | where Timestamp between (datetime({{StartTimeISO}}) .. todatetime('{{EndTimeISO}}'))";
  expect(shown(rewritten(query).inPlace)).toBe(
    `(DeviceEvents | ${within}) | where Timestamp between (datetime(<fromText>) .. todatetime('<toText>'))`,
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
    expect(shown(rewritten(query)[suffix])).toBe(text);
  });
});

test("verify names the form that the parser would refuse", () => {
  const analysis = analyse("DeviceEvents | project FileName");
  const sound = compileQuery(analysis, { restricted: true, histogram: true });
  expect(verify(analysis, { ...sound, inPlace: ["DeviceEvents | where"] })).toEqual([
    having("in place would be refused"),
  ]);
  expect(verify(analysis, { ...sound, prelude: ["DeviceEvents"] })).toEqual([
    having("other columns"),
  ]);
  expect(verify(analysis, { ...sound, shardSuffix: ["\n| where Nmae == 1"] })).toEqual([
    having("a shard would be refused"),
  ]);
});

describe("applyEdits", () => {
  test("refuses changes that overlap", () => {
    const edits = [
      { start: 0, end: 4, with: ["x"] },
      { start: 2, end: 6, with: ["y"] },
    ];
    expect(() => applyEdits("abcdefgh", edits, 8)).toThrow("two changes meet at offset 2");
  });

  test("joins neighbouring texts", () => {
    expect(joined(["a", "", "b", { slot: "from" }, "c", "d"])).toEqual([
      "ab",
      { slot: "from" },
      "cd",
    ]);
  });
});
