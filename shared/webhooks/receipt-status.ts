/** Reads the status of a delivery: of its verdicts, its lookup and its hunts. */
import type { AlertStatus } from "../contracts/alert-verdict.ts";
import type { FileReport } from "../contracts/file-result.ts";
import type { OperationStatus } from "../contracts/operation.ts";
import type { RecordStore } from "../storage/record-store.ts";
import { readValue } from "../storage/typed-record.ts";
import {
  receiptPath,
  webhookReceipt,
  type WebhookAnswer,
  type WebhookStatus,
} from "../contracts/webhook.ts";

/** A job of another module. `result` is null while it runs, and when it ended without one. */
interface JobState<T> {
  readonly status: OperationStatus;
  readonly result: T | null;
}

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
  const jobs = lookup ? [lookup, ...hunts] : hunts;
  const isEnded = isSettled && jobs.every(({ status }) => status !== "running");
  return {
    id,
    status: isEnded ? "succeeded" : "running",
    result: { source, acceptedAt: stored.acceptedAt, verdicts, lookup, hunts, skipped },
    error: null,
  };
}

type DeliveryStatus = NonNullable<WebhookStatus["result"]>;

const readVerdictStatuses = (
  { readAlerts }: ReceiptStatusDeps,
  { verdicts }: WebhookAnswer,
): Promise<DeliveryStatus["verdicts"]> =>
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
): Promise<DeliveryStatus["lookup"]> {
  if (!lookup) return null;
  return { job: lookup.job, ...(await deps.readLookup(lookup.job)) };
}

const readHuntStatuses = (
  deps: ReceiptStatusDeps,
  { hunts }: WebhookAnswer,
): Promise<DeliveryStatus["hunts"]> =>
  Promise.all(hunts.map(async ({ hunt, job }) => ({ hunt, job, ...(await deps.readHunt(job)) })));
