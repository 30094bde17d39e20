/**
 * Erases what was found. The records that say which verdicts are meant come last, so that after a
 * crash at any line the next run finds what is left.
 */
import { alertRecord, isClaimed } from "../../alerts/alert-record.ts";
import { eraseFromRecord, eraseFromRequest } from "../../alerts/personal-data.ts";
import { requestRecord } from "../../alerts/request-record.ts";
import type { AuditBody } from "../../audit/chain.ts";
import { eraseTexts } from "../../audit/personal-texts.ts";
import type { RecordStore } from "../../storage/record-store.ts";
import { readRecord } from "../../storage/typed-record.ts";
import { findPersonalData, type PersonalData } from "./find-personal-data.ts";
import type { ErasureTarget } from "./target.ts";

export interface ErasureDeps {
  readonly store: RecordStore;
  readonly appendAudit: (body: AuditBody) => Promise<void>;
}

/** A record that another instance changes meanwhile is found by the next round. */
const maxRounds = 5;

/** Erases everything that names the target. @returns what could not be erased */
export async function erasePersonalData(
  deps: ErasureDeps,
  target: ErasureTarget,
): Promise<PersonalData> {
  for (let round = 1; ; round += 1) {
    const found = await findPersonalData(deps.store, target);
    if (countFound(found) === 0 || round > maxRounds) return found;
    await eraseFound(deps, found);
  }
}

/** Returns the number of records and texts to erase. */
export const countFound = (found: PersonalData): number =>
  [found.deadLetters, found.jobs, found.receipts, found.alerts, found.texts, found.requests].reduce(
    (sum, { length }) => sum + length,
    0,
  );

async function eraseFound(deps: ErasureDeps, found: PersonalData): Promise<void> {
  const { store } = deps;
  for (const path of [...found.deadLetters, ...found.receipts, ...found.jobs])
    await store.remove(path);
  for (const path of found.alerts) {
    const read = await readRecord(store, path, alertRecord);
    if (read.kind === "found" && !isClaimed(read.value, read.serverNowMs))
      await store.replace(path, eraseFromRecord(read.value), read.etag);
  }
  await eraseTexts(deps, found.texts, "request");
  for (const path of found.requests) {
    const read = await readRecord(store, path, requestRecord);
    if (read.kind === "found") await store.replace(path, eraseFromRequest(read.value), read.etag);
  }
}
