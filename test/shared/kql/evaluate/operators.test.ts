import { beforeAll, describe, expect, test } from "vitest";
import { describeColumns, runQuery, warmUp } from "./run-query.ts";

beforeAll(warmUp);

const T = `let T = datatable(n: long, s: string, d: dynamic) [
  1, "a", dynamic([1, 2]),
  2, "b", dynamic({"k": "v"}),
  3, "a", dynamic(null),
  long(null), "", dynamic([])
];`;
const U = `let U = datatable(n: long, u: string) [1, "x", 1, "y", 4, "z", long(null), "w"];`;

describe("rows one by one", () => {
  test.each([
    ["where n > 1 | project n", [[2n], [3n]]],
    ["where n != 1 | project n", [[2n], [3n], [null]]],
    ["where not(n == 1) | project n", [[2n], [3n], [null]]],
    [
      "project s, m = n + 1 | take 2",
      [
        ["a", 2n],
        ["b", 3n],
      ],
    ],
    ["extend n = n * 10 | project n | take 1", [[10n]]],
    ["extend k = d.k | where isnotempty(k) | project k", [["v"]]],
    ["project-away d, s | take 1", [[1n]]],
    ["project-keep s, n | take 1", [[1n, "a"]]],
    ["project-rename m = n | project m | take 1", [[1n]]],
    ["project-reorder s | project-away d | take 1", [["a", 1n]]],
    ["project n, s | distinct s", [["a"], ["b"], [""]]],
    ["count", [[4n]]],
    ["take 0 | count", [[0n]]],
    ["project n | order by n asc", [[null], [1n], [2n], [3n]]],
    ["project n | order by n", [[3n], [2n], [1n], [null]]],
    ["project n | sort by n asc nulls last", [[1n], [2n], [3n], [null]]],
    ["project n, s | sort by s asc, n desc | project n", [[null], [3n], [1n], [2n]]],
    ["top 2 by n | project n", [[3n], [2n]]],
    ["top 1 by n asc nulls last | project n", [[1n]]],
    ["serialize r = row_number() | project r", [[1n], [2n], [3n], [4n]]],
    [
      "project n | serialize | extend p = prev(n), f = next(n) | project p, f | take 2",
      [
        [null, 2n],
        [1n, 3n],
      ],
    ],
    [
      "where isnotnull(n) | sort by n asc | extend c = row_cumsum(n) | project c",
      [[1n], [3n], [6n]],
    ],
    [
      "mv-expand d | project n, d",
      [
        [1n, 1],
        [1n, 2],
        [2n, { k: "v" }],
        [3n, null],
      ],
    ],
    ["where n == 1 | mv-expand e = d to typeof(long) | project e", [[1n], [2n]]],
    [
      "where n == 1 | mv-expand with_itemindex=i d | project i, d",
      [
        [0n, 1],
        [1n, 2],
      ],
    ],
    ["where n == 1 | mv-expand d limit 1 | project d", [[1]]],
    [
      "where n == 1 | mv-apply e = d to typeof(long) on (summarize t = sum(e)) | project n, t",
      [[1n, 3n]],
    ],
    ["where s has 'a' | project n", [[1n], [3n]]],
    ["search 'b' | project n", [[2n]]],
    ["sample-distinct 2 of s", [["a"], ["b"]]],
    ["partition by s (top 1 by n | project n)", [[3n], [2n], [null]]],
    ["where n in (toscalar(T | summarize max(n))) | project n", [[3n]]],
    ["where n in ((T | where s == 'b' | project n)) | project s", [["b"]]],
    ["as X | join kind=inner X on n | count", [[3n]]],
    ["project p = pack_all() | take 1", [[{ n: 1, s: "a", d: [1, 2] }]]],
  ])("evaluates T | %s", (query, rows) => {
    expect(runQuery(`${T} T | ${query}`)).toEqual(rows);
  });
});

describe("summarize", () => {
  test.each([
    [
      "summarize count() by s",
      [
        ["a", 2n],
        ["b", 1n],
        ["", 1n],
      ],
    ],
    ["summarize c = count(), t = sum(n)", [[4n, 6n]]],
    ["where n > 9 | summarize count(), sum(n), max(n), make_list(n)", [[0n, 0n, null, []]]],
    ["where n > 9 | summarize count() by s", []],
    ["summarize countif(n > 1)", [[2n]]],
    ["summarize dcount(s), dcountif(s, n > 2)", [[3n, 1n]]],
    ["summarize min(n), max(n), avg(n)", [[1n, 3n, 2]]],
    ["summarize sumif(n, s == 'a')", [[4n]]],
    [
      "summarize make_list(n), make_set(s)",
      [
        [
          [1, 2, 3],
          ["a", "b", ""],
        ],
      ],
    ],
    ["summarize make_set(s, 1)", [[["a"]]]],
    ["summarize make_set_if(n, s == 'a')", [[[1, 3]]]],
    ["summarize arg_max(n, s)", [[3n, "a"]]],
    [
      "summarize arg_min(n, *) by s | project s, n",
      [
        ["a", 1n],
        ["b", 2n],
        ["", null],
      ],
    ],
    ["summarize take_any(s)", [["a"]]],
    ["summarize percentile(n, 50)", [[2n]]],
    ["summarize round(stdev(n), 2), variance(n)", [[1, 1]]],
    ["summarize x = count() * 100 / 4, y = strcat('n', count())", [[100n, "n4"]]],
    ["summarize by s", [["a"], ["b"], [""]]],
    [
      "summarize count() by bin(n, 2) | order by n asc",
      [
        [null, 1n],
        [0n, 1n],
        [2n, 2n],
      ],
    ],
    ["summarize array_length(make_set(n))", [[3n]]],
    ["top-nested 1 of s by count()", [["a", 2n]]],
    ["project n, s | evaluate pivot(s, count(), n) | where n == 1", [[1n, 0n, 1n, 0n]]],
  ])("evaluates T | %s", (query, rows) => {
    expect(runQuery(`${T} T | ${query}`)).toEqual(rows);
  });

  test.each([
    [
      "summarize count(), dcount(s), make_set(s), avg(n) by bin(n, 5)",
      "n:long, count_:long, dcount_s:long, set_s:dynamic, avg_n:real",
    ],
    ["summarize arg_max(n, *) by s", "s:string, n:long, d:dynamic"],
    ["summarize (a, b) = arg_max(n, s)", "a:long, b:string"],
    [
      "project tostring(n), n + 1, d.k, d['x'], n",
      "n:string, Column1:long, d_k:dynamic, d_x:dynamic, n1:long",
    ],
    ["extend n + 1", "n:long, s:string, d:dynamic, Column1:long"],
    ["count", "Count:long"],
    ["summarize percentiles(n, 50, 90)", "percentile_n_50:long, percentile_n_90:long"],
  ])("names the columns of T | %s", (query, columns) => {
    expect(describeColumns(`${T} T | ${query}`)).toBe(columns);
  });
});

describe("join", () => {
  test.each([
    [
      "join kind=inner U on n | project n, s, u",
      [
        [1n, "a", "x"],
        [1n, "a", "y"],
      ],
    ],
    [
      "join U on n | project n, u",
      [
        [1n, "x"],
        [1n, "y"],
      ],
    ],
    [
      "join kind=leftouter U on n | project n, n1, u",
      [
        [1n, 1n, "x"],
        [1n, 1n, "y"],
        [2n, null, ""],
        [3n, null, ""],
        [null, null, ""],
      ],
    ],
    [
      "join kind=rightouter U on n | project n, n1, u",
      [
        [1n, 1n, "x"],
        [1n, 1n, "y"],
        [null, 4n, "z"],
        [null, null, "w"],
      ],
    ],
    ["join kind=fullouter U on n | count", [[7n]]],
    ["join kind=leftanti U on n | project n", [[2n], [3n], [null]]],
    ["join kind=leftsemi U on n | project n", [[1n]]],
    ["join kind=rightanti U on n | project u", [["z"], ["w"]]],
    ["join kind=rightsemi U on n | project u", [["x"], ["y"]]],
    [
      "join kind=inner (U | project m = n, u) on $left.n == $right.m | project n, m, u",
      [
        [1n, 1n, "x"],
        [1n, 1n, "y"],
      ],
    ],
    [
      "lookup U on n | project n, u | take 3",
      [
        [1n, "x"],
        [1n, "y"],
        [2n, ""],
      ],
    ],
    [
      "lookup kind=inner U on n | project n, u",
      [
        [1n, "x"],
        [1n, "y"],
      ],
    ],
  ])("evaluates T | %s", (query, rows) => {
    expect(runQuery(`${T} ${U} T | ${query}`)).toEqual(rows);
  });

  test("an innerunique join keeps one left row for each key", () => {
    const left = `datatable(k: long, v: string) [1, "first", 1, "second"]`;
    const right = `datatable(k: long, w: string) [1, "w"]`;
    expect(runQuery(`${left} | join (${right}) on k | project v, w`)).toEqual([["first", "w"]]);
    expect(runQuery(`${left} | join kind=inner (${right}) on k | count`)).toEqual([[2n]]);
  });

  test("columns of one name get numbers", () => {
    expect(describeColumns(`${T} ${U} T | join kind=inner U on n`)).toBe(
      "n:long, s:string, d:dynamic, n1:long, u:string",
    );
  });
});

describe("union", () => {
  test.each([
    [
      `union (print a = 1), (print b = "x")`,
      [
        [1n, ""],
        [null, "x"],
      ],
    ],
    [`union kind=inner (print a = 1, c = 2), (print a = 3, b = "x")`, [[1n], [3n]]],
    [`print a = 1 | union (print a = 2)`, [[1n], [2n]]],
    [
      `let A = print x = 1; let B = print x = 2; union withsource=From A, B`,
      [
        ["A", 1n],
        ["B", 2n],
      ],
    ],
    [`union (print a = 1), (print a = "x") | count`, [[2n]]],
  ])("evaluates %s", (query, rows) => {
    expect(runQuery(query)).toEqual(rows);
  });

  test("columns of one name and two types stay apart", () => {
    expect(describeColumns(`union (print a = 1), (print a = "x")`)).toBe(
      "a_long:long, a_string:string",
    );
  });
});

describe("let, functions and sources", () => {
  test.each([
    ["let x = 2; print x * 2", [[4n]]],
    [
      "let f = (a: long, b: long = 10) { a + b }; print f(1), f(1, 2), f(b = 3, a = 1)",
      [[11n, 3n, 4n]],
    ],
    [
      "let f = (T: (n: long), least: long) { T | where n >= least }; f((datatable(n: long) [1, 2, 3]), 2) | count",
      [[2n]],
    ],
    ["let f = (T: (*)) { T | count }; datatable(n: long) [1, 2] | invoke f()", [[2n]]],
    ["let f = () { let y = 3; print y }; f()", [[3n]]],
    [
      "let f = (s: string) { toupper(s) }; datatable(s: string) ['a', 'b'] | project f(s)",
      [["A"], ["B"]],
    ],
    ["range x from 1 to 7 step 3", [[1n], [4n], [7n]]],
    ["range x from 3 to 1 step -1 | count", [[3n]]],
    ["range t from datetime(2026-11-22) to datetime(2026-11-23) step 12h | count", [[3n]]],
    ["print 1, 'a', b = 2", [[1n, "a", 2n]]],
    ["let s = toscalar(datatable(n: long) [5, 6] | summarize sum(n)); print s", [[11n]]],
    ["let m = materialize(range x from 1 to 3 step 1); union m, m | count", [[6n]]],
    ["print d = dynamic({'a': 1, 'b': 'x'}) | evaluate bag_unpack(d)", [[1n, "x"]]],
    [
      `print s = "id=17 name=ann" | parse s with "id=" id: long " name=" name | project id, name`,
      [[17n, "ann"]],
    ],
    [`print s = "x id=a b" | parse s with * "id=" rest`, [["x id=a b", "a b"]]],
    [`print s = "nothing" | parse s with "id=" id: long | project id`, [[null]]],
    [`print s = "nothing" | parse-where s with "id=" id: long | count`, [[0n]]],
    [
      String.raw`print s = "k12z" | parse kind=regex s with "k" n: long "[a-z]" | project n`,
      [[12n]],
    ],
  ])("evaluates %s", (query, rows) => {
    expect(runQuery(query)).toEqual(rows);
  });

  test("nameless columns of print are numbered", () => {
    expect(describeColumns("print 1, b = 2, 'x'")).toBe("print_0:long, b:long, print_2:string");
  });
});
