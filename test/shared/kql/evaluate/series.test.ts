import { beforeAll, describe, expect, test } from "vitest";
import { describeColumns, evaluateQuery, runQuery, warmUp } from "./run-query.ts";

beforeAll(warmUp);

const evaluateExpression = (expression: string): unknown =>
  runQuery(`print x = ${expression}`)[0]?.[0];

const logons = `datatable(at: datetime, host: string, logons: long) [
  datetime(2026-03-01 00:10), "a", 4, datetime(2026-03-01 00:50), "a", 6,
  datetime(2026-03-01 02:00), "a", 1, datetime(2026-03-01 01:30), "b", 9]`;

describe("make-series", () => {
  test("aggregates in bins with defaults, one series for each group", () => {
    const query = `${logons} | make-series total = sum(logons), n = count() default = -1
      on at from datetime(2026-03-01) to datetime(2026-03-01 03:00) step 1h by host`;
    expect(describeColumns(query)).toBe("host:string, total:dynamic, n:dynamic, at:dynamic");
    const hours = ["00", "01", "02"].map((hour) => `2026-03-01T${hour}:00:00.0000000Z`);
    expect(runQuery(query)).toEqual([
      ["a", [10, 0, 1], [2, -1, 1], hours],
      ["b", [0, 9, 0], [-1, 1, -1], hours],
    ]);
  });

  test("excludes the end of `from … to` and includes the one of `in range`", () => {
    const steps = "1 to 3 step 1";
    const numbers = "range v from 0 to 4 step 1";
    expect(runQuery(`${numbers} | make-series count() on v from ${steps}`)).toEqual([
      [
        [1, 1],
        [1, 2],
      ],
    ]);
    expect(runQuery(`${numbers} | make-series count() on v in range(1, 3, 1)`)).toEqual([
      [
        [1, 1, 1],
        [1, 2, 3],
      ],
    ]);
  });

  test("takes a missing bound from the rows of each group", () => {
    const query = `${logons} | make-series count() on at step 1h by host | project host, count_`;
    expect(runQuery(query)).toEqual([
      ["a", [2, 0, 1]],
      ["b", [1]],
    ]);
  });

  test("returns one default series for no rows only if it is `nonempty`", () => {
    const empty = "range v from 1 to 0 step 1";
    expect(runQuery(`${empty} | make-series count() on v from 0 to 2 step 1`)).toEqual([]);
    expect(
      runQuery(`${empty} | make-series kind=nonempty count() on v from 0 to 2 step 1`),
    ).toEqual([
      [
        [0, 0],
        [0, 1],
      ],
    ]);
  });

  test("refuses a step of zero", () => {
    expect(
      evaluateQuery("range v from 1 to 2 step 1 | make-series count() on v from 0 to 2 step 0"),
    ).toMatchObject({ refusedBy: "service" });
  });
});

describe("functions of series", () => {
  test.each([
    ["series_add(dynamic([1, 2, 3]), dynamic([10, 20]))", [11, 22, null]],
    ["series_divide(dynamic([1, 4]), dynamic([0, 2]))", [null, 2]],
    ["series_greater(dynamic([1, 5]), dynamic([3, 3]))", [false, true]],
    ["series_abs(dynamic([-2, null, 'x']))", [2, null, null]],
    ["series_sum(dynamic([1.5, 2]))", 3.5],
    ["series_dot_product(dynamic([1, 2]), 3)", 9],
    ["series_pearson_correlation(dynamic([1, 2, 3]), dynamic([6, 4, 2]))", -1],
    ["series_fill_forward(dynamic([null, 1, null]))", [null, 1, 1]],
    ["series_fill_backward(dynamic([null, 1, null]))", [1, 1, null]],
    ["series_fill_const(dynamic([-1, 2]), 7, -1)", [7, 2]],
    ["series_fill_linear(dynamic([1.5, null, 2.5]))", [1.5, 2, 2.5]],
    ["series_fill_linear(dynamic([null, 2, null]), double(null), false)", [null, 2, null]],
    ["series_fill_linear(dynamic([1, null, 4]))", [1, 2, 4]],
    ["series_fir(dynamic([2, 4, 6]), dynamic([1, 1]))", [1, 3, 5]],
    ["series_fir(dynamic([2, 4, 6]), dynamic([1, -1]))", [2, 2, 2]],
    ["series_fir(dynamic([3, 3, 3]), dynamic([1, 1, 1]), true, true)", [2, 3, 2]],
    ["series_iir(dynamic([1, 1, 1]), dynamic([1]), dynamic([1, -0.5]))", [1, 1.5, 1.75]],
    ["series_seasonal(dynamic([1, 5, 3, 5]), 2)", [2, 5, 2, 5]],
    ["series_stats_dynamic(dynamic([4, 2])).min_idx", 1],
    ["series_fit_line_dynamic(dynamic([5, 7, 9])).slope", 2],
    ["series_fit_line_dynamic(dynamic([5, 7, 9])).interception", 3],
  ])("computes %s", (expression, value) => {
    expect(evaluateExpression(expression)).toEqual(value);
  });

  test("a function with several results fills the named columns and keeps its own other names", () => {
    const query = "print y = dynamic([1, 3]) | extend (low, at) = series_stats(y) | project-away y";
    expect(describeColumns(query)).toBe(
      [
        "low:real, at:long, series_stats_y_max:real, series_stats_y_max_idx:long",
        "series_stats_y_avg:real, series_stats_y_stdev:real, series_stats_y_variance:real",
      ].join(", "),
    );
    expect(runQuery(query)).toEqual([[1, 0n, 3, 1n, 2, Math.SQRT2, 2]]);
  });

  test("an anomaly of a seasonal series is flagged where it is", () => {
    const values = [10, 20, 30, 20, 10, 20, 30, 20, 10, 20, 30, 95, 10, 20, 30, 20, 10, 20, 30, 20];
    const query = `print y = dynamic([${values.join(",")}])
      | extend (flag, score, base) = series_decompose_anomalies(y, 1.5, 4) | project flag, base`;
    const season = [10, 20, 30, 20];
    expect(runQuery(query)).toEqual([
      [values.map((value) => (value === 95 ? 1 : 0)), values.map((_, index) => season[index % 4])],
    ]);
  });

  test("an outlier's score is its distance outside the percentiles in units of their range", () => {
    // Quartiles of 1 to 5 and 100 are 2.25 and 4.75.
    const scores = evaluateExpression("series_outliers(dynamic([1, 2, 3, 4, 5, 100]), 'tukey')");
    expect(scores).toEqual([-0.5, -0.1, 0, 0, 0.1, 38.1]);
  });

  test("a trend learned without the test points extends over them", () => {
    const query = `print y = dynamic([1, 2, 3, 4, 50])
      | extend (baseline) = series_decompose(y, 0, 'linefit', 1) | project baseline`;
    const [[baseline] = []] = runQuery(query) as readonly (readonly (readonly number[])[])[];
    expect(baseline?.map((value) => Math.round(value))).toEqual([1, 2, 3, 4, 5]);
  });
});

describe("scan", () => {
  const events = `datatable(at: timespan, what: string) [
    0m, "logon", 1m, "file", 2m, "file", 9m, "logoff", 12m, "logon", 13m, "logoff"]
    | sort by at asc`;

  test("carries values from one row to the next", () => {
    const query = `range v from 1 to 4 step 1
      | scan declare (total: long = 0) with (step s: true => total = v + s.total;)
      | project total`;
    expect(runQuery(query)).toEqual([[1n], [3n], [6n], [10n]]);
  });

  test("numbers sequences and outputs the rows of each step", () => {
    const query = `${events} | scan with_match_id = id declare (since: timespan) with (
        step start: what == "logon";
        step work: what == "file" => since = at - start.at;
        step stop: what == "logoff" => since = at - start.at;
      ) | project at, id, since`;
    const minutes = (count: number): bigint => BigInt(count) * 600_000_000n;
    expect(runQuery(query)).toEqual([
      [minutes(0), 0n, null],
      [minutes(1), 0n, minutes(1)],
      [minutes(2), 0n, minutes(2)],
      [minutes(9), 0n, minutes(9)],
      [minutes(12), 1n, null],
      // The step still holds the first sequence, which no later one has replaced.
      [minutes(13), 0n, minutes(13)],
    ]);
  });

  test("outputs only the last row of a step, or none", () => {
    const query = `${events} | scan with (
        step start output = none: what == "logon";
        step work output = last: what == "file";
        step stop: what == "logoff";
      ) | project what, at`;
    expect(runQuery(query)).toEqual([
      ["file", 1_200_000_000n],
      ["logoff", 5_400_000_000n],
      ["logoff", 7_800_000_000n],
    ]);
  });

  test.each([
    [
      "rows without an order",
      "datatable(v: long) [1] | summarize by v | scan with (step s: true;)",
    ],
    ["an optional step", "range v from 1 to 2 step 1 | scan with (step s optional: true;)"],
  ])("refuses %s", (_, query) => {
    expect(evaluateQuery(query)).toHaveProperty("refusedBy");
  });
});
