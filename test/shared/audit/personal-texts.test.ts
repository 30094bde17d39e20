import { describe, expect, test } from "vitest";
import { createAuditLog } from "../../../shared/audit/audit-log.ts";
import {
  createTextWriter,
  eraseTexts,
  expireTexts,
  readTexts,
  textPath,
} from "../../../shared/audit/personal-texts.ts";
import { verifyAudit } from "../../../shared/audit/verify.ts";
import type { PersonalText } from "../../../shared/contracts/personal-text.ts";
import { dayMs } from "../../../shared/runtime/time.ts";
import { createMemoryRecords } from "../../support/memory-records.ts";
import { createVirtualClock } from "../../support/virtual-clock.ts";

const key = "the audit key of the test";
const readKey = async (): Promise<string> => key;

const createText = (verdict: string, requestedBy = "ada@contoso.com"): PersonalText => ({
  version: 1,
  verdict,
  action: "close",
  requestedBy,
  comment: "asked Ada in person",
  feedback: null,
  contactEmail: null,
});

/** An audit of one intent for each verdict. */
async function writeAudit(verdicts: readonly string[]) {
  const clock = createVirtualClock();
  const store = createMemoryRecords({ clock });
  const appendAudit = createAuditLog({ store, readKey });
  const digests: string[] = [];
  for (const verdict of verdicts) {
    const texts = await createTextWriter({ store, readKey })([createText(verdict)]);
    await appendAudit({ kind: "intent", call: verdict, texts });
    digests.push(...texts);
  }
  return { clock, store, appendAudit, digests, verify: () => verifyAudit(store, [key]) };
}

describe("texts about people", () => {
  test("are stored apart from the audit, which names them by a digest that only the key explains", async () => {
    const { store, digests, verify } = await writeAudit(["v1"]);
    const audit = store.paths().filter((path) => path.startsWith("audit/"));
    expect(audit.map((path) => store.peek(path)).join()).not.toMatch(/ada|person/i);
    expect(await readTexts(store, digests)).toEqual(new Map([[digests[0], createText("v1")]]));
    expect(await verify()).toMatchObject({ validCount: 1, texts: { stored: 1, erased: 0 } });
  });

  test("of one person have another digest for each verdict", async () => {
    const { digests } = await writeAudit(["v1", "v2"]);
    expect(new Set(digests).size).toBe(2);
  });

  test("leave the audit valid when they are erased", async () => {
    const { store, appendAudit, digests, verify } = await writeAudit(["v1", "v2"]);
    await eraseTexts({ store, appendAudit }, digests.slice(0, 1), "request");
    expect(await verify()).toMatchObject({ validCount: 3, texts: { stored: 1, erased: 1 } });
    expect((await verify()).firstBad).toBe(undefined);
    expect(store.paths().some((path) => path === textPath(digests[0] ?? ""))).toBe(false);
  });

  test("that another writer deletes are missing", async () => {
    const { store, digests, verify } = await writeAudit(["v1", "v2"]);
    store.poke(textPath(digests[1] ?? ""), undefined);
    expect((await verify()).firstBad).toMatchObject({ index: 1, flaw: "text missing" });
  });

  test.each<[string, (text: string) => string]>([
    ["another requester", (text) => text.replace("ada@", "eve@")],
    ["another verdict", (text) => text.replace('"v2"', '"v1"')],
    ["no JSON", () => "junk"],
    ["another member's text", (text) => text.replace('"comment"', '"note"')],
  ])("that another writer replaces by %s are changed", async (_, change) => {
    const { store, digests, verify } = await writeAudit(["v1", "v2"]);
    const path = textPath(digests[1] ?? "");
    store.poke(path, change(store.peek(path) ?? ""));
    expect((await verify()).firstBad).toMatchObject({ index: 1, path, flaw: "text changed" });
  });

  test("verify after a rotation with the former key", async () => {
    const { store, digests } = await writeAudit(["v1"]);
    const next = async (): Promise<string> => "the next key";
    await createAuditLog({ store, readKey: next })({ kind: "outcome", call: "v1", texts: digests });
    expect(await verifyAudit(store, ["the next key", key])).toMatchObject({
      validCount: 2,
      texts: { stored: 1, erased: 0 },
    });
  });

  test("expire after their days, and each expiry is audited", async () => {
    const { clock, store, appendAudit, verify } = await writeAudit(["v1", "v2"]);
    await clock.advance(10 * dayMs);
    const expire = (days: number) =>
      expireTexts({ store, appendAudit }, clock.now() - days * dayMs);
    expect(await expire(11)).toBe(0);
    expect(await expire(9)).toBe(2);
    expect(await expire(9)).toBe(0);
    expect(await verify()).toMatchObject({ validCount: 3, texts: { stored: 0, erased: 2 } });
  });

  test("are read by digest only: a forged name leads to no other record", async () => {
    const { store } = await writeAudit(["v1"]);
    store.poke("state/other.json", JSON.stringify(createText("v1")));
    expect(await readTexts(store, ["../other", "x"])).toEqual(new Map());
  });

  test("are erased by a second try after a crash at any write of the first", async () => {
    for (let crashAt = 0; ; crashAt += 1) {
      const { store, appendAudit, digests, verify } = await writeAudit(["v1", "v2", "v3"]);
      let writes = 0;
      const crash = (): void => {
        if ((writes += 1) > crashAt) throw new Error("crashed");
      };
      const failing = {
        store: { ...store, remove: async (path: string) => (crash(), store.remove(path)) },
        appendAudit: async (body: object) => (crash(), appendAudit({ ...body })),
      };
      const isDone = await eraseTexts(failing, digests, "request").then(
        () => true,
        () => false,
      );
      expect((await verify()).firstBad).toBe(undefined);
      await eraseTexts({ store, appendAudit }, digests, "request");
      expect(await verify()).toMatchObject({ texts: { stored: 0, erased: 3 } });
      if (isDone) break;
      expect(crashAt).toBeLessThan(10);
    }
  });
});
