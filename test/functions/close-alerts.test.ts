import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { RunningHost } from "../functions-host/run.ts";
import { alertIdOf } from "../support/alert-service-model.ts";
import { bodyOf, live, postJson, until, type Living } from "../support/stack.ts";
import { soundVerdict } from "../support/alert-harness.ts";

interface Status {
  readonly done: boolean;
  readonly alerts: readonly { readonly alertId: string; readonly outcome: string }[];
}

let here: Living;
let host: RunningHost;
const functions = [
  "alert_verdicts",
  "alert_verdict",
  "undo_alert_verdict",
  "close_alerts",
  "dead_letters",
  "replay_dead_letters",
];

beforeAll(async () => {
  here = await live({}, { VERDICTS_PER_DAY: "20" });
  host = await here.host({ functions });
});
afterAll(() => here.end());

const ask = (change: object): Promise<Response> =>
  postJson(`${host.url}/api/alerts/verdicts`, { ...soundVerdict, ...change });
const done = (id: string): Promise<Status> =>
  until(
    async () => bodyOf<Status>(await fetch(`${host.url}/api/alerts/verdicts/${id}`)),
    (status) => status.done,
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
    const reply = await ask(change);
    expect(reply.status).toBe(400);
    const { errors } = await bodyOf<{ errors: { path: string }[] }>(reply);
    expect(errors.map((error) => error.path)).toContain(path);
    expect(here.tenant.requests({ api: "cloud-apps" })).toEqual([]);
  });
});

test("a dry run says what would happen and closes nothing", async () => {
  const [open = ""] = here.tenant.cloudApps.alerts.add(1);
  const reply = await ask({ id: "dry", alertIds: [open], dryRun: true });
  expect([reply.status, await bodyOf<object>(reply)]).toEqual([
    200,
    { id: "dry", dryRun: true, alerts: [{ alertId: open, would: "close", now: "open" }] },
  ]);
  expect(here.tenant.cloudApps.alerts.history(open).transitions).toEqual([]);
});

test("a verdict is 202 with its status, and undoing it reopens the alert", async () => {
  const [alertId = ""] = here.tenant.cloudApps.alerts.add(1);
  const asked = await ask({ id: "undone", alertIds: [alertId] });
  expect(asked.status).toBe(202);
  expect(asked.headers.get("location")).toBe(`${host.url}/api/alerts/verdicts/undone`);
  expect((await done("undone")).alerts).toMatchObject([{ alertId, outcome: "closed" }]);
  const undone = await postJson(`${host.url}/api/alerts/verdicts/undone/undo`, {});
  expect(await bodyOf<object>(undone)).toMatchObject({
    alerts: [{ alertId, outcome: "reopened" }],
  });
  expect(here.tenant.cloudApps.alerts.find(alertId)?.resolutionStatusValue).toBe(0);
});

test("alerts over the day's number are 429 with the time until the next day", async () => {
  const reply = await ask({
    id: "too-many",
    alertIds: Array.from({ length: 20 }, (_, index) => alertIdOf(index)),
  });
  expect(reply.status).toBe(429);
  expect(Number(reply.headers.get("retry-after"))).toBeGreaterThan(0);
});

test("a message with an unknown key is a dead letter; one unknown to the replay is said to be so", async () => {
  await host.fire("close_alerts", JSON.stringify({ ...soundVerdict, verdcit: "x" }));
  const list = async (): Promise<{
    deadLetters: { id: string; reason: string; detail: string }[];
  }> => bodyOf(await fetch(`${host.url}/api/dead-letters?queue=alert-verdicts`));
  const { deadLetters } = await until(list, (found) => found.deadLetters.length > 0);
  expect(deadLetters).toMatchObject([
    { reason: "schema", detail: expect.stringContaining("/verdcit") as string },
  ]);
  const wanted = [deadLetters[0]?.id ?? "", "0".repeat(32)].map((id) => ({
    queue: "alert-verdicts",
    id,
  }));
  const replayed = await postJson(`${host.url}/api/dead-letters/replay`, { deadLetters: wanted });
  expect(await bodyOf<object>(replayed)).toMatchObject({
    deadLetters: [{ outcome: "replayed" }, { outcome: "unknown" }],
  });
  const refused = await postJson(`${host.url}/api/dead-letters/replay`, {
    deadLetters: [{ queue: "x", id: "1" }],
  });
  expect(refused.status).toBe(400);
});
