/** Lists accepted verdict requests, newest first. */
import { listNewestRecords } from "../storage/newest-records.ts";
import type { AlertDeps } from "./ports.ts";
import { requestFolder, requestRecord } from "./request-record.ts";

/** One accepted request. */
interface VerdictSummary {
  readonly id: string;
  readonly closure: string;
  /** `api`, or the webhook source. */
  readonly source: string;
  /** Null when it was erased. */
  readonly requestedBy: string | null;
  readonly requestedAt: string;
  readonly acceptedAt: string;
  /** Number of alerts. */
  readonly alerts: number;
}

/** Reads one page of requests. */
export async function listVerdicts(
  deps: Pick<AlertDeps, "store">,
  page: { readonly top: number; readonly skipToken: string | undefined },
): Promise<{ readonly value: readonly VerdictSummary[]; readonly skipToken: string | undefined }> {
  const { items, skipToken } = await listNewestRecords(deps.store, {
    prefix: requestFolder,
    schema: requestRecord,
    ...page,
  });
  const value = items.map(
    ({ acceptedAtMs, alertIds, closure, id, requestedAt, requestedBy, source }) => ({
      id,
      closure,
      source,
      requestedBy: requestedBy || null,
      requestedAt,
      acceptedAt: new Date(acceptedAtMs).toISOString(),
      alerts: alertIds.length,
    }),
  );
  return { value, skipToken };
}
