/**
 * The audit under seeded schedules: several writers, rotations of the key, maintenance, erasures, a
 * store that reorders members, and in half of the schedules an insider who may write everything but
 * knows no current key. Verification must accept the audit without the insider, and never with them.
 */
import { anchorAudit, readAnchor } from "../../shared/audit/anchor.ts";
import { createAuditLog } from "../../shared/audit/audit-log.ts";
import {
  createTextWriter,
  eraseTexts,
  expireTexts,
  textPath,
} from "../../shared/audit/personal-texts.ts";
import { verifyAudit } from "../../shared/audit/verify.ts";
import { dayMs, hourMs, minuteMs } from "../../shared/runtime/time.ts";
import { createMemoryRecords } from "../support/memory-records.ts";
import { createVirtualClock } from "../support/virtual-clock.ts";
import { createRandom } from "./scheduler.ts";
import type { SourceMutant } from "./source-mutants.ts";

/** Mutants of the source. */
export const auditMutants: Readonly<Record<string, SourceMutant>> = {
  "the anchor is lowered": {
    file: "shared/audit/anchor.ts",
    from: `    if (cause !== undefined) return toGap(former.value, cause);
  }
  const end =
    former.kind === "found" ? await followChain(store, former.value)`,
    to: `    void cause;
  }
  const end =
    former.kind === "found" ? await followChain(store, { ...beforeFirst, path: "", key: "" })`,
  },
  "the order of keys is ignored: a retired key is valid": {
    file: "shared/audit/verify.ts",
    from: 'return atMs > endMs ? "retired key" : undefined;',
    to: "return undefined;",
  },
  "the order of members is sealed": {
    file: "shared/storage/seal.ts",
    from: ".sort(([a], [b]) => (a < b ? -1 : 1))",
    to: "",
  },
  "unknown members are not sealed": {
    file: "shared/audit/chain.ts",
    from: "export const auditRecord = z.looseObject({",
    to: "export const auditRecord = z.object({",
  },
  "the anchor's seal is not checked": {
    file: "shared/audit/verify.ts",
    from: 'return key !== undefined && isAnchorSealed(anchor.value, key) ? undefined : "anchor forged";',
    to: "void key; void isAnchorSealed; return undefined;",
  },
  "an erasure is not audited": {
    file: "shared/audit/personal-texts.ts",
    from: 'await appendAudit({ kind: "erasure", cause, erased });',
    to: "void [cause, appendAudit];",
  },
  "a text's digest is not checked": {
    file: "shared/audit/verify-texts.ts",
    from: "return keys.some((key) => isSameDigest(digest, digestText(read.value, key)))",
    to: "return digest !== '' || keys.some((key) => isSameDigest(digest, digestText(read.value, key)))",
  },
  "a missing text is taken for an erased one": {
    file: "shared/audit/verify-texts.ts",
    from: 'return this.#erased.has(digest) ? "erased" : "text missing";',
    to: 'return "erased";',
  },
};

/** The result of a schedule. */
export interface AuditHistory {
  readonly records: number;
  /** The insider's manipulation; undefined without one. */
  readonly attack: string | undefined;
  readonly isFound: boolean;
  /** Whether maintenance or verification failed although nothing was manipulated. */
  readonly isFalseAlarm: boolean;
}

/** What a schedule acts on. */
class AuditWorld {
  readonly clock = createVirtualClock();
  readonly store = createMemoryRecords({ clock: this.clock });
  readonly keys: string[] = ["the first audit key"];
  readonly random: () => number;
  readonly digests: string[] = [];
  /** Anchors as stored, oldest first. Storage keeps them as former versions. */
  readonly anchors: string[] = [];
  /** Anchors in the log, oldest first, out of the insider's reach. */
  readonly logged: { readonly seq: number; readonly hash: string }[] = [];
  gaps = 0;
  #writers: ReturnType<typeof createAuditLog>[];
  #calls = 0;

  constructor(seed: number) {
    this.random = createRandom(seed);
    this.#writers = [this.createWriter(), this.createWriter()];
  }

  readonly readKey = async (): Promise<string> => this.keys.at(-1) ?? "";

  readonly pick = <T>(items: readonly T[]): T | undefined =>
    items[Math.floor(this.random() * items.length)];

  createWriter(readKey: () => Promise<string> = this.readKey): ReturnType<typeof createAuditLog> {
    return createAuditLog({ store: this.store, readKey });
  }

  /** Paths of the audit's records in the order of the chain. */
  readonly recordPaths = (): string[] =>
    this.store.paths().filter((path) => path.startsWith("audit/"));

  async append(): Promise<void> {
    const call = `c${(this.#calls += 1)}`;
    const texts = await createTextWriter({ store: this.store, readKey: this.readKey })([
      {
        version: 1,
        verdict: call,
        action: "close",
        requestedBy: `person ${call}`,
        comment: null,
        feedback: null,
        contactEmail: null,
      },
    ]);
    this.digests.push(...texts);
    const append = this.pick(this.#writers);
    await append?.({ kind: "intent", call, verdicts: [call], texts });
    await append?.({ kind: "outcome", call, texts, outcomes: { closed: [call] } });
  }

  /** A rotation; the other instances learn of it at their next append. */
  rotate(): void {
    this.keys.push(`the audit key number ${this.keys.length + 1}`);
  }

  /** An instance that restarts reads the end of the chain from storage. */
  restart(): void {
    this.#writers = [this.createWriter(), this.createWriter()];
  }

  async maintain(): Promise<void> {
    const anchored = await anchorAudit({ store: this.store, readKey: this.readKey });
    if (anchored.kind === "gap") this.gaps += 1;
    if (anchored.kind !== "anchored") return;
    this.anchors.push(this.store.peek("state/audit/anchor.json") ?? "");
    this.logged.push(anchored.anchor);
  }

  async erase(): Promise<void> {
    const deps = { store: this.store, appendAudit: this.createWriter() };
    const digest = this.pick(this.digests.filter((each) => this.store.peek(textPath(each))));
    if (digest !== undefined && this.random() < 0.7) await eraseTexts(deps, [digest], "request");
    else await expireTexts(deps, this.clock.now() - dayMs);
  }

  /** A backup that was restored, or a tool, writes members in another order. */
  reorder(): void {
    const path = this.pick([...this.recordPaths(), "state/audit/anchor.json"]) ?? "";
    const text = this.store.peek(path);
    if (text !== undefined) this.store.poke(path, JSON.stringify(reverseMembers(JSON.parse(text))));
  }

  /** @param logged - an anchor that the operator gives from the log */
  async verify(logged?: AuditWorld["logged"][number]): Promise<boolean> {
    const { firstBad } = await verifyAudit(this.store, this.keys.toReversed(), {
      anchor: await readAnchor(this.store),
      logged,
    });
    return firstBad === undefined;
  }
}

function reverseMembers(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(reverseMembers);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .toReversed()
      .map(([name, inner]) => [name, reverseMembers(inner)]),
  );
}

const steps: readonly ((world: AuditWorld) => unknown)[] = [
  (world) => world.append(),
  (world) => world.append(),
  (world) => world.append(),
  (world) => world.maintain(),
  (world) => world.clock.advance(Math.floor(world.random() * 12) * hourMs),
  (world) => world.rotate(),
  (world) => world.restart(),
  (world) => world.erase(),
  (world) => world.reorder(),
];

/** Manipulations; each returns false where the schedule gives no occasion for it. */
const attacks: Readonly<Record<string, (world: AuditWorld) => Promise<boolean> | boolean>> = {
  "cuts the tail": ({ store }) => cutTail(store),
  "edits the anchor": ({ store }) =>
    changeText(store, "state/audit/anchor.json", (text) =>
      text.replace(/"hash":"../, '"hash":"zz'),
    ),
  "cuts the tail and moves the anchor before it": (world) => moveAnchor(world, true),
  "cuts the tail and moves the anchor to a former key": (world) => moveAnchor(world, false),
  "cuts the tail and restores a former anchor": restoreAnchor,
  "removes the anchor": ({ store }) =>
    changeText(store, "state/audit/anchor.json", () => undefined),
  "changes a record": (world) =>
    changeText(world.store, world.pick(world.recordPaths()), (text) =>
      text.replace(/"call":"c/, '"call":"x'),
    ),
  "adds a member": (world) =>
    changeText(world.store, world.pick(world.recordPaths()), (text) =>
      text.replace("{", '{"note":1,'),
    ),
  "deletes a text": (world) => changeText(world.store, pickText(world), () => undefined),
  "changes a text": (world) =>
    changeText(world.store, pickText(world), (text) => text.replace("person", "another person")),
  "appends with a retired key": async (world) => {
    const [retired] = world.keys;
    if (world.keys.length < 2 || retired === undefined) return false;
    await world.append();
    await world.clock.advance(11 * minuteMs);
    await world.createWriter(async () => retired)({ kind: "outcome", call: "forged" });
    return true;
  },
};

const pickText = (world: AuditWorld): string | undefined =>
  world.pick(world.store.paths().filter((path) => path.startsWith("state/personal/")));

type Store = AuditWorld["store"];

function changeText(
  store: Store,
  path: string | undefined,
  change: (text: string) => string | undefined,
): boolean {
  const text = path === undefined ? undefined : store.peek(path);
  const changed = text === undefined ? undefined : change(text);
  if (path === undefined || text === undefined || changed === text) return false;
  store.poke(path, changed);
  return true;
}

/** Removes the anchored record and all after it. */
function cutTail(store: Store): boolean {
  const anchor = JSON.parse(store.peek("state/audit/anchor.json") ?? "{}") as { path?: string };
  const from = anchor.path;
  if (from === undefined || store.peek(from) === undefined) return false;
  for (const path of store.paths())
    if (path.startsWith("audit/") && path >= from) store.poke(path, undefined);
  store.poke("state/audit/head.json", undefined);
  return true;
}

/**
 * Points the anchor to an earlier record, with its hash, and removes what follows.
 *
 * @param isSameKey - whether the record has the anchor's key
 */
function moveAnchor({ pick, recordPaths, store }: AuditWorld, isSameKey: boolean): boolean {
  const anchorPath = "state/audit/anchor.json";
  const anchor = readJson(store, anchorPath);
  const earlier = recordPaths()
    .slice(0, Number(anchor["seq"]))
    .filter((path) => (readJson(store, path)["key"] === anchor["key"]) === isSameKey);
  const path = pick(earlier);
  if (path === undefined) return false;
  const { at, hash, key, seq } = readJson(store, path);
  store.poke(anchorPath, JSON.stringify({ ...anchor, at, hash, key, path, seq }));
  cutAfter(store, path);
  return true;
}

const readJson = (store: Store, path: string): Record<string, unknown> =>
  JSON.parse(store.peek(path) ?? "{}") as Record<string, unknown>;

/** Restores an anchor that the app sealed earlier, and removes what follows. */
function restoreAnchor({ anchors, pick, store }: AuditWorld): boolean {
  const text = pick(anchors.filter((each) => each !== anchors.at(-1)));
  if (text === undefined) return false;
  const { path } = JSON.parse(text) as { readonly path: string };
  if (path === (JSON.parse(anchors.at(-1) ?? "{}") as { readonly path: string }).path) return false;
  store.poke("state/audit/anchor.json", text);
  cutAfter(store, path);
  return true;
}

function cutAfter(store: Store, last: string): void {
  for (const path of store.paths())
    if (path.startsWith("audit/") && path > last) store.poke(path, undefined);
  store.poke("state/audit/head.json", undefined);
}

/**
 * Manipulations after which the stored audit is a genuine former one, so that only the log shows
 * more: a former anchor, or one of a former key, which the app no longer has.
 */
const seenByLogOnly = /former/;

/** Runs the schedule of a seed. */
export async function runAuditSchedule(seed: number): Promise<AuditHistory> {
  const world = new AuditWorld(seed);
  const count = 8 + Math.floor(world.random() * 25);
  for (let step = 0; step < count; step += 1) await world.pick(steps)?.(world);
  await world.append();
  await world.maintain();
  const isFalseAlarm = world.gaps > 0 || !(await world.verify());
  const name = seed % 2 === 0 ? world.pick(Object.keys(attacks)) : undefined;
  const logged = world.logged.at(-1);
  const hasAttacked = name !== undefined && (await attacks[name]?.(world)) === true;
  // The app itself continues: it must neither hide what was done nor adopt it.
  world.restart();
  await world.clock.advance(hourMs);
  await world.maintain();
  await world.append().catch(() => undefined);
  await world.maintain();
  return {
    records: world.recordPaths().length,
    attack: hasAttacked ? name : undefined,
    isFound: !(await world.verify(seenByLogOnly.test(name ?? "") ? logged : undefined)),
    isFalseAlarm,
  };
}

/** Tells whether verification was right. */
export const isAuditHistoryValid = ({ attack, isFalseAlarm, isFound }: AuditHistory): boolean =>
  !isFalseAlarm && isFound === (attack !== undefined);

/** Returns the first seed whose schedule is judged wrongly; an error counts. */
export async function findFailingSeed(from: number, to: number): Promise<number | undefined> {
  for (let seed = from; seed <= to; seed += 1) {
    const history = await runAuditSchedule(seed).catch(() => undefined);
    if (!history || !isAuditHistoryValid(history)) return seed;
  }
  return undefined;
}
