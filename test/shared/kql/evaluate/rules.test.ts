/** Rules of the language that an evaluator gets wrong easily. */
import fc from "fast-check";
import { beforeAll, describe, expect, test } from "vitest";
import { evaluate } from "../../../../shared/kql/evaluate/evaluate.ts";
import { findMaxArguments } from "../../../../shared/kql/evaluate/scalar-functions/argument-counts.ts";
import { functions } from "../../../../shared/kql/evaluate/scalar-functions/call.ts";
import {
  getLanguageService,
  type RawList,
} from "../../../../shared/kql/language/language-service.ts";
import { evaluateQuery, runQuery, warmUp } from "./run-query.ts";

beforeAll(warmUp);

/** The part of the parser that lists its functions. */
interface ParserGlobals {
  readonly GlobalState: {
    readonly Default: {
      readonly Functions: readonly {
        readonly Name: string;
        readonly Signatures: RawList<{ readonly MaxArgumentCount: number }>;
      }[];
    };
  };
}

const evaluateExpression = (expression: string): unknown =>
  runQuery(`print x = ${expression}`)[0]?.[0];

describe("readings of one table share no state", () => {
  test("a window function is the same in a scalar subquery and in its own table", () => {
    const query = `let numbered = datatable(v: long) [5, 6, 7] | serialize n = row_number();
      let highest = toscalar(numbered | summarize max(n));
      numbered | where n == highest`;
    expect(runQuery(query)).toEqual([[7n, 3n]]);
  });

  test("prev sees its own rows while a condition reads the table again", () => {
    const query = `let steps = datatable(v: long) [1, 3, 10] | serialize | extend gap = v - prev(v);
      steps | where v in ((steps | where gap >= 2 | project v))`;
    expect(runQuery(query)).toEqual([
      [3n, 2n],
      [10n, 7n],
    ]);
  });

  test("a query read twice, interleaved, gives the same rows", () => {
    const steps = [
      "| serialize n = row_number()",
      "| extend d = v - prev(v)",
      "| extend s = row_cumsum(v)",
      "| where next(v) > v",
      "| mv-apply x = range(0, v % 3) to typeof(long) on (summarize t = sum(x))",
      "| summarize c = count(), m = make_list(v) by b = v % 2",
    ];
    const queries = fc.record({
      values: fc.array(fc.integer({ min: 0, max: 9 }), { minLength: 1, maxLength: 8 }),
      steps: fc.subarray(steps, { minLength: 1, maxLength: 2 }),
    });
    fc.assert(
      fc.property(queries, (parts) => {
        const source = `datatable(v: long) [${parts.values.join(", ")}] | sort by v asc`;
        const result = evaluateQuery([source, ...parts.steps].join("\n"));
        if ("refusedBy" in result) return;
        const [one, other] = [[] as unknown[], [] as unknown[]];
        const [left, right] = [Iterator.from(result.rows), Iterator.from(result.rows)];
        for (let isOpen = true; isOpen;) {
          const [first, second] = [left.next(), right.next()];
          if (first.done !== true) one.push(first.value);
          if (second.done !== true) other.push(second.value);
          isOpen = first.done !== true || second.done !== true;
        }
        expect(one).toEqual(other);
      }),
      { numRuns: 40, seed: 18 },
    );
  });

  test("a window function over rows without an order is refused by the service", () => {
    const query = "datatable(v: long) [1] | summarize by v | extend p = prev(v)";
    expect(evaluateQuery(query)).toMatchObject({
      refusedBy: "service",
      message: expect.stringContaining("must be serialized") as string,
    });
  });
});

describe("arguments", () => {
  test("every function states how many arguments it reads", () => {
    expect([...functions.keys()].filter((name) => findMaxArguments(name) === undefined)).toEqual(
      [],
    );
  });

  test("an argument that a function does not read is refused by the evaluator", () => {
    const query = "print geo_distance_2points(0, 0, 1, 1, true)";
    expect(evaluateQuery(query)).toMatchObject({
      refusedBy: "evaluator",
      message: "The argument 'true' of 'geo_distance_2points' is not supported by the evaluator.",
    });
  });

  test("a function reads every argument that Microsoft's parser accepts, with four exceptions", () => {
    const { language } = getLanguageService();
    const { Default: globals } = (language as unknown as ParserGlobals).GlobalState;
    const unread = globals.Functions.flatMap(({ Name: name, Signatures: signatures }) => {
      const counts = Array.from(
        { length: signatures.Count },
        (_, index) => signatures.getItem(index).MaxArgumentCount,
      );
      const accepted = Math.max(...counts);
      return functions.has(name) && (findMaxArguments(name) ?? 0) < accepted ? [name] : [];
    });
    expect(unread).toEqual([
      "series_outliers",
      "series_seasonal",
      "series_cosine_similarity",
      "geo_distance_2points",
    ]);
  });
});

describe("limits of JavaScript", () => {
  test("an expression nested 600 deep is refused, not thrown", () => {
    const query = `print ${"(".repeat(600)}1${")".repeat(600)}`;
    expect(evaluate(query, { tables: new Map(), now: 0n })).toHaveProperty("refusedBy");
  });

  test("a long wraps at 64 bits", () => {
    expect(evaluateExpression("9223372036854775807 + 1")).toBe(-9_223_372_036_854_775_808n);
  });
});

describe("functions follow their documentation:", () => {
  test.each([
    ["base64_decode_tostring('&&&')", ""],
    ["base64_decode_tostring('//79')", ""],
    [`dynamic_to_json(dynamic({"b": 1, "a": {"d": 2, "c": 3}}))`, '{"a":{"c":3,"d":2},"b":1}'],
    ["parse_ipv6('fe80::7')", "fe80:0000:0000:0000:0000:0000:0000:0007"],
    ["parse_ipv6('10.0.0.1')", "0000:0000:0000:0000:0000:ffff:0a00:0001"],
    ["ipv6_is_match('fe80::7', 'fe80::ffff', 112)", true],
    ["ipv6_is_in_range('a5e:f127:8a9d:146d:e102:b5d3:c755:abcd', 'a5e:f127::/32')", true],
    ["replace_strings('ab ba', dynamic(['ab', 'ba']), dynamic(['ba', 'x']))", "ba x"],
    [String.raw`tostring(parse_path(@'\\srv\share\a.tar.gz').RootPath)`, ""],
    ["tostring(parse_path('file://D:/x/y.exe:zone').AlternateDataStreamName)", "zone"],
    ["tostring(parse_path('file://D:/x/y.exe:zone').Extension)", "exe"],
    ["array_index_of(dynamic([1, 2, 1, 1]), 1, 1, -1, 2)", 3n],
    ["indexof_regex('aXbXc', 'X', 2)", 3n],
    ["format_bytes(2048, 1, 'MB')", "0 MB"],
    ["array_split(dynamic([1, 2, 3, 4]), dynamic([1, 3]))", [[1], [2, 3], [4]]],
    ["bag_has_key(dynamic({'a': {'b': 1}}), '$.a.b')", true],
    ["bag_remove_keys(dynamic({'a': {'b': 1, 'c': 2}}), dynamic(['$.a.b']))", { a: { c: 2 } }],
    [String.raw`parse_command_line(@'x "y \"z\"" w', 'windows')`, ["x", 'y "z"', "w"]],
    ["array_length(range(1h, 3h))", 3n],
    ["make_datetime(2026, 1, 2, 3, 4, 5.5) == datetime(2026-01-02T03:04:05.5)", true],
    ["datetime_part('microsecond', datetime(2026-01-01T00:00:00.0000020))", 2],
    ["bin_at(6.5, 2.5, 7)", 4.5],
    ["format_datetime(datetime(2026-01-01T00:00:00.1200), 'ss.FFFF')", "00.12"],
    ["17 % -5", 2n],
    ["tohex(int(-1))", "ffffffff"],
    ["gettype(2.5)", "real"],
    ["url_encode('a b/ü')", "a+b%2f%c3%bc"],
    ["geo_distance_2points(181, 0, 0, 0)", null],
    ["treepath(dynamic({'a': {'b': 1}}))", ["['a']", "['a']['b']"]],
    [String.raw`array_length(parse_csv('a,b\nc,d,e'))`, 2n],
    ["bin(datetime(2026-11-22), 7d) == datetime(2026-11-16)", true],
    ["hash('abc', 7) == hash('abc', 7)", true],
    ["has_any_ipv4('from 10.0.0.7 on', '10.0.0.6', '10.0.0.7')", true],
    ["has_ipv4_prefix('from 10.0.0.7 on', '10.0.')", true],
    [`extract_json('$.a', '{"a": 5}', typeof(long))`, 5n],
    ["regex_quote('a.b')", String.raw`a\.b`],
  ])("computes %s", (expression, value) => {
    expect(evaluateExpression(expression)).toEqual(value);
  });
});

describe("operators follow their documentation:", () => {
  test.each([
    [
      "datatable(d: dynamic) [dynamic({'a': 1})] | mv-expand bagexpansion=array d | project d",
      [[["a", 1]]],
    ],
    [
      "print Name = 'x', d = dynamic({'Name': 'y'}) | evaluate bag_unpack(d, columnsConflict='keep_source')",
      [["x"]],
    ],
    [
      "print Name = 'x', d = dynamic({'Name': 'y'}) | evaluate bag_unpack(d, columnsConflict='replace_source')",
      [["y"]],
    ],
    [
      "print t = 'n=x m=2' | parse kind=relaxed t with 'n=' n: long ' m=' m: long | project n, m",
      [[null, 2n]],
    ],
    ["print t = 'n=1 d=x' | parse-where t with 'n=' n: long ' d=' d: datetime | count", [[0n]]],
    ["print t = 'a1a2' | parse kind=regex t with x 'a' y: long | project x, y", [["a1", 2n]]],
    [
      String.raw`print t = "f(1) g" | parse kind=regex t with @"(f|h)\(" x: long @"\) [(g]" | project x`,
      [[1n]],
    ],
    ["range x from 0 to 1 step 0.5", [[0], [0.5], [1]]],
    [
      "let nets = datatable(net: string, site: string) ['10.1.0.0/16', 'north']; datatable(ip: string) ['10.1.2.3', '10.2.2.3'] | evaluate ipv4_lookup(nets, ip, net, return_unmatched = true) | project ip, site",
      [
        ["10.1.2.3", "north"],
        ["10.2.2.3", ""],
      ],
    ],
    [
      "print t = \"a=1, b='x, y', c\" | parse-kv t as (a: long, b: string, c: string) with (pair_delimiter = ',', kv_delimiter = '=', quote = \"'\") | project a, b, c",
      [[1n, "x, y", ""]],
    ],
    [
      "let One = view () { print v = 1 }; let Onset = view () { print v = 2 }; union On* | count",
      [[2n]],
    ],
    ["union withsource = Source (print a = 1 | as First) | project Source", [["First"]]],
    [
      "datatable(t: datetime) [datetime(2026-01-01), datetime(2026-01-01 00:05)] | sort by t asc | extend s = row_window_session(t, 1h, 5m) | summarize dcount(s)",
      [[2n]],
    ],
  ])("evaluates %s", (query, rows) => {
    expect(runQuery(query)).toEqual(rows);
  });
});
