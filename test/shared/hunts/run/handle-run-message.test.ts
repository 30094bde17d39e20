import { describe, expect, test } from "vitest";
import {
  computeBackOffMs,
  handleRunMessage,
} from "../../../../shared/hunts/run/handle-run-message.ts";
import type { HuntingReply } from "../../../../shared/hunts/ports.ts";
import { hourMs, minuteMs } from "../../../../shared/runtime/time.ts";
import {
  listExportedLines,
  huntHarness,
  noonMs,
  createRunMessage,
  type HuntHarness,
} from "../../../support/hunt-harness.ts";
import { toExportLine, sourceRow, testHunt } from "../../../support/hunt-source.ts";

const hunt = testHunt();
const readStatus = (harness: HuntHarness): unknown =>
  JSON.parse(harness.records.peek("state/hunts/test-hunt/status.json") ?? "null");
const listRequeued = (harness: HuntHarness): object[] =>
  harness.sentMessages
    .filter(({ queue }) => queue === "hunt-runs")
    .map(({ message, delaySeconds }) => ({ ...message, delaySeconds }));

/** A room whose service answers as told, while told anything. */
function createReplyingHarness(
  first: HuntingReply | undefined,
  options: { cap?: number } = {},
): HuntHarness & { reply: HuntingReply | undefined } {
  const state = { reply: first };
  const harness = huntHarness({ ...options, interceptQuery: () => state.reply });
  harness.source.rows.push(sourceRow(noonMs - hourMs, "a"));
  return Object.assign(state, harness);
}

const refused: HuntingReply = { kind: "refused", cause: "query", message: "'Foo' is unknown" };

describe("a refused query", () => {
  test("is tried in the other form, then marked, and not tried again by the timer", async () => {
    const harness = createReplyingHarness(refused);
    expect(await handleRunMessage(harness.deps, hunt, createRunMessage(harness))).toBe("refused");
    expect(harness.source.queries.map((query) => query.split(" ")[0])).toEqual(["ROWS", "PLACE"]);
    expect(readStatus(harness)).toMatchObject({ state: "invalid", reason: "'Foo' is unknown" });
    await harness.clock.advance(hourMs);
    expect(await handleRunMessage(harness.deps, hunt, createRunMessage(harness))).toBe("held");
    expect(harness.source.queries).toHaveLength(2);
    expect(listRequeued(harness)).toEqual([]);
  });

  test("is tried again at once when it has changed, or when somebody asks", async () => {
    const harness = createReplyingHarness(refused);
    await handleRunMessage(harness.deps, hunt, createRunMessage(harness));
    expect(
      await handleRunMessage(
        harness.deps,
        testHunt({ queryHash: "b".repeat(64) }),
        createRunMessage(harness),
      ),
    ).toBe("refused");
    harness.reply = undefined;
    expect(
      await handleRunMessage(
        harness.deps,
        testHunt({ queryHash: "b".repeat(64) }),
        createRunMessage(harness, { reason: "request" }),
      ),
    ).toBe("done");
    expect(readStatus(harness)).toMatchObject({ state: "ok" });
  });

  test("goes on in the form that the service takes", async () => {
    const harness = huntHarness({
      interceptQuery: (query) => (query.startsWith("ROWS") ? refused : undefined),
    });
    harness.source.rows.push(sourceRow(noonMs - hourMs, "a"));
    expect(await handleRunMessage(harness.deps, hunt, createRunMessage(harness))).toBe("done");
    await harness.clock.advance(hourMs);
    await handleRunMessage(harness.deps, hunt, createRunMessage(harness));
    expect(harness.source.queries.filter((query) => query.startsWith("ROWS"))).toHaveLength(1);
  });
});

describe("a missing permission", () => {
  test("pauses the hunt for a quarter of an hour, also for whoever asks", async () => {
    const harness = createReplyingHarness({
      kind: "refused",
      cause: "permission",
      message: "ThreatHunting.Read.All is missing",
    });
    await handleRunMessage(harness.deps, hunt, createRunMessage(harness));
    await harness.clock.advance(14 * minuteMs);
    expect(
      await handleRunMessage(harness.deps, hunt, createRunMessage(harness, { reason: "request" })),
    ).toBe("held");
    harness.reply = undefined;
    await harness.clock.advance(2 * minuteMs);
    expect(await handleRunMessage(harness.deps, hunt, createRunMessage(harness))).toBe("done");
  });
});

describe("a run that cannot go on", () => {
  test("goes on by message when the quota is spent", async () => {
    const harness = createReplyingHarness({ kind: "later", retryAfterMs: 90_000, cause: "quota" });
    expect(await handleRunMessage(harness.deps, hunt, createRunMessage(harness))).toBe("continues");
    expect(listRequeued(harness)).toMatchObject([{ reason: "continue", delaySeconds: 90 }]);
    expect(readStatus(harness)).toBeNull();
  });

  test("is tried again later and later while the service fails, and says so", async () => {
    const harness = createReplyingHarness({ kind: "failed", message: "503" });
    expect(
      await handleRunMessage(harness.deps, hunt, createRunMessage(harness, { failures: 2 })),
    ).toBe("failing");
    expect(listRequeued(harness)).toMatchObject([{ failures: 3, delaySeconds: 240 }]);
    expect(readStatus(harness)).toMatchObject({ state: "failing", reason: "503" });
    expect([1, 2, 20].map(computeBackOffMs)).toEqual([60_000, 120_000, 900_000]);
  });

  test("poisons nothing while storage is down", async () => {
    const harness = createReplyingHarness(undefined);
    const depsWithoutStorage = {
      ...harness.deps,
      exports: { ...harness.deps.exports, find: () => Promise.reject(new Error("storage")) },
    };
    await handleRunMessage(harness.deps, hunt, createRunMessage(harness));
    await harness.clock.advance(hourMs);
    expect(await handleRunMessage(depsWithoutStorage, hunt, createRunMessage(harness))).toBe(
      "failing",
    );
    expect(listRequeued(harness)).toMatchObject([{ failures: 1 }]);
  });

  test("starts no call after three minutes", async () => {
    const harness = createReplyingHarness(undefined, { cap: 10 });
    for (let index = 0; index < 200; index += 1)
      harness.source.rows.push(sourceRow(noonMs - hourMs - index * minuteMs, `r${index}`));
    const { hunting } = harness.deps;
    const slowDeps = {
      ...harness.deps,
      hunting: {
        ...hunting,
        runQuery: async (...parts: Parameters<typeof hunting.runQuery>) => {
          await harness.clock.advance(50_000);
          return hunting.runQuery(...parts);
        },
      },
    };
    expect(await handleRunMessage(slowDeps, hunt, createRunMessage(harness))).toBe("continues");
    expect(harness.source.queries).toHaveLength(4);
  });
});

describe("a query that the service gives up on", () => {
  const tooHeavy: HuntingReply = { kind: "too-heavy", cause: "timed-out" };

  test("is halved four times, over several runs if need be, then set aside with its reason", async () => {
    const harness = createReplyingHarness(tooHeavy);
    expect(await handleRunMessage(harness.deps, hunt, createRunMessage(harness))).toBe("degraded");
    expect(harness.source.queries).toHaveLength(5);
    expect(readStatus(harness)).toMatchObject({
      state: "degraded",
      reason: "timed-out after 4 halvings",
    });
    expect(harness.exports.listAll()).toEqual([]);
  });

  test("passes as soon as it is small enough", async () => {
    const harness = huntHarness({
      interceptQuery: (query) => {
        const [from = "", to = ""] = [...query.matchAll(/datetime\(([^)]+)\)/g)].map(
          ([, text = ""]) => text,
        );
        return Date.parse(to) - Date.parse(from) > 8 * hourMs ? tooHeavy : undefined;
      },
    });
    harness.source.rows.push(sourceRow(noonMs - hourMs, "a"), sourceRow(noonMs - 20 * hourMs, "b"));
    expect(await handleRunMessage(harness.deps, hunt, createRunMessage(harness))).toBe("done");
    expect(listExportedLines(harness)).toHaveLength(2);
  });
});

describe("a truncated result", () => {
  test("is never committed: all rows come in several windows", async () => {
    const harness = huntHarness({ cap: 10 });
    for (let index = 0; index < 95; index += 1)
      harness.source.rows.push(sourceRow(noonMs - hourMs - index * 1_000, `r${index}`));
    expect(await handleRunMessage(harness.deps, hunt, createRunMessage(harness))).toBe("done");
    expect(listExportedLines(harness)).toEqual(harness.source.rows.map(toExportLine).toSorted());
    expect(harness.loggedEvents.some(({ event }) => event === "hunt.halved")).toBe(true);
  });

  test("a limit lower than the documented one is noticed all the same", async () => {
    const harness = huntHarness({ cap: 30, roundRows: 10 });
    for (let index = 0; index < 95; index += 1)
      harness.source.rows.push(sourceRow(noonMs - hourMs - index * 1_000, `r${index}`));
    const deps = {
      ...harness.deps,
      hunting: { ...harness.deps.hunting, caps: { rows: 100, bytes: 1e12, roundRows: 10 } },
    };
    await handleRunMessage(deps, hunt, createRunMessage(harness));
    expect(listExportedLines(harness)).toHaveLength(95);
  });

  test("exactly at the limit and complete is committed without a split", async () => {
    const harness = huntHarness({ cap: 10 });
    for (let index = 0; index < 10; index += 1)
      harness.source.rows.push(sourceRow(noonMs - hourMs - index * 1_000, `r${index}`));
    await handleRunMessage(harness.deps, hunt, createRunMessage(harness));
    expect(harness.source.queries).toHaveLength(2);
    expect(harness.exports.listAll().map(({ metadata }) => metadata.rows)).toEqual([10]);
  });

  test("within one tick goes in shards that add up to the count", async () => {
    const harness = huntHarness({ cap: 10 });
    for (let index = 0; index < 35; index += 1)
      harness.source.rows.push(sourceRow(noonMs - hourMs, `r${index}`));
    await handleRunMessage(harness.deps, hunt, createRunMessage(harness));
    expect(listExportedLines(harness)).toHaveLength(35);
  });

  test("within one tick of a result without shards is set aside", async () => {
    const plainHunt = testHunt();
    const { shardSuffix: _none, ...query } = plainHunt.query;
    const harness = huntHarness({ cap: 10 });
    for (let index = 0; index < 35; index += 1)
      harness.source.rows.push(sourceRow(noonMs - hourMs, `r${index}`));
    expect(
      await handleRunMessage(harness.deps, { ...plainHunt, query }, createRunMessage(harness)),
    ).toBe("degraded");
    expect(listExportedLines(harness)).toEqual([]);
    expect(readStatus(harness)).toMatchObject({
      state: "degraded",
      to: "2026-01-05T11:00:00.0000001Z",
    });
  });
});

describe("a claim", () => {
  test("keeps a second runner from asking, without losing its order", async () => {
    const harness = createReplyingHarness(undefined);
    harness.records.poke(
      "state/hunts/test-hunt/claim.json",
      JSON.stringify({ owner: "other", until: new Date(noonMs + minuteMs).toISOString() }),
    );
    expect(await handleRunMessage(harness.deps, hunt, createRunMessage(harness))).toBe("taken");
    expect(harness.source.queries).toEqual([]);
    expect(listRequeued(harness)).toHaveLength(1);
    expect(await handleRunMessage(harness.deps, hunt, createRunMessage(harness))).toBe("taken");
    expect(listRequeued(harness)).toHaveLength(1);
  });

  test.each([
    ["has run out", JSON.stringify({ owner: "x", until: new Date(noonMs - 1_000).toISOString() })],
    ["reaches absurdly far", JSON.stringify({ owner: "x", until: "2099-01-01T00:00:00Z" })],
    ["cannot be read", "{"],
  ])("that %s holds nobody back", async (_, text) => {
    const harness = createReplyingHarness(undefined);
    harness.records.poke("state/hunts/test-hunt/claim.json", text);
    expect(await handleRunMessage(harness.deps, hunt, createRunMessage(harness))).toBe("done");
  });
});
