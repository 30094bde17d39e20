/** Functions and plug-ins that few hunts use. */
import { beforeAll, describe, expect, test } from "vitest";
import type { EvaluationContext } from "../../../../shared/kql/evaluate/context.ts";
import { evaluate } from "../../../../shared/kql/evaluate/evaluate.ts";
import { evaluateQuery, now, runQuery, warmUp } from "./run-query.ts";

beforeAll(warmUp);

const evaluateExpression = (expression: string): unknown =>
  runQuery(`print x = ${expression}`)[0]?.[0];

describe("scalar functions", () => {
  test.each([
    ["array_rotate_left(dynamic([1, 2, 3]), -1)", [3, 1, 2]],
    ["array_shift_right(dynamic([1, 2, 3]), 1)", [null, 1, 2]],
    ["array_shift_left(dynamic([1, 2, 3]), 5, 0)", [0, 0, 0]],
    ["array_sort_desc(dynamic([null, 1, 2]), false)", [null, 2, 1]],
    ["array_sort_asc(dynamic([2, 1]), dynamic(['b', 'a']))[1]", ["a", "b"]],
    ["array_iff(dynamic([true, 0, 'x']), 1, 2)", [1, 2, null]],
    ["indexof('a-b-c', '-', 0, 3, 2)", 3n],
    ["indexof('a-b-c', 'c', 0, 3)", -1n],
    ["replace_strings('this', dynamic(['is', 'this']), dynamic(['at', 'x']))", "that"],
    ["replace_strings('this', dynamic(['this', 'is']), dynamic([1, 'at']))", "this"],
    ["zlib_decompress_from_base64_string(zlib_compress_to_base64_string('hunt'))", "hunt"],
    ["gzip_decompress_from_base64_string(gzip_compress_to_base64_string('hunt'))", "hunt"],
    ["gzip_decompress_from_base64_string('aHVudA==')", ""],
    ["punycode_from_string('münchen')", "mnchen-3ya"],
    ["punycode_to_string('mnchen-3ya')", "münchen"],
    ["punycode_to_string('!!')", ""],
    ["punycode_domain_from_string('www.xn--mnchen-3ya.example')", "www.münchen.example"],
    [
      "base64_decode_toguid(base64_encode_fromguid(guid(00112233-4455-6677-8899-aabbccddeeff)))",
      "00112233-4455-6677-8899-aabbccddeeff",
    ],
    ["erf(0)", 0],
    ["round(erfc(0.5), 12)", 0.479500122187],
    ["gamma(6)", 120],
    ["round(loggamma(0.5), 12)", 0.572364942925],
    ["round(beta_cdf(0.5, 2, 2), 12)", 0.5],
    ["round(beta_inv(0.5, 2, 2), 12)", 0.5],
    ["beta_inv(1.5, 2, 2)", null],
    ["round(cot(pi() / 4), 12)", 1],
    ["round(convert_temperature(100, 'DegreeCelsius', 'DegreeFahrenheit'), 9)", 212],
    ["convert_length(1, 'Mile', 'Meter')", 1609.344],
    ["around(5, 7, 2)", true],
    ["around(5, 7, 1)", false],
    [
      "ipv4_range_to_cidr_list('10.0.0.1', '10.0.0.4')",
      ["10.0.0.1/32", "10.0.0.2/31", "10.0.0.4/32"],
    ],
    ["ipv4_range_to_cidr_list('10.0.0.4', '10.0.0.1')", null],
    ["parse_ipv6('::10.0.0.1')", "0000:0000:0000:0000:0000:ffff:0a00:0001"],
    [
      "datetime_utc_to_local(datetime(2026-07-01), 'Europe/Berlin') == datetime(2026-07-01 02:00)",
      true,
    ],
    [
      "datetime_local_to_utc(datetime(2026-03-29 02:30), 'Europe/Berlin') == datetime(2026-03-29 00:30)",
      true,
    ],
    [
      "datetime_local_to_utc(datetime(2026-10-25 02:30), 'Europe/Berlin') == datetime(2026-10-25 01:30)",
      true,
    ],
    ["isnull(datetime_utc_to_local(now(), 'Nowhere'))", true],
    ["tostring(toscalar(new_guid())) == ''", false],
  ])("computes %s", (expression, value) => {
    expect(evaluateExpression(expression)).toEqual(value);
  });

  test.each([
    ["<a/>", { a: null }],
    ["<a x='1'>t</a>", { a: { "@x": "1", "#text": "t" } }],
    ["<a><b>1</b><b>2</b><b>3</b></a>", { a: { b: ["1", "2", "3"] } }],
    ["<?xml version='1.0'?><!-- c --><a>&lt;&#65;<![CDATA[<&]]></a>", { a: "<A<&" }],
    ["<a><b></a></b>", null],
    ["<a></a><b/>", null],
    ["no xml", null],
  ])("reads the XML %s", (text, value) => {
    expect(evaluateExpression(`parse_xml("${text}")`)).toEqual(value);
  });

  test("a condition that an assertion finds false ends the query with its message", () => {
    expect(() => runQuery("print x = assert(1 > 2, 'one is small')")).toThrow("one is small");
  });

  test("columns are packed and listed by their names", () => {
    expect(runQuery("print a = 1, b = 'x' | project p = bag_pack_columns(a, b)")).toEqual([
      [{ a: 1, b: "x" }],
    ]);
    expect(runQuery("let T = print a = 1, b = 2; print column_names_of(T)")).toEqual(
      [["a", "b"]].map((names) => [names]),
    );
  });

  test("the automatic bin takes its size and origin from the query's options", () => {
    const query = `set query_bin_auto_size = 10; set query_bin_auto_at = 3;
      range v from 1 to 14 step 6 | project b = bin_auto(v)`;
    expect(runQuery(query)).toEqual([[-7n], [3n], [13n]]);
  });
});

describe("aggregate functions", () => {
  const pairs = "datatable(x: long, y: long) [1, 2, 2, 4, 3, 9]";

  test.each([
    ["covariance(x, y)", 3.5],
    ["covariancep(x, y)", 7 / 3],
    ["binary_all_and(y)", 0n],
    ["binary_all_or(x)", 3n],
    ["binary_all_xor(y)", 15n],
    ["dcount_hll(hll(x))", 3n],
    ["percentile_tdigest(tdigest(y), 50, typeof(long))", 4n],
    ["percentilesw_array(y, x, 50, 60)", [4, 9]],
    ["percentiles_array(y, dynamic([0, 100]))", [2, 9]],
    ["make_list_with_nulls(iff(x == 2, long(null), x))", [1, null, 3]],
    ["variancepif(x, x > 1)", 0.25],
    ["array_length(bag_keys(make_bag(bag_pack(tostring(x), y), 2)))", 2n],
    ["isnan(avgif(x, x > 5))", true],
  ])("computes %s", (expression, value) => {
    expect(runQuery(`${pairs} | summarize r = ${expression}`)[0]?.[0]).toEqual(value);
  });

  test("a schema names the types of every key, also in arrays", () => {
    const query = `datatable(d: dynamic) [dynamic({"a": 1, "b": [true]}), dynamic({"a": 1.5})]
      | summarize s = buildschema(d)`;
    expect(runQuery(query)).toEqual([[{ a: ["long", "double"], b: { "`indexer`": "bool" } }]]);
  });

  test("sketches merge, and their intersection is counted", () => {
    const query = `range x from 1 to 6 step 1
      | summarize a = hll(x), b = hllif(x, x > 4) | evaluate dcount_intersect(a, b)
      | project s0, s1, both = dcount_hll(hll_merge(a, b))`.replace("hllif", "hll_if");
    expect(runQuery(query)).toEqual([[6n, 2n, 6n]]);
  });
});

describe("operators and plug-ins", () => {
  const visits = `datatable(user: string, at: datetime) [
    "a", datetime(2026-01-01), "b", datetime(2026-01-01 05:00), "a", datetime(2026-01-02),
    "c", datetime(2026-01-02), "c", datetime(2026-01-03)]`;
  const span = "datetime(2026-01-01), datetime(2026-01-03)";

  test.each([
    [
      "activity counts of each window",
      `${visits} | evaluate activity_counts_metrics(user, at, ${span}, 1d) | project-away at`,
      [
        [2n, 2n, 2n, 2n],
        [2n, 2n, 1n, 3n],
        [1n, 1n, 0n, 3n],
      ],
    ],
    [
      "counts of a sliding window",
      `${visits} | evaluate sliding_window_counts(user, at, ${span}, 2d, 1d) | project-away at`,
      [
        [2n, 2n],
        [4n, 3n],
        [3n, 2n],
      ],
    ],
    [
      "a rolling percentile",
      "range v from 1 to 6 step 1 | evaluate rolling_percentile(v, 100, v, 2, 2)",
      [
        [0n, 1n],
        [2n, 3n],
        [4n, 5n],
        [6n, 6n],
      ],
    ],
    [
      "rows near a condition",
      "range v from 1 to 9 step 1 | evaluate rows_near(v == 5, 1, 2)",
      [[4n], [5n], [6n], [7n]],
    ],
    [
      "columns by names",
      `print a1 = 1, b = 2, a2 = 3 | project-by-names "b", dynamic(["a*", "missing"])`,
      [[2n, 1n, 3n]],
    ],
    [
      "networks by address and key, each key once",
      `let nets = datatable(net: string, site: string, n: long) ["10.0.0.0/8", "x", 1];
       datatable(ip: string, site: string) ["10.0.0.1", "x", "10.0.0.2", "y"]
       | evaluate ipv4_lookup(nets, ip, net, site)`,
      [["10.0.0.1", "x", "10.0.0.0/8", 1n]],
    ],
    [
      "IPv6 networks, with rows that match none",
      `let nets = datatable(net: string) ["fe80::/16"];
       datatable(ip: string) ["fe80::1", "::1"] | evaluate ipv6_lookup(nets, ip, net, true)`,
      [
        ["fe80::1", "fe80::/16"],
        ["::1", ""],
      ],
    ],
    [
      "keys and values between any delimiters",
      `print t = "[x] id:7, name=pc 1; note 'a b'"
       | parse-kv t as (id: long, name: string, note: string) with (quote = "'") | project-away t`,
      [[7n, "pc", "a b"]],
    ],
    [
      "keys and values of a regular expression",
      `print t = "a->1 b->2" | parse-kv t as (b: long) with (regex = @"(\\w)->(\\d)") | project b`,
      [[2n]],
    ],
    [
      "values that end where the next key begins",
      `print t = "user=Ann Lee host=pc 1"
       | parse-kv t as (user: string, host: string)
         with (pair_delimiter = " ", kv_delimiter = "=", greedy = true) | project-away t`,
      [["Ann Lee", "pc 1"]],
    ],
    [
      "quotes that are escaped",
      String.raw`print t = @"m=(a \) b) n=1" | parse-kv t as (m: string, n: long)
         with (pair_delimiter = " ", kv_delimiter = "=", quote = "()", escape = "\\")
       | project-away t`,
      [["a ) b", 1n]],
    ],
    [
      "named arguments before positional ones",
      "let f = (low: long, text: string) { strlen(text) > low }; print f(low = 2, 'abc')",
      [[true]],
    ],
  ])("evaluates %s", (_, query, rows) => {
    expect(runQuery(query)).toEqual(rows);
  });

  test("typed values of a relaxed pattern are null where the text is not of the type", () => {
    const query = `print t = "n=x m=12 rest" | parse kind=relaxed t with "n=" n: long " m=" m: long *
      | project n, m`;
    expect(runQuery(query)).toEqual([[null, 12n]]);
  });
});

describe("functions of the service", () => {
  const context: EvaluationContext = {
    tables: new Map(),
    now,
    functions: {
      AssignedIPAddresses: (device) => [{ IPAddress: `10.0.0.${device.length}` }],
      DeviceFromIP: (address) => (address === "10.0.0.1" ? ["d1", "d2"] : []),
      SeenBy: (device) => (device === "d1" ? [{ DeviceId: "d2" }] : []),
    },
  };
  const run = (query: string): readonly unknown[] => {
    const result = evaluate(query, context);
    if ("refusedBy" in result) throw new Error(result.message);
    return [...result.rows];
  };

  test("return the rows that the context has for them", () => {
    expect(run("AssignedIPAddresses('abc') | project IPAddress")).toEqual([["10.0.0.3"]]);
    expect(run("datatable(IP: string) ['10.0.0.1', '10.0.0.2'] | invoke DeviceFromIP()")).toEqual([
      ["10.0.0.1", "d1"],
      ["10.0.0.1", "d2"],
    ]);
    expect(run("datatable(DeviceId: string) ['d1', 'd3'] | invoke SeenBy()")).toEqual([
      ["d1", '[{"DeviceId":"d2"}]'],
      ["d3", ""],
    ]);
  });

  test.each(["AssignedIPAddresses('abc')", "print DeviceId = 'd1' | invoke SeenBy()"])(
    "%s is refused by the evaluator without its rows",
    (query) => {
      expect(evaluate(query, { tables: new Map(), now })).toMatchObject({ refusedBy: "evaluator" });
    },
  );
});

describe("a wildcard without a match", () => {
  test("is left out of a fuzzy union, and refused in any other", () => {
    const operands = "(print a = 1), Missing*";
    expect(runQuery(`union isfuzzy=true ${operands} | count`)).toEqual([[1n]]);
    expect(evaluateQuery(`union ${operands} | count`)).toMatchObject({ refusedBy: "service" });
  });
});
