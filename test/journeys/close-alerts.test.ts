/** An analyst's tool asks for alerts to be closed, and sees what became of each. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { RunningHost } from "../functions-host/run.ts";
import { bodyOf, live, postJson, until, type Living } from "../support/stack.ts";
import { soundVerdict } from "../support/alert-harness.ts";

interface Status {
  readonly done: boolean;
  readonly alerts: readonly { readonly alertId: string; readonly outcome: string }[];
}

let here: Living;
let host: RunningHost;

beforeAll(async () => {
  here = await live();
  host = await here.host();
});
afterAll(() => here.end());

const status = async (id: string): Promise<Status> =>
  bodyOf<Status>(await fetch(`${host.url}/api/alerts/verdicts/${id}`));
const done = (id: string): Promise<Status> =>
  until(
    () => status(id),
    (answer) => answer.done,
  );

describe("a verdict over HTTP", () => {
  test("closes the alerts it names and no others, with the reason and comment of the request", async () => {
    const [first = "", second = ""] = here.tenant.cloudApps.alerts.all().map(({ _id }) => _id);
    const asked = await postJson(`${host.url}/api/alerts/verdicts`, {
      ...soundVerdict,
      alertIds: [first, `ca${second}`],
    });
    expect(asked.status).toBe(202);
    expect(asked.headers.get("location")).toBe(
      `${host.url}/api/alerts/verdicts/${soundVerdict.id}`,
    );
    expect((await done(soundVerdict.id)).alerts.map(({ outcome }) => outcome)).toEqual([
      "closed",
      "closed",
    ]);
    const closed = here.tenant.cloudApps.alerts
      .all()
      .filter(({ resolutionStatusValue }) => resolutionStatusValue === 3);
    expect(closed.map(({ _id, comment }) => [_id, comment])).toEqual([
      [first, "Known scanner"],
      [second, "Known scanner"],
    ]);
  });

  test("is refused with the name of what is wrong", async () => {
    const reply = await postJson(`${host.url}/api/alerts/verdicts`, {
      ...soundVerdict,
      verdcit: "x",
    });
    expect(reply.status).toBe(400);
    expect(reply.headers.get("content-type")).toBe("application/problem+json");
    expect(await bodyOf<object>(reply)).toMatchObject({
      status: 400,
      errors: [{ path: "/verdcit" }],
    });
  });
});

describe("a message on the queue", () => {
  test("that is no object becomes a dead letter at once and is not tried again", async () => {
    await host.fire("close_alerts", '["603e4f1b2c3d4e5f60718293"]');
    const { deadLetters } = await until(
      async () =>
        bodyOf<{ deadLetters: { queue: string; reason: string }[] }>(
          await fetch(`${host.url}/api/dead-letters`),
        ),
      ({ deadLetters: found }) => found.length > 0,
    );
    expect(deadLetters).toMatchObject([{ queue: "alert-verdicts", reason: "no-object", times: 1 }]);
  });
});

describe("a token that was rotated", () => {
  test("is taken up without a restart, after one refused call at most", async () => {
    const before = here.tenant.requests().length;
    here.tenant.cloudApps.rotateToken();
    const [open = ""] = here.tenant.cloudApps.alerts
      .all()
      .filter(({ resolutionStatusValue }) => !resolutionStatusValue)
      .map(({ _id }) => _id);
    await postJson(`${host.url}/api/alerts/verdicts`, {
      ...soundVerdict,
      id: "rotated",
      alertIds: [open],
    });
    expect((await done("rotated")).alerts).toMatchObject([{ outcome: "closed" }]);
    const refused = here.tenant
      .requests()
      .slice(before)
      .filter(({ api, status: answered }) => api === "cloud-apps" && answered === 401);
    expect(refused.length).toBeLessThanOrEqual(1);
  });
});
