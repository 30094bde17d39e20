/** How what a webhook asked for goes on, put together from where each part of it is written down. */
import type { AlertStatus } from "../contracts/alert-verdict.ts";
import type { FileReport } from "../contracts/file-result.ts";
import type { RecordStore } from "../storage/record-store.ts";
import {
  receiptPath,
  webhookReceipt,
  type WebhookAnswer,
  type WebhookStatus,
} from "../contracts/webhook.ts";

/** A job of another room. `value` is what it ended with; null where it ended without. */
export type JobState<T> =
  | { readonly done: false }
  | { readonly done: true; readonly value: T | null };

export interface StatusPorts {
  readonly records: Pick<RecordStore, "read">;
  readonly alerts: (
    verdict: string,
    alertIds: readonly string[],
  ) => Promise<readonly AlertStatus[]>;
  readonly lookup: (job: string) => Promise<JobState<FileReport>>;
  readonly hunt: (job: string) => Promise<JobState<Readonly<Record<string, unknown>>>>;
}

/** @returns `undefined` when no such receipt is kept */
export async function receiptStatus(
  ports: StatusPorts,
  source: string,
  receipt: string,
): Promise<WebhookStatus | undefined> {
  const read = await ports.records.read(receiptPath(source, receipt));
  const kept = read.kind === "found" ? webhookReceipt.safeParse(read.value).data : undefined;
  if (!kept) return undefined;
  const { id, left } = kept.answer;
  const [verdicts, lookup, hunts] = await Promise.all([
    verdictsOf(ports, kept.answer),
    lookupOf(ports, kept.answer),
    huntsOf(ports, kept.answer),
  ]);
  const settled = verdicts.every(({ alerts }) =>
    alerts.every(({ outcome }) => outcome !== "waiting"),
  );
  const done = settled && lookup?.done !== false && hunts.every((hunt) => hunt.done);
  return { source, id, acceptedAt: kept.acceptedAt, done, verdicts, lookup, hunts, left };
}

const verdictsOf = (
  { alerts }: StatusPorts,
  { verdicts }: WebhookAnswer,
): Promise<WebhookStatus["verdicts"]> =>
  Promise.all(
    verdicts.map(async ({ id, action, alertIds }) => ({
      id,
      action,
      alerts: [...(await alerts(id, alertIds))],
    })),
  );

async function lookupOf(
  ports: StatusPorts,
  { lookup }: WebhookAnswer,
): Promise<WebhookStatus["lookup"]> {
  if (!lookup) return null;
  const state = await ports.lookup(lookup.job);
  return { job: lookup.job, done: state.done, report: state.done ? state.value : null };
}

const huntsOf = (ports: StatusPorts, { hunts }: WebhookAnswer): Promise<WebhookStatus["hunts"]> =>
  Promise.all(
    hunts.map(async ({ hunt, job }) => {
      const state = await ports.hunt(job);
      return { hunt, job, done: state.done, result: state.done ? state.value : null };
    }),
  );
