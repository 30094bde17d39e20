import { beforeAll, describe, expect, test } from "vitest";
import type { CompiledHunt } from "../../../../shared/contracts/compiled-hunt.ts";
import { fillParameters } from "../../../../shared/contracts/fill-parameters.ts";
import { buildCountQuery, buildRowsQuery } from "../../../../shared/hunts/query/query-text.ts";
import { compileHunt } from "../../../../shared/kql/compile/compile-hunt.ts";
import { parseQuery } from "../../../../shared/kql/language/parser.ts";
import { ticksFromMs } from "../../../../shared/runtime/time.ts";

beforeAll(() => void parseQuery("print 1"), 120_000);

const at = (hour: number): bigint => ticksFromMs(Date.UTC(2026, 0, 5, hour));
const span = { from: at(6), to: at(7), clock: at(7) };

const compile = (parameters: object, query: string, more: object = {}) =>
  compileHunt("a-hunt.yaml", "a-hunt", JSON.stringify({ query, parameters, ...more }));

/** @throws Error with the problems of an invalid file */
function compileValid(parameters: object, query: string, more: object = {}): CompiledHunt {
  const { hunt, problems } = compile(parameters, query, more);
  if (!hunt) throw new Error(JSON.stringify(problems));
  return hunt;
}

function fillValid(hunt: CompiledHunt, values: Record<string, unknown>): CompiledHunt {
  const filled = fillParameters(hunt, values);
  if (filled.kind === "invalid") throw new Error(filled.problems.join("; "));
  return filled.hunt;
}

const sizeQuery = "DeviceFileEvents\n| where FileSize > minSize and FileName in~ (names)";
const sizeParameters = {
  minSize: { type: "long", default: 20, description: "Bytes" },
  names: { type: "dynamic", default: ["a.exe", "b'.exe"] },
};

describe("parameters of a hunt", () => {
  test("precede every query as let statements, and windows stay windows", () => {
    const hunt = compileValid(sizeParameters, sizeQuery);
    expect(hunt.mode).toBe("window");
    const text = buildCountQuery(hunt, "prelude", span);
    expect(text).toContain(`let minSize = long(20); let names = dynamic(["a.exe","b'.exe"]); `);
    expect(parseQuery(text).diagnostics).toEqual([]);
  });

  test.each([
    ["string", 'a"\\\n', '"a\\"\\\\\\n"'],
    ["bool", true, "true"],
    ["int", -5, "int(-5)"],
    ["long", "9223372036854775807", "long(9223372036854775807)"],
    ["real", 1.5, "real(1.5)"],
    ["decimal", "0.10", "decimal(0.10)"],
    ["datetime", "2026-01-05", "datetime(2026-01-05T00:00:00.0000000Z)"],
    ["timespan", "PT36H", "36h"],
    ["guid", "0f1e2d3c-4b5a-6978-8796-a5b4c3d2e1f0", "guid(0f1e2d3c-4b5a-6978-8796-a5b4c3d2e1f0)"],
    ["dynamic", { a: [1, null] }, 'dynamic({"a":[1,null]})'],
  ])("write a %s as a literal of that type", (type, value, literal) => {
    const hunt = compileValid({ value: { type, default: value } }, "print Value = value");
    expect(hunt.parameters).toMatchObject([{ name: "value", type, literal }]);
    expect(hunt.columns).toEqual([{ name: "Value", type }]);
  });

  test.each([
    [{ n: { type: "long", default: 1.5 } }, "/parameters/n/default: must be a whole number"],
    [{ n: { type: "timespan", default: "soon" } }, "/parameters/n/default: must be a duration"],
    [{ n: { type: "string" } }, "/parameters/n/default: must be a text"],
    [{ n: { type: "text", default: "a" } }, "/parameters/n/type: must be one of string, long"],
    [{ n: { type: "long", default: 1 }, m: { type: "long", default: 1 } }, "/parameters/m: is not"],
    [{ "n; print": { type: "long", default: 1 } }, "/parameters/n; print: must"],
    [{ DeviceInfo: { type: "long", default: 1 } }, "/parameters/DeviceInfo: must not have"],
  ])("are refused by name and expected form: %j", (parameters, message) => {
    const { hunt, problems } = compile(parameters, "DeviceInfo | where strlen(DeviceName) > n");
    expect(hunt).toBeUndefined();
    expect(problems.map((problem) => problem.message).join("\n")).toContain(message);
  });

  test("move no position of an error in the query", () => {
    const yaml = 'parameters: { n: { type: long, default: 1 } }\nquery: "print n + Missing"\n';
    expect(compileHunt("a.yaml", "a-hunt", yaml).problems).toMatchObject([
      { line: 2, column: 8 + "print n + ".length + 1 },
    ]);
  });
});

describe("values in place of the defaults", () => {
  test("reach the sent query and start a new version of the log", () => {
    const hunt = compileValid(sizeParameters, sizeQuery);
    const filled = fillValid(hunt, { minSize: 100 });
    expect(buildRowsQuery(filled, "inPlace", span)).toContain("let minSize = long(100); let names");
    expect(filled.source).toBe(`let minSize = long(100); ${hunt.source.slice(24)}`);
    expect(filled.queryHash).not.toBe(hunt.queryHash);
  });

  test("that equal the defaults keep the version", () => {
    const hunt = compileValid(sizeParameters, sizeQuery);
    expect(fillValid(hunt, { minSize: "20" })).toBe(hunt);
  });

  test("a changed default starts a new version too", () => {
    const changed = { ...sizeParameters, minSize: { type: "long", default: 21 } };
    expect(compileValid(changed, sizeQuery).queryHash).not.toBe(
      compileValid(sizeParameters, sizeQuery).queryHash,
    );
  });

  test("are data: a text cannot end its literal", () => {
    const hunt = compileValid(
      { text: { type: "string", default: "a" } },
      "DeviceInfo | where DeviceName == text",
    );
    const sent = buildRowsQuery(fillValid(hunt, { text: '"; DeviceEvents //' }), "prelude", span);
    const parsed = parseQuery(sent);
    expect(parsed.diagnostics).toEqual([]);
    expect(parsed.columns).toEqual(hunt.columns);
  });

  test.each([
    [{ minSize: "many" }, "/minSize: must be a whole number of 64 bits"],
    [{ maxSize: 1 }, "/maxSize: must be a parameter of the hunt (minSize, names)"],
  ])("are refused by name and expected form: %j", (values, problem) => {
    expect(fillParameters(compileValid(sizeParameters, sizeQuery), values)).toEqual({
      kind: "invalid",
      problems: [problem],
    });
  });

  test("must not change the width of windows", () => {
    const hunt = compileValid(
      { reach: { type: "timespan", default: "1h" } },
      "DeviceEvents | where Timestamp > ago(reach)",
    );
    expect(hunt).toMatchObject({ mode: "window", widestMs: 3_599_999 });
    expect(fillParameters(hunt, { reach: "2h" })).toMatchObject({ kind: "invalid" });
    expect(fillParameters(hunt, { reach: "60m" })).toMatchObject({ kind: "filled" });
  });
});
