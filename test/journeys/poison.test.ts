/** A message that the app cannot work on, five times over: it is seen, put right, and put back. */
import { QueueClient } from "@azure/storage-queue";
import { afterAll, beforeAll, expect, test } from "vitest";
import { bodyOf, live, postJson, until, type Living } from "../support/stack.ts";
import { soundVerdict } from "../support/alert-harness.ts";

interface Letters {
  readonly deadLetters: readonly {
    readonly id: string;
    readonly queue: string;
    readonly reason: string;
    readonly replayedAt?: string;
  }[];
}

let here: Living;

beforeAll(async () => {
  here = await live();
});
afterAll(() => here.end());

const letters = async (url: string): Promise<Letters> =>
  bodyOf<Letters>(await fetch(`${url}/api/dead-letters`));

test("a poisoned message becomes one dead letter, and its replay closes the alert once", async () => {
  const queue = new QueueClient(here.storage, "alert-verdicts");
  await queue.createIfNotExists();
  const [alertId = ""] = here.tenant.cloudApps.alerts.all().map(({ _id }) => _id);
  await queue.sendMessage(JSON.stringify({ ...soundVerdict, alertIds: [alertId] }));

  const impatient = { AzureFunctionsJobHost__extensions__queues__visibilityTimeout: "00:00:00" };
  const broken = await here.host({
    settings: { ...impatient, KEY_VAULT_URL: "@Microsoft.KeyVault(SecretUri=x)" },
  });
  const { deadLetters } = await until(
    () => letters(broken.url),
    (found) => found.deadLetters.length > 0,
    60_000,
  );
  expect(deadLetters).toMatchObject([{ queue: "alert-verdicts", reason: "gave-up" }]);
  const refused = await postJson(`${broken.url}/api/alerts/verdicts`, {
    ...soundVerdict,
    id: "another",
  });
  expect(await bodyOf<object>(refused)).toMatchObject({
    status: 503,
    detail: expect.stringContaining("KEY_VAULT_URL") as string,
  });
  await broken.stop();

  const mended = await here.host();
  const again = [{ queue: "alert-verdicts", id: deadLetters[0]?.id }];
  for (const _ of ["once", "twice"])
    expect(
      (await postJson(`${mended.url}/api/dead-letters/replay`, { deadLetters: again })).status,
    ).toBe(200);
  await until(
    async () => here.tenant.cloudApps.alerts.find(alertId)?.resolutionStatusValue,
    (status) => status === 3,
  );
  expect(here.tenant.cloudApps.alerts.history(alertId).transitions).toHaveLength(1);
  expect((await letters(mended.url)).deadLetters[0]?.replayedAt).toBeTypeOf("string");

  // F39: what somebody wrote into the queue by hand.
  await queue.sendMessage("close all alerts, Bearer abcdefghijklmnopqrstuvwxyz");
  const byHand = await until(
    async () => (await letters(mended.url)).deadLetters.find(({ reason }) => reason === "encoding"),
    (found) => found !== undefined,
  );
  expect(byHand).toMatchObject({ queue: "alert-verdicts" });
  expect(JSON.stringify(byHand)).toContain("close all alerts");
  expect(JSON.stringify(byHand)).not.toContain("abcdefghij");
}, 120_000);
