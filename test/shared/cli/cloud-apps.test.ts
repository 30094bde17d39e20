import { spawn } from "node:child_process";
import { resolve } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { claimFreshAccount } from "../../support/storage-account.ts";
import { startSimulator, type Simulator } from "../../simulator/simulator.ts";

let simulator: Simulator;
let storage: string;

beforeAll(async () => {
  simulator = await startSimulator({
    alerts: 120,
    evaluate: () => ({ kind: "table", columns: [], rows: [] }),
  });
  storage = claimFreshAccount();
});
afterAll(() => simulator.stop());

interface CommandResult {
  readonly code: number | null;
  readonly out: readonly string[];
  readonly err: string;
}

/** Runs the command as a shell does, with its output in pipes. */
function runCommand(...args: string[]): Promise<CommandResult> {
  const { PATH = "", HOME = "", TMPDIR } = process.env;
  const env = {
    PATH,
    HOME,
    ...(TMPDIR ? { TMPDIR } : {}),
    ...simulator.settings,
    DataStorage: storage,
  };
  const child = spawn(
    "node",
    [resolve(import.meta.dirname, "../../../shared/cli/cloud-apps.ts"), ...args],
    {
      env,
    },
  );
  let [out, err] = ["", ""];
  child.stdout.on("data", (piece: Buffer) => (out += piece.toString()));
  child.stderr.on("data", (piece: Buffer) => (err += piece.toString()));
  return new Promise((done, failed) => {
    child.once("error", failed);
    child.once("close", (code) =>
      done({ code, out: out.split("\n").filter((line) => line !== ""), err }),
    );
  });
}

test("lists alerts of a severity and an age as JSON lines, newest first", async () => {
  const sinceMs = simulator.clock.now() - 2 * 86_400_000;
  const { code, out, err } = await runCommand(
    "alerts",
    "list",
    "--filter",
    "severity=high",
    "--since",
    "2d",
  );
  expect([code, err]).toEqual([0, ""]);
  const expected = simulator.cloudApps.alerts
    .list()
    .filter(({ severityValue, timestamp }) => severityValue === 2 && timestamp >= sinceMs + 60_000);
  const listed = out.map((line) => (JSON.parse(line) as { _id: string })._id);
  expect(expected.length).toBeGreaterThan(20);
  expect(listed.slice(0, expected.length)).toEqual(expected.map(({ _id }) => _id));
  expect(
    simulator.cloudApps.alerts.list().filter(({ severityValue }) => severityValue === 2).length,
  ).toBeGreaterThan(listed.length);
  expect(simulator.listRequests({ route: "alerts.list" }).map(({ body }) => body)).toMatchObject([
    { filters: { severity: { eq: [2] }, date: { gte: expect.any(Number) as number } } },
  ]);
}, 60_000);

test.each([
  [
    ["alerts", "list", "--filter", "severity=hgh"],
    'severity must be low, medium, high, informational, a number; it is "hgh".',
  ],
  [["alerts", "list", "--severity", "high"], "Unknown option --severity."],
  [["alerts", "list", "--topp", "5"], 'Unknown option --topp. Did you mean "--top"?'],
  [["alerts", "lst"], 'Unknown command "alerts lst". Did you mean "alerts list"?'],
  [["alerts", "list", "--sort", "severty"], "--sort must be one of date, severity."],
  [["files", "list", "--format", "xml"], "--format must be one of table, json, csv."],
  [["alerts", "list", "--top", "none"], "--top must be a whole number of at least 1."],
  [["alerts", "show"], "The command requires the alert's id."],
])(
  "refuses %j with exit code 2 and calls no service",
  async (args, message) => {
    simulator.log.clear();
    const { code, out, err } = await runCommand(...args);
    expect([code, out]).toEqual([2, []]);
    expect(err).toContain(message);
    expect(err).not.toMatch(/^ +at /m);
    expect(simulator.listRequests({ api: "cloud-apps" })).toEqual([]);
  },
  60_000,
);

interface ListedRange {
  readonly _id: string;
  readonly name: string;
  readonly category: number;
  readonly subnets: readonly { readonly originalString: string }[];
  readonly organization?: string;
  readonly tags: readonly { readonly name: string }[];
}

const findRange = async (id: string): Promise<ListedRange | undefined> => {
  const { out } = await runCommand("ip-ranges", "list");
  return out.map((line) => JSON.parse(line) as ListedRange).find((range) => range._id === id);
};

test("keeps everything of an IP range that an update does not name", async () => {
  const created = await runCommand(
    "ip-ranges",
    "create",
    "Branch",
    "vpn",
    "192.0.2.0/25",
    "198.51.100.0/24",
    "--tag",
    "branch",
    "--tag",
    "vpn",
    "--organization",
    "Contoso",
  );
  const id = /IP range (\S+)/.exec(created.out[0] ?? "")?.[1] ?? "";
  const updated = await runCommand(
    "ip-ranges",
    "update",
    id,
    "--add",
    "203.0.113.0/24",
    "--remove",
    "192.0.2.0/25",
  );
  expect(updated.out).toEqual([
    `Updated IP range ${id}:`,
    "  subnets: 192.0.2.0/25 198.51.100.0/24 -> 198.51.100.0/24 203.0.113.0/24",
  ]);
  const range = await findRange(id);
  expect(range).toMatchObject({ name: "Branch", category: 4, organization: "Contoso" });
  expect(range?.tags.map(({ name }) => name)).toEqual(["branch", "vpn"]);
  expect((await runCommand("ip-ranges", "update", id, "--name", "Branch")).out).toEqual([
    `IP range ${id} is unchanged.`,
  ]);
}, 60_000);

test("prints the reason that the service gives for a refusal", async () => {
  const { code, err } = await runCommand("ip-ranges", "create", "x", "corporate", "10.0.0.0/99");
  expect(code).toBe(1);
  expect(err).toContain("10.0.0.0/99 is not valid");
}, 60_000);

test("prints CSV with a head, in the requested order and page", async () => {
  const { out } = await runCommand(
    "alerts",
    "list",
    "--format",
    "csv",
    "--sort",
    "severity:asc",
    "--top",
    "3",
    "--skip",
    "2",
  );
  expect(out[0]).toBe("time,severity,status,resolution,story,intent,id,title");
  expect(out).toHaveLength(4);
  expect(simulator.listRequests({ route: "alerts.list" }).at(-1)?.body).toMatchObject({
    sortField: "severity",
    sortDirection: "asc",
    skip: 2,
  });
}, 60_000);

test("sends a raw filter as it is", async () => {
  await runCommand("alerts", "list", "--raw-filter", '{"severity":{"eq":[1]}}');
  expect(simulator.listRequests({ route: "alerts.list" }).at(-1)?.body).toMatchObject({
    filters: { severity: { eq: [1] } },
  });
}, 60_000);

test("lists the fields of a resource with its words", async () => {
  const { out } = await runCommand("alerts", "--help");
  expect(out.join("\n")).toMatch(/severity +eq, neq\n +words: low, medium, high, informational/);
}, 60_000);
