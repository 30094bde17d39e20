/** A message that the app cannot work on, five times over: it is seen, put right, and put back. */
import { QueueClient } from "@azure/storage-queue";
import { afterAll, beforeAll, expect, test } from "vitest";
import { readJson, startStack, postJson, waitUntil, type Stack } from "../support/stack.ts";
import { validVerdict } from "../support/alert-harness.ts";

interface DeadLetterList {
  readonly value: readonly {
    readonly id: string;
    readonly queue: string;
    readonly reason: string;
    readonly replayedAt?: string;
  }[];
}

let stack: Stack;

beforeAll(async () => {
  stack = await startStack();
});
afterAll(() => stack.stop());

const listDeadLetters = async (url: string): Promise<DeadLetterList> =>
  readJson<DeadLetterList>(await fetch(`${url}/api/dead-letters`));

test("a poisoned message becomes one dead letter, and its replay closes the alert once", async () => {
  const queue = new QueueClient(stack.storage, "alert-verdicts");
  await queue.createIfNotExists();
  const [alertId = ""] = stack.simulator.cloudApps.alerts.list().map(({ _id }) => _id);
  await queue.sendMessage(JSON.stringify({ ...validVerdict, alertIds: [alertId] }));

  const immediateRetry = {
    AzureFunctionsJobHost__extensions__queues__visibilityTimeout: "00:00:00",
  };
  const brokenHost = await stack.startHost({
    settings: { ...immediateRetry, KEY_VAULT_URL: "@Microsoft.KeyVault(SecretUri=x)" },
  });
  const { value: deadLetters } = await waitUntil(
    () => listDeadLetters(brokenHost.url),
    (list) => list.value.length > 0,
    60_000,
  );
  expect(deadLetters).toMatchObject([{ queue: "alert-verdicts", reason: "retriesExhausted" }]);
  const refused = await postJson(`${brokenHost.url}/api/alerts/verdicts`, {
    ...validVerdict,
    id: "another",
  });
  expect(await readJson<object>(refused)).toMatchObject({
    status: 503,
    detail: expect.stringContaining("KEY_VAULT_URL") as string,
  });
  await brokenHost.stop();

  const fixedHost = await stack.startHost();
  const replays = [{ queue: "alert-verdicts", id: deadLetters[0]?.id }];
  for (const _ of ["once", "twice"])
    expect(
      (await postJson(`${fixedHost.url}/api/dead-letters/replay`, { deadLetters: replays })).status,
    ).toBe(200);
  await waitUntil(
    async () => stack.simulator.cloudApps.alerts.find(alertId)?.resolutionStatusValue,
    (status) => status === 3,
  );
  expect(stack.simulator.cloudApps.alerts.readHistory(alertId).transitions).toHaveLength(1);
  expect((await listDeadLetters(fixedHost.url)).value[0]?.replayedAt).toBeTypeOf("string");

  // F39: a message that a person wrote into the queue.
  await queue.sendMessage("close all alerts, Bearer abcdefghijklmnopqrstuvwxyz");
  const invalidLetter = await waitUntil(
    async () =>
      (await listDeadLetters(fixedHost.url)).value.find(({ reason }) => reason === "encoding"),
    (list) => list !== undefined,
  );
  expect(invalidLetter).toMatchObject({ queue: "alert-verdicts" });
  expect(JSON.stringify(invalidLetter)).toContain("close all alerts");
  expect(JSON.stringify(invalidLetter)).not.toContain("abcdefghij");
}, 120_000);
