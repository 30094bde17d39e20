/**
 * Outcomes of verdicts that do not own their alert's record:
 * `state/outcomes/{alert}/{verdict}.json`. A verdict whose record a later verdict replaces keeps
 * its outcome here, so that a status shows outcomes of its own verdict only.
 */
import * as z from "zod/mini";
import { alertOutcomes, type AlertOutcome } from "../contracts/alert-verdict.ts";
import type { RecordStore } from "../storage/record-store.ts";
import { etagOf, readRecord, readValue, writeRecord } from "../storage/typed-record.ts";

const outcomeRecord = z.object({
  version: z.literal(1),
  alertId: z.string(),
  verdict: z.string(),
  outcome: z.enum(alertOutcomes),
  detail: z.optional(z.string()),
  atMs: z.number(),
});
type OutcomeRecord = z.infer<typeof outcomeRecord>;

/** An outcome that is final for its verdict. */
export interface VerdictOutcome {
  readonly outcome: Exclude<AlertOutcome, "waiting">;
  readonly detail?: string | undefined;
}

const outcomeFolder = (alertId: string): string => `state/outcomes/${alertId}/`;
const outcomePath = (alertId: string, verdict: string): string =>
  `${outcomeFolder(alertId)}${verdict}.json`;

/** Lists the verdicts whose outcome for an alert is a conflict. */
export async function listConflicts(
  store: Pick<RecordStore, "read" | "list">,
  alertId: string,
): Promise<string[]> {
  const conflicts: string[] = [];
  for await (const { path } of store.list(outcomeFolder(alertId))) {
    const stored = await readValue(store, path, outcomeRecord);
    if (stored?.outcome === "conflict") conflicts.push(stored.verdict);
  }
  return conflicts;
}

/** Reads the outcome of a verdict for an alert; undefined when there is none. */
export const findOutcome = (
  store: Pick<RecordStore, "read">,
  alertId: string,
  verdict: string,
): Promise<OutcomeRecord | undefined> =>
  readValue(store, outcomePath(alertId, verdict), outcomeRecord);

/** Writes the outcome of a verdict for an alert. Repeating it has no effect. */
export async function recordOutcome(
  store: RecordStore,
  key: { readonly alertId: string; readonly verdict: string },
  outcome: VerdictOutcome,
  atMs: number,
): Promise<void> {
  const path = outcomePath(key.alertId, key.verdict);
  const existing = await readRecord(store, path, outcomeRecord);
  const value: OutcomeRecord = { version: 1, ...key, ...outcome, atMs };
  if (existing.kind === "found" && existing.value.outcome === value.outcome) return;
  await writeRecord(store, path, value, etagOf(existing));
}
