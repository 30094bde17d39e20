/**
 * Reads what is known of one alert: its state, refused verdicts, and audit entries that name it.
 */
import type { AlertId } from "../contracts/alert-id.ts";
import { dayMs } from "../runtime/time.ts";
import { findAlertRecord } from "./alert-record.ts";
import type { AlertDeps } from "./ports.ts";
import { listConflicts } from "./verdict-outcomes.ts";

/** One audit record, as the audit module reads it. */
interface AuditEntry {
  readonly path: string;
  readonly seq: number;
  readonly at: string;
  readonly body: Readonly<Record<string, unknown>>;
}

export interface AlertHistoryDeps extends Pick<AlertDeps, "store"> {
  /** Yields audit records after a path, oldest first. */
  readonly listAudit: (startAfter: string) => AsyncIterable<AuditEntry>;
}

/** Audit records read by one call; the next page continues after them. */
const maxRecordsPerPage = 1_000;

/** Reads one page; undefined if no verdict for the alert was accepted. */
export async function readAlertHistory(
  deps: AlertHistoryDeps,
  id: AlertId,
  skipToken: string | undefined,
) {
  const record = await findAlertRecord(deps.store, id);
  if (!record) return undefined;
  const startAfter = skipToken ?? `audit/${toDay(record.acceptedAtMs - dayMs)}/`;
  const { entries, last } = await readAuditPage(deps, id, startAfter);
  const conflicts = await listConflicts(deps.store, id);
  return {
    alertId: id,
    outcome: record.state === "sending" ? "waiting" : record.state,
    verdict: record.verdict,
    closure: record.closure,
    requestedBy: record.requestedBy,
    detail: record.detail ?? null,
    conflicts,
    value: entries,
    skipToken: last,
  };
}

/**
 * Audit folders have the day of the preceding record, so the search starts a day before acceptance.
 */
const toDay = (ms: number): string => new Date(ms).toISOString().slice(0, 10);

async function readAuditPage({ listAudit }: AlertHistoryDeps, id: AlertId, startAfter: string) {
  const entries: { seq: number; at: string; kind: string; details: object }[] = [];
  let count = 0;
  for await (const { at, body, path, seq } of listAudit(startAfter)) {
    const { alertIds, kind, ...details } = body;
    if (Array.isArray(alertIds) && alertIds.includes(id))
      entries.push({ seq, at, kind: String(kind), details });
    count += 1;
    if (count >= maxRecordsPerPage) return { entries, last: path };
  }
  return { entries, last: undefined };
}
