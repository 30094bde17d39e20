/** Completes the audit of calls whose process died: the result of each alert is in its record. */
import { runInParallel } from "../runtime/concurrency.ts";
import { findAlertRecord } from "./alert-record.ts";
import type { AlertDeps } from "./ports.ts";

/** The fields of an audit intent that its outcome repeats. */
export interface AnnouncedCall {
  readonly call: string;
  readonly alertIds: readonly string[];
  readonly verdicts: readonly string[];
  readonly texts?: readonly string[] | undefined;
}

/**
 * Writes the missing outcome of a call from the records as they are now. A record that is still
 * waiting or claimed is looked up before its second try, and that call writes its own outcome.
 */
export async function reconcileCall(
  deps: Pick<AlertDeps, "store" | "writeAudit">,
  { call, alertIds, verdicts, texts }: AnnouncedCall,
): Promise<void> {
  const outcomes: Record<string, string[]> = {};
  await runInParallel(alertIds, async (id) => {
    const record = await findAlertRecord(deps.store, id);
    const state = record?.state ?? "unknown";
    (outcomes[state] ??= []).push(id);
  });
  await deps.writeAudit({
    kind: "outcome",
    call,
    action: "close",
    alertIds,
    verdicts,
    texts,
    outcomes,
  });
}
