import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { testHunts } from "../../../../shared/cli/hunts/test.ts";
import { createOutput } from "../../../../shared/cli/output.ts";
import { parseQuery } from "../../../../shared/kql/language/parser.ts";

beforeAll(() => void parseQuery("print 1"), 120_000);

let folder = "";
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "huntline-hunt-tests-"));
});
afterEach(() => rmSync(folder, { recursive: true }));

const query = `query: |
  DeviceProcessEvents
  | where Timestamp > ago(1d)
  | where FileName =~ "mshta.exe"
  | project Timestamp, DeviceName, ProcessCommandLine
`;

/** Writes one hunt with its tests and runs them. */
async function runTests(
  tests: string,
  { junit, names = [], text = query }: { junit?: string; names?: string[]; text?: string } = {},
): Promise<{ readonly code: number; readonly out: string }> {
  writeFileSync(join(folder, "starts-mshta.yaml"), `${text}tests:\n${tests}`);
  let out = "";
  const stream = { write: (part: string) => (out += part) };
  const request = { folder, names, junit, showsTrace: true };
  const code = await testHunts(request, createOutput(stream, stream));
  return { code, out };
}

const mshtaRow = "{DeviceName: pc1, FileName: MSHTA.EXE, ProcessCommandLine: mshta a.hta}";

describe("npm run hunts -- test", () => {
  test("passes a case whose rows are found, whole and in windows", async () => {
    const { code, out } = await runTests(`
  - name: finds mshta
    rows: {DeviceProcessEvents: [${mshtaRow}, {FileName: cmd.exe}]}
    expect: [{DeviceName: pc1}]
  - name: is silent without mshta
    rows: {DeviceProcessEvents: [{FileName: cmd.exe}]}
    expect: []
  - name: counts rows
    rows: {DeviceProcessEvents: [${mshtaRow}, ${mshtaRow}]}
    expect: {count: 2}
`);
    expect(out).toContain("3 tests passed, 0 failed.");
    expect(code).toBe(0);
  });

  test("names the operator that removes an expected row", async () => {
    const { code, out } = await runTests(`
  - name: finds pwsh
    rows: {DeviceProcessEvents: [{DeviceName: pc1, FileName: pwsh.exe}]}
    expect: [{DeviceName: pc1}]
`);
    expect(code).toBe(1);
    expect(out).toContain("FAILED  starts-mshta: finds pwsh");
    expect(out).toContain(
      'The expected row is lost at line 3 of the query: where FileName =~ "mshta.exe"',
    );
  });

  test("shows an expected row beside the closest actual one", async () => {
    const { out } = await runTests(`
  - name: finds mshta
    rows: {DeviceProcessEvents: [${mshtaRow}]}
    expect: [{DeviceName: pc2, ProcessCommandLine: mshta a.hta}]
`);
    expect(out).toMatch(/≠ {2}DeviceName +pc2 +pc1/);
    expect(out).toContain("No row of the test's tables has the expected values.");
  });

  test.each([
    [
      "a column that the table does not have",
      "{DeviceProcessEvents: [{DeviceNme: pc1}]}",
      "[]",
      "/rows/DeviceProcessEvents/0/DeviceNme: must be a column of the table. Did you mean DeviceName?",
    ],
    [
      "a table that the schema does not have",
      "{DeviceProcesEvents: []}",
      "[]",
      "/rows/DeviceProcesEvents: must be a table of advanced hunting. Did you mean DeviceProcessEvents?",
    ],
    [
      "an expected column that the result does not have",
      `{DeviceProcessEvents: [${mshtaRow}]}`,
      "[{FileNme: a}]",
      "/expect/0/FileNme: must be",
    ],
    [
      "a value of another type",
      "{DeviceProcessEvents: [{ProcessId: many}]}",
      "[]",
      '/rows/DeviceProcessEvents/0/ProcessId: must be a long, not "many"',
    ],
    ["a file that does not exist", "{DeviceProcessEvents: a.csv}", "[]", "there is no file a.csv"],
  ])("reports %s", async (_, rows, expected, message) => {
    const { code, out } = await runTests(
      `  - {name: a case, rows: ${rows}, expect: ${expected}}\n`,
    );
    expect(code).toBe(1);
    expect(out).toContain(message);
  });

  test("reports a query that the evaluator does not support as its own limit", async () => {
    const text = "query: DeviceEvents | evaluate autocluster()\n";
    const { code, out } = await runTests("  - {name: a case, rows: {}, expect: []}\n", { text });
    expect(code).toBe(1);
    expect(out).toContain("The evaluator refuses the query");
  });

  test("reads rows of CSV and NDJSON files beside the hunt", async () => {
    writeFileSync(join(folder, "rows.csv"), 'DeviceName,FileName\n"pc,1",mshta.exe\n');
    writeFileSync(join(folder, "rows.ndjson"), '{"DeviceName":"pc2","FileName":"mshta.exe"}\n');
    const { out } = await runTests(`
  - {name: reads CSV, rows: {DeviceProcessEvents: rows.csv}, expect: [{DeviceName: "pc,1"}]}
  - {name: reads NDJSON, rows: {DeviceProcessEvents: rows.ndjson}, expect: [{DeviceName: pc2}]}
`);
    expect(out).toContain("2 tests passed, 0 failed.");
  });

  test("supplies rows of externaldata, watchlists, files and locations", async () => {
    const text = `query: |
  let bad = externaldata(Address: string) ["https://lists.example/bad.csv"];
  DeviceNetworkEvents
  | where RemoteIP in (bad)
  | extend Country = tostring(geo_info_from_ip_address(RemoteIP).country)
  | invoke FileProfile(InitiatingProcessSHA1)
  | project RemoteIP, Country, GlobalPrevalence
`;
    const { out } = await runTests(
      `
  - name: finds a listed address
    externalData: {"https://lists.example/bad.csv": [{Address: 203.0.113.7}]}
    locations: {203.0.113.7: {country: Norway}}
    files: [{SHA1: "0123456789012345678901234567890123456789", GlobalPrevalence: 4}]
    rows:
      DeviceNetworkEvents:
        - {RemoteIP: 203.0.113.7, InitiatingProcessSHA1: "0123456789012345678901234567890123456789"}
        - {RemoteIP: 203.0.113.8}
    expect: [{RemoteIP: 203.0.113.7, Country: Norway, GlobalPrevalence: 4}]
`,
      { text },
    );
    expect(out).toContain("1 test passed, 0 failed.");
  });

  test("counts the order of rows only if the query defines it", async () => {
    const cases = (expected: string): string => `
  - name: orders rows
    rows: {DeviceProcessEvents: [{FileName: a}, {FileName: b}]}
    expect: [${expected}]
`;
    const sorted = "query: DeviceProcessEvents | project FileName | sort by FileName desc\n";
    const unsorted = "query: DeviceProcessEvents | project FileName\n";
    const wrongOrder = "{FileName: a}, {FileName: b}";
    expect((await runTests(cases(wrongOrder), { text: unsorted })).code).toBe(0);
    expect((await runTests(cases(wrongOrder), { text: sorted })).code).toBe(1);
    expect((await runTests(cases("{FileName: b}, {FileName: a}"), { text: sorted })).code).toBe(0);
  });

  test("writes a JUnit report", async () => {
    const junit = join(folder, "report.xml");
    await runTests("  - {name: a < b, rows: {}, expect: {count: 1}}\n", { junit });
    const report = readFileSync(junit, "utf8");
    expect(report).toContain('<testsuite name="hunts" tests="1" failures="1">');
    expect(report).toContain('name="a &lt; b"');
  });

  test("suggests the nearest hunt for an unknown name", async () => {
    const { code, out } = await runTests("  - {name: a case, rows: {}, expect: []}\n", {
      names: ["start-mshta"],
    });
    expect([code, out]).toEqual([
      1,
      "There is no hunt start-mshta in the catalog. Did you mean starts-mshta?\n",
    ]);
  });
});
