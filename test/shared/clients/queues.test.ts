import { beforeAll, describe, expect, test } from "vitest";
import { createMessageQueues } from "../../../shared/clients/queues.ts";
import { createStorageClients, type StorageClients } from "../../../shared/clients/storage.ts";
import type { MessageQueues, QueueName } from "../../../shared/storage/record-store.ts";
import { claimFreshAccount } from "../../support/storage-account.ts";

describe("createMessageQueues", () => {
  let storage: StorageClients;
  let queues: MessageQueues;
  beforeAll(async () => {
    storage = await createStorageClients({ kind: "connection-string", value: claimFreshAccount() });
    queues = createMessageQueues(storage.queues);
  });
  const receiveMessages = async (queue: QueueName) =>
    (await storage.queues.getQueueClient(queue).receiveMessages({ numberOfMessages: 32 }))
      .receivedMessageItems;

  test("creates a missing queue, also for many first senders, and puts plain JSON text", async () => {
    expect(await queues.depth("hunt-runs")).toBe(0);
    await Promise.all([1, 2, 3].map((n) => queues.send("hunt-runs", { n })));
    expect(await queues.depth("hunt-runs")).toBe(3);
    expect((await receiveMessages("hunt-runs")).map((item) => item.messageText).sort()).toEqual([
      '{"n":1}',
      '{"n":2}',
      '{"n":3}',
    ]);
  });

  test("keeps every character, also those that XML cannot carry", async () => {
    const message = { text: "<&\"'> \u0000\u0001\uFFFE\uFFFF\uD800 ä😀\r\n" };
    await queues.send("alert-verdicts", message);
    const [item] = await receiveMessages("alert-verdicts");
    expect(JSON.parse(item?.messageText ?? "")).toEqual(message);
  });

  test("messages never expire, except results after seven days", async () => {
    await queues.send("file-lookups", {});
    await queues.send("hunt-results", {});
    const [lookup] = await receiveMessages("file-lookups");
    const [result] = await receiveMessages("hunt-results");
    expect(lookup?.expiresOn.getUTCFullYear()).toBe(9999);
    expect(Math.round(((result?.expiresOn.getTime() ?? 0) - Date.now()) / 86_400_000)).toBe(7);
  });

  test("keeps a delayed message invisible", async () => {
    await queues.send("hunt-runs", { late: true }, { delaySeconds: 600 });
    expect(await receiveMessages("hunt-runs")).toEqual([]);
    expect(await queues.depth("hunt-runs")).toBe(4);
  });

  test("accepts 64 KiB and refuses one byte more with both numbers", async () => {
    const createMessage = (bytes: number) => ({ x: "a".repeat(bytes - 8) });
    await queues.send("file-lookups", createMessage(65_536));
    await expect(queues.send("file-lookups", createMessage(65_537))).rejects.toThrow(
      "the message for file-lookups has 65537 bytes; it must be at most 65536",
    );
  });

  test.each([-1, 0.5, 604_801, Number.NaN])(
    "refuses a delay of %d seconds",
    async (delaySeconds) => {
      await expect(queues.send("hunt-runs", {}, { delaySeconds })).rejects.toThrow(
        "delaySeconds for hunt-runs",
      );
    },
  );
});
