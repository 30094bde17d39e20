import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { BlobServiceClient } from "@azure/storage-blob";
import { QueueServiceClient } from "@azure/storage-queue";
import { claimFreshAccount } from "../support/storage-account.ts";
import { waitFor, fixtureRoot, createFixtureSettings } from "./fixture.ts";
import { startHost, type Host } from "./host.ts";
import type { LogLine } from "./log.ts";
import { fillPath, messagesOf } from "./outputs.ts";
import { decodeMessage, encodeMessage } from "./queue-message.ts";
import { listenToQueue, computePauseMs } from "./queues.ts";

const storage = claimFreshAccount();
const service = QueueServiceClient.fromConnectionString(storage);
const inputQueue = service.getQueueClient("input");
const poisonQueue = service.getQueueClient("input-poison");
const reportQueue = service.getQueueClient("reports");
const lines: LogLine[] = [];
let host: Host;

beforeAll(async () => {
  host = await startHost({
    root: fixtureRoot,
    env: createFixtureSettings(storage),
    log: (line) => lines.push(line),
    invisibilityMs: 1_000,
  });
  // Both queues are created after the host has begun to poll them: a missing queue is not an error.
  await new Promise((resolve) => setTimeout(resolve, 150));
  await Promise.all(
    [inputQueue, reportQueue, service.getQueueClient("splits")].map((queue) =>
      queue.createIfNotExists(),
    ),
  );
});
afterAll(() => host.stop());
beforeEach(() => {
  lines.length = 0;
});

const readNextReport = (): Promise<string> =>
  waitFor("a message in reports", async () => {
    const [message] = (await reportQueue.receiveMessages({ visibilityTimeout: 60 }))
      .receivedMessageItems;
    if (message) await reportQueue.deleteMessage(message.messageId, message.popReceipt);
    return message?.messageText;
  });
const countAttempts = (): number =>
  lines.filter(({ message }) => message.startsWith("Executing 'Functions.listen'")).length;
const countWaiting = async (): Promise<number> =>
  (await inputQueue.getProperties()).approximateMessagesCount ?? -1;
const waitUntilEmpty = (): Promise<true> =>
  waitFor("an empty queue", async () => ((await countWaiting()) === 0 ? true : undefined));

describe("a message", () => {
  test("passes a message parsed with its binding data and deletes it after success", async () => {
    await inputQueue.sendMessage('{"a":1,"Id":"7"}');
    expect(JSON.parse(await readNextReport())).toMatchObject({
      message: { a: 1, Id: "7" },
      metadata: { dequeueCount: 1, id: 7, a: 1 },
    });
    await waitUntilEmpty();
    expect(lines.filter(({ level }) => level === "error")).toEqual([]);
  });

  test("tries a failing message maxDequeueCount times, then moves it unchanged to the poison queue", async () => {
    await inputQueue.sendMessage('{"fail":true}');
    const poisonMessage = await waitFor("the poison message", async () => {
      try {
        return (await poisonQueue.receiveMessages({ visibilityTimeout: 60 }))
          .receivedMessageItems[0];
      } catch {
        return undefined;
      }
    });
    expect(poisonMessage.messageText).toBe('{"fail":true}');
    expect(countAttempts()).toBe(3);
    await waitUntilEmpty();
    const warning = lines.find(({ level }) => level === "warning");
    expect(warning?.message).toBe(
      "Message has reached MaxDequeueCount of 3. Moving message to queue 'input-poison'.",
    );
    await poisonQueue.deleteMessage(poisonMessage.messageId, poisonMessage.popReceipt);
  });

  test("writes no output of a failed message", async () => {
    expect((await reportQueue.peekMessages()).peekedMessageItems).toEqual([]);
  });

  test("keeps a message invisible while it is processed, beyond its first visibility timeout", async () => {
    await inputQueue.sendMessage('{"wait":1800}');
    await waitFor("the call", () => (countAttempts() > 0 ? true : undefined));
    // Its first time is 1 s: by now it would be seen again.
    await new Promise((resolve) => setTimeout(resolve, 1_400));
    expect((await inputQueue.peekMessages()).peekedMessageItems).toEqual([]);
    expect(JSON.parse(await readNextReport())).toMatchObject({ message: { wait: 1_800 } });
    await waitUntilEmpty();
    expect(countAttempts()).toBe(1);
  });
});

describe("outputs", () => {
  test.each([
    ["array", ["one", '{\n  "two": 2\n}']],
    ["text", ["three", "four"]],
  ])("outputs given as %s become the messages %j", async (message, expected) => {
    await service.getQueueClient("splits").sendMessage(message);
    expect([await readNextReport(), await readNextReport()].sort()).toEqual([...expected].sort());
  });

  test("writes a blob output under the filled path", async () => {
    await service.getQueueClient("splits").sendMessage("blob");
    const container = BlobServiceClient.fromConnectionString(storage).getContainerClient("output");
    const name = await waitFor("the blob", async () => {
      if (!(await container.exists())) return undefined;
      for await (const blob of container.listBlobsFlat()) return blob.name;
      return undefined;
    });
    expect(name).toMatch(/^blob-[0-9a-f-]{36}\.txt$/);
    expect((await container.getBlobClient(name).downloadToBuffer()).toString()).toBe("the text");
  });

  test.each([
    [{ json: "null" }, []],
    [{ string: "" }, [""]],
    [{ int: 7 }, ["7"]],
    [{ json: '[1,[2],"x",null]' }, ["1", "[\n  2\n]", "x"]],
    [{ string: "[not json" }, ["[not json"]],
  ])("the output %j becomes the messages %j", (value, expected) => {
    expect(messagesOf(value)).toEqual(expected);
  });

  test("refuses an output path with an unknown placeholder", () => {
    expect(() => fillPath("box/{nobody}", {})).toThrow("{nobody}");
  });
});

// A separate set-up: the queue's state is set before a listener runs.
describe("a listener", () => {
  const startListener = (
    queueName: string,
    encoding: "base64" | "none",
    maxDequeueCount: number,
    results: boolean[],
  ) => {
    const ran: string[] = [];
    const atOnce = { now: 0, max: 0 };
    const [func] = host.app.functions;
    if (!func) throw new Error("the fixture has no functions");
    const listener = listenToQueue({
      service,
      func,
      trigger: {
        kind: "queue",
        declared: queueName,
        queueName,
        connection: { kind: "string", text: storage },
      },
      config: {
        ...host.app.config.queues,
        maxDequeueCount: maxDequeueCount,
        messageEncoding: encoding,
        batchSize: 2,
        newBatchThreshold: 1,
      },
      log: (line) => lines.push(line),
      calls: {
        countRunning: () => 0,
        run: async (_, { input }) => {
          ran.push(input.string ?? "");
          atOnce.max = Math.max(atOnce.max, (atOnce.now += 1));
          await new Promise((resolve) => setTimeout(resolve, input.string === "long" ? 500 : 20));
          atOnce.now -= 1;
          if (results.shift() === false) throw new Error("as asked");
          return {};
        },
      },
    });
    return { ran, atOnce, stop: listener.stop };
  };
  const createQueue = async (name: string, ...messages: string[]): Promise<void> => {
    await service.getQueueClient(name).createIfNotExists();
    for (const message of messages) await service.getQueueClient(name).sendMessage(message);
  };
  const readPoisonText = (name: string): Promise<string> =>
    waitFor("a poison message", async () => {
      const items = await service
        .getQueueClient(`${name}-poison`)
        .peekMessages()
        .catch(() => undefined);
      return items?.peekedMessageItems[0]?.messageText;
    });

  test("decodes Base64 and moves other text to the poison queue at once", async () => {
    await createQueue("encoded", Buffer.from("grüße").toString("base64"), "plain text");
    const { ran, stop } = startListener("encoded", "base64", 5, []);
    expect(await readPoisonText("encoded")).toBe("plain text");
    await waitFor("the decoded one", () => (ran.length > 0 ? true : undefined));
    await stop();
    expect(ran).toEqual(["grüße"]);
  });

  test("moves a message with too many earlier deliveries to the poison queue without a call", async () => {
    await createQueue("worn", "old");
    const queue = service.getQueueClient("worn");
    for (let time = 0; time < 2; time += 1) {
      const [item] = (await queue.receiveMessages({ visibilityTimeout: 60 })).receivedMessageItems;
      if (item) await queue.updateMessage(item.messageId, item.popReceipt, undefined, 0);
    }
    const { ran, stop } = startListener("worn", "none", 2, []);
    expect(await readPoisonText("worn")).toBe("old");
    await stop();
    expect(ran).toEqual([]);
  });

  test("the listener of a poison queue moves no message", async () => {
    await createQueue("bad-poison", "bad");
    const { ran, stop } = startListener("bad-poison", "none", 1, [false]);
    await waitFor("the call", () => (ran.length > 0 ? true : undefined));
    await stop();
    expect(await service.getQueueClient("bad-poison-poison").exists()).toBe(false);
    expect(
      (await service.getQueueClient("bad-poison").getProperties()).approximateMessagesCount,
    ).toBe(1);
  });

  test("processes at most batchSize + newBatchThreshold messages at once, and finishes them on stop", async () => {
    await createQueue("busy", "long", "2", "3", "4", "5", "6");
    const { ran, atOnce, stop } = startListener("busy", "none", 5, []);
    await waitFor("all six", () => (ran.length === 6 ? true : undefined));
    await stop();
    expect(atOnce).toEqual({ now: 0, max: 3 });
    expect((await service.getQueueClient("busy").getProperties()).approximateMessagesCount).toBe(0);
  });
});

describe("text on a queue", () => {
  test.each([
    ["aGk=", "base64", "hi"],
    [" aGk=\n", "base64", "hi"],
    ["hi", "none", "hi"],
    ["hi", "base64", undefined],
    ["aGk", "base64", undefined],
    ["", "base64", ""],
  ] as const)("%j under %s reads %j", (text, encoding, expected) => {
    expect(decodeMessage(text, encoding)).toBe(expected);
  });

  test("text on a queue is read back as written", () => {
    expect(decodeMessage(encodeMessage("grüße", "base64"), "base64")).toBe("grüße");
  });
});

test.each([
  [1, 0.5, 100],
  [2, 0.5, 200],
  [5, 0, 1_280],
  [5, 1, 1_920],
  [30, 0.5, 5_000],
])("after %i empty polls the pause is %s of its range up to %i ms", (idle, random, expected) => {
  expect(computePauseMs(idle, 5_000, () => random)).toBeCloseTo(expected);
});
