/** Lists what an erasure does not change: audit records and exports, and until when they exist. */
import { auditRecord } from "../../audit/chain.ts";
import { dayMs } from "../../runtime/time.ts";
import type { RecordStore } from "../../storage/record-store.ts";
import { readRecords } from "./read-records.ts";
import { isNamedAnywhere, type ErasureTarget } from "./target.ts";

/** Days of the deployment's parameters `auditImmutableDays` and `keepExportsDays`. */
export interface Retention {
  readonly auditDays: number;
  /** 0: for ever. */
  readonly exportDays: number;
}

/** Records of a kind that stay. */
export interface KeptRecords {
  readonly count: number;
  /** The day until which the newest one exists; undefined for ever, or without records. */
  readonly until: string | undefined;
}

/** What stays. */
export interface Kept {
  /** Audit records that name the verdicts by their id and the texts by their digest. */
  readonly audit: KeptRecords;
  /** Audit records with the text itself, which earlier versions wrote. */
  readonly auditTexts: KeptRecords;
  readonly exports: KeptRecords;
}

export interface KeptDeps {
  readonly store: RecordStore;
  /** Yields the end of each export's window. */
  readonly listExportEnds: () => AsyncIterable<string>;
}

/** Lists what stays of a target and of its verdicts. */
export async function listKept(
  { store, listExportEnds }: KeptDeps,
  target: ErasureTarget,
  verdicts: ReadonlySet<string>,
  { auditDays, exportDays }: Retention,
): Promise<Kept> {
  const audit = createTally(auditDays);
  const auditTexts = createTally(auditDays);
  for await (const { value } of readRecords(store, "audit/")) {
    const record = auditRecord.safeParse(value).data;
    if (!record) continue;
    const { alertIds: _ids, verdicts: named, outcomes: _outcomes, ...texts } = record.body;
    if (target.kind === "requester" && isNamedAnywhere(target, texts)) auditTexts.add(record.at);
    else if (Array.isArray(named) && named.some((id) => verdicts.has(String(id))))
      audit.add(record.at);
  }
  const exports = createTally(exportDays);
  for await (const end of listExportEnds()) exports.add(end);
  return { audit: audit.read(), auditTexts: auditTexts.read(), exports: exports.read() };
}

/** Counts records and remembers the newest. */
function createTally(days: number) {
  let [count, newestMs] = [0, 0];
  return {
    add: (at: string): void => {
      count += 1;
      newestMs = Math.max(newestMs, Date.parse(at));
    },
    read: (): KeptRecords => ({
      count,
      until:
        count === 0 || days === 0
          ? undefined
          : new Date(newestMs + days * dayMs).toISOString().slice(0, 10),
    }),
  };
}
