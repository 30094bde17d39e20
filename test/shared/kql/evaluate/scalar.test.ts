import { beforeAll, describe, expect, test } from "vitest";
import { now, runQuery, warmUp } from "./run-query.ts";

beforeAll(warmUp);

/** One value of one row. */
const evaluateExpression = (expression: string): unknown =>
  runQuery(`print x = ${expression}`)[0]?.[0];

const dayTicks = 864_000_000_000n;
const midnight = 17_953_056_000_000_000n;

describe("a literal", () => {
  test.each([
    ["1", 1n],
    ["0x1F", 31n],
    ["9007199254740993", 9_007_199_254_740_993n],
    ["int(7)", 7],
    ["int(null)", null],
    ["2.5", 2.5],
    ["real(nan)", Number.NaN],
    ["true", true],
    ["1d", dayTicks],
    ["90m", 54_000_000_000n],
    ["time(1.02:03:04.5)", 937_845_000_000n],
    ["datetime(2026-11-22)", midnight],
    ["datetime(2026-11-22T06:38:35.7664356Z)", midnight + 239_157_664_356n],
    ["datetime(null)", null],
    ["guid(74BE27DE-1E4E-49D9-B579-FE0B331D3642)", "74be27de-1e4e-49d9-b579-fe0b331d3642"],
    [String.raw`'it\'s'`, "it's"],
    [String.raw`@'C:\Users'`, String.raw`C:\Users`],
    [`'a' "b"`, "ab"],
    [`dynamic({"a": [1, 2.5, null, true, -3]})`, { a: [1, 2.5, null, true, -3] }],
  ])("evaluates the literal %s", (expression, value) => {
    expect(evaluateExpression(expression)).toEqual(value);
  });
});

describe("arithmetic", () => {
  test.each([
    ["7 / 2", 3n],
    ["7 / 2.0", 3.5],
    ["-7 % 3", 2n],
    ["7 / 0", null],
    ["long(null) + 1", null],
    ["int(3) * int(4)", 12n],
    ["2h + 30m", 90_000_000_000n],
    ["1d / 1h", 24],
    ["3 * 1h", 108_000_000_000n],
    ["datetime(2026-11-22) - datetime(2026-11-21)", dayTicks],
    ["datetime(2026-11-22) - 1d", midnight - dayTicks],
    ["-(2 + 3)", -5n],
    ["dynamic({'n': 4}).n + 1", 5n],
  ])("computes %s", (expression, value) => {
    expect(evaluateExpression(expression)).toEqual(value);
  });
});

describe("a comparison", () => {
  test.each([
    ["1 == 1.0", true],
    ["'a' == 'A'", false],
    ["'a' =~ 'A'", true],
    ["'a' !~ 'A'", false],
    ["long(null) == 1", false],
    ["long(null) != 1", true],
    ["long(null) == long(null)", null],
    ["long(null) < 1", null],
    ["isnull(long(null) < 1)", true],
    ["long(null) < 1 or true", true],
    ["long(null) < 1 and false", false],
    ["not(true)", false],
    ["dynamic({'a': 'x'}).a == 'x'", true],
    ["dynamic({'a': 5}).a == 5", true],
    ["dynamic({'a': 5}).a >= 5.5", false],
    ["true == 1", true],
    ["int(80) == '80'", true],
    ["int(80) == 'http'", false],
    ["3 between (1 .. 3)", true],
    ["3 !between (1 .. 3)", false],
    ["datetime(2026-11-22) between (datetime(2026-11-21) .. 1d)", true],
    ["datetime(2026-11-22) == todatetime('2026-11-22T00:00:00Z')", true],
    ["2 in (1, 2)", true],
    ["'A' in ('a', 'b')", false],
    ["'A' in~ ('a', 'b')", true],
    ["'c' !in ('a', 'b')", true],
    ["'A' !in~ ('a')", false],
    ["'b' in (dynamic(['a', 'b']))", true],
    ["toscalar(print 2) in (1, 2)", true],
  ])("compares %s", (expression, value) => {
    expect(evaluateExpression(expression)).toBe(value);
  });
});

describe("a string operator", () => {
  test.each([
    ["'powershell -enc AAA' has 'ENC'", true],
    ["'powershell' has 'shell'", false],
    ["'North America' has 'america'", true],
    ["'a_b' has 'b'", true],
    ["'x.exe -enc' has '-enc'", true],
    ["'encoded' has 'enc'", false],
    ["'ENC' has_cs 'enc'", false],
    ["'ENC' !has_cs 'enc'", true],
    ["'abc' !has 'abc'", false],
    ["'powershell' contains 'SHELL'", true],
    ["'powershell' contains_cs 'SHELL'", false],
    ["'powershell' !contains 'x'", true],
    ["'cmd.exe' startswith 'CMD'", true],
    ["'cmd.exe' startswith_cs 'CMD'", false],
    ["'cmd.exe' !startswith 'x'", true],
    ["'cmd.exe' endswith '.EXE'", true],
    ["'cmd.exe' endswith_cs '.EXE'", false],
    ["'the encoder' hasprefix 'enc'", true],
    ["'the encoder' hassuffix 'coder'", true],
    ["'the encoder' hassuffix 'enc'", false],
    ["'net user /add' has_any ('DELETE', 'USER')", true],
    ["'net user /add' has_any (dynamic(['delete']))", false],
    ["'net user /add' has_all ('net', 'ADD')", true],
    ["'net user /add' has_all ('net', 'del')", false],
    [String.raw`'host-17' matches regex @'^host-\d+$'`, true],
    ["'HOST' matches regex 'host'", false],
    ["'HOST' matches regex '(?i)host'", true],
    ["'x' has ''", true],
    ["dynamic({'a': 'deep value'}) has 'deep'", true],
    ["'v1' has 'V1' and 'é1' !has 'é'", true],
  ])("matches %s", (expression, value) => {
    expect(evaluateExpression(expression)).toBe(value);
  });
});

describe("a conversion", () => {
  test.each([
    ["tostring(5)", "5"],
    ["tostring(2.0)", "2.0"],
    ["tostring(true)", "true"],
    ["tostring(1d + 2h)", "1.02:00:00"],
    ["tostring(datetime(2026-11-22T06:38:35.7664356Z))", "2026-11-22T06:38:35.7664356Z"],
    ["tostring(dynamic({'a': [1]}))", '{"a":[1]}'],
    ["tostring(long(null))", ""],
    ["tolong('12')", 12n],
    ["tolong('12x')", null],
    ["tolong(2.9)", 2n],
    ["toint('7')", 7],
    ["toint('9999999999')", null],
    ["todouble('2.5')", 2.5],
    ["toreal(dynamic(3))", 3],
    ["tobool('TRUE')", true],
    ["tobool('x')", null],
    ["todatetime('2026-11-22')", midnight],
    ["todatetime('nonsense')", null],
    ["totimespan('01:00:00')", 36_000_000_000n],
    ["parse_json('{\"a\": 9007199254740993}').a", 9_007_199_254_740_993n],
    ["parse_json('not json')", "not json"],
    ["todynamic('[1,2]')[1]", 2],
    ["dynamic([1,2,3])[-1]", 3],
    ["dynamic({'a b': 1})['a b']", 1],
    ["dynamic({'a': 1}).b", null],
    ["iff(1 > 2, 'yes', 'no')", "no"],
    ["iff(long(null) > 2, 'yes', 'no')", "no"],
    ["case(false, 1, true, 2, 3)", 2n],
    ["coalesce('', 'b')", "b"],
    ["coalesce(long(null), 4)", 4n],
    ["isempty('')", true],
    ["isnotempty('')", false],
    ["isnull('')", false],
    ["isnull(long(null))", true],
    ["isempty(dynamic(null))", true],
    ["gettype(dynamic([]))", "array"],
    ["column_ifexists('Nothing', 'fallback')", "fallback"],
  ])("converts %s", (expression, value) => {
    expect(evaluateExpression(expression)).toEqual(value);
  });
});

describe("a time function", () => {
  test.each([
    ["now()", now],
    ["ago(1h)", now - 36_000_000_000n],
    ["now(-1d)", now - dayTicks],
    ["bin(datetime(2026-11-22T06:38:35Z), 1h)", midnight + 216_000_000_000n],
    ["bin(-3, 2)", -4n],
    ["bin(4.7, 0.5)", 4.5],
    ["startofday(datetime(2026-11-22T06:38:35Z))", midnight],
    ["endofday(datetime(2026-11-22T06:38:35Z))", midnight + dayTicks - 1n],
    ["startofweek(datetime(2026-11-25))", midnight],
    ["startofmonth(datetime(2026-11-22T06:00:00Z), -1) == datetime(2026-10-01)", true],
    ["endofmonth(datetime(2026-02-03)) < datetime(2026-03-01)", true],
    ["startofyear(datetime(2026-11-22)) == datetime(2026-01-01)", true],
    ["datetime_diff('hour', datetime(2026-11-22T03:10:00Z), datetime(2026-11-22T01:50:00Z))", 2n],
    ["datetime_diff('day', datetime(2026-11-21), datetime(2026-11-22))", -1n],
    ["datetime_diff('month', datetime(2026-03-01), datetime(2025-12-31))", 3n],
    ["datetime_add('month', 1, datetime(2026-01-31)) == datetime(2026-02-28)", true],
    ["datetime_add('day', -1, datetime(2026-11-22))", midnight - dayTicks],
    ["dayofweek(datetime(2026-11-25))", 3n * dayTicks],
    ["hourofday(datetime(2026-11-22T06:38:35Z))", 6],
    ["monthofyear(datetime(2026-11-22))", 11],
    ["dayofyear(datetime(2026-02-01))", 32],
    ["week_of_year(datetime(2026-01-01))", 1],
    [
      "format_datetime(datetime(2026-11-22T06:08:35.7664356Z), 'yyyy-MM-dd HH:mm:ss.fff')",
      "2026-11-22 06:08:35.766",
    ],
    ["format_timespan(26h + 3m, 'd.hh:mm')", "1.02:03"],
    ["unixtime_seconds_todatetime(1795305600)", midnight],
    ["make_datetime(2026, 11, 22)", midnight],
    ["datetime_part('Minute', datetime(2026-11-22T06:38:35Z))", 38],
  ])("computes the time %s", (expression, value) => {
    expect(evaluateExpression(expression)).toEqual(value);
  });
});

describe("a text function", () => {
  test.each([
    ["strcat('a', 1, true)", "a1true"],
    ["strcat_array(dynamic(['a', 'b']), '-')", "a-b"],
    ["strlen('abc')", 3n],
    ["tolower('ABC')", "abc"],
    ["toupper('abc')", "ABC"],
    ["substring('abcdef', 1, 2)", "bc"],
    ["substring('abcdef', 4)", "ef"],
    ["split('a.b.c', '.')", ["a", "b", "c"]],
    ["split('a.b.c', '.', 1)", ["b"]],
    ["split('a.b.c', '.')[-1]", "c"],
    ["replace_string('a-b-c', '-', '')", "abc"],
    [String.raw`replace_regex('ab12', @'(\d)(\d)', @'\2\1')`, "ab21"],
    ["replace('a+', 'x', 'caat')", "cxt"],
    [String.raw`extract(@'user=(\w+)', 1, 'x user=ann y')`, "ann"],
    [String.raw`extract(@'n=(\d+)', 1, 'n=17', typeof(long))`, 17n],
    ["extract('z', 0, 'abc')", ""],
    [String.raw`extract_all(@'(\d+)', 'a1b22')`, ["1", "22"]],
    [
      String.raw`extract_all(@'(\w)=(\d)', 'a=1,b=2')`,
      [
        ["a", "1"],
        ["b", "2"],
      ],
    ],
    ["indexof('abcabc', 'c')", 2n],
    ["indexof('abc', 'z')", -1n],
    ["countof('aaa', 'a')", 3n],
    [String.raw`countof('a1b2', @'\d', 'regex')`, 2n],
    [String.raw`trim(@'\s+', '  x  ')`, "x"],
    ["trim_start('/', '/a/')", "a/"],
    ["trim_end('/', '/a/')", "/a"],
    ["base64_decode_tostring('SGk=')", "Hi"],
    ["base64_encode_tostring('Hi')", "SGk="],
    ["url_decode('a%20b')", "a b"],
    ["reverse('abc')", "cba"],
    ["extractjson('$.a.b', '{\"a\":{\"b\":5}}')", "5"],
    [String.raw`parse_command_line('a.exe "b c" d', 'windows')`, ["a.exe", "b c", "d"]],
    ["parse_path(@'C:\\a\\b.txt').Filename", "b.txt"],
    ["parse_path(@'C:\\a\\b.txt').Extension", "txt"],
    ["tostring(parse_url('https://h.example:8443/p?q=1').Host)", "h.example"],
    ["ipv4_is_private('10.1.2.3')", true],
    ["ipv4_is_private('8.8.8.8')", false],
    ["ipv4_is_private('nonsense')", null],
    ["ipv4_is_in_range('192.168.1.6', '192.168.1.0/24')", true],
    ["ipv4_is_in_range('192.168.2.6', '192.168.1.0/24')", false],
    ["parse_ipv4('1.2.3.4')", 16_909_060n],
    ["parse_version('1.2.3') < parse_version('1.10')", true],
    ["tohex(255)", "ff"],
  ])("computes the text %s", (expression, value) => {
    expect(evaluateExpression(expression)).toEqual(value);
  });
});

describe("a function of arrays, bags and numbers", () => {
  test.each([
    ["array_length(dynamic([1,2]))", 2n],
    ["array_length(parse_json('{}'))", null],
    ["array_index_of(dynamic(['a','b']), 'b')", 1n],
    ["array_concat(dynamic([1]), dynamic([2,3]))", [1, 2, 3]],
    ["array_slice(dynamic([1,2,3,4]), 1, 2)", [2, 3]],
    ["array_sort_asc(dynamic([3,1,2]))", [1, 2, 3]],
    ["array_sort_desc(dynamic(['a','c','b']))", ["c", "b", "a"]],
    ["set_has_element(dynamic([1,2]), 2)", true],
    ["set_union(dynamic([1,2]), dynamic([2,3]))", [1, 2, 3]],
    ["set_intersect(dynamic([1,2]), dynamic([2,3]))", [2]],
    ["set_difference(dynamic([1,2]), dynamic([2,3]))", [1]],
    ["bag_keys(dynamic({'a':1,'b':2}))", ["a", "b"]],
    ["bag_merge(dynamic({'a':1}), dynamic({'a':2,'b':3}))", { a: 1, b: 3 }],
    ["pack('a', 1, 'b', 'x')", { a: 1, b: "x" }],
    ["bag_pack('t', datetime(2026-11-22))", { t: "2026-11-22T00:00:00.0000000Z" }],
    ["pack_array(1, 'x')", [1, "x"]],
    ["range(1, 5, 2)", [1, 3, 5]],
    ["has_any_index('a b c', dynamic(['x', 'b']))", 1n],
    ["min_of(3, 1, 2)", 1n],
    ["max_of(3, 1.5)", 3],
    ["abs(-4)", 4n],
    ["round(2.567, 2)", 2.57],
    ["floor(2.7, 1)", 2],
    ["ceiling(2.1)", 3],
    ["pow(2, 10)", 1024],
    ["binary_and(6, 3)", 2n],
    ["binary_shift_left(1, 4)", 16n],
    ["hash_md5('x')", "9dd4e461268c8034f5c8564e155c67a6"],
    ["hash_sha1('abc')", "a9993e364706816aba3e25717850c26c9cd0d89d"],
    ["hash_sha256('abc')", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"],
    ["hash('x') == hash('x')", true],
    ["hash('x', 4) between (0 .. 3)", true],
    ["hash(long(null), 4) between (0 .. 3)", true],
    ["strlen(tostring(new_guid()))", 36n],
    ["rand() between (0.0 .. 1.0)", true],
  ])("computes the value of %s", (expression, value) => {
    expect(evaluateExpression(expression)).toEqual(value);
  });

  test("a hash with a modulus spreads rows over all shards", () => {
    const counts = runQuery(
      "range x from 1 to 4000 step 1 | summarize c = count() by s = hash(x, 4) | order by s asc | project c",
    );
    expect(counts).toHaveLength(4);
    for (const [count] of counts) expect(Number(count)).toBeGreaterThan(800);
  });
});
