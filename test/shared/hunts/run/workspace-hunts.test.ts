import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { handleRunMessage } from "../../../../shared/hunts/run/handle-run-message.ts";
import { compileHunt } from "../../../../shared/kql/compile/compile-hunt.ts";
import { readDeclaredTables } from "../../../../shared/kql/compile/declared-tables.ts";
import {
  dayMs,
  formatInstant,
  hourMs,
  parseInstant,
  ticksFromMs,
} from "../../../../shared/runtime/time.ts";
import { fetchToken } from "../../../simulator/caller.ts";
import { evaluateDataset } from "../../../simulator/hunting/evaluate-dataset.ts";
import { startSimulator, type Simulator } from "../../../simulator/simulator.ts";
import {
  createRunMessage,
  huntHarness,
  listExportedLines,
  noonMs,
} from "../../../support/hunt-harness.ts";
import { createGraphPort, createResponse } from "../../../support/hunting-service.ts";
import type { Transport } from "../../../../shared/http-pipeline/transport.ts";

const harness = huntHarness();
const catalog = join(import.meta.dirname, "../../../../shared/hunts/catalog");
const query =
  "SigninLogs | where ResultType != 0 | project TimeGenerated, UserPrincipalName, IPAddress";

let simulator: Simulator;
let token = "";

const sendToSimulator: Transport = async (url, request) => {
  const { pathname } = new URL(url);
  const reply = await fetch(`${simulator.urls.graph}${pathname}`, {
    method: "POST",
    headers: { "content-type": "application/json", authorization: `Bearer ${token}` },
    body: request.body ?? "",
  });
  return createResponse(reply.status, await reply.text());
};

beforeAll(async () => {
  simulator = await startSimulator({
    clock: harness.clock,
    tokenClock: { now: () => Date.now(), sleep: async () => undefined },
    dataset: {
      workspace: true,
      eventsPerHour: { SigninLogs: 600 },
      startMs: noonMs - 2 * dayMs,
      late: { share: 0.2, delayMs: 2 * hourMs },
    },
    behaviors: { hunting: { quota: { perMinute: null, perHour: null } } },
  });
  token = await fetchToken(simulator, "graph");
}, 120_000);
afterAll(() => simulator.stop());

test("a hunt over a table of Sentinel exports each row once, late rows included", async () => {
  const { schema } = readDeclaredTables(catalog);
  const yaml = JSON.stringify({ query, queryFrequency: "1h", lookBack: "2h", settle: "4h" });
  const { hunt, problems } = compileHunt("failed-sign-ins.yaml", "test-hunt", yaml, schema);
  if (!hunt) throw new Error(JSON.stringify(problems));
  expect(hunt).toMatchObject({ mode: "window", timeColumn: "TimeGenerated" });
  const deps = {
    ...harness.deps,
    hunting: createGraphPort({ clock: harness.clock, transport: sendToSimulator }),
  };
  for (let hour = 0; hour < 10; hour += 1) {
    expect(await handleRunMessage(deps, hunt, createRunMessage(harness))).toBe("done");
    await harness.clock.advance(hourMs);
  }
  const exported = listExportedLines(harness).map((line) => JSON.parse(line) as object);
  const span = { from: noonMs - 2.25 * hourMs, to: noonMs + 8.75 * hourMs };
  const [from, to] = [ticksFromMs(span.from), ticksFromMs(span.to)];
  const expected = evaluateDataset(query, simulator.dataset, {
    now: to,
    timespan: { from, to },
    visibleAt: ticksFromMs(noonMs + 9 * hourMs),
  });
  if ("refusedBy" in expected) throw new Error(expected.message);
  const rows = [...expected.rows].map(([at, user, address]) =>
    JSON.stringify([formatInstant(at as bigint), user, address]),
  );
  const actual = exported.map((row) => {
    const { TimeGenerated, UserPrincipalName, IPAddress } = row as Record<string, string>;
    const at = parseInstant(TimeGenerated ?? "") ?? 0n;
    return JSON.stringify([formatInstant(at), UserPrincipalName, IPAddress]);
  });
  expect(actual.toSorted()).toEqual(rows.toSorted());
  expect(rows.length).toBeGreaterThan(200);
  const lateRows = harness.exports
    .listAll()
    .filter(({ path }) => path.includes("/hl_log=late/"))
    .flatMap(({ lines }) => lines);
  expect(lateRows.length).toBeGreaterThan(30);
}, 60_000);

test("a tenant without the workspace refuses its tables", () => {
  const { dataset } = simulator;
  const tables = new Map([...dataset.tables].filter(([name]) => name !== "SigninLogs"));
  expect(
    evaluateDataset(query, { ...dataset, tables }, { now: ticksFromMs(noonMs) }),
  ).toMatchObject({ refusedBy: "service" });
});
