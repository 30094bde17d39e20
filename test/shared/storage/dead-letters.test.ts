import { describe, expect, test } from "vitest";
import {
  deadLetterPath,
  listDeadLetters,
  replayDeadLetters,
  writeDeadLetter,
} from "../../../shared/storage/dead-letters.ts";
import { readQueueMessage } from "../../../shared/storage/queue-message.ts";
import { createMemoryQueues } from "../../support/memory-queue.ts";
import { createMemoryRecords } from "../../support/memory-records.ts";
import { createVirtualClock } from "../../support/virtual-clock.ts";

describe("readQueueMessage", () => {
  test.each([
    ["an object that the worker parsed", { a: 1 }],
    ["JSON text", '{"a":1}'],
    ["base64 of JSON text", Buffer.from('{"a":1}').toString("base64")],
  ])("reads %s", (_, raw) => {
    expect(readQueueMessage(raw)).toEqual({ kind: "object", value: { a: 1 } });
  });

  test.each([
    ["a number, as the worker makes of an id of digits", Number.POSITIVE_INFINITY, "notAnObject"],
    ["a list", [1], "notAnObject"],
    ["null", null, "notAnObject"],
    ["text that is neither", "close all alerts", "encoding"],
    ["base64 of something else", Buffer.from("close all alerts").toString("base64"), "encoding"],
    ["a JSON string", '"603e"', "notAnObject"],
    ["text of 5,000 levels", `{"a":${"[".repeat(5_000)}${"]".repeat(5_000)}}`, "tooDeep"],
    [
      "an object of 5,000 levels",
      JSON.parse(`{"a":${"[".repeat(5_000)}${"]".repeat(5_000)}}`),
      "tooDeep",
    ],
  ])("takes %s for broken", (_, raw, reason) => {
    expect(readQueueMessage(raw)).toMatchObject({ kind: "broken", reason });
  });
});

function createStores() {
  const clock = createVirtualClock();
  return { clock, store: createMemoryRecords({ clock }), queues: createMemoryQueues(clock) };
}

describe("a dead letter", () => {
  test("is written for a message of 5,000 levels", async () => {
    const { store } = createStores();
    const raw = `{"a":${"[".repeat(5_000)}${"]".repeat(5_000)}}`;
    await writeDeadLetter(store, "alert-verdicts", raw, { reason: "retriesExhausted" });
    await writeDeadLetter(store, "alert-verdicts", JSON.parse(raw), { reason: "permanent" });
    expect(await listDeadLetters(store, 10)).toMatchObject([
      { reason: "tooDeep", replayable: false },
      { reason: "tooDeep", replayable: false },
    ]);
  });

  test("is one record however often the platform copies the message", async () => {
    const { store } = createStores();
    const first = await writeDeadLetter(
      store,
      "alert-verdicts",
      { id: "x" },
      { reason: "retriesExhausted" },
    );
    const second = await writeDeadLetter(store, "alert-verdicts", '{"id":"x"}', {
      reason: "retriesExhausted",
    });
    expect(second).toBe(first);
    expect(await listDeadLetters(store, 10)).toMatchObject([
      {
        id: first,
        occurrences: 2,
        reason: "retriesExhausted",
        message: { id: "x" },
        replayable: true,
      },
    ]);
  });

  test("holds no secret: tokens in the message are cut out, and then it cannot be replayed", async () => {
    const { store, queues } = createStores();
    const canary = "eyJhbGciOiJSUzI1NiJ9.eyJhdWQiOiJncmFwaCJ9.c2lnbmF0dXJl";
    const id = await writeDeadLetter(
      store,
      "hunt-runs",
      { note: `Bearer ${canary}`, deep: [{ url: `https://x/?sig=${canary}` }] },
      { reason: "schema", detail: `token ${canary}` },
    );
    expect(store.peek(deadLetterPath("hunt-runs", id))).not.toContain(canary.slice(0, 20));
    expect(await replayDeadLetters(store, queues, [{ queue: "hunt-runs", id }])).toEqual([
      { id, outcome: "notReplayable" },
    ]);
  });

  test("goes back as it was, once each time it is asked, and shows that it did", async () => {
    const { store, queues } = createStores();
    const id = await writeDeadLetter(
      store,
      "alert-verdicts",
      { id: "x", alertIds: ["a"] },
      { reason: "retriesExhausted" },
    );
    expect(
      await replayDeadLetters(store, queues, [
        { queue: "alert-verdicts", id },
        { queue: "alert-verdicts", id: "0".repeat(32) },
      ]),
    ).toEqual([
      { id, outcome: "replayed" },
      { id: "0".repeat(32), outcome: "unknown" },
    ]);
    expect(queues.sent.map(({ message }) => message)).toEqual([{ id: "x", alertIds: ["a"] }]);
    expect((await listDeadLetters(store, 10))[0]?.replayedAt).toBeTypeOf("string");
    // Should it fail again, it is unresolved again.
    await writeDeadLetter(
      store,
      "alert-verdicts",
      { id: "x", alertIds: ["a"] },
      { reason: "retriesExhausted" },
    );
    expect((await listDeadLetters(store, 10))[0]?.replayedAt).toBeUndefined();
  });
});
