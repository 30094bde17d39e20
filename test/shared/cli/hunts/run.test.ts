import { mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { createOutput, formatTable } from "../../../../shared/cli/output.ts";
import { estimateCost, findFittingHunts } from "../../../../shared/cli/hunts/plan.ts";
import { runHunts } from "../../../../shared/cli/hunts/run.ts";
import type { HuntingPort, HuntingReply } from "../../../../shared/hunts/ports.ts";
import { parseQuery } from "../../../../shared/kql/language/parser.ts";
import { compileHunt } from "../../../../shared/kql/compile/compile-hunt.ts";

/** A text that contains this one. */
const expectText = (text: string): string => expect.stringContaining(text) as string;

/** A text that matches. */
const expectPattern = (pattern: RegExp): string => expect.stringMatching(pattern) as string;

beforeAll(() => void parseQuery("print 1"), 120_000);

/** What each back-end answers: JSON lines, or why it does not. */
const answers: Record<HuntingPort["api"], HuntingReply | readonly string[]> = {
  graph: [],
  defender: [],
  legacy: [],
};
const sentQueries: { api: string; query: string }[] = [];

function createBackEnd(
  api: HuntingPort["api"],
  answer: HuntingReply | readonly string[],
): HuntingPort {
  return {
    api,
    caps: { rows: 100_000, bytes: 1_000_000 },
    runQuery: async (query, _, sink) => {
      sentQueries.push({ api, query });
      if ("kind" in answer) return answer;
      await sink.writeRows(Buffer.from(answer.map((line) => `${line}\n`).join("")), answer.length);
      return { kind: "answer", columns: [], rows: answer.length, bytes: 10, durationMs: 1_500 };
    },
  };
}

let folder = "";
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "huntline-hunts-"));
  mkdirSync(join(folder, "catalog"));
});
afterEach(() => rmSync(folder, { recursive: true }));

const writeFile = (path: string, text: string): void => writeFileSync(join(folder, path), text);

/** Runs one command line over the temporary catalogue. */
async function runCommand(...args: string[]): Promise<{ code: number; out: string; err: string }> {
  let out = "";
  let err = "";
  const output = createOutput(
    { write: (text) => (out += text) },
    { write: (text) => (err += text) },
  );
  const code = await runHunts(args, {
    catalog: join(folder, "catalog"),
    api: "graph",
    nowMs: () => Date.UTC(2026, 0, 5, 12),
    createHuntingPort: async (api = "graph") => createBackEnd(api, answers[api]),
    output,
  });
  return { code, out, err };
}

describe("npm run hunts", () => {
  test("lists sound hunts and says what to do next", async () => {
    writeFile(
      "catalog/find-things.yaml",
      "query: DeviceEvents | where FileName == 'a'\nschedule: 0 5 * * * *",
    );
    writeFile("catalog/count-things.yaml", "query: DeviceEvents | count\nenabled: false");
    const { code, out, err } = await runCommand();
    expect([code, err]).toEqual([0, ""]);
    expect(out).toMatch(/count-things \(disabled\)\s+snapshot .* it counts \(line 1\)/);
    expect(out).toMatch(
      /find-things\s+window\s+0 5 \* \* \* \*\s+P1D\s+DeviceEvents\s+every operator works row by row: Filter/,
    );
    expect(out).toContain("2 hunts are sound, 1 of them enabled. Next: npm run build");
  });

  test("names file, line and column of what is wrong, and fails", async () => {
    writeFile("catalog/find-things.yaml", "query: |\n  DeviceEvents\n  | where Nmae == 1\n");
    const { code, err } = await runCommand();
    expect(code).toBe(1);
    expect(err).toMatch(/catalog\/find-things\.yaml:3:11 .*'Nmae'/);
    expect(err).toContain("run npm run hunts again");
  });

  test("warns of external data without failing", async () => {
    writeFile(
      "catalog/find-things.yaml",
      'query: let b = externaldata(h:string) ["https://a.example"]; DeviceEvents | where SHA1 in (b)',
    );
    expect(await runCommand()).toMatchObject({
      code: 0,
      err: expectPattern(/warning: .*find-things\.yaml:1:16 externaldata/),
    });
  });

  test("says how to begin with an empty catalogue", async () => {
    expect(await runCommand()).toMatchObject({
      code: 0,
      out: expectText("npm run hunts -- import"),
    });
  });

  test("explains itself when it is not understood", async () => {
    expect(await runCommand("improt", "x")).toMatchObject({
      code: 2,
      err: expectText('"improt x" is not understood'),
    });
    expect(await runCommand("--help")).toMatchObject({
      code: 0,
      out: expectText("npm run hunts -- explain"),
    });
  });
});

describe("import", () => {
  const files = {
    "Rare Things.md":
      "# Rare things\n\nFinds them.\n\n```\nDeviceEvents\r\n| where FileName == 'a'\n```\n",
    "count.kql": "// Counts.\nDeviceEvents | count",
    "sentinel.txt": "SigninLogs | where TimeGenerated > ago(1d)",
    "ask.txt": 'DeviceEvents | where FileName == "<FileName>"',
    "broken.csl": "DeviceEvents | where Nmae == 1",
    "two.txt": "DeviceEvents | where FileName == 'a'\n\nDeviceEvents | count",
    "rule.yaml":
      "id: 1\nname: A rule\nkind: Scheduled # kept\nquery: |\n  DeviceEvents | where FileName == 'a'\n",
    "prose.md": "# Nothing here",
    "picture.png": "\u0000",
  };
  beforeEach(() => {
    mkdirSync(join(folder, "in"));
    for (const [name, text] of Object.entries(files)) writeFile(`in/${name}`, text);
  });

  test("writes what runs here, and says of everything else why not", async () => {
    const { code, out } = await runCommand("import", join(folder, "in"));
    expect(code).toBe(0);
    expect(readdirSync(join(folder, "catalog"))).toEqual([
      "count.yaml",
      "rare-things.yaml",
      "rule.yaml",
      "two-1.yaml",
      "two-2.yaml",
    ]);
    for (const line of [
      /^window +rare-things +Rare Things\.md +every operator works row by row$/m,
      /^snapshot +count +count\.kql +it counts \(line 2\)$/m,
      /^otherTables +- +sentinel\.txt +advanced hunting has no SigninLogs/m,
      /^placeholder +- +ask\.txt +"<FileName>" must be replaced by a value$/m,
      /^notAccepted +- +broken\.csl +line 1:22: .*'Nmae'/m,
      /^snapshot +two-2 +two\.txt:3 +it counts/m,
      /^no-query +- +prose\.md/m,
      /^ +3 +window +runs here, each row exported once$/m,
      /^5 hunts are in .*catalog\. Next: write enabled: true/m,
    ])
      expect(out).toMatch(line);
  });

  test("makes hunts that pass the check, disabled unless told otherwise", async () => {
    await runCommand("import", join(folder, "in", "Rare Things.md"));
    const text = readFileSync(join(folder, "catalog", "rare-things.yaml"), "utf8");
    expect(text).toContain("query: |\n  DeviceEvents\n  | where FileName == 'a'\nenabled: false\n");
    expect(text).toContain("name: Rare things\ndescription: Finds them.\n");
    expect(await runCommand()).toMatchObject({
      code: 0,
      out: expectText("rare-things (disabled)"),
    });
    await runCommand("import", join(folder, "in"), "--enable", "--into", join(folder, "other"));
    expect(readFileSync(join(folder, "other", "rare-things.yaml"), "utf8")).toContain(
      "enabled: true",
    );
  });

  test("keeps a community file as it is, but for enabled", async () => {
    await runCommand("import", join(folder, "in", "rule.yaml"));
    expect(readFileSync(join(folder, "catalog", "rule.yaml"), "utf8")).toBe(
      `${files["rule.yaml"]}enabled: false\n`,
    );
  });

  test("writes nothing twice, and a hunt whose name is taken under another", async () => {
    await runCommand("import", join(folder, "in", "count.kql"));
    expect((await runCommand("import", join(folder, "in", "count.kql"))).out).toContain(
      "it is there already",
    );
    writeFile("in/count.kql", "DeviceInfo | count");
    await runCommand("import", join(folder, "in", "count.kql"));
    expect(readdirSync(join(folder, "catalog"))).toEqual(["count-2.yaml", "count.yaml"]);
  });

  test("fails when there is nothing to read", async () => {
    expect(await runCommand("import", join(folder, "nowhere"))).toMatchObject({
      code: 1,
      err: expectText("holds no .kql"),
    });
  });
});

describe("explain", () => {
  test("shows what is understood and the exact queries", async () => {
    writeFile(
      "catalog/find-things.yaml",
      "query: DeviceEvents | where Timestamp > ago(1d) | project Timestamp, FileName",
    );
    const { code, out } = await runCommand("explain", "find-things");
    expect(code).toBe(0);
    for (const part of [
      "mode       window: every operator works row by row",
      "widest     86399999 ms",
      "shards     whole row",
      "let DeviceEvents = DeviceEvents | where Timestamp >= datetime(2026-01-05T06:00:00.0000000Z) and Timestamp < datetime(2026-01-05T07:00:00.0000000Z);",
      "| where Timestamp > (datetime(2026-01-05T07:00:00.0000000Z) - 1d)",
      "| summarize Rows = count() by Bin = bin(Timestamp, 600000000tick)",
    ])
      expect(out).toContain(part);
  });

  test("takes any file, and says every reason against windows", async () => {
    writeFile("a-query.kql", "DeviceEvents\n| take 5\n| summarize count()");
    const { code, out } = await runCommand("explain", join(folder, "a-query.kql"));
    expect(code).toBe(0);
    expect(out).toContain("against windows: it takes some rows (take) (line 2)");
    expect(out).toContain("against windows: it summarizes (line 3)");
    expect(out).toContain("cannot be sharded");
  });

  test("names the place of an error in the file", async () => {
    writeFile("a-query.md", "# Title\n\n```\nDeviceEvents\n| where Nmae == 1\n```\n");
    expect(await runCommand("explain", join(folder, "a-query.md"))).toMatchObject({
      code: 1,
      err: expectPattern(/a-query\.md:5:9 .*'Nmae'/),
    });
  });

  test("says so when there is no such hunt", async () => {
    expect(await runCommand("explain", "no-such-hunt")).toMatchObject({
      code: 1,
      err: expectText("There is no hunt no-such-hunt"),
    });
  });
});

describe("plan", () => {
  test("adds up the enabled hunts and fails when one does not fit", async () => {
    writeFile("catalog/find-things.yaml", "query: DeviceEvents\nschedule: 0 5 * * * *");
    writeFile("catalog/spare.yaml", "query: DeviceEvents | count\nenabled: false");
    expect(await runCommand("plan")).toMatchObject({
      code: 0,
      out: expectPattern(/find-things +2\.0 .*fits[\s\S]*of 1350 calls/),
    });
    writeFile("catalog/too-much.yaml", "query: DeviceEvents | count\nschedule: 0 * * * * *");
    expect(await runCommand("plan")).toMatchObject({
      code: 1,
      out: expectPattern(/too-much +60\.0 .*does not fit/),
    });
  });

  test("refuses an API it does not know", async () => {
    expect(await runCommand("plan", "--api", "soap")).toMatchObject({
      code: 1,
      err: expectText("expected one of graph"),
    });
  });

  test("counts a recount for a window and the look-back for a snapshot", async () => {
    const compileYaml = (text: string) => compileHunt("a.yaml", "a-hunt", text).hunt;
    const [window, snapshot] = [
      compileYaml("query: DeviceEvents"),
      compileYaml("query: DeviceEvents | count\nlookBack: 10d"),
    ];
    expect(window && estimateCost(window)).toMatchObject({ calls: 2 });
    expect(snapshot && estimateCost(snapshot)).toMatchObject({
      calls: 1 / 24,
      runTimeSeconds: 11 / 24,
    });
  });

  test("lets the cheap ones run", async () => {
    const costs = [
      { name: "dear", calls: 1, runTimeSeconds: 90 },
      { name: "cheap", calls: 1, runTimeSeconds: 20 },
    ];
    expect([...findFittingHunts(costs, 10, 100)]).toEqual(["cheap"]);
  });
});

describe("try", () => {
  beforeEach(() =>
    writeFile("catalog/find-things.yaml", "query: DeviceEvents | project Timestamp, FileName"),
  );

  test("asks once over the last hours and shows the first rows", async () => {
    answers.graph = [
      '{"Timestamp":"2026-01-05T11:59:00Z","FileName":"a\\u001b.exe"}',
      '{"Timestamp":"2026-01-05T11:59:01Z","FileName":"b.exe"}',
    ];
    const { code, out } = await runCommand("try", "find-things", "--last", "2h");
    expect(code).toBe(0);
    expect(out).toMatch(/Timestamp +FileName\n2026-01-05T11:59:00Z +a \.exe\n/);
    expect(out).toContain("graph: 2 rows, 10 bytes, 1.5 s");
    expect(sentQueries.at(-1)?.query).toContain(
      "Timestamp >= datetime(2026-01-05T10:00:00.0000000Z)",
    );
  });

  test("says why there are no rows", async () => {
    answers.graph = {
      kind: "refused",
      cause: "permission",
      message: "ThreatHunting.Read.All is missing",
    };
    expect(await runCommand("try", "find-things")).toMatchObject({
      code: 1,
      err: expectText("graph: refused (permission): ThreatHunting.Read.All is missing"),
    });
  });

  test.each([
    ["a hunt that is not there", ["try", "no-such-hunt"], "There is no hunt no-such-hunt"],
    ["no duration", ["try", "find-things", "--last", "soon"], "--last soon is no duration"],
  ])("refuses %s", async (_, args, error) => {
    expect(await runCommand(...args)).toMatchObject({ code: 1, err: expectText(error) });
  });

  test("notes that the query itself looks less far back", async () => {
    answers.graph = [];
    writeFile("catalog/find-things.yaml", "query: DeviceEvents | where Timestamp >= ago(1h)");
    expect((await runCommand("try", "find-things", "--last", "2h")).err).toContain(
      "its last 3600000 ms alone",
    );
  });
});

describe("compare", () => {
  beforeEach(() => writeFile("catalog/find-things.yaml", "query: DeviceEvents | project FileName"));

  test("asks both back-ends the same and finds them equal, in any order", async () => {
    answers.graph = ['{"FileName":"a"}', '{"FileName":"b"}'];
    answers.defender = ['{"FileName":"b"}', '{"FileName":"a"}'];
    expect(await runCommand("compare", "find-things")).toMatchObject({
      code: 0,
      out: expectText("Both give the same rows."),
    });
    const [one, other] = sentQueries.slice(-2);
    expect([one?.api, other?.api, one?.query]).toEqual(["graph", "defender", other?.query]);
  });

  test("prints what only one of them gave, counting equal rows", async () => {
    answers.graph = ['{"FileName":"a"}', '{"FileName":"a"}'];
    answers.defender = ['{"FileName":"a"}', '{"FileName":"c"}'];
    const { code, out } = await runCommand("compare", "find-things");
    expect(code).toBe(1);
    expect(out).toContain('only from graph: 1\n  {"FileName":"a"}');
    expect(out).toContain('only from defender: 1\n  {"FileName":"c"}');
  });
});

describe("output", () => {
  test("draws a bar on a terminal and wipes it away, and writes plain lines elsewhere", async () => {
    let terminal = "";
    const terminalOutput = createOutput(
      { write: () => 0 },
      { write: (text) => (terminal += text), isTTY: true, columns: 60 },
    );
    terminalOutput.progress(1, 4, "a.md");
    terminalOutput.progress(4, 4, "");
    expect(terminal).toContain("[######------------------] 1/4 a.md");
    expect(terminal.endsWith("\r\u001B[K")).toBe(true);
    let plain = "";
    const onFile = createOutput({ write: () => 0 }, { write: (text) => (plain += text) });
    for (let done = 0; done <= 100; done += 1) onFile.progress(done, 100, "x");
    expect(plain.split("\n").slice(0, 2)).toEqual(["10 of 100", "20 of 100"]);
  });

  test("pads the columns of a table", async () => {
    expect(formatTable(["a", "b"], [["longer", "x"]])).toEqual(["a       b", "longer  x"]);
  });
});
