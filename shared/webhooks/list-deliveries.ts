/** Lists accepted webhook deliveries, newest first. */
import { receiptFolder, webhookReceipt } from "../contracts/webhook.ts";
import { listNewestRecords } from "../storage/newest-records.ts";
import type { RecordStore } from "../storage/record-store.ts";

/** Reads one page, of one source or of all. Receipts are kept for eight days. */
export async function listDeliveries(
  deps: { readonly records: Pick<RecordStore, "list" | "read"> },
  query: {
    readonly source?: string | undefined;
    readonly top: number;
    readonly skipToken: string | undefined;
  },
) {
  const { items, skipToken } = await listNewestRecords(deps.records, {
    prefix: receiptFolder(query.source),
    schema: webhookReceipt,
    top: query.top,
    skipToken: query.skipToken,
  });
  const value = items.map(({ acceptedAt, answer }) => ({
    source: answer.source,
    id: answer.id,
    acceptedAt,
    verdicts: answer.verdicts.map(({ id }) => id),
    hashes: answer.lookup?.hashes ?? 0,
    hunts: answer.hunts.map(({ hunt }) => hunt),
    skipped: answer.skipped,
  }));
  return { value, skipToken };
}
