/** Lists audit records in the order of the chain. */
import type { RecordStore } from "../storage/record-store.ts";
import { readValue } from "../storage/typed-record.ts";
import { auditRecord, type AuditRecord } from "./chain.ts";

/** Yields readable records after a path, oldest first; verification is a separate command. */
export async function* listAuditRecords(
  store: Pick<RecordStore, "list" | "read">,
  startAfter: string,
): AsyncIterable<AuditRecord & { readonly path: string }> {
  for await (const { path } of store.list("audit/", { startAfter })) {
    const record = await readValue(store, path, auditRecord);
    if (record) yield { ...record, path };
  }
}
