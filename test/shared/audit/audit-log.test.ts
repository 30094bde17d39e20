import { describe, expect, test } from "vitest";
import {
  anchorAudit,
  readAnchorSeq,
  createAuditLog,
  verifyAudit,
} from "../../../shared/audit/audit-log.ts";
import { listOpenIntents } from "../../../shared/audit/open-intents.ts";
import { createMemoryRecords } from "../../support/memory-records.ts";
import { createVirtualClock } from "../../support/virtual-clock.ts";

const key = "a key of 32 random bytes, say";

async function writeRecords(records: number, writers = 1) {
  const clock = createVirtualClock(Date.UTC(2026, 0, 5, 23, 59, 0));
  const store = createMemoryRecords({ clock });
  const logs = Array.from({ length: writers }, () =>
    createAuditLog({ store, readKey: async () => key }),
  );
  for (let index = 0; index < records; index += writers) {
    await clock.advance(7_000);
    await Promise.all(
      logs
        .slice(0, Math.min(writers, records - index))
        .map((appendRecord, writer) => appendRecord({ call: `c${index + writer}`, ids: [index] })),
    );
  }
  const paths = store.paths().filter((path) => path.startsWith("audit/"));
  return { clock, store, paths };
}

describe("the audit chain", () => {
  test("a chain by two writers over midnight verifies", async () => {
    const { store, paths } = await writeRecords(40, 2);
    expect(paths).toHaveLength(40);
    expect(new Set(paths.map((path) => path.split("/")[1]))).toEqual(
      new Set(["1970-01-01", "2026-01-05", "2026-01-06"]),
    );
    expect(await verifyAudit(store, [key])).toMatchObject({ validCount: 40, head: { seq: 39 } });
  });

  test("the chain continues after a restart that lost the hint", async () => {
    const { store } = await writeRecords(40);
    store.poke("state/audit/head.json", undefined);
    await createAuditLog({ store, readKey: async () => key })({ call: "after" });
    expect(await verifyAudit(store, [key])).toMatchObject({ validCount: 41 });
  });

  test("a chain over a rotation verifies with both keys; the first record of an unknown key is named", async () => {
    const { store } = await writeRecords(3);
    await createAuditLog({ store, readKey: async () => "the next key" })({ call: "rotated" });
    expect(await verifyAudit(store, ["the next key", key])).toMatchObject({ validCount: 4 });
    expect((await verifyAudit(store, [key])).firstBad).toMatchObject({
      index: 3,
      flaw: "unknown key",
    });
  });

  test("verification finds the right index when one of 1,000 records is changed, removed or swapped", async () => {
    const { store, paths } = await writeRecords(1_000);
    const texts = new Map(paths.map((path) => [path, store.peek(path) ?? ""]));
    // Verifying the chain a thousand times would repeat its valid part: a spread of indices covers
    // every branch.
    for (let index = 0; index < 1_000; index += index < 20 || index > 980 ? 1 : 97) {
      const path = paths[index] ?? "";
      const text = texts.get(path) ?? "";
      store.poke(path, text.replace(`"c${index}"`, `"x${index}"`));
      expect((await verifyAudit(store, [key])).firstBad).toMatchObject({
        index,
        flaw: "broken seal",
      });
      store.poke(path, undefined);
      const removed = await verifyAudit(store, [key], 999);
      expect(removed.firstBad).toMatchObject({
        index,
        flaw: index === 999 ? "cut off after the anchor" : "missing",
      });
      store.poke(path, text);
      const other = paths[index + 1];
      if (other === undefined) continue;
      store.poke(path, texts.get(other) ?? "");
      store.poke(other, text);
      expect((await verifyAudit(store, [key])).firstBad?.index).toBe(index);
      store.poke(path, text);
      store.poke(other, texts.get(other) ?? "");
    }
    expect(await verifyAudit(store, [key])).toMatchObject({ validCount: 1_000 });
  });

  test("a record that is sealed with another key is found", async () => {
    const { store } = await writeRecords(3);
    await createAuditLog({ store, readKey: async () => "guessed" })({ call: "forged" });
    expect((await verifyAudit(store, [key])).firstBad).toMatchObject({ index: 3 });
  });

  test("a cut tail is found by the anchor", async () => {
    const { store, paths } = await writeRecords(10);
    expect(await anchorAudit(store)).toMatchObject({ seq: 9 });
    for (const path of paths.slice(8)) store.poke(path, undefined);
    expect((await verifyAudit(store, [key], await readAnchorSeq(store))).firstBad).toMatchObject({
      index: 8,
      flaw: "cut off after the anchor",
    });
  });
});

describe("open intents", () => {
  test("an intent without an outcome is listed when it is old enough, until an outcome is written", async () => {
    const clock = createVirtualClock();
    const store = createMemoryRecords({ clock });
    const appendRecord = createAuditLog({ store, readKey: async () => key });
    await appendRecord({ kind: "intent", call: "answered" });
    await appendRecord({ kind: "outcome", call: "answered" });
    await appendRecord({ kind: "intent", call: "died" });
    await clock.advance(3_700_000);
    await appendRecord({ kind: "intent", call: "running" });
    const listOpenCalls = async () =>
      (await listOpenIntents(store, 3_600_000)).map(({ call }) => call);
    expect(await listOpenCalls()).toEqual(["died"]);
    expect(await listOpenCalls()).toEqual(["died"]);
    await appendRecord({ kind: "outcome", call: "died" });
    expect(await listOpenCalls()).toEqual([]);
  });
});
