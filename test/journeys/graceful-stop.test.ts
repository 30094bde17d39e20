/**
 * P17, F48: an instance that is asked to stop while it works leaves nothing half done that another
 * cannot end.
 */
import { afterAll, beforeAll, expect, test } from "vitest";
import { readJson, startStack, postJson, waitUntil, type Stack } from "../support/stack.ts";
import { validVerdict } from "../support/alert-harness.ts";

let stack: Stack;
beforeAll(async () => {
  stack = await startStack({ alerts: 24 });
});
afterAll(() => stack.stop());

const functionNames = ["close_alerts", "get_verdict", "process_alert_verdicts"];
const listCloseCalls = () =>
  stack.simulator
    .listRequests({ api: "cloud-apps" })
    .filter(({ route }) => route.includes("close"));

test("SIGTERM with eight verdicts in flight: it ends by itself, and the next instance ends the work, once", async () => {
  const first = await stack.startHost({ functions: functionNames, invisibilitySeconds: 10 });
  const slow = stack.simulator.faults.add({
    kind: "delay",
    api: "cloud-apps",
    ms: 1_000,
    count: null,
  });
  const ids = stack.simulator.cloudApps.alerts.list().map(({ _id }) => _id);
  const verdicts = Array.from({ length: 8 }, (_, index) => `stop-${index}`);
  for (const [index, id] of verdicts.entries()) {
    const alertIds = ids.slice(index * 3, index * 3 + 3);
    await postJson(`${first.url}/api/alerts/verdicts`, {
      ...validVerdict,
      id,
      alertIds,
      comment: `Group ${index}`,
    });
  }
  await waitUntil(
    async () => listCloseCalls().length,
    (count) => count > 0,
  );
  expect((await first.stop()).code).toBe(0);
  const atEnd = listCloseCalls().length;
  expect(atEnd).toBeLessThan(verdicts.length);
  stack.simulator.faults.remove(slow);

  const second = await stack.startHost({ functions: functionNames, invisibilitySeconds: 10 });
  for (const id of verdicts)
    await waitUntil(
      async () =>
        readJson<{ status: string }>(await fetch(`${second.url}/api/alerts/verdicts/${id}`)),
      ({ status }) => status === "succeeded",
      90_000,
    );
  expect(stack.simulator.cloudApps.alerts.countTotals()).toEqual({ transitions: 24, flips: 0 });
}, 120_000);
