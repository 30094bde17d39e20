/** Closes the accounts of calls whose process died: what became of each alert is in its record. */
import { alertRecord, recordPath } from "./alert-record.ts";
import { runInParallel } from "../runtime/concurrency.ts";
import type { AlertDeps } from "./ports.ts";

/** What an intent says of the call that it announced. */
export interface AnnouncedCall {
  readonly call: string;
  readonly alertIds: readonly string[];
  readonly verdicts: readonly string[];
}

/**
 * Writes the missing outcome of a call, from the records as they are now. A record that is still waiting or held will
 * be looked up before its second try and accounted for by that call.
 */
export async function reconcileCall(
  deps: Pick<AlertDeps, "store" | "writeAudit">,
  { call, alertIds, verdicts }: AnnouncedCall,
): Promise<void> {
  const outcomes: Record<string, string[]> = {};
  await runInParallel(alertIds, async (id) => {
    const read = await deps.store.read(recordPath(id));
    const record = read.kind === "found" ? alertRecord.safeParse(read.value).data : undefined;
    const state = record?.state ?? "unknown";
    (outcomes[state] ??= []).push(id);
  });
  await deps.writeAudit({ kind: "outcome", call, action: "close", alertIds, verdicts, outcomes });
}
