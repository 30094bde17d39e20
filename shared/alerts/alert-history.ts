/**
 * Reads what is known of one alert: its state, refused verdicts, and audit entries that name it.
 */
import * as z from "zod/mini";
import type { AlertId } from "../contracts/alert-id.ts";
import type { PersonalText } from "../contracts/personal-text.ts";
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
  /** Reads the texts about people that are not erased, by digest. */
  readonly readTexts: (digests: readonly string[]) => Promise<ReadonlyMap<string, PersonalText>>;
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
  const audit =
    skipToken === undefined
      ? listSince(deps, `audit/${toDay(record.acceptedAtMs - dayMs)}/`)
      : deps.listAudit(skipToken);
  const { entries, last } = await readAuditPage(deps, id, audit);
  const conflicts = await listConflicts(deps.store, id);
  return {
    alertId: id,
    outcome: record.state === "sending" ? "waiting" : record.state,
    verdict: record.verdict,
    closure: record.closure,
    requestedBy: record.requestedBy || null,
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

/** Lists from a folder on. The chain's first record has no predecessor and a folder of its own. */
async function* listSince(
  { listAudit }: AlertHistoryDeps,
  startAfter: string,
): AsyncIterable<AuditEntry> {
  for await (const first of listAudit("")) {
    if (first.path < startAfter) yield first;
    break;
  }
  yield* listAudit(startAfter);
}

async function readAuditPage(
  deps: AlertHistoryDeps,
  id: AlertId,
  audit: AsyncIterable<AuditEntry>,
) {
  const entries: { seq: number; at: string; kind: string; details: object }[] = [];
  let count = 0;
  for await (const { at, body, path, seq } of audit) {
    const { alertIds, kind, ...details } = body;
    if (Array.isArray(alertIds) && alertIds.includes(id))
      entries.push({ seq, at, kind: String(kind), details: await joinTexts(deps, details) });
    count += 1;
    if (count >= maxRecordsPerPage) return { entries, last: path };
  }
  return { entries, last: undefined };
}

const textNames = z.array(z.string());

/** Replaces the digests of texts by the texts; an erased one is null. */
async function joinTexts(
  { readTexts }: AlertHistoryDeps,
  { texts: names, ...details }: Readonly<Record<string, unknown>>,
): Promise<object> {
  const digests = textNames.safeParse(names).data;
  if (!digests) return details;
  const texts = await readTexts(digests);
  const valueOf = (digest: string, member: "requestedBy" | "comment"): string | null =>
    texts.get(digest)?.[member] ?? null;
  return {
    ...details,
    requestedBy: distinct(digests.map((digest) => valueOf(digest, "requestedBy"))),
    comments: distinct(digests.map((digest) => valueOf(digest, "comment"))),
  };
}

const distinct = <T>(values: readonly T[]): T[] => [...new Set(values)];
