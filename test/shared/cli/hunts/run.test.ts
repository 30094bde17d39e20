import { mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { UsageError } from "../../../../shared/cli/command-line.ts";
import { createOutput, formatTable } from "../../../../shared/cli/output.ts";
import { estimateCost, findFittingHunts } from "../../../../shared/cli/hunts/plan.ts";
import type { PlannedTenant } from "../../../../shared/cli/hunts/plan.ts";
import { runHunts } from "../../../../shared/cli/hunts/run.ts";
import type { HuntingPort, HuntingReply } from "../../../../shared/hunts/ports.ts";
import { parseQuery } from "../../../../shared/kql/language/parser.ts";
import { compileHunt } from "../../../../shared/kql/compile/compile-hunt.ts";

/** A text that contains this one. */
const expectText = (text: string): string => expect.stringContaining(text) as string;

/** A text that matches. */
const expectPattern = (pattern: RegExp): string => expect.stringMatching(pattern) as string;

beforeAll(() => void parseQuery("print 1"), 120_000);

/** The answer of each back-end: JSON lines, or the outcome without rows. */
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

let tenants: readonly PlannedTenant[] = [];
beforeEach(() => {
  tenants = [{ name: "default", api: "graph", runsHunt: () => true }];
});

/** Runs one command line over the temporary catalog. */
async function runCommand(...args: string[]): Promise<{ code: number; out: string; err: string }> {
  let out = "";
  let err = "";
  const output = createOutput(
    { write: (text) => (out += text) },
    { write: (text) => (err += text) },
  );
  const code = await runHunts(args, {
    catalog: join(folder, "catalog"),
    readTenants: () => tenants,
    nowMs: () => Date.UTC(2026, 0, 5, 12),
    createHuntingPort: async ({ api = "graph" }) => createBackEnd(api, answers[api]),
    output,
  }).catch((error: unknown) => {
    if (!(error instanceof UsageError)) throw error;
    err += error.message;
    return 2;
  });
  return { code, out, err };
}

describe("npm run hunts -- layer", () => {
  const writeHunt = (name: string, techniques: string, isEnabled = true): void =>
    writeFile(
      `catalog/${name}.yaml`,
      `query: DeviceEvents | project Timestamp\nrelevantTechniques: [${techniques}]\nenabled: ${isEnabled}`,
    );

  test("writes the techniques of the enabled hunts once each, with their hunts", async () => {
    writeHunt("one-hunt", "T1059.001, T1105");
    writeHunt("two-hunt", "T1059.001, T1059.001");
    writeHunt("off-hunt", "T1078", false);
    const file = join(folder, "layer.json");
    expect((await runCommand("layer", file)).out).toContain("with 2 techniques");
    expect(JSON.parse(readFileSync(file, "utf8"))).toMatchObject({
      domain: "enterprise-attack",
      techniques: [
        { techniqueID: "T1059.001", score: 2, comment: "one-hunt, two-hunt" },
        { techniqueID: "T1105", score: 1, comment: "one-hunt" },
      ],
      gradient: { maxValue: 2 },
    });
  });

  test("names revoked, deprecated and unknown techniques, and prints the layer", async () => {
    writeHunt("one-hunt", "T1086, T1064, T9999");
    const { code, out, err } = await runCommand("layer");
    expect(code).toBe(0);
    expect(JSON.parse(out)).toMatchObject({ name: "Huntline" });
    expect(err).toContain("one-hunt.yaml:2:");
    expect(err).toContain("ATT&CK revoked T1086; use T1059.001.");
    expect(err).toContain("ATT&CK deprecated T1064 without a replacement; remove it.");
    expect(err).toContain("T9999 must be the id of an ATT&CK technique");
  });
});

describe("npm run hunts", () => {
  test("warns of known rows that ended and of an overdue review, and is valid", async () => {
    writeFile(
      "catalog/find-things.yaml",
      [
        "query: DeviceEvents | project Timestamp",
        "reviewBy: 2026-01-01",
        "known: [{ where: 'true', until: 2026-01-02, why: Test }]",
      ].join("\n"),
    );
    const { code, err } = await runCommand();
    expect(code).toBe(0);
    expect(err).toContain("/known/0 ended on 2026-01-02 (Test): remove it or extend until.");
    expect(err).toContain("The review was due on 2026-01-01");
  });

  test("lists valid hunts and names the next step", async () => {
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
    expect(out).toContain("2 hunts are valid, 1 enabled. Next: npm start runs them here");
  });

  test("fails and names file, line and column of each problem", async () => {
    writeFile("catalog/find-things.yaml", "query: |\n  DeviceEvents\n  | where Nmae == 1\n");
    const { code, err } = await runCommand();
    expect(code).toBe(1);
    expect(err).toMatch(/catalog\/find-things\.yaml:3:11 .*'Nmae'/);
    expect(err).toContain("1 problem found. Fix and run npm run hunts again.");
  });

  test.each([
    [
      "a tab",
      "name: a\nquery: |\n\tDeviceEvents\n",
      /:3:1 the indentation must be blanks; this line has a tab$/m,
    ],
    [
      "a colon without quotes",
      "name: Rare: things\nquery: DeviceEvents\n",
      /:1:7 name must be in quotes, because it contains a colon$/m,
    ],
    [
      "an open quote",
      'description: x\nname: "open\nquery: DeviceEvents\nlag: 1h\n',
      /:2:7 the text must end with the quote " that begins here$/m,
    ],
    [
      "a misspelled table",
      "query: DeviceProcesEvents",
      /'DeviceProcesEvents' .*Did you mean "DeviceProcessEvents"\?$/m,
    ],
    [
      "a misspelled column",
      "query: DeviceEvents | where FileNam == 'a'",
      /'FileNam' .*Did you mean "FileName"\?$/m,
    ],
  ])("names the cause of %s once, at its place", async (_, text, message) => {
    writeFile("catalog/find-things.yaml", text);
    const { code, err } = await runCommand();
    expect(code).toBe(1);
    expect(err).toMatch(message);
    expect(err).toContain("1 problem found.");
  });

  test("names the encoding of a hunt file that is not UTF-8", async () => {
    writeFileSync(
      join(folder, "catalog/find-things.yaml"),
      Buffer.from("query: DeviceEvents | where AccountName == 'Müller'", "latin1"),
    );
    expect(await runCommand()).toMatchObject({
      code: 1,
      err: expectText("not UTF-8, perhaps Windows-1252"),
    });
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

  test("names the import command for an empty catalog", async () => {
    expect(await runCommand()).toMatchObject({
      code: 0,
      out: expectText("npm run hunts -- import"),
    });
  });

  test("suggests the nearest command and option", async () => {
    expect(await runCommand("improt", "x")).toMatchObject({
      code: 2,
      err: expectText('Unknown command "improt". Did you mean "import"?'),
    });
    expect(await runCommand("plan", "--catalgo", "x")).toMatchObject({
      code: 2,
      err: expectText('Unknown option --catalgo. Did you mean "--catalog"?'),
    });
  });

  test.each([[["--help"]], [["-h"]], [["help"]], [["try", "--help"]]])(
    "prints its commands for %j",
    async (args) => {
      expect(await runCommand(...args)).toMatchObject({
        code: 0,
        out: expectText("explain <hunt|file>"),
      });
    },
  );

  test.each([
    [["try"], "hunts try requires a hunt or a file."],
    [["import"], "hunts import requires a file or a folder."],
    [["plan", "now"], 'Unexpected "now" after plan.'],
    [["try", "find-things", "later"], 'Unexpected "later" after try.'],
    [["try", "find-things", "--last"], "Option --last requires a value."],
    [["import", "x", "--enable=no"], "Option --enable takes no value."],
  ])("refuses the command line %j", async (args, error) => {
    expect(await runCommand(...args)).toMatchObject({ code: 2, err: expectText(error) });
  });

  test("names a catalog folder that does not exist", async () => {
    expect(await runCommand("--catalog", join(folder, "nowhere"))).toMatchObject({
      code: 1,
      err: expectText("There is no folder"),
    });
  });
});

describe("import", () => {
  const files = {
    "Rare Things.md":
      "# Rare things\n\nFinds them.\n\n```\nDeviceEvents\r\n| where FileName == 'a'\n```\n",
    "count.kql": "// Counts.\nDeviceEvents | count",
    "sentinel.txt": "SigninLogs | where TimeGenerated > ago(1d)",
    "custom.txt": "Unheard_CL | where TimeGenerated > ago(1d)",
    "ask.txt": 'DeviceEvents | where FileName == "<FileName>"',
    "broken.csl": "DeviceEvents | where Nmae == 1",
    "two.txt": "DeviceEvents | where FileName == 'b'\n\nDeviceEvents | summarize count()",
    "twice.kql": "// Once more.\nDeviceEvents  | where FileName == 'a'",
    "rule.yaml":
      "id: 1\nname: A rule\nkind: Scheduled # kept\nquery: |\n  DeviceEvents | where FileName == 'c'\n",
    "prose.md": "# Nothing here",
    "picture.png": "\u0000",
  };
  beforeEach(() => {
    mkdirSync(join(folder, "in"));
    for (const [name, text] of Object.entries(files)) writeFile(`in/${name}`, text);
  });

  test("writes the hunts that can run and gives the reason for every other query", async () => {
    const { code, out } = await runCommand("import", join(folder, "in"));
    expect(code).toBe(0);
    expect(readdirSync(join(folder, "catalog"))).toEqual([
      "count.yaml",
      "rare-things.yaml",
      "rule.yaml",
      "sentinel.yaml",
      "two-1.yaml",
      "two-2.yaml",
    ]);
    for (const line of [
      /^window +rare-things +Rare Things\.md +every operator works row by row$/m,
      /^snapshot +count +count\.kql +it counts \(line 2\)$/m,
      /^window +sentinel +sentinel\.txt +every operator works row by row; needs Microsoft Sentinel/m,
      /^otherTables +- +custom\.txt +advanced hunting has no Unheard_CL/m,
      /^placeholder +- +ask\.txt +"<FileName>" must be replaced by a value$/m,
      /^notAccepted +- +broken\.csl +line 1:22: .*'Nmae'/m,
      /^snapshot +two-2 +two\.txt:3 +it summarizes/m,
      /^noQuery +- +prose\.md +the file has no query$/m,
      /^window +- +twice\.kql +same query as rare-things$/m,
      /^ +5 +window +runs here, each row exported once$/m,
      /^ +1 +of these +were written once$/m,
      /^6 hunts in .*catalog\. Next: set enabled: true in the hunts that should run, then npm run hunts\.$/m,
    ])
      expect(out).toMatch(line);
  });

  test("writes hunts that pass the check, disabled by default", async () => {
    await runCommand("import", join(folder, "in", "Rare Things.md"));
    const text = readFileSync(join(folder, "catalog", "rare-things.yaml"), "utf8");
    expect(text).toContain("query: |\n  DeviceEvents\n  | where FileName == 'a'\nenabled: false\n");
    expect(text).toContain("name: Rare things\ndescription: Finds them.\n");
    expect(await runCommand()).toMatchObject({
      code: 0,
      out: expectText("rare-things (disabled)"),
    });
    const { out } = await runCommand(
      "import",
      join(folder, "in"),
      "--enable",
      "--into",
      join(folder, "other"),
    );
    expect(out).toMatch(/Next: npm run hunts -- --catalog .*other\.$/m);
    expect(readFileSync(join(folder, "other", "rare-things.yaml"), "utf8")).toContain(
      "enabled: true",
    );
  });

  test("puts today's names into a query of older ones, and says so", async () => {
    writeFile(
      "in/old.kql",
      "AADSignInEventsBeta | where Timestamp > ago(1d) | project Timestamp, AadDeviceId",
    );
    writeFile("in/time.kql", "DeviceEvents | where TimeGenerated > ago(1d)");
    const { out } = await runCommand("import", join(folder, "in"));
    expect(out).toMatch(/AADSignInEventsBeta is now EntraIdSignInEvents; AadDeviceId is now/);
    const readHunt = (name: string): string =>
      readFileSync(join(folder, "catalog", `${name}.yaml`), "utf8");
    expect(readHunt("old")).toContain("EntraIdSignInEvents | where");
    expect(readHunt("old")).toContain("# Changed by the import: AADSignInEventsBeta is now");
    expect(readHunt("time")).toContain("DeviceEvents | where Timestamp > ago(1d)");
    expect(await runCommand()).toMatchObject({ code: 0 });
  });

  test("tidies lists and misspelled keys of a YAML file, so that the check accepts it", async () => {
    writeFile(
      "in/untidy.yaml",
      "Name: Untidy\nrelevantTechniques:\n  -\n  - T1003\nlookback: 2d\nQuery: DeviceEvents | count\n",
    );
    const { out } = await runCommand("import", join(folder, "in", "untidy.yaml"));
    expect(out).toMatch(/Name is now name; lookback is now lookBack; Query is now query/);
    expect(await runCommand()).toMatchObject({ code: 0, out: expectPattern(/untidy.* P2D /) });
  });

  test("refuses a file that the check would refuse", async () => {
    writeFile("in/odd.yaml", "query: DeviceEvents | count\nformat: xml\n");
    const { out } = await runCommand("import", join(folder, "in", "odd.yaml"));
    expect(out).toMatch(/^notAccepted +- +odd\.yaml +the check refuses it: \/format/m);
    expect(readdirSync(join(folder, "catalog"))).toEqual([]);
  });

  test("reads a list of 15,000 indicators without parsing it", async () => {
    const lines = Array.from({ length: 15_000 }, (_, index) => `10.${index >> 8}.${index & 255}.7`);
    writeFile("in/list.txt", lines.join("\n"));
    const { out } = await runCommand("import", join(folder, "in", "list.txt"));
    expect(out).toMatch(/^noQuery +- +list\.txt +the text has no table/m);
  });

  test("changes only the key enabled of a community file", async () => {
    await runCommand("import", join(folder, "in", "rule.yaml"));
    expect(readFileSync(join(folder, "catalog", "rule.yaml"), "utf8")).toBe(
      `${files["rule.yaml"]}enabled: false\n`,
    );
  });

  test("skips a hunt that exists, and renames one whose name is taken", async () => {
    await runCommand("import", join(folder, "in", "count.kql"));
    expect((await runCommand("import", join(folder, "in", "count.kql"))).out).toContain(
      "already imported",
    );
    writeFile("in/count.kql", "DeviceInfo | count");
    await runCommand("import", join(folder, "in", "count.kql"));
    expect(readdirSync(join(folder, "catalog"))).toEqual(["count-2.yaml", "count.yaml"]);
  });

  test("fails when there is nothing to import", async () => {
    expect(await runCommand("import", join(folder, "nowhere"))).toMatchObject({
      code: 2,
      err: expectText("There is no file or folder"),
    });
    expect(await runCommand("import", join(folder, "catalog"))).toMatchObject({
      code: 1,
      err: expectText("has no .kql"),
    });
  });
});

describe("a query file", () => {
  const query = "DeviceEvents | where AccountName == 'Müller'";

  test.each([
    ["UTF-8", Buffer.from(query)],
    ["UTF-8 with a byte order mark", Buffer.from(`\uFEFF${query}`)],
    ["UTF-16 with a byte order mark", Buffer.from(`\uFEFF${query}`, "utf16le")],
  ])("is read as %s", async (_, bytes) => {
    writeFileSync(join(folder, "a-query.kql"), bytes);
    await runCommand("import", join(folder, "a-query.kql"));
    expect(readFileSync(join(folder, "catalog", "a-query.yaml"), "utf8")).toContain(query);
    const { out } = await runCommand("explain", join(folder, "a-query.kql"));
    expect(out).toContain("'Müller'");
  });

  test.each([
    ["Windows-1252", Buffer.from(query, "latin1"), "not UTF-8, perhaps Windows-1252"],
    ["UTF-16 without a mark", Buffer.from(query, "utf16le"), "UTF-16 without a byte order mark"],
  ])("of %s is refused with its encoding", async (_, bytes, message) => {
    writeFileSync(join(folder, "a-query.kql"), bytes);
    const { out } = await runCommand("import", join(folder, "a-query.kql"));
    expect(out).toContain(message);
    expect(readdirSync(join(folder, "catalog"))).toEqual([]);
    await expect(runCommand("explain", join(folder, "a-query.kql"))).rejects.toThrow(message);
  });
});

describe("explain", () => {
  test("shows the analysis and the exact queries", async () => {
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

  test("reads any file and names each reason against windows", async () => {
    writeFile("a-query.kql", "DeviceEvents\n| take 5\n| summarize count()");
    const { code, out } = await runCommand("explain", join(folder, "a-query.kql"));
    expect(code).toBe(0);
    expect(out).toContain("against windows: it takes some rows (take) (line 2)");
    expect(out).toContain("against windows: it summarizes (line 3)");
    expect(out).toContain("shards     not possible");
  });

  test("names file, line and column of an error in Markdown", async () => {
    writeFile("a-query.md", "# Title\n\n```\nDeviceEvents\n| where Nmae == 1\n```\n");
    expect(await runCommand("explain", join(folder, "a-query.md"))).toMatchObject({
      code: 1,
      err: expectPattern(/a-query\.md:5:9 .*'Nmae'/),
    });
  });

  test("suggests the nearest hunt for an unknown name", async () => {
    writeFile("catalog/find-things.yaml", "query: DeviceEvents");
    expect(await runCommand("explain", "find-thing")).toMatchObject({
      code: 1,
      err: expectText('There is no hunt and no file named find-thing. Did you mean "find-things"?'),
    });
  });
});

describe("plan", () => {
  test("adds up the enabled hunts and fails when one does not fit the quota", async () => {
    writeFile("catalog/find-things.yaml", "query: DeviceEvents\nschedule: 0 5 * * * *");
    writeFile("catalog/spare.yaml", "query: DeviceEvents | count\nenabled: false");
    expect(await runCommand("plan")).toMatchObject({
      code: 0,
      out: expectPattern(/find-things +2\.0 .*yes[\s\S]*of 1350 calls/),
    });
    writeFile("catalog/too-much.yaml", "query: DeviceEvents | count\nschedule: 0 * * * * *");
    expect(await runCommand("plan")).toMatchObject({
      code: 1,
      out: expectPattern(/too-much +60\.0 .*no$/m),
    });
  });

  test("counts each tenant for itself, with its own API and hunts", async () => {
    writeFile("catalog/find-things.yaml", "query: DeviceEvents\nschedule: 0 5 * * * *");
    tenants = [
      ...tenants,
      { name: "contoso", api: "defender", runsHunt: ({ name }) => name !== "find-things" },
    ];
    expect(await runCommand("plan")).toMatchObject({
      code: 0,
      out: expectPattern(
        /tenant default[\s\S]*find-things +2\.0[\s\S]*on graph[\s\S]*tenant contoso[\s\S]*total: 0\.0 .*on defender/,
      ),
    });
  });

  test("refuses an unknown API and suggests the nearest", async () => {
    expect(await runCommand("plan", "--api", "grahp")).toMatchObject({
      code: 2,
      err: expectText(
        '--api must be one of graph, defender, legacy; it is "grahp". Did you mean "graph"?',
      ),
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

  test("prefers hunts with a short run time", async () => {
    const costs = [
      { name: "slow", calls: 1, runTimeSeconds: 90 },
      { name: "fast", calls: 1, runTimeSeconds: 20 },
    ];
    expect([...findFittingHunts(costs, 10, 100)]).toEqual(["fast"]);
  });
});

describe("try", () => {
  beforeEach(() =>
    writeFile("catalog/find-things.yaml", "query: DeviceEvents | project Timestamp, FileName"),
  );

  test("runs the query once over the last hours and shows the first rows", async () => {
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

  test("prints why there are no rows", async () => {
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
    ["an unknown hunt", ["try", "no-such-hunt"], 1, "There is no hunt and no file named"],
    ["an invalid --last", ["try", "find-things", "--last", "soon"], 2, "--last must be a duration"],
  ] as const)("refuses %s", async (_, args, code, error) => {
    expect(await runCommand(...args)).toMatchObject({ code, err: expectText(error) });
  });

  test("names storage that cannot be reached instead of the quota", async () => {
    answers.graph = { kind: "later", cause: "no permit: store", retryAfterMs: 5_000 };
    expect(await runCommand("try", "find-things")).toMatchObject({
      code: 1,
      err: expectText("the storage of DataStorage cannot be reached"),
    });
  });

  test("warns when the query itself reads less far back", async () => {
    answers.graph = [];
    writeFile("catalog/find-things.yaml", "query: DeviceEvents | where Timestamp >= ago(1h)");
    expect((await runCommand("try", "find-things", "--last", "2h")).err).toContain(
      "only rows of its last 3600000 ms",
    );
  });
});

describe("compare", () => {
  beforeEach(() => writeFile("catalog/find-things.yaml", "query: DeviceEvents | project FileName"));

  test("sends both back-ends the same query and compares rows in any order", async () => {
    answers.graph = ['{"FileName":"a"}', '{"FileName":"b"}'];
    answers.defender = ['{"FileName":"b"}', '{"FileName":"a"}'];
    expect(await runCommand("compare", "find-things")).toMatchObject({
      code: 0,
      out: expectText("Both give the same rows."),
    });
    const [one, other] = sentQueries.slice(-2);
    expect([one?.api, other?.api, one?.query]).toEqual(["graph", "defender", other?.query]);
  });

  test("prints the rows that only one back-end returned, counting equal rows", async () => {
    answers.graph = ['{"FileName":"a"}', '{"FileName":"a"}'];
    answers.defender = ['{"FileName":"a"}', '{"FileName":"c"}'];
    const { code, out } = await runCommand("compare", "find-things");
    expect(code).toBe(1);
    expect(out).toContain('only from graph: 1\n  {"FileName":"a"}');
    expect(out).toContain('only from defender: 1\n  {"FileName":"c"}');
  });
});

describe("output", () => {
  test("draws a bar on a terminal, clears it at the end, and writes no bar to a file", async () => {
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
    expect(plain).toBe("");
  });

  test("pads the columns of a table", async () => {
    expect(formatTable(["a", "b"], [["longer", "x"]])).toEqual(["a       b", "longer  x"]);
  });
});
