/**
 * Changes, removes and swaps each record of an audit chain, one at a time: verification must find
 * the right index.
 */
import { anchorAudit, readAnchor } from "../../shared/audit/anchor.ts";
import { createAuditLog } from "../../shared/audit/audit-log.ts";
import { verifyAudit } from "../../shared/audit/verify.ts";
import { secondMs } from "../../shared/runtime/time.ts";
import { createMemoryRecords } from "../support/memory-records.ts";
import { createVirtualClock } from "../support/virtual-clock.ts";

/** The result of the tampering. */
export interface TamperingResult {
  readonly attempts: number;
  readonly detected: number;
  readonly seconds: number;
}

const key = "the audit key of the test";

/** @param step - 1 tampers with each record, n with each n-th */
export async function checkAuditTampering(records: number, step = 1): Promise<TamperingResult> {
  const startedMs = Date.now();
  const clock = createVirtualClock();
  const store = createMemoryRecords({ clock });
  const append = createAuditLog({ store, readKey: async () => key });
  for (let index = 0; index < records; index += 1) {
    await clock.advance(secondMs);
    await append({ kind: "intent", call: `c${index}` });
  }
  const paths = store.paths().filter((path) => path.startsWith("audit/"));
  const texts = paths.map((path) => store.peek(path) ?? "");
  const restoreRecords = (...positions: readonly number[]): void =>
    positions.forEach((position) => store.poke(paths[position] ?? "", texts[position]));
  await anchorAudit({ store, readKey: async () => key });
  const anchor = await readAnchor(store);
  const tally = { attempts: 0, detected: 0 };
  const checkDetectionAt = async (index: number): Promise<void> => {
    tally.attempts += 1;
    if ((await verifyAudit(store, [key], { anchor })).firstBad?.index === index)
      tally.detected += 1;
  };
  for (let index = 0; index < records; index += step) {
    const [path = "", text = ""] = [paths[index], texts[index]];
    store.poke(path, text.replace(`"c${index}"`, `"x${index}"`));
    await checkDetectionAt(index);
    store.poke(path, undefined);
    await checkDetectionAt(index);
    restoreRecords(index);
    // A partner anywhere in the chain; the first of the two is the first bad one.
    const partner = (index * 7_919 + 1) % records;
    if (partner === index) continue;
    store.poke(path, texts[partner]);
    store.poke(paths[partner] ?? "", text);
    await checkDetectionAt(Math.min(index, partner));
    restoreRecords(index, partner);
  }
  return { ...tally, seconds: Math.round((Date.now() - startedMs) / secondMs) };
}
