/** P17, F48: an instance that is asked to stop while it works leaves nothing half done that another cannot end. */
import { afterAll, beforeAll, expect, test } from "vitest";
import { bodyOf, live, postJson, until, type Living } from "../support/stack.ts";
import { soundVerdict } from "../support/alert-harness.ts";

let here: Living;
beforeAll(async () => {
  here = await live({ alerts: 24 });
});
afterAll(() => here.end());

const functions = ["alert_verdicts", "alert_verdict", "close_alerts"];
const closings = () =>
  here.tenant.requests({ api: "cloud-apps" }).filter(({ route }) => route.includes("close"));

test("SIGTERM with eight verdicts in flight: it ends by itself, and the next instance ends the work, once", async () => {
  const first = await here.host({ functions, invisibilitySeconds: 10 });
  const slow = here.tenant.faults.add({ kind: "delay", api: "cloud-apps", ms: 1_000, count: null });
  const ids = here.tenant.cloudApps.alerts.all().map(({ _id }) => _id);
  const verdicts = Array.from({ length: 8 }, (_, index) => `stop-${index}`);
  for (const [index, id] of verdicts.entries()) {
    const alertIds = ids.slice(index * 3, index * 3 + 3);
    await postJson(`${first.url}/api/alerts/verdicts`, {
      ...soundVerdict,
      id,
      alertIds,
      comment: `Group ${index}`,
    });
  }
  await until(
    async () => closings().length,
    (count) => count > 0,
  );
  expect((await first.stop()).code).toBe(0);
  const atEnd = closings().length;
  expect(atEnd).toBeLessThan(verdicts.length);
  here.tenant.faults.remove(slow);

  const second = await here.host({ functions, invisibilitySeconds: 10 });
  for (const id of verdicts)
    await until(
      async () => bodyOf<{ done: boolean }>(await fetch(`${second.url}/api/alerts/verdicts/${id}`)),
      ({ done }) => done,
      90_000,
    );
  expect(here.tenant.cloudApps.alerts.totals()).toEqual({ transitions: 24, flips: 0 });
}, 120_000);
