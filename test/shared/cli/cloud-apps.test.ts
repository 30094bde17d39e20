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

/** Runs the command as a person's shell would, its output in pipes. */
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

test("alerts of a severity and an age are listed as NDJSON, the youngest first", async () => {
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
  [["alerts", "list", "--filter", "severity=hgh"], 'severity is "hgh", want low, medium, high'],
  [["alerts", "list", "--severity", "high"], "--severity is no option"],
])(
  "%j is answered with what is wanted, and nothing is asked of the service",
  async (args, message) => {
    simulator.log.clear();
    const { code, out, err } = await runCommand(...args);
    expect([code, out]).toEqual([1, []]);
    expect(err).toContain(message);
    expect(simulator.listRequests({ api: "cloud-apps" })).toEqual([]);
  },
  60_000,
);
