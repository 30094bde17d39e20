/** An analyst's tool closes alerts and reads the outcome of each. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { RunningHost } from "../functions-host/run-host.ts";
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

beforeAll(async () => {
  stack = await startStack();
  host = await stack.startHost();
});
afterAll(() => stack.stop());

const fetchStatus = async (id: string): Promise<Status> =>
  readJson<Status>(await fetch(`${host.url}/api/alerts/verdicts/${id}`));
const waitUntilDone = (id: string): Promise<Status> =>
  waitUntil(
    () => fetchStatus(id),
    ({ status }) => status !== "running",
  );

describe("a verdict over HTTP", () => {
  test("closes the alerts it names and no others, with the reason and comment of the request", async () => {
    const [first = "", second = ""] = stack.simulator.cloudApps.alerts.list().map(({ _id }) => _id);
    const reply = await postJson(`${host.url}/api/alerts/verdicts`, {
      ...validVerdict,
      alertIds: [first, `ca${second}`],
    });
    expect(reply.status).toBe(202);
    expect(reply.headers.get("location")).toContain(`${host.url}/api/jobs/`);
    expect(
      (await waitUntilDone(validVerdict.id)).result.alerts.map(({ outcome }) => outcome),
    ).toEqual(["closed", "closed"]);
    const closed = stack.simulator.cloudApps.alerts
      .list()
      .filter(({ resolutionStatusValue }) => resolutionStatusValue === 3);
    expect(closed.map(({ _id, comment }) => [_id, comment])).toEqual([
      [first, "Known scanner"],
      [second, "Known scanner"],
    ]);
  });

  test("is refused with the name of what is wrong", async () => {
    const reply = await postJson(`${host.url}/api/alerts/verdicts`, {
      ...validVerdict,
      verdcit: "x",
    });
    expect(reply.status).toBe(400);
    expect(reply.headers.get("content-type")).toBe("application/problem+json");
    expect(await readJson<object>(reply)).toMatchObject({
      status: 400,
      errors: [{ path: "/verdcit" }],
    });
  });
});

describe("a message on the queue", () => {
  test("that is no object becomes a dead letter at once and is not tried again", async () => {
    await host.fire("process_alert_verdicts", '["603e4f1b2c3d4e5f60718293"]');
    const { value: deadLetters } = await waitUntil(
      async () =>
        readJson<{ value: { queue: string; reason: string }[] }>(
          await fetch(`${host.url}/api/dead-letters`),
        ),
      ({ value: listed }) => listed.length > 0,
    );
    expect(deadLetters).toMatchObject([
      { queue: "alert-verdicts", reason: "notAnObject", occurrences: 1 },
    ]);
  });
});

describe("a token that was rotated", () => {
  test("is taken up without a restart, after one refused call at most", async () => {
    const before = stack.simulator.listRequests().length;
    stack.simulator.cloudApps.rotateToken();
    const [open = ""] = stack.simulator.cloudApps.alerts
      .list()
      .filter(({ resolutionStatusValue }) => !resolutionStatusValue)
      .map(({ _id }) => _id);
    await postJson(`${host.url}/api/alerts/verdicts`, {
      ...validVerdict,
      id: "rotated",
      alertIds: [open],
    });
    expect((await waitUntilDone("rotated")).result.alerts).toMatchObject([{ outcome: "closed" }]);
    const refused = stack.simulator
      .listRequests()
      .slice(before)
      .filter(({ api, status: code }) => api === "cloud-apps" && code === 401);
    expect(refused.length).toBeLessThanOrEqual(1);
  });
});
