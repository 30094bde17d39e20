import { beforeAll, describe, expect, test } from "vitest";
import type { CompiledHunt } from "../../../../shared/contracts/compiled-hunt.ts";
import { listHuntWarnings } from "../../../../shared/hunts/hunt-warnings.ts";
import { compileHunt } from "../../../../shared/kql/compile/compile-hunt.ts";
import { parseQuery } from "../../../../shared/kql/language/parser.ts";
import { runHuntTest } from "../../../../shared/kql/testing/run-hunt-test.ts";
import type { HuntTest } from "../../../../shared/contracts/hunt-test.ts";

beforeAll(() => void parseQuery("print 1"), 120_000);

const windowQuery = "DeviceProcessEvents | project Timestamp, DeviceName, FileName // all";
const known = [
  { where: "DeviceName == 'build'", until: "2026-01-05T11:00:00Z", why: "The build server" },
];

const compile = (query: string, entries: object = known) =>
  compileHunt("a-hunt.yaml", "a-hunt", JSON.stringify({ query, known: entries }));

function compileValid(query: string, entries: object = known): CompiledHunt {
  const { hunt, problems } = compile(query, entries);
  if (!hunt) throw new Error(JSON.stringify(problems));
  return hunt;
}

const row = (DeviceName: string | null, Timestamp: string): Record<string, unknown> => ({
  DeviceName,
  Timestamp,
});

const rows = [
  row("build", "2026-01-05T10:59:59.9999999Z"),
  row("build", "2026-01-05T11:00:00Z"),
  row(null, "2026-01-05T10:00:00Z"),
  row("pc1", "2026-01-05T10:00:00Z"),
];

function createCase(change: Partial<HuntTest>): HuntTest {
  return { name: "a case", rows: { DeviceProcessEvents: rows }, expect: [], ...change };
}

const runCase = (hunt: CompiledHunt, change: Partial<HuntTest>) =>
  runHuntTest(hunt, createCase(change), () => []);

describe("known rows", () => {
  test("are left out by their own time, whole and in windows", () => {
    const expected = [
      { DeviceName: "build", Timestamp: "2026-01-05T11:00:00Z" },
      { DeviceName: "", Timestamp: "2026-01-05T10:00:00Z" },
      { DeviceName: "pc1", Timestamp: "2026-01-05T10:00:00Z" },
    ];
    expect(runCase(compileValid(windowQuery), { expect: expected })).toEqual({
      kind: "passed",
      rows: 3,
    });
    expect(runCase(compileValid(windowQuery, []), { expect: { count: 4 } })).toMatchObject({
      kind: "passed",
    });
  });

  test.each([
    ["2026-01-05T10:59:59Z", 2],
    ["2026-01-05T11:00:00Z", 3],
  ])("of a result without a time are judged by the clock: at %s %i rows stay", (now, count) => {
    const hunt = compileValid("DeviceProcessEvents | summarize count() by DeviceName");
    const shown = rows.map((each) => ({ ...each, Timestamp: "2026-01-05T10:00:00Z" }));
    const change = { now, rows: { DeviceProcessEvents: shown }, expect: { count } };
    expect(runCase(hunt, change)).toMatchObject({ kind: "passed" });
  });

  test("leave mode, columns and the version of the log alone", () => {
    const [plain, withKnown] = [compileValid(windowQuery, []), compileValid(windowQuery)];
    expect(withKnown).toMatchObject({
      mode: "window",
      columns: plain.columns,
      queryHash: plain.queryHash,
      query: { prelude: plain.query.prelude },
    });
  });

  test.each([
    ["DeviceName = 'a'", "/known/0/where: "],
    ["Missing == 'a'", "/known/0/where: "],
    ["DeviceName", "/known/0/where: "],
    ["Timestamp < ago(1h)", "/known/0/where: must not use now() or ago()"],
    ["DeviceName in (DeviceInfo | project DeviceName)", "/known/0/where: must not read a table"],
    ["rand() > 0.5", "/known/0/where: must give the same value at each run"],
  ])("refuse the condition %s", (where, message) => {
    const { hunt, problems } = compile(windowQuery, [{ where, until: "2026-12-31", why: "w" }]);
    expect(hunt).toBeUndefined();
    expect(problems[0]?.message).toContain(message);
  });

  test.each([
    [{ where: "true", until: "soon", why: "w" }, "/known/0/until: must be a day or an instant"],
    [{ where: "true", until: "2026-12-31" }, "/known/0/why: must be the reason"],
  ])("refuse an incomplete entry: %j", (entry, message) => {
    expect(compile(windowQuery, [entry]).problems[0]?.message).toContain(message);
  });

  test("may use parameters of the hunt", () => {
    const text = {
      query: windowQuery,
      parameters: { builder: { type: "string", default: "build" } },
      known: [{ where: "DeviceName == builder", until: "2026-01-05T11:00:00Z", why: "w" }],
    };
    const { hunt } = compileHunt("a-hunt.yaml", "a-hunt", JSON.stringify(text));
    if (!hunt) throw new Error("The hunt must be valid.");
    expect(runCase(hunt, { expect: { count: 3 } })).toMatchObject({ kind: "passed" });
    expect(runCase(hunt, { expect: { count: 4 }, parameters: { builder: "other" } })).toMatchObject(
      { kind: "passed" },
    );
    expect(runCase(hunt, { parameters: { builder: 1 } })).toEqual({
      kind: "invalid",
      message: "/parameters/builder: must be a text",
    });
  });
});

describe("listHuntWarnings", () => {
  const noon = Date.UTC(2026, 0, 5, 12);
  const dates = { known: [{ where: "a", until: "2026-01-05T12:00:00.0000000Z", why: "Old." }] };

  test("names known rows from their end on", () => {
    expect(listHuntWarnings({ ...dates, reviewBy: undefined }, noon - 1)).toEqual([]);
    expect(listHuntWarnings({ ...dates, reviewBy: undefined }, noon)).toEqual([
      "/known/0 ended on 2026-01-05 (Old.): remove it or extend until.",
    ]);
  });

  test("names a review from the day after it was due", () => {
    const hunt = { known: [], reviewBy: "2026-01-05" };
    expect(listHuntWarnings(hunt, Date.UTC(2026, 0, 6) - 1)).toEqual([]);
    expect(listHuntWarnings(hunt, Date.UTC(2026, 0, 6))).toEqual([
      "The review was due on 2026-01-05: review the hunt and set a later reviewBy.",
    ]);
  });
});
