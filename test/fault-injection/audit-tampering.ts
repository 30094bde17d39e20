/** Every record of an audit chain changed, removed and swapped with another, one at a time: verification names the right index. */
import { openAuditLog, verifyAudit } from "../../shared/audit/audit-log.ts";
import { secondMs } from "../../shared/runtime/time.ts";
import { memoryRecords } from "../support/memory-records.ts";
import { virtualClock } from "../support/virtual-clock.ts";

/** What the tampering came to. */
export interface Tampering {
  readonly tried: number;
  readonly found: number;
  readonly seconds: number;
}

const key = "the audit key of the promise";

/** @param step - 1 tampers with each record, n with each n-th */
export async function auditTampering(records: number, step = 1): Promise<Tampering> {
  const startedMs = Date.now();
  const clock = virtualClock();
  const store = memoryRecords({ clock });
  const append = openAuditLog({ store, key: async () => key });
  for (let index = 0; index < records; index += 1) {
    await clock.advance(secondMs);
    await append({ kind: "intent", call: `c${index}` });
  }
  const paths = store.paths().filter((path) => path.startsWith("audit/"));
  const texts = paths.map((path) => store.peek(path) ?? "");
  const restore = (...places: readonly number[]): void =>
    places.forEach((place) => store.poke(paths[place] ?? "", texts[place]));
  const tally = { tried: 0, found: 0 };
  const expectAt = async (index: number): Promise<void> => {
    tally.tried += 1;
    if ((await verifyAudit(store, [key], records - 1)).firstBad?.index === index) tally.found += 1;
  };
  for (let index = 0; index < records; index += step) {
    const [path = "", text = ""] = [paths[index], texts[index]];
    store.poke(path, text.replace(`"c${index}"`, `"x${index}"`));
    await expectAt(index);
    store.poke(path, undefined);
    await expectAt(index);
    restore(index);
    // A partner anywhere in the chain; the first of the two is the first bad one.
    const other = (index * 7_919 + 1) % records;
    if (other === index) continue;
    store.poke(path, texts[other]);
    store.poke(paths[other] ?? "", text);
    await expectAt(Math.min(index, other));
    restore(index, other);
  }
  return { ...tally, seconds: Math.round((Date.now() - startedMs) / secondMs) };
}
