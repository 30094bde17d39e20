/** Reads the status of a delivery: of its verdicts, its lookup and its hunts. */
import type { AlertStatus } from "../contracts/alert-verdict.ts";
import type { FileReport } from "../contracts/file-result.ts";
import type { RecordStore } from "../storage/record-store.ts";
import { readValue } from "../storage/typed-record.ts";
import {
  receiptPath,
  webhookReceipt,
  type WebhookAnswer,
  type WebhookStatus,
} from "../contracts/webhook.ts";

/** A job of another module. `value` is its result; null when it ended without one. */
type JobState<T> = { readonly done: false } | { readonly done: true; readonly value: T | null };

export interface ReceiptStatusDeps {
  readonly records: Pick<RecordStore, "read">;
  readonly readAlerts: (
    verdict: string,
    alertIds: readonly string[],
  ) => Promise<readonly AlertStatus[]>;
  readonly readLookup: (job: string) => Promise<JobState<FileReport>>;
  readonly readHunt: (job: string) => Promise<JobState<Readonly<Record<string, unknown>>>>;
}

/**
 * Reads a receipt and the status of its actions; `undefined` when the receipt is absent or invalid.
 */
export async function readReceiptStatus(
  deps: ReceiptStatusDeps,
  source: string,
  receipt: string,
): Promise<WebhookStatus | undefined> {
  const stored = await readValue(deps.records, receiptPath(source, receipt), webhookReceipt);
  if (!stored) return undefined;
  const { id, skipped } = stored.answer;
  const [verdicts, lookup, hunts] = await Promise.all([
    readVerdictStatuses(deps, stored.answer),
    readLookupStatus(deps, stored.answer),
    readHuntStatuses(deps, stored.answer),
  ]);
  const isSettled = verdicts.every(({ alerts }) =>
    alerts.every(({ outcome }) => outcome !== "waiting"),
  );
  const done = isSettled && lookup?.done !== false && hunts.every((hunt) => hunt.done);
  return { source, id, acceptedAt: stored.acceptedAt, done, verdicts, lookup, hunts, skipped };
}

const readVerdictStatuses = (
  { readAlerts }: ReceiptStatusDeps,
  { verdicts }: WebhookAnswer,
): Promise<WebhookStatus["verdicts"]> =>
  Promise.all(
    verdicts.map(async ({ id, action, alertIds }) => ({
      id,
      action,
      alerts: [...(await readAlerts(id, alertIds))],
    })),
  );

async function readLookupStatus(
  deps: ReceiptStatusDeps,
  { lookup }: WebhookAnswer,
): Promise<WebhookStatus["lookup"]> {
  if (!lookup) return null;
  const state = await deps.readLookup(lookup.job);
  return { job: lookup.job, done: state.done, report: state.done ? state.value : null };
}

const readHuntStatuses = (
  deps: ReceiptStatusDeps,
  { hunts }: WebhookAnswer,
): Promise<WebhookStatus["hunts"]> =>
  Promise.all(
    hunts.map(async ({ hunt, job }) => {
      const state = await deps.readHunt(job);
      return { hunt, job, done: state.done, result: state.done ? state.value : null };
    }),
  );
