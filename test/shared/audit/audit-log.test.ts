import { describe, expect, test } from "vitest";
import { anchorAudit, readAnchor } from "../../../shared/audit/anchor.ts";
import { createAuditLog } from "../../../shared/audit/audit-log.ts";
import { createTextWriter } from "../../../shared/audit/personal-texts.ts";
import { verifyAudit } from "../../../shared/audit/verify.ts";
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
    const anchor = await setAnchor(store);
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
      const removed = await verifyAudit(store, [key], { anchor });
      expect(removed.firstBad).toMatchObject({ index, flaw: "missing" });
      store.poke(path, text);
      const other = paths[index + 1];
      if (other === undefined) continue;
      store.poke(path, texts.get(other) ?? "");
      store.poke(other, text);
      expect((await verifyAudit(store, [key])).firstBad?.index).toBe(index);
      store.poke(path, text);
      store.poke(other, texts.get(other) ?? "");
    }
    expect(await verifyAudit(store, [key])).toMatchObject({ validCount: 1_001 });
  });

  test("a record that is sealed with another key is found", async () => {
    const { store } = await writeRecords(3);
    await createAuditLog({ store, readKey: async () => "guessed" })({ call: "forged" });
    expect((await verifyAudit(store, [key])).firstBad).toMatchObject({ index: 3 });
  });

  test("a cut tail is found by the anchor, which never moves back", async () => {
    const { store } = await writeRecords(10);
    const anchor = await setAnchor(store);
    const paths = store.paths().filter((path) => path.startsWith("audit/"));
    for (const path of paths.slice(8)) store.poke(path, undefined);
    expect((await verifyAudit(store, [key], { anchor })).firstBad).toMatchObject({
      index: 8,
      flaw: "cut off after the anchor",
    });
    expect(await anchorAudit({ store, readKey })).toMatchObject({ kind: "gap", seq: 10 });
    expect(await readAnchor(store)).toMatchObject({ value: { seq: 10 } });
  });
});

type Store = Awaited<ReturnType<typeof writeRecords>>["store"];
const readKey = async (): Promise<string> => key;
const anchorPath = "state/audit/anchor.json";

async function setAnchor(store: Store) {
  expect(await anchorAudit({ store, readKey })).toMatchObject({ kind: "anchored" });
  return readAnchor(store);
}

/**
 * Each attack by an insider with write access to the store; `nextKey` was rotated in at record 30.
 */
const attacks: Readonly<Record<string, (store: Store, paths: readonly string[]) => unknown>> = {
  "cuts the tail": (store, paths) => paths.slice(33).forEach((path) => store.poke(path, undefined)),
  "edits the anchor": (store) =>
    store.poke(anchorPath, (store.peek(anchorPath) ?? "").replace('"seq":41', '"seq":20')),
  "removes the anchor": (store) => store.poke(anchorPath, undefined),
  "rewrites with a former key": async (store, paths) => {
    for (const path of paths.slice(31)) store.poke(path, undefined);
    const append = createAuditLog({ store, readKey });
    for (let index = 31; index < 40; index += 1) await append({ call: `forged ${index}` });
  },
  "adds a member to a record": (store, paths) =>
    store.poke(paths[35] ?? "", (store.peek(paths[35] ?? "") ?? "").replace("{", '{"x":1,')),
  "restarts from empty": async (store, paths) => {
    for (const path of paths) store.poke(path, undefined);
    await createAuditLog({ store, readKey: async () => nextKey })({ call: "first" });
  },
  "deletes a text": (store) => store.poke(findText(store), undefined),
  "changes a text": (store) =>
    store.poke(findText(store), (store.peek(findText(store)) ?? "").replace("ada@", "eve@")),
  "forges the hint": async (store) => {
    store.poke("state/audit/head.json", '{"path":"audit/2026-01-06/000000999999.json"}');
    store.poke("audit/2026-01-06/000000999999.json", '{"seq":999999}');
  },
};
const nextKey = "the next key of 32 random bytes";
const text = {
  version: 1,
  verdict: "v",
  action: "close",
  requestedBy: "ada@contoso.com",
  comment: null,
  feedback: null,
  contactEmail: null,
} as const;
const findText = (store: Store): string =>
  store.paths().find((path) => path.startsWith("state/personal/")) ?? "";
const attackNames = Object.keys(attacks);
const combinations = attackNames.flatMap((first, index) =>
  attackNames.slice(index).map((second) => [first, second] as const),
);

test("every pair of manipulations is a test", () => {
  expect(attackNames).toHaveLength(9);
  expect(combinations).toHaveLength(45);
});

test.each(combinations)("verification finds an attack that %s and %s", async (first, second) => {
  const { clock, store } = await writeRecords(30);
  await setAnchor(store);
  const append = createAuditLog({ store, readKey: async () => nextKey });
  await clock.advance(3_600_000);
  for (let index = 30; index < 40; index += 1) {
    await append({ call: `c${index}` });
    await clock.advance(900_000);
  }
  const storeTexts = createTextWriter({ store, readKey: async () => nextKey });
  await append({ call: "with a text", texts: await storeTexts([text]) });
  const anchored = await anchorAudit({ store, readKey: async () => nextKey });
  const logged = anchored.kind === "anchored" ? anchored.anchor : undefined;
  const paths = store.paths().filter((path) => path.startsWith("audit/"));
  expect(
    (await verifyAudit(store, [nextKey, key], { anchor: await readAnchor(store) })).firstBad,
  ).toBe(undefined);
  for (const name of new Set([first, second])) await attacks[name]?.(store, paths);
  await clock.advance(7_200_000);
  await anchorAudit({ store, readKey: async () => nextKey });
  // A log that is deleted whole and started again is found by the anchor in the log only.
  const isDeletedWhole = first === "removes the anchor" && second === "restarts from empty";
  const { firstBad } = await verifyAudit(store, [nextKey, key], {
    anchor: await readAnchor(store),
    logged: isDeletedWhole ? logged : undefined,
  });
  expect(firstBad).toBeDefined();
});

test("a rotation leaves the chain valid, and the former key expires after ten minutes", async () => {
  const { clock, store } = await writeRecords(3);
  await setAnchor(store);
  const [newer, older] = [nextKey, key].map((each) =>
    createAuditLog({ store, readKey: async () => each }),
  );
  await newer?.({ call: "rotated" });
  await older?.({ call: "another instance has the former key cached" });
  expect(await anchorAudit({ store, readKey: async () => nextKey })).toMatchObject({
    kind: "anchored",
    anchor: { seq: 6 },
  });
  const verify = async () =>
    verifyAudit(store, [nextKey, key], { anchor: await readAnchor(store) });
  expect((await verify()).firstBad).toBeUndefined();
  await clock.advance(11 * 60_000);
  await older?.({ call: "the former key is stolen" });
  expect((await verify()).firstBad).toMatchObject({ index: 7, flaw: "retired key" });
});

test("a rotation is sealed into the chain by the next anchor, without any other change", async () => {
  const { clock, store } = await writeRecords(3);
  await setAnchor(store);
  for (const rotated of ["the second key", nextKey]) {
    await clock.advance(7_200_000);
    const result = await anchorAudit({ store, readKey: async () => rotated });
    expect(result).toMatchObject({ kind: "anchored" });
  }
  const keys = [nextKey, "the second key", key];
  const verify = async () => verifyAudit(store, keys, { anchor: await readAnchor(store) });
  expect(await verify()).toMatchObject({ validCount: 6 });
  expect((await verify()).firstBad).toBeUndefined();
  await clock.advance(660_000);
  await createAuditLog({ store, readKey: async () => key })({ call: "the first key is stolen" });
  expect((await verify()).firstBad).toMatchObject({ index: 6, flaw: "retired key" });
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
