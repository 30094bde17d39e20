import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { RunningHost } from "../functions-host/run-host.ts";
import { alertIdOf } from "../support/alert-service-model.ts";
import { readJson, startStack, postJson, waitUntil, type Stack } from "../support/stack.ts";
import { validVerdict } from "../support/alert-harness.ts";

interface Status {
  readonly status: string;
  readonly result: {
    readonly alerts: readonly { readonly alertId: string; readonly outcome: string }[];
  };
}

let stack: Stack;
let host: RunningHost;
const functions = [
  "close_alerts",
  "get_verdict",
  "undo_verdict",
  "get_job",
  "cancel_job",
  "process_alert_verdicts",
  "list_dead_letters",
  "replay_dead_letters",
];

beforeAll(async () => {
  stack = await startStack({}, { MAX_ALERTS_PER_SOURCE_PER_DAY: "20" });
  host = await stack.startHost({ functions });
});
afterAll(() => stack.stop());

const submitVerdict = (change: object): Promise<Response> =>
  postJson(`${host.url}/api/alerts/verdicts`, { ...validVerdict, ...change });
const waitUntilDone = (id: string): Promise<Status> =>
  waitUntil(
    async () => readJson<Status>(await fetch(`${host.url}/api/alerts/verdicts/${id}`)),
    ({ status }) => status !== "running",
  );

describe("a verdict that cannot be taken", () => {
  test.each([
    ["/version", { version: 2 }],
    ["/id", { id: "../x" }],
    ["/alertIds", { alertIds: [] }],
    ["/alertIds/1", { alertIds: [alertIdOf(1), "ma603e4f1b2c3d4e5f60718293"] }],
    ["/action", { action: "delete" }],
    ["/reason", { reason: "bored" }],
    ["/reason", { action: "resolve" }],
    ["/requestedAt", { requestedAt: "yesterday" }],
    ["/filters", { filters: {} }],
  ])("is 400 and names %s", async (path, change) => {
    const reply = await submitVerdict(change);
    expect(reply.status).toBe(400);
    const { errors } = await readJson<{ errors: { path: string }[] }>(reply);
    expect(errors.map((error) => error.path)).toContain(path);
    expect(stack.simulator.listRequests({ api: "cloud-apps" })).toEqual([]);
  });
});

test("a dry run says what would happen and closes nothing", async () => {
  const [openAlertId = ""] = stack.simulator.cloudApps.alerts.add(1);
  const reply = await submitVerdict({ id: "dry", alertIds: [openAlertId], dryRun: true });
  expect([reply.status, await readJson<object>(reply)]).toEqual([
    200,
    {
      id: "dry",
      dryRun: true,
      alerts: [{ alertId: openAlertId, plannedAction: "close", currentState: "open" }],
    },
  ]);
  expect(stack.simulator.cloudApps.alerts.readHistory(openAlertId).transitions).toEqual([]);
});

test("a verdict is 202 with its status, and undoing it reopens the alert", async () => {
  const [alertId = ""] = stack.simulator.cloudApps.alerts.add(1);
  const submitted = await submitVerdict({ id: "undone", alertIds: [alertId] });
  expect(submitted.status).toBe(202);
  expect(submitted.headers.get("location")).toMatch(/\/api\/jobs\/[0-9a-f]{32}\?key=/);
  expect((await waitUntilDone("undone")).result.alerts).toMatchObject([
    { alertId, outcome: "closed" },
  ]);
  const undoReply = await postJson(`${host.url}/api/alerts/verdicts/undone/undo`, {
    requestedBy: "lead@contoso.com",
  });
  expect(await readJson<object>(undoReply)).toMatchObject({
    alerts: [{ alertId, outcome: "reopened" }],
  });
  expect(stack.simulator.cloudApps.alerts.find(alertId)?.resolutionStatusValue).toBe(0);
});

test("the URL of a verdict's status needs no other key and cannot cancel the verdict", async () => {
  const [alertId = ""] = stack.simulator.cloudApps.alerts.add(1);
  const submitted = await submitVerdict({ id: "signed", alertIds: [alertId] });
  const location = submitted.headers.get("location") ?? "";
  await waitUntilDone("signed");
  const reply = await fetch(location);
  expect(reply.status).toBe(200);
  expect(await readJson<object>(reply)).toMatchObject({
    id: "signed",
    status: "succeeded",
    result: { alerts: [{ alertId, outcome: "closed" }] },
  });
  expect((await fetch(location, { method: "DELETE" })).status).toBe(409);
  expect((await fetch(location.replace(/key=.{4}/, "key=0000"))).status).toBe(401);
});

test("alerts over the day's number are 429 with the time until the next day", async () => {
  const reply = await submitVerdict({
    id: "too-many",
    alertIds: Array.from({ length: 20 }, (_, index) => alertIdOf(index)),
  });
  expect(reply.status).toBe(429);
  expect(Number(reply.headers.get("retry-after"))).toBeGreaterThan(0);
});

test("a message with an unknown key is a dead letter; one unknown to the replay is said to be so", async () => {
  await host.fire("process_alert_verdicts", JSON.stringify({ ...validVerdict, verdcit: "x" }));
  const fetchDeadLetters = async (): Promise<{
    value: { id: string; reason: string; detail: string }[];
  }> => readJson(await fetch(`${host.url}/api/dead-letters?queue=alert-verdicts`));
  const { value: deadLetters } = await waitUntil(fetchDeadLetters, (page) => page.value.length > 0);
  expect(deadLetters).toMatchObject([
    { reason: "schema", detail: expect.stringContaining("/verdcit") as string },
  ]);
  const requests = [deadLetters[0]?.id ?? "", "0".repeat(32)].map((id) => ({
    queue: "alert-verdicts",
    id,
  }));
  const replayed = await postJson(`${host.url}/api/dead-letters/replay`, { deadLetters: requests });
  expect(await readJson<object>(replayed)).toMatchObject({
    value: [{ outcome: "replayed" }, { outcome: "unknown" }],
  });
  const refused = await postJson(`${host.url}/api/dead-letters/replay`, {
    deadLetters: [{ queue: "x", id: "1" }],
  });
  expect(refused.status).toBe(400);
});
